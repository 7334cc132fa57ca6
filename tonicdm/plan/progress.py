"""The progress of a run over one type: a plain value, stored with each step that was made.

A run that begins with it yields the step that would have come next, so every step can be the last before a crash.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from typing import Any, Final

import attrs

VERSION: Final = 1
"""Grows when a progress of before would lead to other steps; what was written then goes on from its page alone."""


class Phase(enum.StrEnum):
    """A part of a run; `Progress.todo` names those that are left, the present one first."""

    LOAD = "load"
    COMPARE = "compare"
    AUDIT = "audit"
    CHANGES = "changes"
    """What changed since the watermark."""
    CHECK = "check"
    """What changed while a list was read."""
    FETCH = "fetch"
    """What was found stale."""
    LICENCE = "licence"
    MISSING = "absent"  # the stored word
    CONFIRM = "confirm"
    TOMBSTONES = "tombstones"
    STOP = "stop"


@attrs.frozen(kw_only=True, slots=False)
class Progress:
    """How far a run has come."""

    todo: tuple[Phase, ...]
    version: int = VERSION

    # --- the list under way ---------------------------------------------------------------------------------------
    page: int = 1
    """The page that is read next."""
    pages: int = 0
    """Pages that were read of it."""
    list_number: int = 0
    size: int = 0
    """pageSize that is asked for; 0 for as many as one may ask for."""
    peeks: bool = False
    """Whether the next page is only peeked at, to see whether the list goes on."""
    reads: bool = False
    """CHANGES: whether the pages are read as records from here on, as the one before was full of news."""
    full: bool = False
    """Whether a page of it was as long as had been asked for."""
    total: int = 0
    """Elements that it has shown."""
    last_count: int = 0
    last_has_ids: bool = True
    fruitless: int = 0
    """Pages in a row that showed nothing new."""
    unstamped: bool | None = None
    """Whether no stub of it had a timestamp so far; None before one came."""
    since: str | None = None
    started: str | None = None
    """Server time at which it was begun."""
    settles_at: str | None = None
    """When that which was just changed is settled."""
    waited: bool = False
    """Whether that was waited for; it is, once for each list."""
    marked_from: str | None = None
    """The earliest timestamp of what is to be read again therefore."""
    ties: str | None = None
    """Stubs from this time on count as stale: they were read in the second of their change, and not again since."""
    next_ties: str | None = None
    """What `ties` is to be from the end of this list on."""

    # --- what was found stale -------------------------------------------------------------------------------------
    stale: int | None = 0
    """Records that are left to be fetched; None before they were counted."""
    whole: tuple[int, ...] = ()
    """Pages that are left to be read whole."""
    tallied: bool = False
    """Whether it was settled already which pages are read whole."""
    calls: int = 0
    """Pages of this list that were read as records."""
    fetch_size: int = 0
    """pageSize of the list whose stale records are fetched."""

    # --- over the run ---------------------------------------------------------------------------------------------
    lists: int | None = None
    """How many lists the type was read from when the run began."""
    first: bool = False
    """Whether it is a first load."""
    now: str | None = None
    """Server time of the last step."""
    until: str | None = None
    """The new watermark, as far as one has been earned."""
    checked: str | None = None
    """When the list began that a CHECK looks behind; its `since` stands in `origin`."""
    origin: str | None = None
    relist: str | None = None
    """The ``updated_after`` from which on a list of changes is read once more, as records may have moved within it."""
    many: bool = False
    """Whether that list had several pages, so that records may have moved between them."""
    rounds: int = 0
    scans: int = 0
    counted: int | None = None
    """Elements of the last whole list."""
    listed: str | None = None
    """When the last whole list began, as far as it proves what is gone."""
    scanned: bool = False
    changes_read: bool = False
    """Whether this run has read what changed since the watermark."""
    damaged: bool = False
    series: int = 0
    """Number of the list under way within the run."""

    # --- what is missing -------------------------------------------------------------------------------------------
    candidates: int = 0
    denied: int = 0
    alive: int = 0
    held: int = 0
    controls: int = 0
    after: str = ""
    reason: str = ""
    """Why the run stops."""

    # --- what the server has shown --------------------------------------------------------------------------------
    updated_after: bool | None = None
    largest_page: int = 0
    pages_anyway: bool = False
    ids_per_call: int = 0
    ids_proven: int = 0
    stub_times: bool | None = None
    stub_units: int | None = None
    record_units: int | None = None
    why: tuple[str, ...] = ()

    @property
    def phase(self) -> Phase:
        """What is done now."""
        return self.todo[0]

    def to_json(self) -> str:
        """Return it as text; what has its default is left out."""
        values = {
            STORED_NAMES.get(field.name, field.name): getattr(self, field.name)
            for field in attrs.fields(Progress)
            if getattr(self, field.name) != field.default
        }
        return json.dumps(values, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Progress | None:
        """Return what `to_json` wrote; None where another version of this package wrote it otherwise."""
        try:
            values: Mapping[str, Any] = json.loads(text)
            if values.get("version", VERSION) != VERSION:
                return None
            given = {_ATTRIBUTES.get(name, name): value for name, value in values.items()}
            given["todo"] = tuple(Phase(phase) for phase in given["todo"])
            for name in _TUPLES & given.keys():
                given[name] = tuple(given[name])
            return cls(**given)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


STORED_NAMES: Final[Mapping[str, str]] = {"peeks": "looks", "next_ties": "doubts"}
"""Attributes whose name in a stored progress is another one: an earlier version wrote it."""
_ATTRIBUTES: Final = {stored: attribute for attribute, stored in STORED_NAMES.items()}
_TUPLES: Final = frozenset({"whole", "why"})
