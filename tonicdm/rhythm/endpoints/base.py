"""Operations that the resources of Rhythm share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias, TypeVar

from tonicdm.codec import Record
from tonicdm.codec.records import write_scalar
from tonicdm.codec.scalars import is_aware
from tonicdm.errors import DecodeError, InvalidOptionError
from tonicdm.http.operation import NOTHING_SENT
from tonicdm.paging import Paginator
from tonicdm.rhythm.caller import RhythmCaller
from tonicdm.rhythm.models import CODEC
from tonicdm.rhythm.operations import OPERATIONS, START_KEY
from tonicdm.rhythm.paging import paginate, parse_page
from tonicdm.rhythm.patches import PatchForm, Steps, checked_steps, steps_of
from tonicdm.types import CollectionOf

R = TypeVar("R", bound=Record)

FieldNames: TypeAlias = CollectionOf[str] | Iterator[str] | None
"""Names of the fields to return; None for whole records (concepts page, "List")."""


class Resource:
    """The base of all resources; made by the client, one attribute each."""

    def __init__(self, caller: RhythmCaller) -> None:
        self._caller = caller

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._caller.tenant}>"

    async def _read(
        self,
        operation: str,
        model: type[R],
        values: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        **options: Any,
    ) -> R:
        record = _first(await self._caller.call(operation, values, options, body=body))
        if record is None:
            raise DecodeError(["$: expected an object, found nothing"], what=OPERATIONS[operation].label)
        return CODEC.read(record, model)

    async def _write(
        self, operation: str, model: type[R], body: Any, values: Mapping[str, str] | None = None
    ) -> R | None:
        """Send *body*; the answer is assumed to be the record, and may be nothing."""
        record = _first(await self._caller.call(operation, values, body=body))
        return CODEC.read(record, model) if isinstance(record, dict) else None

    async def _update(
        self, operation: str, model: type[R], record: str, changes: Mapping[str, Any], form: PatchForm | None
    ) -> R | None:
        steps = steps_of(model, changes, form or self._caller.dialect.patch_operation)
        return await self._patch(operation, model, record, steps)

    async def _patch(self, operation: str, model: type[R], record: str, steps: Steps) -> R | None:
        return await self._write(operation, model, checked_steps(steps), {"id": record})

    def _list(
        self,
        operation: str,
        model: type[R],
        *,
        values: Mapping[str, str] | None = None,
        fields: FieldNames = None,
        body: Mapping[str, Any] | None = None,
    ) -> Paginator[R]:
        in_body = body is not None and self._caller.dialect.start_key_in_body

        async def fetch(key: str | None) -> Any:
            options = {"fields": fields, "exclusive_start_key": None if in_body else key}
            sent = body if key is None or not in_body else {**(body or {}), START_KEY.name: key}
            return await self._caller.call(operation, values, options, body=sent, parse=parse_page)

        return paginate(fetch, model, OPERATIONS[operation].label)


def search_body(criteria: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a search: its criteria, and those of ``extra`` beside them."""
    body = {name: value for name, value in criteria.items() if name != "extra"}
    return {**body, **criteria.get("extra", {})}


def moments(name: str, value: Any) -> list[str]:
    """Return a pair of moments as a search takes it (reference: PledgeSearch.date, exactly two date-times).

    Args:
        name: The criterion.
        value: The first and the last moment, both with a zone.

    Raises:
        InvalidOptionError: It is no such pair, or it ends before it begins.
    """
    pair = tuple(value) if isinstance(value, (list, tuple)) else ()
    if len(pair) != 2 or not all(map(is_aware, pair)):
        raise InvalidOptionError(f"{name} takes two datetimes with a zone: from, until. {NOTHING_SENT}")
    if pair[1] < pair[0]:
        raise InvalidOptionError(f"{name} ends before it begins, so nothing can match. {NOTHING_SENT}")
    return [write_scalar(moment) for moment in pair]


def _first(answer: Any) -> Any:
    """Return the record of an answer that is a record or an array of one, or None."""
    if isinstance(answer, list):
        return answer[0] if answer else None
    return answer
