"""The client IP of a request, with and without a proxy."""

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from core.http.client_ip import address_group, client_address


@pytest.mark.parametrize(
    ("behind_proxy", "forwarded", "remote", "expected"),
    [
        (False, None, "192.0.2.7", "192.0.2.7"),
        (False, "203.0.113.9", "192.0.2.7", "192.0.2.7"),
        (True, "203.0.113.9", "10.0.0.1", "203.0.113.9"),
        (True, "198.51.100.1, 203.0.113.9", "10.0.0.1", "203.0.113.9"),
        (True, "198.51.100.1,", "10.0.0.1", "10.0.0.1"),
        (True, "198.51.100.1, 52.78.100.19:34567", "10.0.0.1", "52.78.100.19"),
        (True, "198.51.100.1:80,52.78.100.19:", "10.0.0.1", "52.78.100.19"),
        (True, "[2001:db8::7]", "10.0.0.1", "2001:db8::7"),
        (True, " [2001:db8::7]:443 ", "10.0.0.1", "2001:db8::7"),
        (True, '"[2001:db8::7]:443"', "10.0.0.1", "2001:db8::7"),
        (True, "2001:db8::7", "10.0.0.1", "2001:db8::7"),
        (True, "[::ffff:52.78.100.19]:443", "10.0.0.1", "52.78.100.19"),
        (True, "::ffff:52.78.100.19", "10.0.0.1", "52.78.100.19"),
        (True, "fe80::7%eth0", "10.0.0.1", "fe80::7"),
        (True, "[fe80::7%25eth0]:443", "10.0.0.1", "fe80::7"),
        # What cannot be read is nobody's address: the peer counts, and never an earlier entry, which can be forged.
        (True, "junk", "10.0.0.1", "10.0.0.1"),
        (True, "198.51.100.1, unknown", "10.0.0.1", "10.0.0.1"),
        (True, "198.51.100.1, _hidden:80", "10.0.0.1", "10.0.0.1"),
        (True, "198.51.100.1, 999.1.1.1:80", "10.0.0.1", "10.0.0.1"),
        (True, "198.51.100.1, [2001:db8::7", "10.0.0.1", "10.0.0.1"),
        (True, "198.51.100.1, 52.78.100.19:8o", "10.0.0.1", "10.0.0.1"),
        (True, "junk", "", "None"),
        (True, None, "10.0.0.1", "10.0.0.1"),
        (False, None, "::ffff:192.0.2.7", "192.0.2.7"),
        (False, None, "", "None"),
    ],
)
def test_client_address_is_read_from_the_trusted_source(
    rf: RequestFactory, settings: Settings, behind_proxy: bool, forwarded: str | None, remote: str, expected: str
) -> None:
    settings.BEHIND_PROXY = behind_proxy
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    assert str(client_address(rf.get("/", headers=headers, REMOTE_ADDR=remote))) == expected


@pytest.mark.parametrize(
    ("remote", "group"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::1", "2001:db8:1::"),
        ("2001:db8:1:ff::1", "2001:db8:1::"),
        ("2001:db8:1:100::1", "2001:db8:1:100::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
    ],
)
def test_addresses_of_one_customer_are_one_group(rf: RequestFactory, remote: str, group: str) -> None:
    assert address_group(rf.get("/", REMOTE_ADDR=remote)) == group
