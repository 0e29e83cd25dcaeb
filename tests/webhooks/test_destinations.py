"""Internal addresses in every notation, and names that resolve to internal addresses only when sent to."""

from __future__ import annotations

import socket
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from pytest_django import Settings

from tests.webhooks.receiver import running_receiver
from webhooks.delivery.destinations import AddressRefused, Target, is_allowed, look_up, parse_url
from webhooks.delivery.http import post
from webhooks.failures import SendError

HOSTILE = {
    # URL                                             reason for the rejection
    "https://localhost/":                             "address_not_public",
    "https://127.0.0.1/":                             "address_not_public",
    "https://127.1/":                                 "host_is_a_number",
    "https://2130706433/":                            "host_is_a_number",
    "https://0x7f000001/":                            "host_is_a_number",
    "https://0x7f.0.0.1/":                            "host_is_a_number",
    "https://017700000001/":                          "host_is_a_number",
    "https://0177.0.0.1/":                            "host_is_a_number",
    "https://127.0.0.1./":                            "host_is_a_number",
    "https://①②⑦.⓪.⓪.①/":                             "address_not_public",
    "https://127。0。0。1/":                            "address_not_public",
    "https://0/":                                     "host_is_a_number",
    "https://0.0.0.0/":                               "address_not_public",
    "https://10.1.2.3/":                              "address_not_public",
    "https://172.31.255.255/":                        "address_not_public",
    "https://192.168.0.1/":                           "address_not_public",
    "https://100.64.0.1/":                            "address_not_public",
    "https://169.254.169.254/latest/meta-data/":      "address_not_public",
    "https://168.63.129.16/":                         "address_not_public",
    "https://224.0.0.1/":                             "address_not_public",
    "https://255.255.255.255/":                       "address_not_public",
    "https://240.0.0.1/":                             "address_not_public",
    "https://[::1]/":                                 "address_not_public",
    "https://[::]/":                                  "address_not_public",
    "https://[::ffff:127.0.0.1]/":                    "address_not_public",
    "https://[::ffff:169.254.169.254]/":              "address_not_public",
    "https://[::127.0.0.1]/":                         "address_not_public",
    "https://[64:ff9b::7f00:1]/":                     "address_not_public",
    "https://[64:ff9b::a9fe:a9fe]/":                  "address_not_public",
    "https://[64:ff9b:1::a00:1]/":                    "address_not_public",
    "https://[2002:7f00:1::]/":                       "address_not_public",
    "https://[2001:0:7f00:1::]/":                     "address_not_public",
    "https://[fe80::1]/":                             "address_not_public",
    "https://[fe80::1%25eth0]/":                      "invalid_url",
    "https://[fd00:ec2::254]/":                       "address_not_public",
    "https://[fec0::1]/":                             "address_not_public",
    "https://[ff02::1]/":                             "address_not_public",
    "https://[2001:db8::1]/":                         "address_not_public",
    "http://shop.example/":                           "https_required",
    "ftp://shop.example/":                            "invalid_url",
    "file:///etc/passwd":                             "invalid_url",
    "gopher://127.0.0.1:6379/_x":                     "invalid_url",
    "//shop.example/":                                "invalid_url",
    "shop.example":                                   "invalid_url",
    "https://":                                       "invalid_url",
    "https:///path":                                  "invalid_url",
    "https://.../":                                   "invalid_url",
    "https://user:secret@shop.example/":              "credentials_in_url",
    "https://shop.example@127.0.0.1/":                "credentials_in_url",
    "https://shop.example#@127.0.0.1/":               "fragment_in_url",
    "https://shop.example\\@127.0.0.1/":              "invalid_url",
    "https://shop.example\r\nX: y/":                  "invalid_url",
    "https://shop.example/a b":                       "invalid_url",
    "https://shop.exa\tmple/":                        "invalid_url",
    "https://127.0.0.1%2f@shop.example/":             "credentials_in_url",
    "https://shop%2eexample/":                        "invalid_url",
    "https://shop.example:22/":                       "port_not_allowed",
    "https://shop.example:0/":                        "port_not_allowed",
    "https://shop.example:25/":                       "port_not_allowed",
    "https://shop.example:99999/":                    "invalid_url",
    "https://shop.example:x/":                        "invalid_url",
    "https://[shop.example]/":                        "invalid_url",
    "https://no-such-host.invalid/":                  "host_unknown",
    f"https://{'a' * 64}.example/":                   "invalid_url",
    "":                                               "invalid_url",
}  # fmt: skip


@pytest.mark.parametrize(("url", "code"), HOSTILE.items(), ids=range(len(HOSTILE)))
def test_hostile_addresses_are_refused_before_anything_is_connected(
    url: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("it was connected to"))
    with pytest.raises(AddressRefused) as refused:
        post(parse_url(url), headers={}, body=b"")
    assert refused.value.failure.value == code
    assert refused.value.failure.label


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://shop.example", Target("https", "shop.example", 443, "/")),
        ("HTTPS://Shop.Example:8443/a?b=c&d=%20", Target("https", "shop.example", 8443, "/a?b=c&d=%20")),
        ("https://쇼핑.한국/알림?이름=값", Target("https", "xn--hp4bo76a.xn--3e0b707e", 443, "/%EC%95%8C%EB%A6%BC?")),
        ("https://203.0.113.7:80/", Target("https", "203.0.113.7", 80, "/")),
        ("https://[2606:4700::1111]/", Target("https", "2606:4700::1111", 443, "/")),
    ],
)
def test_web_addresses_are_read_as_they_are_meant(url: str, target: Target) -> None:
    found = parse_url(url)
    assert (found.scheme, found.host, found.port) == (target.scheme, target.host, target.port)
    assert found.path.startswith(target.path)
    assert found.path.isascii()


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "8.8.8.8", "93.184.216.34", "223.130.192.248", "172.32.0.1", "100.128.0.1"),
        *("2606:4700::1111", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"),
    ],
)
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_allowed(ip_address(address))


def test_named_networks_are_allowed_in_every_notation_and_nothing_else_is(settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = (ip_network("10.8.0.0/16"), ip_network("fd00:1::/64"))
    assert all(map(is_allowed, map(ip_address, ("10.8.3.4", "::ffff:10.8.3.4", "fd00:1::9"))))
    assert not any(map(is_allowed, map(ip_address, ("10.9.0.1", "127.0.0.1", "fd00:2::9", "169.254.169.254"))))


def resolving_to(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Answer DNS queries differently each time, as an attacker's server does; return the names that were queried."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **_options: Any) -> list[Any]:
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("found", [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["10.0.0.1", "93.184.216.34"]])
def test_a_name_is_refused_if_any_of_its_addresses_leads_inside(
    monkeypatch: pytest.MonkeyPatch, found: list[str]
) -> None:
    resolving_to(monkeypatch, found)
    with pytest.raises(AddressRefused):
        look_up(Target("https", "shop.example", 443, "/"))


@pytest.mark.usefixtures("this_machine_is_allowed")
def test_the_address_that_was_checked_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    with running_receiver() as receiver:
        asked = resolving_to(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
        target = parse_url(f"http://rebinding.example:{receiver.port}/")

        assert post(target, headers={}, body=b"{}").status == 200

        assert asked == ["rebinding.example"]
        assert receiver.received[0].headers["host"] == f"rebinding.example:{receiver.port}"
        with pytest.raises(SendError, match="address_not_public"):
            post(target, headers={}, body=b"{}")
        assert len(receiver.received) == 1
