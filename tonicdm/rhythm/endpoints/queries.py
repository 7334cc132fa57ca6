"""Queries: everything that matches, in one file (concepts page, "Query")."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from tonicdm.clock import Clock
from tonicdm.errors import (
    BadRequestError,
    DecodeError,
    PermissionDeniedError,
    ServerError,
    TonicDMError,
    TransportError,
)
from tonicdm.http.plain import Plain
from tonicdm.rhythm.caller import RhythmCaller
from tonicdm.rhythm.criteria import Criteria
from tonicdm.rhythm.endpoints.base import Resource
from tonicdm.rhythm.errors import NotFoundError, QueryFailedError, QueryTimeoutError, ResultError
from tonicdm.rhythm.jobs import MAX_TRIES, JobFile, JobNote, Note
from tonicdm.rhythm.models import CODEC, QueryExecution, QueryTypeDescription
from tonicdm.rhythm.query.polling import PollRules
from tonicdm.rhythm.query.running import QueryResult, RunningQuery
from tonicdm.rhythm.query.spec import OutputField, QuerySpec

logger: Final = logging.getLogger("tonicdm")

_NUMBERS: Final = frozenset({"rows", "size", "duration"})
"""What the reference declares as numbers, and a server may write as text."""


@attrs.frozen
class _Run:
    """What one call of `Queries.run` asks for."""

    spec: QuerySpec
    output_format: str
    rules: PollRules | None
    lenient: bool = attrs.field(kw_only=True)


class Queries(Resource):
    """Queries (``/queries`` of the system service)."""

    def __init__(self, caller: RhythmCaller, plain: Plain) -> None:
        super().__init__(caller)
        self._plain = plain

    async def describe_type(self, query_type: str, *, context_id: str | None = None) -> QueryTypeDescription:
        """Return the fields of a query type, and those returned unless others are asked for.

        (reference: getQueryDescription)

        Args:
            query_type: An app and a kind, such as ``rolodex:contacts``.
            context_id: The context, for types that need one.
        """
        return await self._read(
            "getQueryDescription", QueryTypeDescription, {"queryType": query_type}, context_id=context_id
        )

    async def start(
        self,
        query_type: str,
        fields: Iterable[OutputField],
        *,
        criteria: Criteria | Mapping[str, Any] | None = None,
        sort: Iterable[OutputField] = (),
        limit: int | None = None,
        offset: int | None = None,
        name: str | None = None,
        context_id: str | None = None,
        output_format: str = "json",
        rules: PollRules | None = None,
    ) -> RunningQuery:
        """Start a query (reference: startQuery); nothing remembers it but what is returned, see `run`.

        Args:
            query_type: An app and a kind, such as ``rolodex:contacts``.
            fields: What to return, fields of related types included.
            criteria: What must hold: ``field(...)`` comparisons, or JSON copied from Rhythm's console.
            sort: Fields to sort by; a minus before a name turns its order.
            limit: Most rows.
            offset: Rows to leave out at the start.
            name: A label.
            context_id: The context, for types that need one.
            output_format: ``json``, ``csv``, ``excel`` or another that the tenant has.
            rules: How often to look, and for how long.
        """
        spec = QuerySpec(
            type=query_type,
            fields=tuple(fields),
            criteria=criteria,
            sort=tuple(sort),
            limit=limit,
            offset=offset,
            name=name,
            context_id=context_id,
        )
        return await self.start_spec(spec, output_format=output_format, rules=rules)

    async def start_spec(
        self, spec: QuerySpec, *, output_format: str = "json", rules: PollRules | None = None
    ) -> RunningQuery:
        """Start the query that *spec* describes.

        Args:
            spec: The query.
            output_format: As for `start`.
            rules: How often to look, and for how long.
        """
        values = {"queryType": spec.type, "outputFormat": output_format}
        started = await self._write("startQuery", QueryExecution, spec.body(self._caller.dialect.query), values)
        return self.resume(_id(started), output_format=output_format, rules=rules)

    async def start_saved(
        self, chapter: str, saved_query: str, *, output_format: str = "json", rules: PollRules | None = None
    ) -> RunningQuery:
        """Start a saved query for a chapter (reference: runChapterSavedQuery).

        Args:
            chapter: The chapter's id.
            saved_query: The saved query's id.
            output_format: As for `start`.
            rules: How often to look, and for how long.
        """
        values = {"chapterId": chapter, "savedQueryId": saved_query, "outputFormat": output_format}
        started = await self._write("runChapterSavedQuery", QueryExecution, None, values)
        return self.resume(_id(started), output_format=output_format, rules=rules)

    def resume(self, query: str, *, output_format: str = "json", rules: PollRules | None = None) -> RunningQuery:
        """Return the query with this id, started here or elsewhere; nothing is sent.

        Args:
            query: Its id.
            output_format: The format it was started with.
            rules: How often to look, and for how long.
        """
        return RunningQuery(
            id=query,
            output_format=output_format,
            clock=self._clock,
            plain=self._plain,
            dialect=self._caller.dialect,
            rules=rules or PollRules(),
            describe_by_id=self.describe,
        )

    async def describe(self, query: str) -> QueryExecution:
        """Return how a query stands (reference: describeQuery).

        Args:
            query: Its id.
        """
        state = await self._caller.call("describeQuery", {"id": query})
        record = state[0] if isinstance(state, list) and state else state
        if not isinstance(record, dict):
            raise DecodeError(["$: expected an object"], what=f"the answer to how the query {query} stands")
        return CODEC.read({name: _number(name, value) for name, value in record.items()}, QueryExecution)

    async def run(
        self,
        spec: QuerySpec,
        output: str | os.PathLike[str],
        *,
        output_format: str = "json",
        rules: PollRules | None = None,
        anew: bool = False,
        keep_note: bool = False,
        lenient: bool = False,
        note: JobNote | None = None,
    ) -> QueryResult:
        """Run a query into a file, once: after a crash the same call goes on with the query it had started.

        ``OUTPUT.job``, or a note in the client's database, says that a query is about to be started before it is, and
        its id before it is looked at for the first time; it is forgotten when the file is in place. A crash between
        the two starts a second query, which reads the same and changes nothing. A query whose result can't be brought
        home in three runs, or in a day, is given up, and another one started. One run at a time goes into an output.

        Args:
            spec: The query.
            output: The file; it appears when it is whole.
            output_format: As for `start`.
            rules: How often to look, and for how long.
            anew: Whether a note of another query is dropped, instead of stopping the call.
            keep_note: Whether the note stays when the file is in place; who has done with the file removes it.
            lenient: Whether CSV in an odd form is accepted.
            note: Another note than that one.

        Raises:
            ConfigError: The note is of another query; nothing was sent.
            UnderWayError: Another run into this file is under way; nothing was sent.
            QueryFailedError: The query failed, or the server has forgotten it; the next call starts a new one.
            QueryTimeoutError: The deadline passed; the same call goes on with it.
            ResultError: The result can't be fetched; the same call tries again.
            StoreError: A file can't be written.
        """
        file, work = JobFile.beside(output), _Run(spec, output_format, rules, lenient=lenient)
        job = self._caller.note_at(file.path) if note is None else note
        fingerprint = spec.fingerprint(self._caller.tenant, output_format, self._caller.dialect.query)
        # The file's own lock keeps out those who save a result there without a note.
        async with contextlib.nullcontext() if job == file else file.holding(), job.holding():
            known = await asyncio.to_thread(job.of if anew else job.matching, fingerprint)
            resumed = known is not None and bool(known.id)
            if known is not None and not known.id:
                logger.warning(
                    "%s: an earlier run ended while it started a query, and may have left one at the server; another "
                    "one is started",
                    job.name,
                )
            if known is None or not known.id:
                known = await self._begin(work, job, fingerprint)
            result = await self._bring(work, job, known, output, gives_up=resumed)
            if result is None:
                known = await self._begin(work, job, fingerprint)
                result = await self._bring(work, job, known, output, gives_up=False)
            assert result is not None
            if not keep_note:
                await asyncio.to_thread(job.remove)
        return result

    async def _begin(self, work: _Run, job: JobNote, fingerprint: str) -> Note:
        """Start a query, with a note before and after; a folder that can't be written starts none."""
        clock, server = self._clock, self._caller.server_clock
        note = Note(id="", fingerprint=fingerprint, started_at=server.now())
        await asyncio.to_thread(job.write, note)
        sent_at = clock.monotonic()
        try:
            started = await self.start_spec(work.spec, output_format=work.output_format, rules=work.rules)
        except (TransportError, ServerError, DecodeError) as error:
            if isinstance(error, TransportError) and not error.sent:
                await asyncio.to_thread(job.remove)
            raise
        except TonicDMError:
            await asyncio.to_thread(job.remove)
            raise
        # By the server's clock, before the start: what changes later is read by the next run.
        began = server.now() - (clock.monotonic() - sent_at) if server.is_known else note.started_at
        note = attrs.evolve(note, id=started.id, started_at=began)
        await asyncio.to_thread(job.write, note)
        return note

    async def _bring(
        self, work: _Run, job: JobNote, note: Note, output: str | os.PathLike[str], *, gives_up: bool
    ) -> QueryResult | None:
        """Bring the result of a started query home; None where it was given up, and another one may be started."""
        running = self.resume(note.id, output_format=work.output_format, rules=work.rules)
        try:
            result = await running.save(output, lenient=work.lenient, held=True)
        except QueryFailedError:
            await asyncio.to_thread(job.remove)
            raise
        except NotFoundError as error:
            await asyncio.to_thread(job.remove)
            raise QueryFailedError(note.id, "404", ": the server does not know it any more") from error
        except (ResultError, QueryTimeoutError, PermissionDeniedError, BadRequestError) as error:
            counts = not isinstance(error, QueryTimeoutError)
            if await asyncio.to_thread(job.failed, note, self._caller.server_clock.now(), counts=counts) and gives_up:
                logger.warning("%s: the query %s is given up, and another one is started: %s", job.name, note.id, error)
                return None
            if isinstance(error, QueryTimeoutError):
                raise QueryTimeoutError(error.query, error.status, error.seconds, file=str(output)) from None
            if not isinstance(error, ResultError):
                what = f"can't be asked for: {error} {job.name} remembers it, for {MAX_TRIES} runs or a day"
                raise ResultError(note.id, what, file=str(output)) from error
            raise
        return attrs.evolve(result, started_at=note.started_at)

    @property
    def _clock(self) -> Clock:
        return self._caller.transport.clock


def _id(execution: QueryExecution | None) -> str:
    if execution is None or not execution.id:
        raise DecodeError(["$.id: expected string, found nothing"], what="the answer to a query's start")
    return execution.id


def _number(name: str, value: Any) -> Any:
    """Return a number that came as text; one that is no number at all is not known, and costs nothing else."""
    if name not in _NUMBERS or not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return None
