"""Responses as they came, beside the values that were read from them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs

from tonicdm.errors import ConfigError, InvalidOptionError
from tonicdm.http.headers import Headers
from tonicdm.http.messages import Response
from tonicdm.http.watching import ResponseLog, Watchers
from tonicdm.late import LateModule
from tonicdm.paging import Page, Paginator
from tonicdm.types import RateLimit

if TYPE_CHECKING:
    from tonicdm.endpoints import resources
else:
    resources = LateModule("tonicdm.endpoints.resources")

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class RawResponse:
    """One answer as it came."""

    status: int
    """The HTTP status."""
    headers: Headers
    """Found whatever their case; without cookies, keys and the queries of links."""
    body: bytes = attrs.field(repr=False)
    """The body, unpacked. Should the server have repeated the token, it is struck out."""
    rate_limit: RateLimit | None
    """The budget as this answer reported it; None where it did not."""
    units: int
    """What the call cost, all its attempts: as the server charged it where that can be told, else as reserved."""
    attempts: int
    """How many times the call was tried."""
    elapsed: float
    """Seconds from the first byte sent to the last byte read, of the last attempt."""
    waited: float
    """Seconds that the last attempt waited for its units."""
    request_id: str
    """What the call was named by in its request header, in hooks and logs."""


@attrs.frozen(kw_only=True)
class Raw(Generic[T]):
    """What a call returned, and the answers that it was read from.

    Most calls have one answer; `get_many` has one for each batch, and a call that a store could answer has none.
    """

    value: T
    """What the call returned."""
    responses: tuple[RawResponse, ...]
    """The answers, in the order in which they were whole."""

    @property
    def last(self) -> RawResponse:
        """The last of the answers.

        Raises:
            LookupError: The call needed no answer of the server.
        """
        if not self.responses:
            raise LookupError("nothing was asked of the server: the call was answered out of the store")
        return self.responses[-1]

    @property
    def status(self) -> int:
        """The HTTP status of the last answer."""
        return self.last.status

    @property
    def headers(self) -> Headers:
        """The header lines of the last answer."""
        return self.last.headers

    @property
    def body(self) -> bytes:
        """The body of the last answer."""
        return self.last.body

    @property
    def rate_limit(self) -> RateLimit | None:
        """The budget as the last answer reported it."""
        return self.last.rate_limit

    @property
    def request_id(self) -> str:
        """What the last call was named by."""
        return self.last.request_id

    @property
    def units(self) -> int:
        """Units of all the calls."""
        return sum(response.units for response in self.responses)

    @property
    def attempts(self) -> int:
        """Attempts of all the calls."""
        return sum(response.attempts for response in self.responses)

    @property
    def elapsed(self) -> float:
        """Seconds of all the calls, each of its last attempt."""
        return sum(response.elapsed for response in self.responses)


class RawCalls:
    """Calls that return a `Raw`: made around a call of the client, or by the client's own attributes.

    ```python
    raw = await tonic.with_raw(tonic.persons.get(person_id))  # raw.value is a Person, to type checkers too
    raw = await tonic.with_raw.persons.get(person_id)         # the same
    async for raw in tonic.with_raw.persons.list(): ...       # raw.value is a Page
    ```
    """

    def __init__(
        self, resources: resources.Resources, watchers: Watchers, request: Callable[..., Awaitable[Any]]
    ) -> None:
        self._resources = resources
        self._watchers = watchers
        self._request = request

    async def __call__(self, call: Awaitable[T]) -> Raw[T]:
        """Await *call* and return its value with the answers that it was read from."""
        if isinstance(call, Paginator):
            raise InvalidOptionError("a list has an answer for each page: use with_raw.pages(list). Nothing was sent.")
        with self._watchers.watching(ResponseLog()) as log:
            value = await call
        return Raw(value=value, responses=tuple(_response(response) for response in log.responses))

    def __getattr__(self, name: str) -> RawEndpoint:
        if name.startswith("_"):
            raise AttributeError(name)
        return RawEndpoint(self, getattr(self._resources, name))

    def request(self, *args: Any, **options: Any) -> Awaitable[Raw[Any]]:
        """Call any path, as `TonicDM.request` does, whose arguments it takes."""
        return self(self._request(*args, **options))

    async def pages(self, paginator: Paginator[T]) -> AsyncIterator[Raw[Page[T]]]:
        """Read a list page by page, each with the answers that it was read from."""
        pages = aiter(paginator.pages())
        while True:
            try:
                yield await self(anext(pages))
            except StopAsyncIteration:
                return


class RawEndpoint:
    """The methods of one endpoint class, each returning a `Raw`."""

    def __init__(self, calls: RawCalls, endpoint: Any) -> None:
        self._calls = calls
        self._endpoint = endpoint

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._endpoint, name)
        if name.startswith("_") or not callable(method):
            raise AttributeError(name)

        def call(*args: Any, **options: Any) -> Any:
            made = method(*args, **options)
            if isinstance(made, Paginator):
                return self._calls.pages(made)
            if not isinstance(made, Awaitable):
                raise ConfigError(f"{name}() makes no call of its own, so it has no response to show")
            return self._calls(made)

        return call


def _response(response: Response) -> RawResponse:
    return RawResponse(
        status=response.status,
        headers=response.headers,
        body=response.body,
        rate_limit=response.rate_limit,
        units=response.units,
        attempts=response.attempts,
        elapsed=response.elapsed,
        waited=response.waited,
        request_id=response.request_id,
    )
