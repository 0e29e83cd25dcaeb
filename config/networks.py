"""Read lists of IP addresses and networks from settings."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from django.core.exceptions import ImproperlyConfigured


def networks(name: str, items: Iterable[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return the items of the variable `name` as networks; a single address becomes a network of one.

    Raises `ImproperlyConfigured` for a malformed item.
    """
    try:
        return tuple(ip_network(item) for item in items)
    except ValueError as exc:
        raise ImproperlyConfigured(
            f"{name} is malformed ({exc}): use addresses such as 52.78.100.19 or networks such as 10.0.0.0/8"
        ) from None
