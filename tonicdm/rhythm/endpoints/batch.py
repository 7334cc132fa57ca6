"""Many writes in a few calls."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, ClassVar, Generic, TypeVar

from tonicdm.codec import Record
from tonicdm.errors import BulkError, DecodeError, TonicDMError
from tonicdm.rhythm.batches import MAX_OPERATIONS, BatchOperation, outcomes, written
from tonicdm.rhythm.endpoints.base import Resource
from tonicdm.rhythm.errors import BatchOperationError
from tonicdm.rhythm.patches import PatchForm

R = TypeVar("R", bound=Record)


class Batched(Resource, Generic[R]):
    """The base of resources whose records can be changed and deleted many at a time."""

    batch_operation: ClassVar[str]
    """The batch's name in the reference."""
    batch_model: type[R]
    """The records' class."""

    async def batch(self, operations: Iterable[BatchOperation], *, form: PatchForm | None = None) -> list[Any]:
        """Change and delete records, 100 in a call, each record once (reference: BatchRequest).

        No call is sent a second time, and none after one that failed as a whole.

        Args:
            operations: `BatchPatch` and `BatchDelete` values; all are checked before the first call.
            form: How patches set fields; what the client's dialect says unless given.

        Returns:
            What the server said of each operation, in their order, as plain JSON; None where it said nothing of it.

        Raises:
            BulkError: Some operations failed; ``done`` and ``failed`` hold the others' results and the errors by the
                operations' places. After a lost answer, or one that can't be read, those of its call may have been
                carried out.
            APIError: The first call was refused as a whole.
            BudgetError: No token could be had for the first call; nothing was sent.
            TransportError: No answer to the first call came.
        """
        dialect = self._caller.dialect
        sent = written(operations, self.batch_model, dialect.batch, form or dialect.patch_operation)
        results: list[Any] = []
        for start in range(0, len(sent), MAX_OPERATIONS):
            part = sent[start : start + MAX_OPERATIONS]
            try:
                answer = await self._caller.call(self.batch_operation, body={"operations": part})
            except TonicDMError as error:
                # An answer that can't be read does not say that nothing was done.
                if not start and not isinstance(error, DecodeError):
                    raise
                unsent = sent[start + len(part) :]
                results += [error] * len(part)
                ids = [str(operation[dialect.batch.id_key]) for operation in unsent]
                results += [BatchOperationError(record_id, "it was not sent") for record_id in ids]
                break
            except asyncio.CancelledError as error:
                error.add_note(
                    f"{start} of {len(sent)} operations of the batch were answered; whether the next {len(part)} were "
                    "carried out is unknown, and the rest was not sent"
                )
                raise
            results += outcomes(answer, part, dialect.batch)
        failed = {n: outcome for n, outcome in enumerate(results) if isinstance(outcome, BaseException)}
        if failed:
            raise BulkError({n: outcome for n, outcome in enumerate(results) if n not in failed}, failed)
        return results
