"""The rule for which of two versions of a record is kept. It is pure, and no clock orders them.

Every read draws a number from the store before its call leaves. So of two reads that do not overlap, the later one has
the greater number, whatever the clocks of the processes show and in whichever order their answers are written. A
record's own ``updated`` decides only where the numbers can't: within the overlap, in which a server may still show an
older version than before (concepts page, "Use Cases": changes may become visible late), and between an event and a
read.
"""

from __future__ import annotations

import enum
from typing import Final

import attrs

OVERLAP: Final = 60.0
"""Seconds for which a server may go on showing what was true before; a sync reads so far back before its watermark."""


@attrs.frozen
class ReadStamp:
    """When a call left: drawn from the store before it, one for each page."""

    number: int
    """Greater than that of every call that left before."""
    at: float
    """Unix time by the store's clock. Tells how far apart two reads lie, never which one is later."""


UNORDERED: Final = ReadStamp(0, 0.0)
"""Of records that an earlier version has stored, or that were read by nobody: every read is later."""


class Origin(enum.StrEnum):
    """How a version came to be known."""

    LIST = "list"
    """A page of a list showed it."""
    BY_ID = "by_id"
    """The record was asked for by its ID."""
    EVENT = "event"
    """A webhook told of it. It may be delivered late, so that it comes later means nothing."""


@attrs.frozen
class Version:
    """A version of a record, as one read or event showed it."""

    updated: str | None
    """The record's own timestamp, ISO 8601 in UTC; None where it shows none."""
    stamp: ReadStamp
    origin: Origin = Origin.LIST
    dissent: str | None = None
    """Of a stored version: an older timestamp that a later list showed, within the overlap. Once a read by ID shows it
    too, the server has gone back."""


class Verdict(enum.StrEnum):
    """What becomes of a version that arrives."""

    TAKE = "take"
    """It is the later one."""
    WENT_BACK = "went back"
    """It is the later one though its timestamp is older: a record once stamped in the future, or a server that was
    restored from a backup."""
    KEEP = "keep"
    """The stored one is the later one."""
    DISSENT = "dissent"
    """The stored one is kept, and that a later list showed an older one is remembered."""


def judge(held: Version | None, coming: Version, *, overlap: float = OVERLAP) -> Verdict:
    """Decide between the version in the store and one that arrives.

    In whichever order two versions arrive, the same one of them is kept.

    Args:
        held: What is stored; None for nothing.
        coming: What arrives.
        overlap: Seconds for which a server may show an older version after a newer one.
    """
    if held is None:
        return Verdict.TAKE
    if coming.stamp.number >= held.stamp.number:
        if not _is_older(coming, held):
            return Verdict.TAKE
        if _has_gone_back(held, coming, overlap):
            return Verdict.WENT_BACK
        return Verdict.DISSENT if coming.origin is not Origin.EVENT else Verdict.KEEP
    # It left before the stored one: it counts only if that one was an older version, and near enough to be one.
    if _is_older(held, coming) and not _has_gone_back(coming, held, overlap):
        return Verdict.TAKE
    return Verdict.KEEP


def as_stored(held: Version | None, taken: Version) -> Version:
    """Return what the store is to remember of a version that was taken.

    An event with the timestamp of the stored version says nothing of when that was still current, as it may be late:
    the read that showed it goes on counting.

    Args:
        held: What is stored; None for nothing.
        taken: What takes its place.
    """
    if taken.origin is Origin.EVENT and held is not None and held.updated is not None and held.updated == taken.updated:
        return attrs.evolve(taken, stamp=held.stamp, origin=held.origin)
    return taken


def _is_older(version: Version, other: Version) -> bool:
    return version.updated is not None and other.updated is not None and version.updated < other.updated


def _has_gone_back(earlier: Version, later: Version, overlap: float) -> bool:
    """Tell whether *later*, which shows an older timestamp, is what the server has now."""
    if later.origin is Origin.EVENT:
        return False
    if later.stamp.at - earlier.stamp.at > overlap:
        return True
    return later.origin is Origin.BY_ID and later.updated == earlier.dissent
