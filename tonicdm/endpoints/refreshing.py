"""Refresh a client-side cache by the IDs and times that it holds (concepts page, "Rate Limiting")."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import attrs

from tonicdm.codec.scalars import is_aware
from tonicdm.endpoints.many import RecordBatch
from tonicdm.errors import InvalidOptionError
from tonicdm.ids import record_id
from tonicdm.models import Record, RecordStub
from tonicdm.plan.refresh import check_pays
from tonicdm.types import RecordID

M = TypeVar("M", bound=Record)
K = TypeVar("K", bound=str | uuid.UUID)
"""How the caller's cache names its records."""


@attrs.frozen(kw_only=True)
class Refreshed(Generic[M]):
    """What a cache has to take over."""

    changed: tuple[M, ...]
    """Records that are not as the cache has them, in its order."""
    unchanged: tuple[RecordID, ...]
    """IDs of those that are."""
    missing: tuple[RecordID, ...]
    """IDs that the server did not return: deleted for good, or out of the user's sight."""
    updated: Mapping[RecordID, datetime.datetime | None] = attrs.field(repr=False)
    """When each record that was returned last changed: what the cache holds next time."""


class Reader(Protocol[M]):
    """Reads records by their IDs."""

    async def stubs(self, ids: Sequence[RecordID]) -> tuple[RecordBatch[RecordStub], bool]:
        """Return stubs, and whether they cost what stubs cost."""
        ...

    async def records(self, ids: Sequence[RecordID]) -> RecordBatch[M]:
        """Return records."""
        ...


def parse_cache(cache: Mapping[Any, datetime.datetime | None]) -> dict[RecordID, datetime.datetime | None]:
    """Read what a cache holds.

    An ID that stands there twice, in two spellings, is one record; of its two times the earlier one counts.

    Raises:
        InvalidIDError: One of its keys is no ID.
        InvalidOptionError: It is no mapping, or one of its times is naive or no time.
    """
    if not isinstance(cache, Mapping):
        raise InvalidOptionError(
            f"refresh takes a mapping of IDs to times, not a {type(cache).__name__}. Nothing was sent."
        )
    times: dict[RecordID, datetime.datetime | None] = {}
    for key, value in cache.items():
        identity = record_id(key, "a key of the cache")
        if value is not None and not is_aware(value):
            actual = "naive" if isinstance(value, datetime.datetime) else f"a {type(value).__name__}"
            raise InvalidOptionError(
                f"the time of {identity} must be an aware datetime, or None where it is not known; it is {actual}. "
                "Nothing was sent."
            )
        if identity in times:
            before = times[identity]
            value = None if before is None or value is None else min(before, value)  # noqa: PLW2901
        times[identity] = value
    return times


async def refresh(reader: Reader[M], times: Mapping[RecordID, datetime.datetime | None], *, size: int) -> Refreshed[M]:
    """Find out what has changed, for the fewest units.

    Stubs are asked for first where that is likely to spare records (docs/explanation/plan.md). As nobody knows
    beforehand how many have changed, the first batch of stubs tells: it costs 1 unit where reading costs 5.

    Args:
        reader: Makes the calls.
        times: When each record was last changed as far as the cache knows.
        size: IDs that one call holds.
    """
    known, unknown = (
        [identity for identity in times if times[identity] is not None],
        [identity for identity in times if times[identity] is None],
    )
    times_read: dict[RecordID, datetime.datetime | None] = {}
    missing: set[RecordID] = set()
    stale: set[RecordID] = set()
    share = 0.0
    while known and check_pays(len(known), share, size, unknown=len(unknown) + len(stale)):
        # All at once as soon as a batch has shown the share.
        batch, known = (known, []) if times_read or missing else (known[:size], known[size:])
        stubs, cheap = await reader.stubs(batch)
        times_read |= {stub.id: stub.updated for stub in stubs}
        missing |= set(stubs.missing)
        stale |= {stub.id for stub in stubs if stub.updated is None or stub.updated != times[stub.id]}
        share = len(stale) / len(batch) if cheap else 1.0
    wanted = {*known, *unknown, *stale}
    records = (
        await reader.records([identity for identity in times if identity in wanted])
        if wanted
        else RecordBatch[M]([], [])
    )
    missing |= set(records.missing)
    return _compared(times, times_read, records, missing)


def _compared(
    times: Mapping[RecordID, datetime.datetime | None],
    times_read: Mapping[RecordID, datetime.datetime | None],
    records: Iterable[M],
    missing: set[RecordID],
) -> Refreshed[M]:
    updated = dict(times_read)
    changed: dict[RecordID, M] = {}
    for record in records:
        identity = record_id(record["id"])
        updated[identity] = record.updated or times_read.get(identity)
        if updated[identity] is None or updated[identity] != times[identity]:
            changed[identity] = record
    returned = [identity for identity in times if identity in updated and identity not in missing]
    return Refreshed(
        changed=tuple(changed[identity] for identity in returned if identity in changed),
        unchanged=tuple(identity for identity in returned if identity not in changed),
        missing=tuple(identity for identity in times if identity in missing),
        updated={identity: updated[identity] for identity in returned},
    )
