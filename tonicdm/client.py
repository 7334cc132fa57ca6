"""The client: settings, life cycle, and one attribute per endpoint class."""

from __future__ import annotations

import contextlib
import copy
import datetime
import os
import ssl as ssl_module
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any, Final, Self

import aiohttp
import attrs

from tonicdm import checks
from tonicdm.budget import Share, UnitBudget
from tonicdm.budget.default import budget_key as token_key
from tonicdm.budget.default import open_budget
from tonicdm.clock import Clock, SystemClock
from tonicdm.closing import AsyncClosing
from tonicdm.config import ServerProfile, Settings, read_profile, zone_server
from tonicdm.endpoints.caller import Caller, ServerFacts
from tonicdm.endpoints.options import MAX_PAGE_SIZE, OPTION_NAMES, named
from tonicdm.errors import ConfigError
from tonicdm.http.auth import Auth, TokenSource
from tonicdm.http.headers import check_added, merged
from tonicdm.http.hooks import Hooks
from tonicdm.http.operation import Operation
from tonicdm.http.retry import RetryPolicy
from tonicdm.http.transport import MAX_RESPONSE_BYTES, Transport
from tonicdm.http.watching import Spent
from tonicdm.http.wire import check_path
from tonicdm.late import LateModule
from tonicdm.lazy import forget
from tonicdm.tokens import token_source
from tonicdm.transfer.methods import Transfers
from tonicdm.transfer.storage import LinkConnections
from tonicdm.types import DataQuantityLike, OptionPlacement, Priority, Secret, Zone
from tonicdm.values import Value

if TYPE_CHECKING:
    from tonicdm import raw
    from tonicdm import store as stores
    from tonicdm.store import database
else:
    raw, stores = LateModule("tonicdm.raw"), LateModule("tonicdm.store")
    database = LateModule("tonicdm.store.database")

METHODS: Final = ("GET", "POST", "PATCH", "DELETE")


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ClientState(Value):
    """What a client is made of; a view has one of its own, with the same connections, budget and store."""

    caller: Caller
    """Makes the calls, with the preferences of the client or the view."""
    links: LinkConnections
    store: stores.Store | None = None
    owns_store: bool = False
    """Whether closing the client closes the store."""
    owns_budget: bool = False
    """Whether closing the client closes the budget."""

    def with_store(
        self, store: str | os.PathLike[str] | database.Location | stores.Store, batch_window: float
    ) -> ClientState:
        """Return the state of a client that keeps what it reads in a file."""
        # Loaded for those who keep a copy; the others do not wait for it.
        from tonicdm.store.cached import CachedReads

        opened = stores.Store(store) if not isinstance(store, stores.Store) else store
        reads = CachedReads(opened, self.caller.transport.budget, batch_window=batch_window)
        caller = attrs.evolve(self.caller, copy=reads)
        return attrs.evolve(self, caller=caller, store=opened, owns_store=opened is not store)


