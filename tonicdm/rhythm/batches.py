"""Batches of writes as values: the body that is sent, and the result of each operation. No I/O.

A batch takes at most 100 operations, each a patch or a delete (reference: BatchRequest). Their members, and those of
the results, are not printed: they are words of a `BatchDialect`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs

from tonicdm.codec import Record
from tonicdm.codec.scalars import json_type
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
    operations: Iterable[BatchOperation], model: type[Record], dialect: BatchDialect, form: PatchForm
) -> list[dict[str, Any]]:
    """Return operations as they are sent, all of them checked.

    Args:
        operations: Patches and deletes, each record once.
        model: The records' class.
        dialect: The words.
        form: How a patch sets a field.

    Raises:
        InvalidOptionError: One can't be sent, or a record stands in two of them.
    """
    listed = list(operations)
    if not listed:
        raise InvalidOptionError(f"a batch needs at least one operation. {NOTHING_SENT}")
    seen: set[str] = set()
    for number, operation in enumerate(listed):
        if not isinstance(operation, (BatchPatch, BatchDelete)):
            raise InvalidOptionError(
                f"operation {number} is a {type(operation).__name__}, but a batch takes BatchPatch and BatchDelete. "
                f"{NOTHING_SENT}"
            )
        if not isinstance(operation.id, str) or not operation.id.strip():
            raise InvalidOptionError(f"operation {number} names no record. {NOTHING_SENT}")
        if operation.id in seen:
            raise InvalidOptionError(
                f"operation {number} is of a record that an earlier one is of; the order inside a batch is not "
                f"documented. {NOTHING_SENT}"
            )
        seen.add(operation.id)
    return [_written(operation, model, dialect, form) for operation in listed]


def _written(operation: BatchOperation, model: type[Record], dialect: BatchDialect, form: PatchForm) -> dict[str, Any]:
    if isinstance(operation, BatchDelete):
        return {dialect.type_key: dialect.delete, dialect.id_key: operation.id}
    steps = steps_of(model, operation.changes, form) if operation.steps is None else checked_steps(operation.steps)
    return {dialect.type_key: dialect.patch, dialect.id_key: operation.id, dialect.steps_key: steps}


def outcomes(answer: Any, sent: Sequence[Mapping[str, Any]], dialect: BatchDialect) -> list[Outcome | Exception]:
    """Return what an answer says of each operation: its result, or an error where it failed.

    Results are matched by the record's id, or by their places where they carry none. An operation is done where its
    result does not say otherwise, or the counts leave no room for a failure. Where they do leave room, and do not say
    which operations failed, every one of them may have, and all are errors.

    Args:
        answer: The JSON of the answer.
        sent: The operations.
        dialect: The words.
    """
    if not isinstance(answer, Mapping):
        what = f"the answer is {json_type(answer)}, not an object"
        return [BatchOperationError(_id(operation, dialect), what) for operation in sent]
    results = _matched(answer.get("results"), sent, dialect)
    checked = [_outcome(_id(operation, dialect), own, dialect) for operation, own in zip(sent, results, strict=True)]
    known_failures = sum(isinstance(outcome, Exception) for outcome in checked)
    errors, successes = _count(answer.get("error_count")), _count(answer.get("success_count"))
    failures = max(errors or 0, 0 if successes is None else len(sent) - successes)
    unclear, unconfirmed = "", list(range(len(sent)))
    if failures > known_failures:
        unclear = f"the server counts {failures:,} failed operations of {len(sent):,} and does not say which"
    elif not known_failures and any(answer.get(key) for key in dialect.error_keys):
        unclear = "the server names an error, and no operation that failed"
    elif errors is None and successes is None:
        unclear, unconfirmed = "the server says nothing of it", [n for n, own in enumerate(results) if not own]
    for n in unconfirmed if unclear else ():
        if not isinstance(checked[n], Exception):
            checked[n] = BatchOperationError(_id(sent[n], dialect), unclear)
    return checked


def _matched(results: Any, sent: Sequence[Mapping[str, Any]], dialect: BatchDialect) -> list[list[Any]]:
    """Return what an answer has of each operation: nothing, a result, or several."""
    if not isinstance(results, list):
        return [[] for _ in sent]
    records = [_id(operation, dialect) for operation in sent]
    named = [
        str(result[dialect.id_key]) if isinstance(result, Mapping) and dialect.id_key in result else None
        for result in results
    ]
    if len(results) == len(sent) and all(name in {None, own} for name, own in zip(named, records, strict=True)):
        return [[result] for result in results]
    return [[result for result, name in zip(results, named, strict=True) if name == record] for record in records]


def _outcome(record: str, results: Sequence[Any], dialect: BatchDialect) -> Outcome | Exception:
    failures = [what for result in results if (what := _failure(result, dialect))]
    if failures:
        return BatchOperationError(record, failures[0])
    return results[-1] if results else None


def _failure(result: Any, dialect: BatchDialect) -> str:
    """Return what went wrong by a result's own words; empty where nothing did."""
    if isinstance(result, str):
        return f"the server says {result!r}" if result.lower() in dialect.failed else ""
    if not isinstance(result, Mapping):
        return ""
    for key in dialect.error_keys:
        if result.get(key):
            return f"the server names an {key}"
    for key in dialect.status_keys:
        status = result.get(key)
        number = _count(status)
        if (number or 0) >= 400:
            return f"the server gives it the {key} {number}"
        if isinstance(status, str) and status.lower() in dialect.failed:
            return f"the server gives it the {key} {status!r}"
    return f"the server says {dialect.success_key}: false" if result.get(dialect.success_key) is False else ""


def _count(value: Any) -> int | None:
    """Return a whole number, also one that came as text; None for what is none."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return int(value.strip()[:9])
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e9:
        return None
    return int(value) if value == int(value) else None


def _id(operation: Mapping[str, Any], dialect: BatchDialect) -> str:
    return str(operation[dialect.id_key])
