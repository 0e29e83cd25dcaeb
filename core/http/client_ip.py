"""The client's IP address, and the network that rate limits and lock-out count as one address."""

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

Address = IPv4Address | IPv6Address

# The network that providers give to one customer, who could send from a new address each time.
IPV6_PREFIX = 56
# As proxies write them: 192.0.2.7:443, [2001:db8::1], [2001:db8::1]:443, fe80::1%eth0, and some in quotes.
_WRITTEN = re.compile(r'\s*"?(?:\[([^\]]*)\](?::\d*)?|([^:]*):\d*|([^"\s]*))"?\s*', re.ASCII)


def client_address(request: HttpRequest) -> Address | None:
    """Return the client's address; None if the server has none (a Unix socket).

    Behind a proxy it is the last one of X-Forwarded-For: the proxy added it, the others can be forged. If that one
    cannot be read ("unknown"), the peer counts: the only other address that nobody can forge.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.BEHIND_PROXY else ""
    return read_address(forwarded.rpartition(",")[2]) or read_address(request.META.get("REMOTE_ADDR", ""))


def read_address(text: str) -> Address | None:
    """Read an address with or without a port, brackets and a zone; None if it is none. IPv4 in IPv6 becomes IPv4."""
    written = _WRITTEN.fullmatch(text)
    try:
        address = ip_address(next(filter(None, written.groups()), "").partition("%")[0] if written else "")
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def address_group(request: HttpRequest) -> str:
    """Return an IPv4 address, or the first one of the customer's IPv6 network; empty if unknown."""
    address = client_address(request)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address), IPV6_PREFIX), strict=False).network_address)
    return str(address or "")
