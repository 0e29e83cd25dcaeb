"""The client's IP address, and the groups in which rate limits and lock-out count addresses."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

# What one household has: it could send from a new address each time.
IPV6_PREFIX = 64
# What providers give to one customer.
IPV6_WIDE_PREFIX = 56


def client_address(request: HttpRequest) -> IPv4Address | IPv6Address | None:
    """Return the client's address; None if the server has none (a Unix socket).

    Behind a proxy it is the last one of X-Forwarded-For: the proxy added it, the others can be forged.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.BEHIND_PROXY else ""
    try:
        address = ip_address(str(forwarded.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def address_group(request: HttpRequest) -> str:
    """Return an IPv4 address, or the first one of the client's IPv6 network; empty if unknown."""
    return _first_of_network(client_address(request), IPV6_PREFIX)


def wide_group(request: HttpRequest) -> str:
    """Return the same for the IPv6 network that a provider gives to one customer."""
    return _first_of_network(client_address(request), IPV6_WIDE_PREFIX)


def wide_group_of(group: str) -> str:
    """Return the wide group to which this group belongs."""
    return _first_of_network(ip_address(group), IPV6_WIDE_PREFIX)


def groups_beside(group: str) -> list[str]:
    """Return all groups of the same wide group, including this one."""
    address = ip_address(group)
    if isinstance(address, IPv4Address):
        return [group]
    wide = IPv6Network((int(address), IPV6_WIDE_PREFIX), strict=False)
    return [str(network.network_address) for network in wide.subnets(new_prefix=IPV6_PREFIX)]


def _first_of_network(address: IPv4Address | IPv6Address | None, prefix: int) -> str:
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address), prefix), strict=False).network_address)
    return str(address or "")
