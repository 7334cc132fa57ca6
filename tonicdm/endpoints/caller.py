"""The caller that all endpoint classes of a client share; it makes the calls and keeps what they show of the server."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from tonicdm.budget import Share, UnitBudget
from tonicdm.endpoints.options import DATA_QUANTITY, MAX_PAGE_SIZE
from tonicdm.errors import BudgetTimeoutError, ServerError, TransportError, may_exist
from tonicdm.http.messages import OutgoingRequest, Response
from tonicdm.http.operation import Operation
from tonicdm.http.retry import RetryPolicy
from tonicdm.http.transport import Transport
from tonicdm.http.wire import Prepared, Request
from tonicdm.late import LateModule
from tonicdm.types import MAX_UNITS_PER_CALL, DataQuantity, InvalidRecord, OptionPlacement, Priority, RecordID
from tonicdm.values import State, Value

if TYPE_CHECKING:
    from tonicdm import models
else:
    models = LateModule("tonicdm.models")


class ServerFacts(State):
    """Facts that a server's responses have shown so far, shared by all views of one client."""

    __slots__ = ("cut_at", "ids_per_call", "ids_proven", "largest_page", "page_limit", "paged")

    def __init__(
        self,
    ) -> None:
        self.ids_per_call: int = 240
        """Most IDs that are put into one header: about 8 KB of them fit most servers."""
        self.ids_proven: int = 0
        """Most IDs that were answered in one call."""
        self.page_limit: int = MAX_PAGE_SIZE
        """Most records that may be asked for in one page."""
        self.largest_page: int = 0
        """Records of the largest page seen where more were asked for."""
        self.paged: set[str] = set()
        """Paths whose pages turned out to exist, though the reference shows none."""
        self.cut_at: dict[str, int] = {}
        """Records after which an answer by ID turned out to be cut, by path."""

    def ids_for(self, path: str) -> int:
        """Return the most IDs that one call to *path* may name."""
        return min(self.ids_per_call, self.cut_at.get(path, self.ids_per_call))


@attrs.frozen(kw_only=True, eq=False, repr=False)
class PreparedCall(Value):
    """Calls that differ in few options, or in none: what all of them have in common."""

    request: Callable[[Mapping[str, Any], Any], Request]
    """Makes the request of one of them, of its varying options and its body."""
    cost: int
    """Units to reserve for one."""
    expected: int | None
    """Units that one costs surely; None where no document says."""
    units: int
    """Units that the data_quantity costs."""
    template: str
    """The path as the reference has it; empty where it is not known."""
    creates: bool
    """Whether a call that was lost may have made something."""


