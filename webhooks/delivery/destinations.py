"""Allow destinations on the public internet, and in the networks that the operator has named.

Without this check, whoever may enter a URL could make this server send requests inside its own network. The name is
looked up when the connection is made, every address of it is checked, and the connection goes to these addresses.
"""

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings

from webhooks.failures import AddressRefused, Failure

IPAddress = IPv4Address | IPv6Address

# Not from `ipaddress`: its private networks differ between patch releases of Python.
_NOT_PUBLIC = [
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        "168.63.129.16/32",  # looks public, but is Azure's own service for each machine
        *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
    )
]
_PUBLIC_IPV6 = ip_network("2000::/3")  # everything else of IPv6 is local, multicast or reserved
_NAT64 = ip_network("64:ff9b::/96")

# Mail servers, databases and the like use the ports below; web servers use only these two of them.
_FIRST_FREE_PORT = 1024
_WEB_PORTS = {"http": 80, "https": 443}
_PATH_CHARACTERS = "/%:@!$&'()*+,;=~-._"
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?")
_ENDS_IN_A_NUMBER = re.compile(r"(.*\.)?(\d+|0x[0-9a-f]*)\.?")


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed URL. `host` is ASCII, and without brackets for an IPv6 address."""

    scheme: str
    host: str
    port: int
    path: str  # with the query

    @property
    def is_encrypted(self) -> bool:
        return self.scheme == "https"

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _WEB_PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class SocketAddress:
    """The address that a socket connects to. It holds an IP address, so nothing is looked up again."""

    family: int
    address: tuple[Any, ...]


def parse_url(url: str) -> Target:
    """Parse a URL that events may be sent to. Makes no lookup. Raises `AddressRefused`."""
    try:
        parts = urlsplit(_without_odd_characters(url))
        port, host = parts.port, _ascii_host(parts.hostname or "")
    except ValueError:
        raise AddressRefused(Failure.INVALID_URL) from None
    if parts.scheme not in _WEB_PORTS:
        raise AddressRefused(Failure.INVALID_URL)
    if parts.scheme == "http" and not settings.WEBHOOK_ALLOW_HTTP:
        raise AddressRefused(Failure.HTTPS_REQUIRED)
    if "@" in parts.netloc:
        raise AddressRefused(Failure.CREDENTIALS_IN_URL)
    if "#" in url:
        raise AddressRefused(Failure.FRAGMENT_IN_URL)
    path = quote(parts.path or "/", safe=_PATH_CHARACTERS)
    query = f"?{quote(parts.query, safe=_PATH_CHARACTERS + '?')}" if parts.query else ""
    return Target(parts.scheme, host, _allowed_port(port, parts.scheme), path + query)


def look_up(target: Target) -> list[SocketAddress]:
    """Return the addresses to connect to, in this order. Raises `AddressRefused` if one is not public."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise AddressRefused(Failure.HOST_UNKNOWN) from None
    if not all(is_allowed(ip_address(address[0])) for *_family, address in found):
        raise AddressRefused(Failure.ADDRESS_NOT_PUBLIC)
    return [SocketAddress(family, address) for family, _kind, _protocol, _name, address in found]


def is_allowed(address: IPAddress) -> bool:
    """Return whether events may be sent to this address: it is public, or in one of WEBHOOK_ALLOWED_NETWORKS."""
    address = _real(address)
    if any(address in network for network in settings.WEBHOOK_ALLOWED_NETWORKS):
        return True
    if isinstance(address, IPv6Address) and address not in _PUBLIC_IPV6:
        return False
    return address.is_global and not any(address in network for network in _NOT_PUBLIC)


def _real(address: IPAddress) -> IPAddress:
    """Return the IPv4 address that an IPv6 one stands for (mapped or NAT64), or the address itself."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _without_odd_characters(url: str) -> str:
    """Return the text. Raises `ValueError` for line breaks, which `urlsplit` drops, and for backslashes."""
    if any(character <= " " or character in "\\\x7f" for character in url):
        raise ValueError(url)
    return url


def _ascii_host(host: str) -> str:
    """Return the host in ASCII. Raises `ValueError`, or `AddressRefused` for a number in an unusual notation."""
    if ":" in host:
        if "%" in host:  # names a network card of this machine
            raise ValueError(host)
        return str(IPv6Address(host))
    name = host.encode("idna").decode()
    if not _HOST.fullmatch(name):
        raise ValueError(host)
    # Systems read 127.1, 0x7f000001 and 2130706433 as addresses; a legitimate URL does not use them.
    if _ENDS_IN_A_NUMBER.fullmatch(name) and not _is_ipv4(name):
        raise AddressRefused(Failure.HOST_IS_A_NUMBER)
    return name


def _is_ipv4(text: str) -> bool:
    try:
        return bool(str(IPv4Address(text)))
    except ValueError:
        return False


def _allowed_port(port: int | None, scheme: str) -> int:
    if port is None:
        return _WEB_PORTS[scheme]
    if port < _FIRST_FREE_PORT and port not in _WEB_PORTS.values():
        raise AddressRefused(Failure.PORT_NOT_ALLOWED)
    return port
