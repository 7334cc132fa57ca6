"""Stored names of a budget's state, whatever its attributes are called. No I/O.

A stored name keeps its meaning for good. An attribute that is renamed keeps its stored name; a new one gets a name of
its own. So each version reads what it knows, keeps what it does not know, and finds the default where another version
stored nothing. A window is one JSON text, which is written faster than a row of as many columns; its reservations are
rows of their own.

The version before, which may run beside this one, knows the names marked so. It drops all others when it writes, so the
file keeps the text that it replaces; and it reads times on a clock that stands still while the machine is suspended, so
that is how times are stored, with the seconds by which ours was ahead.
"""

from __future__ import annotations

import enum
import functools
import json
import operator
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from tonicdm.budget.entries import Entry, EntryState
from tonicdm.budget.rules import BudgetRules
from tonicdm.budget.window import Window

Row = Mapping[str, Any]


class Base(enum.Enum):
    """What of a clock a stored number depends on."""

    NONE = enum.auto()
    """Nothing: a count, or a time of the server or of the wall clock."""
    MONOTONIC = enum.auto()
    """A time of the monotonic clock."""
    OFFSET = enum.auto()
    """A difference to the monotonic clock: some other clock's time less its own."""


@attrs.frozen
class Stored:
    """One stored value."""

    name: str
    """The stored name; never given to another meaning."""
    path: str
    """Where the value stands today, from the window or the entry on."""
    value_type: type
    """What it is; a value of another kind means that the file is damaged."""
    base: Base = Base.NONE

    def unpack(self, value: Any, ahead: float) -> Any:
        """Return what was stored as the attribute holds it.

        Args:
            value: As stored.
            ahead: Seconds by which our monotonic clock is ahead of the one that it was stored by.

        Raises:
            TypeError: It is of another kind.
        """
        if not isinstance(value, _STORED_AS[self.value_type]):
            raise TypeError(f"{self.name} holds a {type(value).__name__}")
        result = self.value_type(value)
        return result if self.base is Base.NONE else result + (ahead if self.base is Base.MONOTONIC else -ahead)


_STORED_AS: Final[Mapping[type, tuple[type, ...]]] = {
    int: (int,),
    bool: (int,),
    float: (int, float),
    str: (str,),
}

AHEAD: Final = "ahead"
"""The stored name of the seconds by which our clock was ahead. Where it is missing, the version before wrote."""
ACCOUNTS: Final = "accounts"
"""The stored name of the settled calls and their units by lane and label."""
BY_LABEL: Final = "counts.by_label"
"""The stored name of the settled calls and their units by the label of their job; only there where one has any."""

