"""Which addresses are public."""

from __future__ import annotations

import socket

import pytest

from tests.cases import for_each
from tonicdm.http.addresses import PrivateAddressError, is_public, public_socket

PRIVATE = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1",
    "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::1", "::", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::1",
    "2002:7f00:1::", "2002:a00:1::", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1",
    "2001:db8::1", "2001::1", "100::1", "fe00::1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "93.184.216.34", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]


@for_each("address", PRIVATE)
def test_a_private_address_is_no_public_one(address: str):
    """Loopback, link-local, private, shared, reserved; also inside an address of IPv6 that wraps it."""
    assert not is_public(address)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with pytest.raises(PrivateAddressError):
        public_socket((family, socket.SOCK_STREAM, 6, "", (address, 443)))


@for_each("address", PUBLIC)
def test_a_public_address_is_one(address: str):
    assert is_public(address)


def test_a_public_address_gets_its_socket():
    with public_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443))) as made:
        assert made.family is socket.AF_INET
