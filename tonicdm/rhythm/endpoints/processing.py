"""Calls that start work which goes on after their response: orders, invoices, payments, cancellations."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import json
import os
import pathlib
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from tonicdm.errors import DecodeError, ServerError, StoreError, TonicDMError, TransportError
from tonicdm.rhythm.endpoints.base import Resource
from tonicdm.rhythm.endpoints.step_functions import Execution, Started, StepFunctions
from tonicdm.rhythm.errors import SubmissionUnknownError
from tonicdm.rhythm.jobs import JobFile, JobNote, Note, on_thread
from tonicdm.rhythm.operations import OPERATIONS

LookupHint = Callable[[Mapping[str, Any]], str]
"""Says how to find out whether a body was acted on, for errors."""


class Processing(Resource):
    """The base of resources whose POST answers with an execution (concepts page, "Responses")."""

    async def _process(
        self,
        operation: str,
        body: dict[str, Any],
        *,
        note: str | os.PathLike[str] | None,
        started: Started | None,
        lookup_hint: LookupHint,
        key: str | None = None,
    ) -> Execution:
        """Start the work once, whatever crashes.

        With a note, the file says that the work is about to be submitted before a byte of it is sent, and which
        execution does it before anybody else hears of it. A second call with the same body then goes on with the same
        execution, or says that nobody knows whether there is one.

        Args:
            operation: Its name in the reference.
            body: What to send.
            note: The file.
            started: Told the ARN before anything else.
            lookup_hint: How to find out whether it was carried out.
            key: Member of the body by which the server tells submissions apart; filled in where it is absent.

        Raises:
            UnderWayError: Another submission with this note is under way; nothing was sent.
        """
        file = None if note is None else self._caller.note_at(pathlib.Path(note))
        async with contextlib.nullcontext() if file is None else file.holding():
            return await self._started(operation, body, file=file, started=started, lookup_hint=lookup_hint, key=key)

    async def _started(
        self,
        operation: str,
        body: dict[str, Any],
        *,
        file: JobNote | None,
        started: Started | None,
        lookup_hint: LookupHint,
        key: str | None,
    ) -> Execution:
        functions = StepFunctions(self._caller)
        digest = fingerprint_of(self._caller.tenant, operation, body)
        now = self._caller.transport.clock.now()
        earlier = None if file is None else await on_thread(functools.partial(file.matching, digest))
        if earlier is not None and earlier.id:
            # As it was handed out the first time, whatever its form.
            return Execution(arn=earlier.id, functions=functions)
        if key is not None and body.get(key) is None:
            made_at = now if earlier is None else earlier.started_at
            body = {**body, key: uuid.uuid4().hex if file is None else _key_of(file, digest, made_at)}
        unknown = SubmissionUnknownError(
            OPERATIONS[operation].label, lookup_hint(body), note=None if file is None else file.name
        )
        if earlier is not None:
            raise unknown
        if file is not None:
            await _note_start(file, Note(id="", fingerprint=digest, started_at=now))
        answer = await self._answered(operation, body, file, unknown)

        async def keep(arn: str) -> None:
            if file is not None:
                await on_thread(functools.partial(file.write, Note(id=arn, fingerprint=digest, started_at=now)))

        return await functions.begun(answer, started, keep, label=OPERATIONS[operation].label)

    async def _answered(
        self, operation: str, body: dict[str, Any], file: JobNote | None, unknown: SubmissionUnknownError
    ) -> Any:
        """Return the JSON of the answer, or why it is none: the work has begun all the same."""
        try:
            return await self._caller.call(operation, body=body)
        except DecodeError as error:
            return error
        except TonicDMError as error:
            if not _surely_not_begun(error):
                raise unknown from error
            if file is not None:
                await _forget(file, error)
            raise
        except asyncio.CancelledError as error:
            # Who is cancelled in the middle must still hear that the work may have begun.
            error.add_note(str(unknown))
            raise


def fingerprint_of(tenant: str, operation: str, body: Mapping[str, Any]) -> str:
    """Return what tells one submission from another; nothing of the body can be had back from it.

    Args:
        tenant: Whose it is.
        operation: Its name in the reference.
        body: What is sent.
    """
    return _digest(tenant, operation, body)


def _key_of(note: JobNote, fingerprint: str, made_at: float) -> str:
    """Return the key of a submission that its note can tell again."""
    place = str(note.path.absolute()) if isinstance(note, JobFile) else note.name
    return _digest(place, fingerprint, made_at)


def _digest(*parts: Any) -> str:
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


async def _note_start(file: JobNote, note: Note) -> None:
    """Note that the work is about to be submitted; who is cancelled before it is leaves no note."""
    try:
        await on_thread(functools.partial(file.write, note))
    except asyncio.CancelledError as error:
        with contextlib.suppress(StoreError):
            await on_thread(file.remove)
        raise error from None


async def _forget(file: JobNote, error: TonicDMError) -> None:
    """Remove the note of what did not begin; a note that can't be removed must not hide why."""
    try:
        await on_thread(file.remove)
    except StoreError as stays:
        error.add_note(f"{stays} Nothing began: remove it before you submit again.")


def _surely_not_begun(error: TonicDMError) -> bool:
    """Tell whether no work can have begun: nothing was sent, or the server refused it."""
    return not error.sent if isinstance(error, TransportError) else not isinstance(error, ServerError)
