"""The client IP of a request, with and without a proxy."""

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from core.http.client_ip import address_group, client_address, groups_beside, wide_group, wide_group_of


@pytest.mark.parametrize(
    ("behind_proxy", "forwarded", "remote", "expected"),
    [
        (False, None, "192.0.2.7", "192.0.2.7"),
        (False, "203.0.113.9", "192.0.2.7", "192.0.2.7"),
        (True, "203.0.113.9", "10.0.0.1", "203.0.113.9"),
        (True, "198.51.100.1, 203.0.113.9", "10.0.0.1", "203.0.113.9"),
        (True, "198.51.100.1,", "10.0.0.1", "10.0.0.1"),
        (True, "junk", "10.0.0.1", "None"),
        (True, None, "10.0.0.1", "10.0.0.1"),
        (False, None, "::ffff:192.0.2.7", "192.0.2.7"),
        (False, None, "", "None"),
    ],
)
def test_address_of_a_client(
    rf: RequestFactory, settings: Settings, behind_proxy: bool, forwarded: str | None, remote: str, expected: str
) -> None:
    settings.BEHIND_PROXY = behind_proxy
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    assert str(client_address(rf.get("/", headers=headers, REMOTE_ADDR=remote))) == expected


@pytest.mark.parametrize(
    ("remote", "group"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
    ],
)
def test_addresses_of_one_customer_are_one_group(rf: RequestFactory, remote: str, group: str) -> None:
    assert address_group(rf.get("/", REMOTE_ADDR=remote)) == group


@pytest.mark.parametrize(
    ("remote", "group"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::1", "2001:db8:1::"),
        ("2001:db8:1:ff::1", "2001:db8:1::"),
        ("2001:db8:1:100::1", "2001:db8:1:100::"),
        ("", ""),
    ],
)
def test_networks_of_one_customer_are_one_wide_group(rf: RequestFactory, remote: str, group: str) -> None:
    request = rf.get("/", REMOTE_ADDR=remote)

    assert wide_group(request) == group
    if remote:
        beside = groups_beside(address_group(request))
        assert address_group(request) in beside
        assert {wide_group_of(one) for one in beside} == {group}
        assert len(set(beside)) == (256 if ":" in remote else 1)