PLAIN: Final = (
    Stored("limit", "limit", int),
    Stored("used", "used", int),
    Stored("reset", "reset", float),
    Stored("assumed", "assumed", bool),
    Stored("previous_reset", "previous_reset", float),
    Stored("previous_used", "previous_used", int),
    Stored("opened_at", "opened_at", float),
    Stored("rolled_at", "rolled_at", float, Base.MONOTONIC),
    Stored("renewed_at", "renewed_at", float, Base.MONOTONIC),
    Stored("headers_seen", "headers_seen", bool),
    Stored("first", "first", int),
)
"""Values of a window that the version before knows, by name."""
LISTS: Final[Mapping[str, tuple[Stored, ...]]] = {
    "clock": (
        Stored("clock.low", "clock.low", float, Base.OFFSET),
        Stored("clock.high", "clock.high", float, Base.OFFSET),
        Stored("clock.at", "clock.at", float, Base.MONOTONIC),
        Stored("clock.wall", "clock.wall", float, Base.OFFSET),
    ),
    "silence": (
        Stored("silence.until", "cooldown.until_or_paused", float),
        Stored("silence.limited_at", "cooldown.limited_at", float, Base.MONOTONIC),
        Stored("silence.strikes", "cooldown.consecutive_429s", int),
        Stored("silence.slack", "cooldown.slack", float),
    ),
    "others": (
        Stored("others.own", "foreign_usage.own", int),
        Stored("others.spent", "foreign_usage.spent", int),
        Stored("others.rate", "foreign_usage.rate", float),
        Stored("others.since", "foreign_usage.since", float, Base.MONOTONIC),
        Stored("others.seen_at", "foreign_usage.seen_at", float, Base.MONOTONIC),
    ),
    "next": (
        Stored("next.number", "holdings.next_number", int),
        Stored("next.sweep", "holdings.next_sweep", float, Base.MONOTONIC),
    ),
}
"""Values that it knows by their place in a list."""
ADDED: Final[tuple[Stored, ...]] = (
    Stored("limit_before", "limit_before", int),
    Stored("limit_call", "limit_call", int),
    Stored("limit_sent_at", "limit_sent_at", float, Base.MONOTONIC),
    Stored("used_told_at", "used_reported_at", float, Base.MONOTONIC),
    Stored("provisional", "provisional", bool),
    Stored("reset_told_at", "reset_reported_at", float, Base.MONOTONIC),
    Stored("learned_length", "learned_length", float),
    Stored("claims.limit", "claims.limit", int),
    Stored("claims.limit_call", "claims.limit_call", int),
    Stored("claims.limit_remaining", "claims.limit_remaining", int),
    Stored("claims.reset", "claims.reset", float),
    Stored("claims.reset_call", "claims.reset_call", int),
    Stored("claims.reset_answers", "claims.reset_responses", int),
    Stored("claims.reset_since", "claims.reset_since", float, Base.MONOTONIC),
    Stored("silence.ends_at", "cooldown.ends_at", float, Base.MONOTONIC),
    Stored("silence.ends_for", "cooldown.ends_for", float),
    Stored("silence.probes", "cooldown.probes", bool),
    Stored("unconfirmed", "unconfirmed", bool),
    Stored("pause.until", "cooldown.paused_until", float),
    Stored("pause.silence", "cooldown.until_beside_pause", float),
    Stored("counts.began_at", "counts.began_at", float, Base.MONOTONIC),
    Stored("counts.limited", "counts.limited", int),
    Stored("counts.waits", "counts.waits", int),
    Stored("counts.waited", "counts.waited", float),
)
"""Values that it does not know, by name. What is new in a window gets its name here."""

ENTRY: Final = (
    Stored("number", "number", int),
    Stored("cost", "cost", int),
    Stored("state", "state", str),
    Stored("until", "until", float, Base.MONOTONIC),
    Stored("sent_at", "sent_at", float, Base.MONOTONIC),
    Stored("closed_at", "closed_at", float, Base.MONOTONIC),
    Stored("lane", "lane", str),
    Stored("label", "label", str),
    Stored("holder", "holder", str),
    Stored("job", "job_label", str),
)
"""The columns of a reservation. What is new in one gets a column here, which older files are given."""

NOT_STORED: Final = frozenset(
    {
        "rules",
        "accounts",
        "ended",
        "counts.by_label",
        "holdings.rules",
        "holdings.entries",
        "holdings.held",
        "holdings.unknown",
        "holdings.touched",
        "holdings.window",
    }
)
"""Attributes that are settings, follow from others, or are stored apart."""


PER_ANSWER: Final = frozenset({"used", "limit_sent_at", "used_told_at", "reset_told_at"})
"""Plain values that most answers change; with each list a part of its own, little more is written than has changed."""


