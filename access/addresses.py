"""Where a request comes from, as throttles and lock-outs count it."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

# What one customer of an IPv6 provider has: they could send from a new address each time.
IPV6_PREFIX = 64


def client_address(request: HttpRequest) -> IPv4Address | IPv6Address | None:
    """The sender's address; None if the server says nothing that is one (a Unix socket).

    Behind a proxy it is the last one of X-Forwarded-For: that one the proxy added itself, the others anybody may forge.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.BEHIND_PROXY else ""
    try:
        address = ip_address(str(forwarded.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def address_group(request: HttpRequest) -> str:
    """The client as far as addresses tell: an IPv4 address, or the first one of its IPv6 network; empty if unknown."""
    address = client_address(request)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address), IPV6_PREFIX), strict=False).network_address)
    return str(address or "")
