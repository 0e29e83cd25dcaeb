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
        (True, "junk", "10.0.0.1", "None"),
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
