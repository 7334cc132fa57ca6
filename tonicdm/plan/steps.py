"""Steps and outcomes: the values that travel between the decider and its drivers.

They are plain values, so that a step can be stored, shown, or made by another process.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from tonicdm.plan.progress import Progress


SERIES: Final = 1_000_000
"""Distance between the numbers of the pages of two lists (see `Step.number`)."""


class Stage(enum.StrEnum):
    """What a pass over a type reads; reports and checkpoints name it."""

    LOAD = "load"
    """All records."""
    CHANGES = "changes"
    """The records that changed since the watermark."""
    COMPARE = "compare"
    """All stubs, to find what changed."""
    AUDIT = "audit"
    """All stubs, to find what is gone."""


class StepKind(enum.StrEnum):
    """How a step reads: what a driver dispatches on. A step is one call, or none."""

    OWNER = "owner"
    """The own organization of the token, as a stub: whose records they are."""
    PAGE = "page"
    """A page of the list, records, stored."""
    END = "end of a list"
    """The page behind one that may be the last, as stubs where records have IDs: is there anything?"""
    PROBE = "probe"
    """A page of what changed, stubs, compared with the store."""
    CHANGED_PAGE = "changed page"
    """A page of what changed, records, stored."""
    STUBS = "stubs"
    """A page of the whole list, stubs, compared with the store and remembered as seen."""
    TALLY = "tally"
    """No call: count what was found stale, by page."""
    STALE_PAGE = "stale page"
    """A page that holds many stale records, whole."""
    BY_ID = "by ID"
    """Stale records by filterIDs."""
    WAIT = "wait"
    """No call: until records that were changed a moment ago can no more change within the same second."""
    SAMPLE = "sample"
    """Some known records by ID: do they show the same fields as before?"""
    MISSING = "absent"
    """No call: count what the store holds and the whole list has not shown."""
    CONFIRM = "confirm"
    """Missing records by ID, stubs, beside some that are there: are they gone?"""
    TOMBSTONES = "tombstones"
    """No call: mark what is gone."""
    STOP = "stop"
    """No call: end the type's run with the reason, before anything is marked as deleted."""


class Trouble(enum.StrEnum):
    """Why a call did not bring what it was made for."""

    OPTION_IGNORED = "option ignored"
    """The answer contradicts ``updated_after``, or it was refused."""
    HEADER_TOO_LONG = "header too long"
    """A call by ID was refused, or cut, in a way that its length may explain (400, 414, 431)."""
    REFUSED = "refused"
    """403 or 404: no right, no licence, no such endpoint."""


@attrs.frozen(kw_only=True, slots=False)
class Step:
    """The next thing to do, with all that is needed to do it."""

    record_type: str
    kind: StepKind
    stage: Stage
    data_quantity: str | None = None
    """``id_only`` or ``basic``; None for a step without a call."""
    page: int = 0
    """pageNumber, from 1; 0 where no page is asked for."""
    page_size: int = 0
    """pageSize; 0 where the list is not asked for in pages."""
    list_number: int = 0
    """Which of several lists: of which parent, or which headerful of IDs. From 0."""
    number: int = 0
    """What the store remembers the page by: SERIES times the list's number within the run, and the page's within the
    list; negative for a list of changes."""
    since: str | None = None
    """The ``updated_after`` of the list, ISO 8601 in UTC."""
    ids: int = 0
    """How many IDs to ask for."""
    after: str = ""
    """Missing records are asked for in order of their IDs: those behind this one."""
    ties: str | None = None
    """Stubs from this time on count as stale: the run before may have read them within the second of a change."""
    trust: bool = False
    """Whether a record without a timestamp of its own counts as current, because its changes were read before."""
    mark: bool = False
    """Whether records that may change again within their second are to be remembered as stale."""
    begins: bool = False
    """Whether what an earlier pass has seen is to be forgotten first."""
    seconds: float = 0.0
    """How long to wait."""
    why: str = ""
    progress: Progress | None = attrs.field(default=None, repr=False)
    """Where to go on if this step was not done: all that the pass knows."""

    @property
    def is_call(self) -> bool:
        """Whether the step sends something, and costs."""
        return self.data_quantity is not None


@attrs.frozen(kw_only=True, slots=False)
class Outcome:
    """What came of a step."""

    at: str
    """The earliest that the server's clock can have shown when the step was begun, ISO 8601 in UTC."""
    count: int = 0
    """Elements that came, those included that could not be read; candidates of MISSING; records that are gone."""
    stale: int = 0
    """How many of them the store lacks or has another version of."""
    fresh: int = 0
    """How many of them no earlier page of this pass has shown."""
    repeated: bool = False
    """Whether the page is the one before again."""
    has_ids: bool = True
    """Whether all of them have an ID."""
    unstamped: bool = False
    """Whether none of them has a timestamp."""
    damaged: bool = False
    """Whether an element came whose ID can't be read: then the list does not prove what is gone."""
    settles_at: str | None = None
    """When the last of what was just changed can no more change within its second; None where nothing was."""
    ties_from: str | None = None
    """The earliest timestamp of those."""
    ahead: int = 0
    """How many are stamped further in the future than can be waited for."""
    cut: bool = False
    """Whether an answer by ID looks as if the server had cut it at a page of its own size."""
    stale_by_page: tuple[tuple[int, int], ...] = ()
    """TALLY: how many stale records each page holds, by its `Step.number`."""
    reshaped: bool = False
    """SAMPLE: whether the records show other fields than before."""
    held: int = 0
    """MISSING: records of the type that the store holds."""
    earlier: bool = True
    """MISSING: whether the store held any of the type before the pass began."""
    alive: int = 0
    """CONFIRM: candidates that are there after all."""
    controls: int = 0
    """MISSING: records known to be there that a question by ID can name too; CONFIRM: how many of them came."""
    last: str = ""
    """CONFIRM: the last ID that was asked for."""
    organization: str | None = None
    """OWNER: the ID of the own organization."""
    trouble: Trouble | None = None
    units: int | None = None
    """What the call cost, where that can be told."""