class _Part:
    """Values that change together, and their last text.

    Args:
        group: What they are.
        form: Their text with ``%s`` for each.
    """

    def __init__(self, group: tuple[Stored, ...], form: str) -> None:
        self._values = operator.attrgetter(*(stored.path for stored in group))
        self._signs = [_SIGNS[stored.base] for stored in group]
        self._form = form
        self._last: tuple[Any, ...] = (self,) * len(group)  # no value is this one
        self._ahead = 0.0
        self._texts = [""] * len(group)
        self._text = ""

    @classmethod
    def of_names(cls, group: tuple[Stored, ...]) -> _Part:
        """Make a part of values that stand by their names."""
        return cls(group, ", ".join(f'"{stored.name}": %s' for stored in group))

    @classmethod
    def of_list(cls, name: str, group: tuple[Stored, ...]) -> _Part:
        """Make a part of values that stand in a list."""
        return cls(group, f'"{name}": [{", ".join(["%s"] * len(group))}]')

    def pack(self, window: Window, ahead: float) -> str:
        """Return the text of these values in *window*, without braces."""
        values, last = self._values(window), self._last
        if ahead != self._ahead:
            self._ahead, last = ahead, (self,) * len(values)
        # Fewer than half of them change as a rule, and most of the work is to write a float.
        changed = [place for place, is_new in enumerate(map(operator.is_not, values, last)) if is_new]
        for place in changed:
            self._texts[place] = _json(_behind(values[place], self._signs[place], ahead))
        if changed:
            self._last, self._text = values, self._form % tuple(self._texts)
        return self._text


@functools.lru_cache(maxsize=256)  # as a window has some more than `MAX_LABELS`
def _label(lane: str, label: str) -> str:
    """Return lane and label of an account as JSON."""
    return json.dumps((lane, label))[1:-1]


_SIGNS: Final = {Base.NONE: 0.0, Base.MONOTONIC: -1.0, Base.OFFSET: 1.0}
"""How a number is shifted to the clock of the version before, by what it depends on."""


def _behind(value: Any, sign: float, ahead: float) -> Any:
    """Return *value* as the clock of the version before has it.

    Args:
        value: A stored value.
        sign: Of `_SIGNS`.
        ahead: Seconds by which our clock is ahead.
    """
    return value + sign * ahead if sign and ahead and value is not None else value


_WORDS: Final = {"None": "null", "True": "true", "False": "false", "inf": "Infinity", "-inf": "-Infinity"}
"""What JSON calls them, as Python's own parser reads it."""


def _json(value: float | None) -> str:
    """Return *value* as JSON; none of the stored values is a text."""
    text = repr(value)
    return _WORDS.get(text, text)


class Names:
    """Reads and writes windows by their stored names; one for each ledger.

    Args:
        added: Values that the version before does not know.
    """

    def __init__(self, added: tuple[Stored, ...] = ADDED) -> None:
        self.added = added
        often = tuple(stored for stored in (*PLAIN, *added) if stored.name in PER_ANSWER)
        rarely = tuple(stored for stored in (*PLAIN, *added) if stored.name not in PER_ANSWER)
        lists = {name: _Part.of_list(name, group) for name, group in LISTS.items()}
        self._next = lists.pop("next")
        self._parts = (_Part.of_names(rarely), _Part.of_names(often), *lists.values())
        self._before, self._behind = "", ""
        self._ahead = 0.0

    def pack(self, window: Window, ahead: float, unknown: Row) -> str:
        """Return *window* as it is stored.

        Args:
            window: What to store.
            ahead: Seconds by which our monotonic clock is ahead of the one that the version before reads.
            unknown: Values by names that are not known here, to be kept.
        """
        accounts = [f"[{_label(*key)}, {calls}, {units}]" for key, (calls, units) in window.accounts.items()]
        parts = [part.pack(window, ahead) for part in self._parts]
        self._before, parts = f"{{{', '.join(parts)}, ", []
        if window.counts.by_label:
            rows = [[label, *sums] for label, sums in window.counts.by_label.items()]
            parts.append(f'"{BY_LABEL}": {json.dumps(rows)}')
        if unknown:
            parts.append(json.dumps(unknown)[1:-1])
        parts += [f'"{ACCOUNTS}": [{", ".join(accounts)}]', f'"{AHEAD}": {ahead}}}']
        self._behind, self._ahead = f", {', '.join(parts)}", ahead
        return self.pack_next(window)

    def pack_next(self, window: Window) -> str:
        """Return the window of the last `pack` with the numbers of new reservations, and all else as it was then."""
        return f"{self._before}{self._next.pack(window, self._ahead)}{self._behind}"

    def read(self, text: str, kept: str | None) -> tuple[Row, bool]:
        """Return the values by name in the text of a window, and whether a version that knows `added` wrote it.

        Args:
            text: As stored.
            kept: The last text that such a version wrote, where another one has replaced it since.

        Raises:
            ValueError: It is no JSON.
            TypeError: It is no JSON object.
        """
        row = json.loads(text)
        if not isinstance(row, dict):
            raise TypeError("a window is a JSON object")
        if AHEAD in row:
            return row, True
        before = {} if kept is None else json.loads(kept)
        return {name: value for name, value in (before | row).items() if name != AHEAD}, False

    def unknown(self, row: Row) -> Row:
        """Return what of *row* another version stored that is not known here."""
        known = {*(stored.name for stored in (*PLAIN, *self.added)), *LISTS, ACCOUNTS, BY_LABEL, AHEAD}
        return {name: value for name, value in row.items() if name not in known}

    def unpack(self, row: Row, entries: Iterable[Entry], rules: BudgetRules, ahead: float) -> Window:
        """Make a window of stored values; what the row does not hold has its default.

        Args:
            row: Values by stored name.
            entries: Its reservations.
            rules: The reader's own settings: what responses reported is stored, what was configured is not.
            ahead: Seconds by which our monotonic clock is ahead of the one by which the row was stored.

        Raises:
            TypeError: A value is not of its kind.
            ValueError: A value can't be read.
            KeyError: A list is missing.
        """
        window = Window(rules)
        pairs = [(stored, row.get(stored.name)) for stored in (*PLAIN, *self.added)]
        for name, group in LISTS.items():
            pairs += zip(group, row[name], strict=False)  # a later version may append
        for stored, value in pairs:
            if value is not None:
                *parents, attribute = stored.path.split(".")
                setattr(functools.reduce(getattr, parents, window), attribute, stored.unpack(value, ahead))
        window.accounts = {
            (str(lane), str(label)): (int(calls), int(units)) for lane, label, calls, units in row[ACCOUNTS]
        }
        window.counts.by_label = {str(label): (int(calls), int(units)) for label, calls, units in row.get(BY_LABEL, ())}
        fill(window, entries)
        return window