class TonicDM(Transfers, AsyncClosing):
    """A client of the TonicDM API.

    ```python
    async with TonicDM(token="...", zone="us") as tonic:
        async for office in tonic.offices.list():
            print(office.name)
    ```

    Args:
        token: The bearer token, or a source: a `TokenFile`, `TokenCommand` or `TokenKeyring`, or an async function that
            returns a token. Else TONICDM_TOKEN, TONICDM_TOKEN_FILE or TONICDM_TOKEN_COMMAND.
        zone: ``us``, ``de`` or ``ie``; else TONICDM_ZONE. There is no default zone.
        base_url: A server instead of a zone; else TONICDM_BASE_URL.
        path_prefix: Put before every path; one example of the concepts page has ``/v1.0``.
        option_placement: ``header`` (concepts page, "Non-standard Patterns") or ``query``.
        budget: The units to spend; by default a file that all processes of this user share.
        budget_key: Which budget of that file; else TONICDM_BUDGET_KEY, else the token's own: one for TonicDM's zones
            together, one for each other server. Give it where another server, such as a proxy, counts with the zones.
        max_concurrency: Calls under way at once.
        timeout: Seconds that one attempt of a call may take.
        max_wait: Seconds that a call may wait for units; None for as long as it takes.
        priority: The lane in which calls wait: ``interactive``, ``normal`` or ``bulk``.
        soft_delete_value: What `soft_delete` sends as status: the reference's word, or the concepts page's 4.
        retry: How often and how soon failed calls go again.
        hooks: Functions that are told what happens.
        headers: Header lines that go with every call; none that is an option, or that this package writes.
        request_id_header: The header by which each call is named to the server; None to send none.
        connector: An aiohttp connector for the session made here.
        ssl: As for aiohttp.
        proxy: A proxy's URL.
        trust_env: Whether to read proxies from the environment.
        session: A session to use instead. It is not closed here, and the exact refund is given up: as its connections
            can't be watched, a call counts as sent when its request is entered.
        max_response_bytes: Bytes of an unpacked answer that are read; a longer one is an error.
        clock: Time; the machine's unless given.
        profile: A file that ``tonicdm conformance`` wrote: what is known of the server from the first call on.
            Arguments and variables go before it.
        store: A file, or a PostgreSQL database (``postgresql://…``), that keeps the records that are read, and that
            ``get`` and ``get_many`` read from as long as they are fresh enough. A `Store` that is given is not closed
            here.
        max_age: Seconds that a record from the store may be old, unless the call says otherwise; 0 asks the server.
        batch_window: Seconds that a ``get`` which needs the server waits for others of its type, to share one call; 0
            for not at all. Only with ``store=``.

    Raises:
        ConfigError: A setting is missing, contradictory or out of range.
    """

    def __init__(
        self,
        token: str | Secret | TokenSource | None = None,
        *,
        zone: Zone | None = None,
        base_url: str | None = None,
        path_prefix: str = "",
        option_placement: OptionPlacement | None = None,
        budget: UnitBudget | None = None,
        budget_key: str | None = None,
        max_concurrency: int = 8,
        timeout: float = 30.0,
        max_wait: float | None = None,
        priority: Priority = "normal",
        soft_delete_value: str | int = "deleted",
        retry: RetryPolicy | None = None,
        hooks: Hooks | None = None,
        headers: Mapping[str, str] | None = None,
        request_id_header: str | None = "X-Request-ID",
        connector: aiohttp.BaseConnector | None = None,
        ssl: ssl_module.SSLContext | bool = True,
        proxy: str | None = None,
        trust_env: bool = False,
        session: aiohttp.ClientSession | None = None,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        clock: Clock | None = None,
        profile: str | os.PathLike[str] | None = None,
        store: str | os.PathLike[str] | database.Location | stores.Store | None = None,
        max_age: float = 0.0,
        batch_window: float = 0.002,
    ) -> None:
        # Sealed first: tools that track errors show the variables of the frames that an error passes.
        token = token if callable(token) else Secret.of(token)
        answers = {} if profile is None else read_profile(profile)
        fixed = None if callable(token) else token
        settings = Settings.resolve(
            token=fixed,
            token_needed=not callable(token),
            zone=zone,
            base_url=base_url,
            path_prefix=path_prefix,
            option_placement=option_placement,
            budget_key=budget_key,
            profile=answers,
        )
        source = token if callable(token) else token_source(settings.token_file, settings.token_command)
        if budget is not None and budget_key is not None:
            raise ConfigError("budget_key= chooses a budget of the file; with budget= there is nothing to choose")
        if session is not None and (connector is not None or proxy is not None or trust_env or ssl is not True):
            raise ConfigError("connector=, ssl=, proxy= and trust_env= belong to the session; give it them instead")
        lines = check_added(headers or {}, OPTION_NAMES)
        if request_id_header is not None:
            check_added({request_id_header: "id"}, OPTION_NAMES)
        clock = clock or (budget.clock if budget is not None else SystemClock())
        transport = Transport(
            Auth(None if source else settings.token, source),
            budget or _default_budget(settings, clock, source),
            clock=clock,
            max_concurrency=max_concurrency,
            retry=retry,
            hooks=hooks,
            session=session,
            connector=connector,
            ssl=ssl,
            proxy=proxy,
            trust_env=trust_env,
            max_response_bytes=max_response_bytes,
            request_id_header=request_id_header,
            options=OPTION_NAMES,
        )
        caller = Caller(
            transport=transport,
            base_url=settings.base_url,
            facts=_facts(answers),
            path_prefix=settings.path_prefix,
            placement=settings.option_placement,
            priority=_lane(priority),
            max_wait=_seconds("max_wait", max_wait),
            timeout=_seconds("timeout", timeout) or 30.0,
            soft_delete_value=soft_delete_value,
            headers=lines,
            max_age=_seconds("max_age", max_age) or 0.0,
        )
        links = LinkConnections(ssl=ssl, proxy=proxy, trust_env=trust_env)
        self._state = ClientState(caller=caller, links=links, owns_budget=budget is None)
        if store is not None:
            self._state = self._state.with_store(store, _seconds("batch_window", batch_window) or 0.0)
        elif max_age:
            raise ConfigError("max_age= needs store=, where records are kept")

    def __repr__(self) -> str:
        parts = [f"<TonicDM {self.caller.base_url}", self.caller.priority + " lane"]
        if self._state.store is not None:
            parts.append(f"copy in {self._state.store.name}")
        return ", ".join([*parts, "closed>" if self.caller.transport.session.is_closed else f"{self.budget!r}>"])

    @property
    def caller(self) -> Caller:
        """What makes the calls. Internal: the other packages of this project build on it, and it may change."""
        return self._state.caller

    @property
    def _links(self) -> LinkConnections:
        return self._state.links

    # --- life ---------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self.caller.transport.check_open()
        if (store := self._state.store) is not None:
            await (store.__aenter__() if self._state.owns_store else store.open())
        return self

    async def close(self) -> None:
        """Close the connections made here and the budget, if it is the default one; twice is once."""
        await self.caller.transport.close()
        await self._links.close()
        if self._state.owns_store and self._state.store is not None:
            await self._state.store.close()
        if self._state.owns_budget:
            await self.budget.close()

    def with_options(
        self,
        *,
        priority: Priority | None = None,
        timeout: float | None = None,
        max_wait: float | None = None,
        option_placement: OptionPlacement | None = None,
        zone: Zone | None = None,
        max_age: float | None = None,
        headers: Mapping[str, str] | None = None,
        retry: RetryPolicy | None = None,
        label: str | None = None,
        share: float | None = None,
        finish_by: datetime.datetime | None = None,
    ) -> TonicDM:
        """Return a view of this client with other preferences, on the same connections and budget.

        Args:
            priority: The lane in which its calls wait.
            timeout: Seconds that one attempt may take.
            max_wait: Seconds that a call may wait for units; ``math.inf`` for as long as it takes.
            option_placement: ``header`` or ``query``.
            zone: Another zone's server; one token has one budget in all zones.
            max_age: Seconds that a record from the store may be old.
            headers: Header lines that go with its calls, beside those of this client; the same name replaces.
            retry: How often and how soon its failed calls go again.
            label: Names a job: its calls are counted together in the budget's history, in all processes of a ledger.
            share: What the calls of *label* may take of each window together, above 0 and up to 1. In the last five
                minutes of a window they may take more, of what no other call waits for.
            finish_by: When its calls have to be sent at the latest, with a time zone. A sync says beforehand whether
                it can be done by then.

        Raises:
            ConfigError: An option is out of range.
            InvalidOptionError: A header can't be sent, is an option, or is one that this package writes.
        """
        if option_placement not in {None, "header", "query"}:
            raise ConfigError(f'option_placement must be "header" or "query", not {option_placement!r}')
        if max_age is not None and self._state.store is None:
            raise ConfigError("max_age= needs a client with store=, where records are kept")
        given: dict[str, Any] = {
            "priority": None if priority is None else _lane(priority),
            "timeout": _seconds("timeout", timeout),
            "placement": option_placement,
            "base_url": None if zone is None else zone_server(zone),
            "max_age": _seconds("max_age", max_age),
            "headers": None if headers is None else merged(self.caller.headers, check_added(headers, OPTION_NAMES)),
            "retry": retry,
            "share": _share(self.caller.share, label, share),
            "finish_by": None if finish_by is None else checks.aware("finish_by", finish_by),
        }
        changes = {name: value for name, value in given.items() if value is not None}
        if max_wait is not None:
            changes["max_wait"] = None if max_wait == float("inf") else _seconds("max_wait", max_wait)
        view = copy.copy(self)
        forget(view)  # the attributes loaded so far call with the preferences of this client
        caller = attrs.evolve(self.caller, **changes)
        view._state = attrs.evolve(self._state, caller=caller, owns_store=False, owns_budget=False)
        return view

    @property
    def store(self) -> stores.Store:
        """The local copy of this client.

        Raises:
            ConfigError: It has none.
        """
        if self._state.store is None:
            raise ConfigError("this client keeps no copy; give it a file: TonicDM(store=...)")
        return self._state.store

    # --- watching -----------------------------------------------------------------------------------------------

    @property
    def with_raw(self) -> raw.RawCalls:
        """Calls that return the answer as it came beside their value, see `Raw`."""
        return raw.RawCalls(self, self.caller.transport.watchers, self.request)

    @contextlib.asynccontextmanager
    async def meter(self) -> AsyncGenerator[Spent]:
        """Count what the calls inside ``async with`` cost, in this task and in those that begin there.

        Calls of all views of this client count, bulk calls and the store's included, and each attempt of a call: a cut
        connection was paid for, too. Where several tasks share one call, it counts for the one that began it.
        """
        with self.caller.transport.watchers.watching(Spent()) as spent:
            yield spent

    # --- spending -----------------------------------------------------------------------------------------------

    @property
    def budget(self) -> UnitBudget:
        """The budget that this client spends from."""
        return self.caller.transport.budget

    async def request(
        self,
        method: str,
        path: str,
        *,
        options: Mapping[str, str] | None = None,
        json: Any = None,
        data_quantity: DataQuantityLike = "basic",
    ) -> Any:
        """Call any path, for what this package does not know yet; charged like any other call.

        Args:
            method: GET, POST, PATCH or DELETE.
            path: Absolute, with the ``path_prefix`` put before it.
            options: Texts by wire name, sent where options travel.
            json: The body.
            data_quantity: Sent with the call. 20 units are reserved, as the price is not documented.

        Returns:
            The answer's JSON; None where it has no body.
        """
        # Loaded with the first attribute that is used; a client that only starts does not wait for it.
        from tonicdm.codec import parse_json
        from tonicdm.endpoints.base import parse_data_quantity

        if method not in METHODS:
            raise ConfigError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
        given = dict(options or {})
        operation = Operation(method=method, path=check_path(path), options=named(given), is_known=False)
        answer = await self.caller.call(operation, given, data_quantity=parse_data_quantity(data_quantity), body=json)
        with answer.naming_errors():
            return parse_json(answer.body) if answer.body.strip() else None


