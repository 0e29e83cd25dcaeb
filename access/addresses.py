"""Where a request comes from, as throttles and lock-outs count it."""

from ipaddress import IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

# What one customer of a network gets: counting single addresses of it would count nobody.
_IPV6_PREFIX = 64


def client_address(request: HttpRequest) -> str:
    """The client's address, for IPv6 the first of its network; empty if there is none that can be read.

    Behind a proxy it is the last one of `X-Forwarded-For`: the one that the proxy added itself.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.BEHIND_PROXY else ""
    named = forwarded.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "")
    try:
        address = ip_address(named)
    except ValueError:
        return ""
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), _IPV6_PREFIX), strict=False).network_address)
