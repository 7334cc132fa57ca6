"""Queries: everything that matches, in one file (concepts page, "Query")."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from tonicdm.clock import Clock
from tonicdm.errors import DecodeError
from tonicdm.http.plain import Plain
from tonicdm.rhythm.caller import RhythmCaller
from tonicdm.rhythm.criteria import Criteria
from tonicdm.rhythm.endpoints.base import Noun
from tonicdm.rhythm.errors import NotFoundError, QueryFailedError
from tonicdm.rhythm.jobs import JobFile, Note
from tonicdm.rhythm.models import QueryExecution, QueryTypeDescription
from tonicdm.rhythm.polling import PollRules
from tonicdm.rhythm.query_spec import OutputField, QuerySpec
from tonicdm.rhythm.running import QueryResult, RunningQuery


class Queries(Noun):
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
        found = await self._write("startQuery", QueryExecution, spec.body(self._caller.dialect.query), values)
        return self.resume(_id(found), output_format=output_format, rules=rules)

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
        found = await self._write("runChapterSavedQuery", QueryExecution, None, values)
        return self.resume(_id(found), output_format=output_format, rules=rules)

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
        return await self._read("describeQuery", QueryExecution, {"id": query})

    async def run(
        self,
        spec: QuerySpec,
        output: str | os.PathLike[str],
        *,
        output_format: str = "json",
        rules: PollRules | None = None,
        anew: bool = False,
        keep_note: bool = False,
    ) -> QueryResult:
        """Run a query into a file, once: after a crash the same call goes on with the query it had started.

        The query's id is on the disk, in ``OUTPUT.job``, before the query is looked at for the first time; it is
        forgotten when the file is in place. A crash between the server's answer and that note starts a second query,
        which reads the same and changes nothing.

        Args:
            spec: The query.
            output: The file; it appears when it is whole.
            output_format: As for `start`.
            rules: How often to look, and for how long.
            anew: Whether a note of another query is dropped, instead of stopping the call.
            keep_note: Whether the note stays when the file is in place; who has done with the file removes it.

        Raises:
            ConfigError: The note is of another query; nothing was sent.
            QueryFailedError: The query failed, or the server has forgotten it; the next call starts a new one.
            QueryTimeoutError: The deadline passed; the same call goes on with it.
            ResultError: The result can't be fetched; the same call tries again.
            StoreError: A file can't be written.
        """
        job = JobFile.beside(output)
        fingerprint = spec.fingerprint(self._caller.tenant, output_format, self._caller.dialect.query)
        note = await asyncio.to_thread(job.of if anew else job.matching, fingerprint)
        if note is None:
            began = self._clock.now()
            started = await self.start_spec(spec, output_format=output_format, rules=rules)
            note = Note(id=started.id, fingerprint=fingerprint, started_at=began)
            await asyncio.to_thread(job.write, note)
        try:
            result = await self.resume(note.id, output_format=output_format, rules=rules).save(output)
        except QueryFailedError:
            await asyncio.to_thread(job.remove)
            raise
        except NotFoundError as error:
            await asyncio.to_thread(job.remove)
            raise QueryFailedError(note.id, "404", ": the server does not know it any more") from error
        if not keep_note:
            await asyncio.to_thread(job.remove)
        return attrs.evolve(result, started_at=note.started_at)

    @property
    def _clock(self) -> Clock:
        return self._caller.transport.clock


def _id(execution: QueryExecution | None) -> str:
    if execution is None or not execution.id:
        raise DecodeError(["$.id: expected string, found nothing"], what="the answer to a query's start")
    return execution.id