def _facts(answers: ServerProfile) -> ServerFacts:
    facts = ServerFacts()
    if ids := int(answers.get("ids_per_call", 0)):
        facts.ids_per_call = facts.ids_proven = ids
    facts.largest_page = int(answers.get("page_proven", 0))
    facts.page_limit = min(MAX_PAGE_SIZE, int(answers.get("page_size_max", MAX_PAGE_SIZE)) or MAX_PAGE_SIZE)
    return facts


def _default_budget(settings: Settings, clock: Clock, source: TokenSource | None) -> UnitBudget:
    own, former = _budget_keys(settings, source)
    if settings.budget_key is not None:
        return open_budget(settings.budget, key=settings.budget_key, clock=clock, former_key=own, former_counts=True)
    return open_budget(settings.budget, key=own, clock=clock, former_key=former)


def _budget_keys(settings: Settings, source: TokenSource | None) -> tuple[str, str | None]:
    """Return the key of the budget, and the one that the version before gave it if that was another."""
    if (identity := getattr(source, "identity", None)) is not None:
        # The place stays where its tokens come and go, and so does what is known of their budget.
        return token_key(f"token of {identity}", settings.base_url), None
    if source is not None or settings.token is None:
        # The tokens of a source come and go; the server they are for is what stays.
        return token_key(f"source of {settings.base_url}"), None
    # The version before kept all servers of a token under one key.
    own, before = token_key(settings.token.reveal(), settings.base_url), token_key(settings.token.reveal())
    return own, None if own == before else before


def _lane(priority: Priority) -> Priority:
    if priority not in {"interactive", "normal", "bulk"}:
        raise ConfigError(f"priority must be interactive, normal or bulk, not {priority!r}")
    return priority


def _share(former: Share | None, label: str | None, fraction: float | None) -> Share | None:
    """Return what the calls of a view may take; what is not given stays as it was."""
    if label is None and fraction is None:
        return None
    name = label if label is not None or former is None else former.label
    if name is None:
        raise ConfigError("share= bounds what the calls of a label take together; give label=, too")
    same = former is not None and former.label == name
    return Share(name, fraction if fraction is not None else former.fraction if same and former else 1.0)


def _seconds(name: str, value: float | None) -> float | None:
    if value is not None:
        checks.seconds(name, value, positive=name == "timeout", endless=name in {"max_wait", "max_age"})
    return value