class Copy(Protocol):
    """A local copy of records, which single records are read from as long as they are fresh enough."""

    async def get_many(
        self, caller: Caller, record_type: str, wanted: Sequence[RecordID], *, max_age: float, resolve: Sequence[str]
    ) -> tuple[list[models.Record], list[RecordID], list[InvalidRecord]]:
        """Return the records of *wanted* that exist, the IDs of the others, and what is no record."""
        ...

    async def get_stubs(
        self, caller: Caller, record_type: str, wanted: Sequence[RecordID], *, max_age: float
    ) -> tuple[list[models.RecordStub], list[RecordID], list[InvalidRecord]]:
        """Return stubs of the records of *wanted* that exist, the IDs of the others, and what is no record."""
        ...

    async def invalidate(self, record_type: str, record: RecordID) -> None:
        """Note that a record was written to."""
        ...


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Caller(Value):
    """Makes calls with one set of preferences. `evolve` makes another one on the same connection and budget."""

    transport: Transport[UnitBudget]
    base_url: str
    facts: ServerFacts
    path_prefix: str = ""
    placement: OptionPlacement = "header"
    priority: Priority = "normal"
    max_wait: float | None = None
    timeout: float = 30.0
    soft_delete_value: str | int = "deleted"
    job: Hashable = None
    share: Share | None = None
    """The part of a window that its calls may take, with all others of the same label; None for the whole."""
    finish_by: datetime.datetime | None = None
    """When its calls have to be sent at the latest; None for no such time."""
    copy: Copy | None = None
    """Where single records are kept and read from."""
    max_age: float = 0.0
    """Seconds that a record from there may be old, unless a call says otherwise."""
    meter: Callable[[Response, int], None] | None = None
    """Told of every answer and of the units that it cost, as far as they are known."""

    on_sent: Callable[[], None] | None = None
    """Told each time that an attempt of a call passes the gate."""
    headers: tuple[tuple[str, str], ...] = ()
    """Lines sent beside those of each call, checked by `check_added`."""
    retry: RetryPolicy | None = None
    """How often and how soon calls go again; None for the transport's policy."""

    async def call(
        self,
        operation: Operation,
        options: Mapping[str, Any] | None = None,
        *,
        data_quantity: DataQuantity | None = None,
        body: Any = None,
    ) -> Response:
        """Make one call and return its response, undecoded.

        Args:
            operation: What to call.
            options: By Python name; None is left out.
            data_quantity: The data_quantity to send; None sends ``basic``.
            body: A JSON value.
        """
        return await self.send(self.prepare(operation, options or {}, data_quantity), {}, body)

    def prepare(
        self,
        operation: Operation,
        options: Mapping[str, Any],
        data_quantity: DataQuantity | None = None,
        *,
        varying: Iterable[str] = (),
    ) -> PreparedCall:
        """Return calls that differ in few options, or in none, with all the rest encoded and priced once.

        Args:
            operation: What to call.
            options: By Python name; None is left out.
            data_quantity: The data_quantity to send; None sends ``basic``.
            varying: Names of the options that `send` is given.
        """
        word = data_quantity or DataQuantity.BASIC
        prepared = Prepared(
            operation,
            options,
            varying=varying,
            placement=self.placement,
            prefix=self.path_prefix,
            data_quantity=word.value,
            data_quantity_option=DATA_QUANTITY,
        )
        priced = operation.has_data_quantity and operation.method == "GET"
        return PreparedCall(
            request=prepared.request,
            # No document tells the price of writes, and of reads whose page shows no data_quantity.
            cost=word.units if priced else MAX_UNITS_PER_CALL,
            expected=word.units if priced else None,
            units=word.units,
            template=f"{self.path_prefix}{operation.path}" if operation.is_known else "",
            creates=operation.method == "POST",
        )

    async def send(self, prepared: PreparedCall, options: Mapping[str, Any], body: Any = None) -> Response:
        """Make one call that `prepare` has returned, and return its response, undecoded.

        Args:
            prepared: What to call.
            options: The varying ones, by Python name.
            body: A JSON value.
        """
        call = OutgoingRequest(
            request=prepared.request(options, body),
            base_url=self.base_url,
            cost=prepared.cost,
            expected=prepared.expected,
            priority=self.priority,
            max_wait=self.max_wait if self.finish_by is None else self._left(self.finish_by),
            timeout=self.timeout,
            job=self.job,
            share=self.share,
            template=prepared.template,
            on_sent=self.on_sent,
            headers=self.headers,
            retry=self.retry,
        )
        try:
            answer = await self.transport.send(call)
        except (TransportError, ServerError) as error:
            if not prepared.creates or (unknown := may_exist(error)) is None:
                raise
            raise unknown from error.__cause__
        if self.meter is not None:
            self.meter(answer, prepared.units if answer.observed_cost is None else answer.observed_cost)
        return answer

    def _left(self, finish_by: datetime.datetime) -> float:
        """Return for how many seconds a call that has to be sent by *finish_by* may wait from now on."""
        left = finish_by.timestamp() - self.transport.clock.now()
        if left < 0:
            raise BudgetTimeoutError(
                f"finish_by={finish_by:%Y-%m-%d %H:%M:%S %Z} has passed. Nothing was sent.", wait=0.0, max_wait=0.0
            )
        return left if self.max_wait is None else min(self.max_wait, left)
