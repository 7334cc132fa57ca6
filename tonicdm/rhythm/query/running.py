"""A query that runs at the server: wait for it, and save its result."""

from __future__ import annotations

import contextlib
import math
import os
import pathlib
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import attrs

from tonicdm.clock import Clock
from tonicdm.errors import StoreError
from tonicdm.http.plain import Plain
from tonicdm.rhythm.assumed import Dialect
from tonicdm.rhythm.errors import QueryFailedError, QueryTimeoutError, ResultError
from tonicdm.rhythm.jobs import JobFile
from tonicdm.rhythm.models import QueryExecution
from tonicdm.rhythm.query.download import Downloaded, NotWholeError, OddResultError, download
from tonicdm.rhythm.query.forms import Form, Named
from tonicdm.rhythm.query.polling import PollRules, QueryState, state_of, uri_of
from tonicdm.transfer.part import PartFile

Describe: TypeAlias = Callable[[str], Awaitable[QueryExecution]]

MAX_TRIES: Final = 5
"""How often a result is fetched before it is given up; each try asks for a fresh URI."""
EMPTY_FILES: Final = {"json": b"[]\n", "csv": b""}
"""What stands in the file of a query that found nothing."""


@attrs.frozen(kw_only=True)
class QueryResult:
    """A query's end."""

    query: str
    """Its id."""
    path: pathlib.Path | None
    """The file; None where nothing was found and the format has no way to say so."""
    rows: int | None
    """Rows in the file, counted; of a format whose rows can't be told, what the server named."""
    size: int
    """Bytes."""
    started_at: float | None = None
    """When the query was started, Unix seconds: before that by the server's clock, or by the local one where the server
    tells no Date; None where no note says so."""


@attrs.frozen(kw_only=True)
class RunningQuery:
    """A query that was started; made by `Queries.start` and `Queries.resume`."""

    id: str
    output_format: str
    clock: Clock = attrs.field(repr=False)
    plain: Plain = attrs.field(repr=False)
    dialect: Dialect = attrs.field(repr=False)
    rules: PollRules = attrs.field(repr=False)
    describe_by_id: Describe = attrs.field(repr=False)
    timeout: float = attrs.field(default=60.0, repr=False)
    """Seconds without a byte of the result after which the connection is given up."""

    async def describe(self) -> QueryExecution:
        """Return how it stands; each answer has a fresh URI."""
        return await self.describe_by_id(self.id)

    async def wait(self) -> QueryExecution:
        """Poll with growing pauses until it has ended.

        Returns:
            Its last state; a query without rows has ended as well.

        Raises:
            QueryFailedError: It failed.
            QueryTimeoutError: The deadline passed; the query goes on.
        """
        execution: QueryExecution | None = None
        for pause in self.rules.pauses():
            await self.clock.sleep_until(self.clock.monotonic() + pause)
            execution = await self.describe()
            if self._ended(execution):
                return execution
        raise QueryTimeoutError(self.id, None if execution is None else execution.status, self.rules.deadline)

    def _ended(self, execution: QueryExecution) -> bool:
        state = state_of(execution, self.dialect)
        if state is QueryState.FAILED:
            raise QueryFailedError(self.id, execution.status or "")
        return state is not QueryState.RUNNING

    async def save(
        self, path: str | os.PathLike[str], *, lenient: bool = False, keep_refused: bool = True, held: bool = False
    ) -> QueryResult:
        """Wait for the end and stream the result into a file; it appears there when it is whole.

        A URI that is no longer good is renewed by describing the query again; the query is not run a second time.
        What came whole and is no result stays beside, as ``PATH.part``.

        Args:
            path: The file; one that is there is replaced.
            lenient: Whether CSV in an odd form is accepted: UTF-16, inch marks, lines that end in a carriage return,
                blank lines.
            keep_refused: Whether what came whole and is no result stays beside.
            held: Whether the caller keeps other runs into this file out already.

        Raises:
            UnderWayError: Another run into this file is under way.
            QueryFailedError: The query failed.
            QueryTimeoutError: The deadline passed; the query goes on.
            ResultError: The result can't be fetched, or rows are missing.
            StoreError: The file can't be written.
        """
        with contextlib.nullcontext() if held else JobFile.beside(path).held():
            return await self._saved(pathlib.Path(path), lenient=lenient, keep_refused=keep_refused)

    async def _saved(self, target: pathlib.Path, *, lenient: bool, keep_refused: bool) -> QueryResult:
        execution = await self._ended_already() or await self.wait()
        last_error = ""
        for number in range(MAX_TRIES):
            if state_of(execution, self.dialect) is QueryState.EMPTY:
                return self._nothing(target)
            uri = uri_of(execution, self.dialect)
            if uri is None:
                raise ResultError(
                    self.id,
                    f"has no URI under one of the names that are assumed ({', '.join(self.dialect.result_uris)}); see "
                    "Dialect.result_uris",
                    file=str(target),
                )
            try:
                downloaded = await download(
                    self.plain,
                    uri,
                    target,
                    Form(self.output_format, csv_header=self.dialect.csv_header),
                    named=Named(rows=_whole(execution.rows), size=_whole(execution.size)),
                    renew_on=self.dialect.renew_on,
                    timeout=self.timeout,
                    lenient=lenient,
                    keep_refused=keep_refused,
                )
            except OddResultError as error:
                lenience = "; accept it with lenient=True, or --lenient" if self.output_format == "csv" else ""
                raise ResultError(self.id, f"{error}{_kept(error)}{lenience}", file=str(target)) from None
            except NotWholeError as error:
                last_error = f"{error}{_kept(error)}"
                if not error.stale and number:
                    await self.clock.sleep_until(self.clock.monotonic() + self.rules.first * 2.0**number)
                execution = await self.describe()
            else:
                return self._result(downloaded, execution)
        message = f"could not be fetched in {MAX_TRIES} tries: the last one {last_error}"
        raise ResultError(self.id, message, file=str(target))

    async def _ended_already(self) -> QueryExecution | None:
        """Return the state if the query has ended already, as one that is resumed may have."""
        execution = await self.describe()
        return execution if self._ended(execution) else None

    def _result(self, downloaded: Downloaded, execution: QueryExecution) -> QueryResult:
        rows = _whole(execution.rows) if downloaded.rows is None else downloaded.rows
        return QueryResult(query=self.id, path=downloaded.path, rows=rows, size=downloaded.size)

    def _nothing(self, target: pathlib.Path) -> QueryResult:
        content = EMPTY_FILES.get(self.output_format)
        if content is None:
            return QueryResult(query=self.id, path=None, rows=0, size=0)
        with PartFile(target, StoreError) as part:
            part.write(content)
            part.keep()
        return QueryResult(query=self.id, path=target, rows=0, size=len(content))


def _kept(error: NotWholeError) -> str:
    return "" if error.kept is None else f"; it is kept as {error.kept}"


def _whole(number: float | None) -> int | None:
    return None if number is None or not math.isfinite(number) else int(number)
