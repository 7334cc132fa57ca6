"""The Rhythm client: settings, life cycle, and one attribute for each resource."""

from __future__ import annotations

import functools
import os
import pathlib
import ssl as ssl_module
from collections.abc import Mapping
from typing import Any, Final, Self, TypeAlias, cast

from tonicdm.clock import Clock, SystemClock
from tonicdm.closing import AsyncClosing
from tonicdm.errors import ConfigError
from tonicdm.http.auth import Auth, Bearer, TokenSource
from tonicdm.http.hooks import Hooks
from tonicdm.http.plain import Plain
from tonicdm.http.retry import RetryPolicy
from tonicdm.http.transport import Transport
from tonicdm.lazy import Lazy
from tonicdm.rhythm.assumed import ASSUMED, Dialect
from tonicdm.rhythm.caller import RhythmCaller
from tonicdm.rhythm.claims import Claims, check_audience, check_tenant, peek_claims
from tonicdm.rhythm.criteria import Criteria
from tonicdm.rhythm.database import RhythmDatabase
from tonicdm.rhythm.databasenotes import DatabaseNote
from tonicdm.rhythm.endpoints.base import FieldNames
from tonicdm.rhythm.endpoints.queries import Queries
from tonicdm.rhythm.endpoints.resources import Resources
from tonicdm.rhythm.fetch import Fetched, fetch
from tonicdm.rhythm.jobs import JobFile, JobNote
from tonicdm.rhythm.settings import RhythmSettings
from tonicdm.rhythm.sharedthrottle import SharedThrottle
from tonicdm.rhythm.strategy import FetchOptions
from tonicdm.rhythm.throttle import Throttle, ThrottleRules
from tonicdm.rhythm.tokens.broker import TokenBroker
from tonicdm.rhythm.users import UserSession
from tonicdm.types import Secret

METHODS: Final = ("GET", "POST", "PATCH", "DELETE")

TokenLike: TypeAlias = str | Secret | TokenSource | Bearer
"""A token, an async function that returns one, or whoever has one: a `TokenBroker`, a `UserSession`."""


