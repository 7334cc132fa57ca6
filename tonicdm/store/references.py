"""References of a record: the fields that name other records, and the types of these (concepts page)."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from tonicdm.codec.records import camel
from tonicdm.codec.scalars import Refused, read_id
from tonicdm.errors import InvalidOptionError
from tonicdm.store.rows import updated_of
from tonicdm.types import RecordID

TARGETS: Final[Mapping[str, str]] = {
    "brand": "brands",
    "discipline": "disciplines",
    "email_address": "email_addresses",
    "file": "files",
    "fileset": "filesets",
    "office": "offices",
    "organization": "organizations",
    "person": "persons",
    "project": "projects",
}
"""The type that a reference leads to, by the last words of its name: ``responsible_person`` is one of the persons."""


@attrs.frozen
class Pointer:
    """One record that another one names."""

    id: RecordID
    updated: str | None
    """The timestamp of the record pointed to, where the answer told it."""


@attrs.frozen
class ReferenceTree:
    """References to follow from one type of record: each name, and what to follow from there."""

    names: Mapping[str, ReferenceTree]

    def __bool__(self) -> bool:
        return bool(self.names)


@functools.lru_cache(maxsize=512)
def parse_references(paths: tuple[str, ...]) -> ReferenceTree:
    """Read names such as ``responsible_person`` and ``responsible_person.office`` into a tree.

    Raises:
        InvalidOptionError: A name leads to no type that can be asked for by ID.
    """
    tree: dict[str, Any] = {}
    for path in paths:
        branch = tree
        for name in path.split("."):
            target_of(name)
            branch = branch.setdefault(name, {})
    return _tree(tree)


def _tree(tree: Mapping[str, Any]) -> ReferenceTree:
    return ReferenceTree({name: _tree(branch) for name, branch in tree.items()})


@functools.lru_cache(maxsize=512)
def target_of(name: str) -> str:
    """Return the type that the reference *name* leads to.

    Raises:
        InvalidOptionError: None is known.
    """
    for end, record_type in TARGETS.items():
        if any(word == end or word.endswith(f"_{end}") for word in _singular(name)):
            return record_type
    ends = ", ".join(TARGETS)
    raise InvalidOptionError(
        f"resolve={name!r} names no reference: its last word must be one of {ends}. Nothing was sent."
    )


@functools.lru_cache(maxsize=512)
def field_names(name: str) -> tuple[str, ...]:
    """Return the wire names under which the reference *name* may stand."""
    single = name.removesuffix("s")
    words = (name, f"{name}_id", f"{single}_ids")
    return tuple(dict.fromkeys([*words, *(camel(word) for word in words)]))


def pointers(item: Mapping[str, Any], name: str) -> list[Pointer]:
    """Return the records that *item* names as *name*; none where the field is absent, null or unreadable."""
    for field in field_names(name):
        if item.get(field) is not None:
            content = item[field]
            candidates = [_pointer(value) for value in (content if isinstance(content, list) else [content])]
            return [pointer for pointer in candidates if pointer is not None]
    return []


def is_list(item: Mapping[str, Any], name: str) -> bool:
    """Tell whether *item* names several records as *name*."""
    return any(isinstance(item.get(field), list) for field in field_names(name))


def _pointer(value: Any) -> Pointer | None:
    identity, updated = value, None
    if isinstance(value, Mapping):
        identity, updated = value.get("id"), updated_of(value)
    try:
        return Pointer(read_id(identity), updated)
    except Refused:
        return None


def stubs_within(item: Mapping[str, Any]) -> Iterator[tuple[str, Pointer]]:
    """Iterate over the references of *item* that carry a timestamp, with their types.

    It is the target's own, so that a stored record which bears the same one is current without a call.
    """
    for field, content in item.items():
        for value in content if isinstance(content, list) else [content]:
            if isinstance(value, Mapping) and "id" in value and (record_type := _target_of_field(field)) is not None:
                pointer = _pointer(value)
                if pointer is not None and pointer.updated is not None:
                    yield record_type, pointer


def _target_of_field(field: str) -> str | None:
    words = _singular(field.replace("_", "").lower())
    for end, record_type in TARGETS.items():
        if any(word.endswith(end.replace("_", "")) for word in words):
            return record_type
    return None


def _singular(word: str) -> tuple[str, ...]:
    return word, word.removesuffix("s"), word.removesuffix("es")
