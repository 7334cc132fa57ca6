"""IDs, prices, rate headers, secrets, and "not given"."""

from __future__ import annotations

import copy
import pickle
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm import UNSET, DataQuantity, InvalidIDError, RateLimit, Secret
from tonicdm.ids import record_id
from tonicdm.types import normalise_id

HEADERS = {"X-Rate-Limit-Limit": "3600", "X-Rate-Limit-Remaining": "3599", "X-Rate-Limit-Reset": "1466182244"}


@given(st.uuids())
def test_every_spelling_of_an_id_becomes_the_same_compact_one(one: uuid.UUID) -> None:
    assert record_id(one) == record_id(one.hex) == record_id(one.hex.upper()) == normalise_id(str(one).upper())


@given(st.text(max_size=40))
def test_a_text_is_an_id_only_with_32_hex_characters(text: str) -> None:
    hexadecimal = len(text) == 32 and all(letter in "0123456789abcdefABCDEF" for letter in text)
    if hexadecimal:
        assert record_id(text) == text.lower()
    else:
        with pytest.raises(InvalidIDError):
            record_id(text)


def test_prices_are_those_of_the_concepts_page() -> None:
    assert [quantity.units for quantity in DataQuantity] == [1, 5, 20]


def test_rate_headers_are_read_as_the_page_shows_them() -> None:
    rate = RateLimit.from_headers(HEADERS)
    assert rate == RateLimit(3600, 3599, 1466182244.0)
    assert rate is not None and rate.used == 1


@for_each(
    "change",
    [
        {"X-Rate-Limit-Reset": "1466182244000"},
        {"X-Rate-Limit-Reset": "3600"},
        {"X-Rate-Limit-Reset": "soon"},
        {"X-Rate-Limit-Reset": "nan"},
        {"X-Rate-Limit-Remaining": "3601"},
        {"X-Rate-Limit-Remaining": "-1"},
        {"X-Rate-Limit-Limit": "0"},
        {"X-Rate-Limit-Limit": ""},
    ],
)
def test_rate_headers_that_make_no_sense_count_as_absent(change: dict[str, str]) -> None:
    assert RateLimit.from_headers({**HEADERS, **change}) is None
    for name in change:
        assert RateLimit.from_headers({key: value for key, value in HEADERS.items() if key != name}) is None


def test_a_secret_never_shows_itself() -> None:
    secret = Secret("s3cret")
    assert secret.reveal() == "s3cret"
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", "%s" % secret, repr([secret])):
        assert "s3cret" not in shown
    with pytest.raises(TypeError):
        list(secret)
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)
    assert not hasattr(secret, "__dict__")


def test_unset_is_falsy_and_stays_itself() -> None:
    assert not UNSET
    assert repr(UNSET) == "UNSET"
    assert pickle.loads(pickle.dumps(UNSET)) is UNSET
    assert copy.deepcopy(UNSET) is UNSET
