"""Enumerations are open: a new word of the server is kept, typed, and equal to its text."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from tests.cases import for_each
from tonicdm import DecodeError, models
from tonicdm.codec import OpenEnum
from tonicdm.models import CODEC, Office, Project, ProjectPurpose, Status

CLASSES = [one for one in (getattr(models, name) for name in models.__all__) if isinstance(one, type)]
ENUMS = [one for one in CLASSES if issubclass(one, OpenEnum) and one is not OpenEnum]


@for_each("kind", ENUMS, ids=lambda one: one.__name__)
def test_an_unknown_word_is_kept_typed_and_equal_to_its_text(kind: type[OpenEnum]):
    word = kind("brand new")
    assert isinstance(word, kind)
    assert word == "brand new" == str(word)
    assert hash(word) == hash("brand new")
    assert not word.known
    assert {word: 1}["brand new"] == 1  # type: ignore[index]
    assert pickle.loads(pickle.dumps(word)) == copy.deepcopy(word) == word
    assert type(pickle.loads(pickle.dumps(word))) is kind


@for_each("kind", ENUMS, ids=lambda one: one.__name__)
def test_a_known_word_is_its_member(kind: type[OpenEnum]):
    for member in kind:
        assert kind(str(member)) is member
        assert member.known
        assert pickle.loads(pickle.dumps(member)) is member


def test_unknown_words_do_not_grow_an_enumeration():
    before = len(ProjectPurpose)
    for number in range(100):
        ProjectPurpose(f"purpose {number}")
    assert len(ProjectPurpose) == before
    assert len(ProjectPurpose._value2member_map_) == before


def test_an_unknown_word_survives_a_record():
    project = CODEC.read({"purpose": "speculative"}, Project)
    assert project.purpose == "speculative"
    assert CODEC.write(project) == {"purpose": "speculative"}


@pytest.mark.parametrize(
    ("wire", "status"),
    [(1, Status.ACTIVE), (0, Status.INACTIVE), (4, Status.DELETED), ("4", Status.DELETED), ("active", Status.ACTIVE)],
)
def test_a_status_is_read_as_word_and_as_number(wire: Any, status: Status):
    """The schemas use words; the concepts page and the team page use numbers."""
    assert CODEC.read({"status": wire}, Office).status is status


@pytest.mark.parametrize("wrong", [None, True, 1.0, [], {}])
def test_what_is_no_word_is_no_status(wrong: Any):
    if wrong is None:
        assert CODEC.read({"status": wrong}, Office).status is None
        return
    with pytest.raises(DecodeError):
        CODEC.read({"status": wrong}, Office)
