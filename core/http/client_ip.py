"""The client's IP address, and the network that rate limits and lock-out count as one address."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

# The network that providers give to one customer, who could send from a new address each time.
IPV6_PREFIX = 56


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
    """Return an IPv4 address, or the first one of the customer's IPv6 network; empty if unknown."""
    address = client_address(request)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address), IPV6_PREFIX), strict=False).network_address)
    return str(address or "")
