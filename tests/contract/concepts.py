"""The concepts pages by their sentences, and which test shows which of them."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import attrs

T = TypeVar("T", bound=Callable[..., Any])

FOLDER: Final = pathlib.Path(__file__).parent
_END: Final = re.compile(r"(?<=[.:])\s+(?=[A-Z0-9“(])")
_LABEL: Final = re.compile(r"[\w-]+:")
"""A term before its explanation, or a status code before its sentence."""


@attrs.frozen
class Sentence:
    """A sentence of a page."""

    section: str
    text: str


def sentences(page: str, headings: frozenset[str]) -> list[Sentence]:
    """Return the sentences of a page; headings and the labels of lists are none.

    Args:
        page: The file's name.
        headings: Its lines that begin a section.
    """
    found: list[Sentence] = []
    section = ""
    for line in (FOLDER / page).read_text(encoding="utf-8").splitlines():
        text = line.strip().lstrip("•").strip()
        if text in headings:
            section = text
            continue
        found += [Sentence(section, one) for one in _END.split(text) if one and not _LABEL.fullmatch(one)]
    return found


@attrs.define
class Page:
    """What the tests of a module show of a page."""

    sentences: list[Sentence]
    shown: dict[str, list[tuple[str, str]]] = attrs.field(factory=dict)
    """By test: the section and the words of each sentence that it shows."""

    def says(self, section: str, *words: str) -> Callable[[T], T]:
        """Note that a test shows the sentences of *section* in which *words* stand."""

        def note(test: T) -> T:
            self.shown.setdefault(test.__name__, []).extend((section, one) for one in words)
            return test

        return note

    def strange(self) -> list[tuple[str, str]]:
        """Return what tests claim to show and the page does not say."""
        claims = [claim for claims in self.shown.values() for claim in claims]
        return [
            (section, words)
            for section, words in claims
            if not any(one.section == section and words in one.text for one in self.sentences)
        ]

    def silent(self, elsewhere: Mapping[str, str]) -> list[Sentence]:
        """Return the sentences that no test shows.

        Args:
            elsewhere: Words of sentences that say nothing of a client, or are shown by tests of another place.
        """
        claims = [words for claims in self.shown.values() for _, words in claims]
        return [one for one in self.sentences if not any(words in one.text for words in (*claims, *elsewhere))]
