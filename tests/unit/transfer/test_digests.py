"""Hashes in headers and of callers."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm import InvalidOptionError
from tonicdm.transfer.digests import Hashes, digests_of, parse_checksum

SHA = hashlib.sha256(b"x")
B64 = base64.b64encode(SHA.digest()).decode()


@for_each(
    ("headers", "whole", "found"),
    [
        ({"Repr-Digest": f"sha-256=:{B64}:"}, False, {"sha256": SHA.hexdigest()}),
        ({"Digest": f"sha-256={B64}, id-sha-512=x"}, False, {"sha256": SHA.hexdigest()}),
        ({"Content-Digest": f"sha-256=:{B64}:"}, True, {"sha256": SHA.hexdigest()}),
        ({"Content-Digest": f"sha-256=:{B64}:"}, False, {}),
        ({"Content-MD5": base64.b64encode(bytes(16)).decode()}, True, {"md5": "00" * 16}),
        ({"Content-MD5": base64.b64encode(bytes(16)).decode()}, False, {}),
        ({"Content-MD5": "?"}, True, {}),
        ({"Digest": "sha-256=AAAA, =, ,,"}, True, {}),
    ],
)
def test_a_part_has_hashes_of_its_own(headers: dict[str, str], whole: bool, found: dict[str, str]):
    """Content-MD5 and Content-Digest of a 206 are of the part that it carries (RFC 9530), so they prove nothing."""
    assert digests_of(headers, whole=whole) == found


@given(st.text())
def test_no_header_breaks_it(text: str):
    digests_of({"Digest": text, "Repr-Digest": text, "Content-MD5": text, "Content-Digest": text}, whole=True)


@given(st.sampled_from(["md5", "sha1", "sha256", "sha384", "sha512"]), st.binary(max_size=50), st.booleans())
def test_a_checksum_is_read_in_either_form(name: str, content: bytes, as_hex: bool):
    made = hashlib.new(name, content)
    text = made.hexdigest() if as_hex else base64.b64encode(made.digest()).decode()
    assert parse_checksum(f"{name}:{text}") == (name, made.hexdigest())
    hashes = Hashes([name])
    hashes.update(content)
    assert hashes.mismatch({name: made.hexdigest()}) is None
    assert hashes.mismatch({name: "0"}) == name


@for_each("text", [5, b"md5:00", "", "sha256", "sha256:", "sha256:zz", "crc:00", "md5:" + "0" * 31])
def test_what_is_no_checksum_is_refused(text: str):
    with pytest.raises(InvalidOptionError, match="Nothing was sent"):
        parse_checksum(text)


def test_digests_of_no_hash_are_false() -> None:
    assert not Hashes([])
    assert Hashes(["sha256"])
