"""The check that an address belongs to the public Internet, and a socket that leads to no other."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any, Final

_PUBLIC_V6: Final = ipaddress.IPv6Network("2000::/3")
"""All global unicast addresses of IPv6 lie here (RFC 4291, 2.4)."""
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""Addresses of IPv4 as networks that speak IPv6 alone name them (RFC 6052)."""


class PrivateAddressError(OSError):
    """A connection to an address that is not public was not made."""

    def __init__(self) -> None:
        # Always the same text: where all addresses of a host are refused, this error is what comes out.
        super().__init__("the address is not public")


def is_public(address: str) -> bool:
    """Return whether *address* belongs to the public Internet, also where it wraps one of IPv4.

    Args:
        address: Of IPv4 or IPv6, as a socket names it.
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv4Address):
        return parsed.is_global and not parsed.is_multicast
    inner = parsed.ipv4_mapped or parsed.sixtofour
    if parsed in _NAT64:
        inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
    if inner is not None:
        return is_public(str(inner))
    return parsed in _PUBLIC_V6 and parsed.is_global


def public_socket(info: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
    """Make the socket of a connection, if it leads to a public address.

    It is asked with the very address that is connected to, so a name that resolves to another address at a second look
    gains nothing.

    Args:
        info: Family, type, protocol, name and address, as getaddrinfo returns them.

    Raises:
        PrivateAddressError: It leads elsewhere.
    """
    family, socket_type, protocol, _, address = info
    if not is_public(str(address[0])):
        raise PrivateAddressError
    return socket.socket(family=family, type=socket_type, proto=protocol)