def fill(window: Window, entries: Iterable[Entry]) -> None:
    """Give *window* its reservations, and the sums that follow from them."""
    holdings = window.holdings
    holdings.entries = {entry.number: entry for entry in entries}
    holdings.held = sum(entry.cost for entry in holdings)
    holdings.unknown = sum(entry.cost for entry in holdings if entry.state is EntryState.UNKNOWN)
    # Somebody may have deleted the window but not the reservations.
    holdings.next_number = max([holdings.next_number, *(number + 1 for number in holdings.entries)])


def entry_from(row: Row, ahead: float) -> Entry:
    """Make a reservation of stored values.

    Args:
        row: Values by stored name.
        ahead: Seconds by which our monotonic clock is ahead of the one by which the row was stored.

    Raises:
        TypeError: A value is not of its kind, or one that must be there is not.
        ValueError: Its state is none.
    """
    known = {
        stored.path: stored.unpack(row[stored.name], ahead) for stored in ENTRY if row.get(stored.name) is not None
    }
    known["state"] = EntryState(known.get("state", ""))
    return Entry(**known)


class _Shift:
    """Where the times of our clock stand among values.

    Args:
        group: What the values are.
    """

    def __init__(self, group: tuple[Stored, ...]) -> None:
        self._places = [(place, _SIGNS[stored.base]) for place, stored in enumerate(group) if _SIGNS[stored.base]]

    def behind(self, values: tuple[Any, ...], ahead: float) -> list[Any]:
        """Return *values* as the clock of the version before has them."""
        result = list(values)
        if ahead:
            for place, sign in self._places:
                result[place] = _behind(result[place], sign, ahead)
        return result


_values_of_entry: Final = operator.attrgetter(*(stored.path for stored in ENTRY))
_SHIFT_OF_ENTRY: Final = _Shift(ENTRY)


def entry_values(entry: Entry, ahead: float) -> list[Any]:
    """Return what is stored of *entry*, in the order of `ENTRY`."""
    return _SHIFT_OF_ENTRY.behind(_values_of_entry(entry), ahead)
