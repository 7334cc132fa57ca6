"""Batches of writes as values: what is sent, and what an answer says of each operation; no I/O.

A batch takes at most 100 operations, each a patch or a delete (reference: BatchRequest). Their members, and those of
the results, are not printed: they are words of a `BatchDialect`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs

from tonicdm.codec import Record
from tonicdm.codec.scalars import json_kind
from tonicdm.errors import InvalidOptionError
from tonicdm.http.operation import NOTHING_SENT
from tonicdm.rhythm.assumed import BatchDialect
from tonicdm.rhythm.errors import BatchOperationError
from tonicdm.rhythm.patches import PatchForm, Steps, checked_steps, steps_of

MAX_OPERATIONS: Final = 100
"""Operations of one call (reference: BatchRequest.operations)."""


@attrs.frozen
class BatchPatch:
    """One record to be changed."""

    id: str
    """The record."""
    changes: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    """New values by attribute name, as for ``update()``."""
    steps: Steps | None = attrs.field(default=None, kw_only=True, repr=False)
    """Instead of the changes: a JSON Patch as it is."""


@attrs.frozen
class BatchDelete:
    """One record to be deleted."""

    id: str
    """The record."""


BatchOperation: TypeAlias = BatchPatch | BatchDelete
Outcome: TypeAlias = Any
"""What the server said of one operation, as plain JSON; None where it said nothing of it alone."""


def written(
    operations: Iterable[BatchOperation], kind: type[Record], dialect: BatchDialect, form: PatchForm
) -> list[dict[str, Any]]:
    """Return operations as they are sent, all of them checked.

    Args:
        operations: Patches and deletes, each record once.
        kind: The records' class.
        dialect: The words.
        form: How a patch sets a field.

    Raises:
        InvalidOptionError: One can't be sent, or a record stands in two of them.
    """
    found = list(operations)
    if not found:
        raise InvalidOptionError(f"a batch needs at least one operation. {NOTHING_SENT}")
    seen: set[str] = set()
    for number, one in enumerate(found):
        if not isinstance(one, (BatchPatch, BatchDelete)):
            raise InvalidOptionError(
                f"operation {number} is a {type(one).__name__}, but a batch takes BatchPatch and BatchDelete. "
                f"{NOTHING_SENT}"
            )
        if not isinstance(one.id, str) or not one.id.strip():
            raise InvalidOptionError(f"operation {number} names no record. {NOTHING_SENT}")
        if one.id in seen:
            raise InvalidOptionError(
                f"operation {number} is of a record that an earlier one is of; the order inside a batch is not "
                f"documented. {NOTHING_SENT}"
            )
        seen.add(one.id)
    return [_written(one, kind, dialect, form) for one in found]


def _written(one: BatchOperation, kind: type[Record], dialect: BatchDialect, form: PatchForm) -> dict[str, Any]:
    if isinstance(one, BatchDelete):
        return {dialect.kind_key: dialect.delete, dialect.id_key: one.id}
    steps = steps_of(kind, one.changes, form) if one.steps is None else checked_steps(one.steps)
    return {dialect.kind_key: dialect.patch, dialect.id_key: one.id, dialect.steps_key: steps}


def outcomes(answer: Any, sent: Sequence[Mapping[str, Any]], dialect: BatchDialect) -> list[Outcome | Exception]:
    """Return what an answer says of each operation: its result, or an error where it failed.

    Results are matched by the record's id where all of them carry one, else by their places. Where the answer counts
    failures and does not say which operations they are, every one of them may have failed, and all are errors.

    Args:
        answer: The JSON of the answer.
        sent: The operations.
        dialect: The words.
    """
    if not isinstance(answer, Mapping):
        return [
            BatchOperationError(_id(one, dialect), f"the answer is {json_kind(answer)}, not an object") for one in sent
        ]
    results = _matched(answer.get("results"), sent, dialect)
    failures = answer.get("error_count")
    found: list[Outcome | Exception] = [
        BatchOperationError(_id(one, dialect), what) if (what := _failure(result, dialect)) else result
        for one, result in zip(sent, results, strict=True)
    ]
    told = sum(isinstance(one, Exception) for one in found)
    if isinstance(failures, (int, float)) and not isinstance(failures, bool) and failures > told:
        unclear = f"the server counts {failures:,.0f} failed operations of {len(sent):,} and does not say which"
        return [
            one if isinstance(one, Exception) else BatchOperationError(_id(sent[n], dialect), unclear)
            for n, one in enumerate(found)
        ]
    return found


def _matched(results: Any, sent: Sequence[Mapping[str, Any]], dialect: BatchDialect) -> list[Any]:
    """Return the result of each operation; None where there is none."""
    if not isinstance(results, list):
        return [None] * len(sent)
    named = {one.get(dialect.id_key): one for one in results if isinstance(one, Mapping)}
    if len(named) == len(results) and None not in named:
        return [named.get(_id(one, dialect)) for one in sent]
    return results if len(results) == len(sent) else [None] * len(sent)


def _failure(result: Any, dialect: BatchDialect) -> str:
    """Return what went wrong by a result's own words; empty where nothing did."""
    if not isinstance(result, Mapping):
        return ""
    for key in dialect.error_keys:
        if result.get(key):
            return f"the server names an {key}"
    for key in dialect.status_keys:
        status = result.get(key)
        if isinstance(status, int) and not isinstance(status, bool) and status >= 400:
            return f"the server gives it the {key} {status}"
        if isinstance(status, str) and status.lower() in dialect.failed:
            return f"the server gives it the {key} {status!r}"
    return f"the server says {dialect.success_key}: false" if result.get(dialect.success_key) is False else ""


def _id(one: Mapping[str, Any], dialect: BatchDialect) -> str:
    return str(one[dialect.id_key])
