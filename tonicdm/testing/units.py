"""Assert what calls cost, over the journal of the sandbox."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from typing import TypedDict, Unpack

import attrs

from tonicdm.sandbox import Journal, JournalEntry


@attrs.define
class Spent:
    """The calls since some moment, and their price."""

    _journal: Journal
    _start: int

    @property
    def calls(self) -> Sequence[JournalEntry]:
        """The calls, in the order of their arrival."""
        return self._journal[self._start :]

    @property
    def units(self) -> int:
        """Units charged for them."""
        return sum(call.units for call in self.calls)

    def table(self) -> str:
        """Return the calls as lines of text, for a failed assertion."""
        lines = [
            f"  {call.units:>3}  {call.method} {call.path}  {_options(call)}  -> {call.status}" for call in self.calls
        ]
        return "\n".join(lines) or "  no call was made"


class Price(TypedDict, total=False):
    """What calls may cost; None, or nothing, leaves it open."""

    max: int | None
    """Most units."""
    exactly: int | None
    """Number of units."""
    calls: int | None
    """Number of calls."""


class Units:
    """Holds calls to a price.

    Args:
        journal: That of the sandbox.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    @contextlib.contextmanager
    def __call__(self, **price: Unpack[Price]) -> Generator[Spent]:
        """Assert what the calls of a ``with`` block cost; yields a `Spent` to look at.

        Args:
            price: See `Price`.

        Raises:
            AssertionError: With the calls and their prices.
        """
        spent = Spent(self._journal, len(self._journal))
        yield spent
        _check(spent, price)

    def total(self, **price: Unpack[Price]) -> Spent:
        """Assert what all calls so far cost.

        Args:
            price: See `Price`.

        Raises:
            AssertionError: With the calls and their prices.
        """
        spent = Spent(self._journal, 0)
        _check(spent, price)
        return spent


def _check(spent: Spent, price: Price) -> None:
    units, number = spent.units, len(spent.calls)
    maximum, exactly, calls = price.get("max"), price.get("exactly"), price.get("calls")
    wrong = [
        text
        for text, failed in (
            (f"{units} units, at most {maximum} allowed", maximum is not None and units > maximum),
            (f"{units} units, expected {exactly}", exactly is not None and units != exactly),
            (f"{number} calls, expected {calls}", calls is not None and number != calls),
        )
        if failed
    ]
    if wrong:
        raise AssertionError(f"{'; '.join(wrong)}\n{spent.table()}")


def _options(call: JournalEntry) -> str:
    return " ".join(
        f"{name}={value if len(value) <= 40 else value[:37] + '...'}" for name, value in call.options.items()
    )