class RhythmClient(Resources, AsyncClosing):
    """A client of the Rhythm API for one tenant.

    ```python
    async with RhythmClient("example.org", client_id="...", client_secret="...", auth_domain="...") as rhythm:
        async for contact in rhythm.fetch("contacts", field("last_name") == "Ng"):
            print(contact.full_name)
    ```

    Args:
        tenant_id: The tenant of all calls; else RHYTHM_TENANT_ID.
        client_id: The application; else RHYTHM_CLIENT_ID. With the next two a `TokenBroker` is made, whose tokens all
            processes of this user share.
        client_secret: Its secret; else RHYTHM_CLIENT_SECRET.
        auth_domain: The tenant's Auth0 domain; else RHYTHM_AUTH_DOMAIN.
        token: Instead of the three: a token, an async function that returns one, a `TokenBroker`, or a `UserSession`;
            else RHYTHM_TOKEN.
        base_url_template: Where the services are, with ``{service}`` in it; else RHYTHM_BASE_URL, else Rhythm's hosts.
        dialect: What is assumed where the documents are silent.
        throttle: How fast calls leave, and how a 429 is answered.
        database: ``postgresql://…`` that the clients of several hosts share: the pace and the cooldown after a 429, the
            notes of queries and other work, and machine tokens unless RHYTHM_TOKENS names another place for them; else
            RHYTHM_DATABASE.
        max_concurrency: Calls under way at once.
        timeout: Seconds that one attempt of a call may take.
        max_wait: Seconds that a call may wait for the cooldown after a 429 to end; None for as long as it takes.
        retry: How often and how soon failed reads go again; writes never do, unless they provably were not sent.
        hooks: Functions that are told what happens.
        ssl: As for aiohttp.
        proxy: A proxy's URL.
        trust_env: Whether to read proxies from the environment.
        clock: Time; the machine's unless given.

    Raises:
        ConfigError: A setting is missing, contradictory or out of range; nothing was sent and no token spent.
        WrongAudienceError: The token is for another API.
        WrongTenantError: The token is for another tenant.
    """

    def __init__(
        self,
        tenant_id: str | None = None,
        *,
        client_id: str | None = None,
        client_secret: str | Secret | None = None,
        auth_domain: str | None = None,
        token: TokenLike | None = None,
        base_url_template: str | None = None,
        dialect: Dialect = ASSUMED,
        throttle: ThrottleRules | None = None,
        database: str | None = None,
        max_concurrency: int = 8,
        timeout: float = 30.0,
        max_wait: float | None = None,
        retry: RetryPolicy | None = None,
        hooks: Hooks | None = None,
        ssl: ssl_module.SSLContext | bool = True,
        proxy: str | None = None,
        trust_env: bool = False,
        clock: Clock | None = None,
    ) -> None:
        fixed = token if isinstance(token, (str, Secret)) else None
        settings = RhythmSettings.resolve(
            tenant_id,
            base_url_template=base_url_template,
            token=fixed,
            client_id=client_id,
            client_secret=client_secret,
            auth_domain=auth_domain,
            token_given=token is not None and fixed is None,
        )
        if timeout <= 0 or (max_wait is not None and max_wait < 0):
            raise ConfigError("timeout must be a positive number of seconds, and max_wait not negative")
        clock = clock or SystemClock()
        network: dict[str, Any] = {"ssl": ssl, "proxy": proxy, "trust_env": trust_env}
        self._plain = Plain(clock=clock, **network)
        url = database or os.environ.get("RHYTHM_DATABASE")
        self._database = None if not url else RhythmDatabase(url, clock=clock)
        self._tokens = None if os.environ.get("RHYTHM_TOKENS") else url or None
        self._broker: TokenBroker | None = None
        bearer = self._bearer(settings, None if fixed is not None else token, clock)
        self._network: dict[str, Any] = {**network, "max_concurrency": max_concurrency, "retry": retry, "hooks": hooks}
        self._own_throttle = self._throttle(settings, throttle, clock)
        self._caller = RhythmCaller(
            transport=Transport(bearer, self._own_throttle, clock=clock, **self._network),
            settings=settings,
            dialect=dialect,
            timeout=timeout,
            max_wait=max_wait,
            claims=functools.partial(_known_claims, bearer),
            note_at=self._note_at,
            by_machine=isinstance(bearer, TokenBroker),
        )

    def __repr__(self) -> str:
        return f"<RhythmClient {self.tenant_id}>"

    def _throttle(self, settings: RhythmSettings, rules: ThrottleRules | None, clock: Clock) -> Throttle:
        if self._database is None:
            return Throttle(clock, rules)
        return SharedThrottle(clock, rules, self._database, f"{settings.base_url_template} {settings.tenant}")

    def _note_at(self, path: pathlib.Path) -> JobNote:
        if self._database is None:
            return JobFile(path)
        return DatabaseNote.at(self._database, self.tenant_id, path)

    def _bearer(self, settings: RhythmSettings, token: TokenLike | None, clock: Clock) -> Bearer:
        if isinstance(token, UserSession) and token.claims is not None:
            check_tenant(token.claims, settings.tenant)
        if hasattr(token, "refresh"):
            return cast("Bearer", token)
        if callable(token):
            return Auth(source=token)
        if settings.token is not None:
            claims = peek_claims(settings.token)
            if claims is not None:
                check_audience(claims)
                check_tenant(claims, settings.tenant)
            return Auth(settings.token)
        assert settings.auth_domain is not None
        assert settings.client_id is not None
        assert settings.client_secret is not None
        self._broker = TokenBroker(
            settings.auth_domain,
            settings.client_id,
            settings.client_secret,
            tenant_id=settings.tenant,
            store=self._tokens,
            clock=clock,
            http=self._plain,
        )
        return self._broker

    # --- life ---------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._caller.transport.check_open()
        return self

    async def close(self) -> None:
        """Close the connections, and the broker made here; twice is once."""
        await self._caller.transport.close()
        await self._own_throttle.close()
        if self._broker is not None:
            await self._broker.close()
        await self._plain.close()

    def for_user(self, session: UserSession) -> RhythmClient:
        """Return a client that calls with a user's own token; it has connections of its own, so close it.

        The pace and the cooldown after a 429 are shared with this one. Machine tokens are refused inside
        ``with as_user(session)``, which guards against using the wrong one of the two.

        Args:
            session: The user's.

        Raises:
            WrongTenantError: The token is for another tenant.
        """
        other = RhythmClient(
            self.tenant_id,
            token=session,
            base_url_template=self._caller.settings.base_url_template,
            dialect=self._caller.dialect,
            timeout=self._caller.timeout,
            max_wait=self._caller.max_wait,
            clock=self._caller.transport.clock,
            **self._network,
        )
        other._caller.transport.budget = self._caller.transport.budget
        other._database = self._database
        return other

    # --- resources ----------------------------------------------------------------------------------------------

    @property
    def tenant_id(self) -> str:
        """The tenant of all calls."""
        return self._caller.tenant

    @property
    def broker(self) -> TokenBroker | None:
        """The broker made here; None where the token comes from somewhere else."""
        return self._broker

    queries: Lazy[Queries] = Lazy(lambda client, _name: Queries(client._caller, client._plain))
    """Everything that matches, in one file."""

    def fetch(
        self,
        type: str,  # noqa: A002 - the word that the API uses
        criteria: Criteria | None = None,
        fields: FieldNames = None,
        strategy: str = "auto",
        *,
        limit: int | None = None,
    ) -> Fetched[Any]:
        """Fetch records in the way that fits: a list, a search or a query (concepts page, the table of the three).

        Nothing is sent before the first record is asked for; ``.strategy`` and ``.reason`` tell before that what will
        be.

        Args:
            type: ``contacts``, ``organizations``, ``events``, ``upcoming_events``, ``memberships``,
                ``address_types``, ``communication_types``, ``custom_query_definitions``, or any query type such as
                ``events:functions``, whose records are mappings.
            criteria: What must hold.
            fields: Only these fields.
            strategy: ``auto``, or ``list``, ``search``, ``query``.
            limit: Most records.

        Raises:
            UnknownTypeError: There is no such type, or it has no such strategy; nothing was sent.
            CriteriaError: The strategy can't express the criteria; nothing was sent.
        """
        options = FetchOptions(
            type=type,
            criteria=criteria,
            fields=None if fields is None else tuple(fields),
            limit=limit,
            strategy=strategy,
        )
        return fetch(self._caller, self.queries, options)

    async def request(
        self,
        method: str,
        service: str,
        path: str,
        *,
        options: Mapping[str, str] | None = None,
        json: Any = None,
        unchecked: bool = False,
    ) -> Any:
        """Call a path that you name; one that is not known here only if *unchecked*.

        Args:
            method: GET, POST, PATCH or DELETE.
            service: The first part of the host, such as ``rolodex``.
            path: Absolute, with the tenant in it.
            options: The query string, by wire name.
            json: The body.
            unchecked: Whether to send what is no known operation: a wrong path is answered like a foreign tenant.

        Returns:
            The answer's JSON; None where it has no body.
        """
        if method not in METHODS:
            raise ConfigError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
        return await self._caller.request(method, service, path, options or {}, json, unchecked=unchecked)


def _known_claims(bearer: Bearer) -> Claims | None:
    """Return what the token in use says, without asking for one; None where that is unknown."""
    if isinstance(bearer, UserSession):
        return bearer.claims
    held = bearer._token if isinstance(bearer, Auth) else None
    return None if held is None else peek_claims(held)
