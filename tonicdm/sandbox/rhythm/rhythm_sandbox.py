"""`RhythmSandbox`: start the server, watch it, control it; and its paths under /__."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import attrs
from aiohttp import web

from tonicdm.clock import Clock
from tonicdm.sandbox.control import SHARED_ACTIONS, Actions, Control, body_of, stream
from tonicdm.sandbox.faults import RHYTHM, Faults
from tonicdm.sandbox.messages import to_json
from tonicdm.sandbox.rhythm.association import World
from tonicdm.sandbox.rhythm.context import Tenant
from tonicdm.sandbox.rhythm.execution_handlers import ORDER_MACHINE, start
from tonicdm.sandbox.rhythm.gateway import RhythmEntry, RhythmJournal, Service
from tonicdm.sandbox.rhythm.jobs import Execution, Outcome, QueryJob
from tonicdm.sandbox.rhythm.operations import AUTH
from tonicdm.sandbox.rhythm.settings import RhythmSettings
from tonicdm.sandbox.rhythm.tokens import Client, Issuer, Mint, User, attach
from tonicdm.sandbox.rhythm.versions import Table
from tonicdm.sandbox.server import Shell
from tonicdm.sandbox.timed import Timed


async def _health(box: RhythmSandbox, _: web.BaseRequest) -> Any:
    return {
        "ok": True,
        "url": box.url,
        "service_url": box.service_url,
        "auth_url": box.auth_url,
        "tenant_id": box.tenant_id,
        "client_id": box.client_id,
        "audience": box.audience,
        "environment": box.environment,
    }


async def _journal(box: RhythmSandbox, request: web.BaseRequest) -> Any:
    """Return the entries from number `since` on that match, and how many there are in all."""
    since = int(request.query.get("since", "0"))
    match = {name: value for name, value in request.query.items() if name != "since"}
    matching = {id(entry) for entry in box.calls(**match)}
    return {
        "count": len(box.journal),
        "entries": [entry.as_json() for entry in box.journal[since:] if id(entry) in matching],
    }


async def _clear_journal(box: RhythmSandbox, _: web.BaseRequest) -> Any:
    box.journal.clear()
    return {"count": 0}


async def _mints(box: RhythmSandbox, request: web.BaseRequest) -> Any:
    """Return the machine tokens issued, of one `client` or in one `month` if asked."""
    mints = box.mints(request.query.get("client"), request.query.get("month"))
    return {"count": len(mints), "mints": [attrs.asdict(mint) for mint in mints]}


async def _queries(box: RhythmSandbox, request: web.BaseRequest) -> Any:
    jobs = box.queries(request.query.get("tenant", box.tenant_id))
    body = [{"id": job.id, "type": job.type, "rows": len(job.ranks), "state": job.state(box.now())} for job in jobs]
    return {"count": len(body), "downloads": len(box.downloads()), "queries": body}


async def _clients(box: RhythmSandbox, request: web.BaseRequest) -> Any:
    """Take {"add": [{"id", "secret", "tenant"}...], "revoke": [{"id", "secret"}...]}; the secret is the new one."""
    body = await body_of(request)
    for item in body.get("add", []):
        box.add_client(item["id"], item["secret"], item.get("tenant", box.tenant_id))
    for item in body.get("revoke", []):
        box.revoke_secret(item["id"], item["secret"])
    return {"clients": sorted(box.issuer.clients)}


async def _tenants(box: RhythmSandbox, request: web.BaseRequest) -> Any:
    """Take {"id", "records"} and add a customer."""
    body = await body_of(request)
    box.add_tenant(str(body["id"]), records=int(body.get("records", 100)))
    return {"tenants": sorted(box.tenants)}


async def _start_execution(box: RhythmSandbox, request: web.BaseRequest) -> Any:
    """Take the arguments of `start_execution`; return the ARN."""
    return {"executionArn": box.start_execution(**(await body_of(request))).arn}


async def _world(box: RhythmSandbox, request: web.BaseRequest) -> Any:
    tables = box.tenants[request.query.get("tenant", box.tenant_id)].world.tables
    if "type" not in request.query:
        return {name: len(table) for name, table in tables.items()}
    table = tables[request.query["type"]]
    lines: Iterator[bytes] = (to_json(table.record(rank)) + b"\n" for rank in table.ranks())
    return await stream(request, lines)


async def _change_world(box: RhythmSandbox, request: web.BaseRequest) -> Any:
    """Take {"update"|"create"|"delete": [{"type", "id", "fields"}...]} and change the records."""
    body = await body_of(request)
    made = [box.create(item["type"], **item.get("fields", {}))["id"] for item in body.get("create", [])]
    for item in body.get("update", []):
        box.edit(item["type"], item["id"], **item["fields"])
    for item in body.get("delete", []):
        box.delete(item["type"], item["id"])
    return {"created": made}


ACTIONS: Actions[RhythmSandbox] = {
    ("GET", "/__health"): _health,
    **SHARED_ACTIONS,
    ("GET", "/__journal"): _journal,
    ("DELETE", "/__journal"): _clear_journal,
    ("GET", "/__mints"): _mints,
    ("GET", "/__queries"): _queries,
    ("POST", "/__clients"): _clients,
    ("POST", "/__tenants"): _tenants,
    ("POST", "/__executions"): _start_execution,
    ("GET", "/__world"): _world,
    ("POST", "/__world"): _change_world,
}
"""What the Rhythm side answers."""


TENANT = "sandbox.example.org"
"""Tenant that is there from the start; in public code tenant IDs look like a domain."""


class RhythmSandbox(Timed):
    """A local Rhythm server with a made-up association behind it, as an async context manager.

    All services are on one port. Where the real thing has a host for each, here the first segment of the path says
    which is meant: `service_url` and `auth_url`. A Host header of the real form (``rolodex.api.rhythmsoftware.com``)
    says it as well.

    Args:
        records: Contacts, up to some hundred thousand; organizations, memberships and events follow.
        seed: The same seed and number give the same records, and the same chance to faults and empty pages.
        settings: How it answers where the documents leave a choice.
        clock: Its time. Give the client's `VirtualClock` to move both together.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
    """

    client_id = "sandbox-client"
    """Client ID that is there from the start, of `tenant_id`."""
    client_secret = "sandbox-secret"  # noqa: S105 - made up
    """Its secret."""
    user_email = "member@example.org"
    """A user with a contact, there from the start."""
    new_user_email = "newcomer@example.org"
    """A user who has never visited the portal: no contact."""
    user_password = "sandbox-password"  # noqa: S105 - made up
    """Password of both."""

    def __init__(
        self,
        *,
        records: int = 1_000,
        seed: int = 1,
        settings: RhythmSettings | None = None,
        clock: Clock | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        if records < 1:
            raise ValueError(f"records must be at least 1, not {records}")
        self.settings: RhythmSettings = settings or RhythmSettings()
        """The choices; fields may be set at any time."""
        self.faults: Faults = Faults(seed, RHYTHM)
        """The faults; switch them on, or script them. Their paths begin with the service: "/rolodex/contacts/..."."""
        super().__init__(clock, self.settings)
        self._host, self._port = host, port
        self._records, self._seed = records, seed
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._service = Service(self.settings, Issuer(self.settings, seed), {}, seed)
        self._shell = Shell(self._service, self.faults, self.now, Control(self, ACTIONS), seed)
        self._furnish()

    async def __aenter__(self) -> Self:
        self._port = await self._shell.start(self._host, self._port)
        # Results of queries are files, so that a large one is never held in memory.
        self._folder = tempfile.TemporaryDirectory(prefix="tonicdm-sandbox-")
        self._service.url, self._service.folder = self.url, pathlib.Path(self._folder.name)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._shell.stop()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    @property
    def url(self) -> str:
        """Base URL of the server."""
        return f"http://{self._host}:{self._port}"

    @property
    def service_url(self) -> str:
        """Template of a service's base URL: ``http://127.0.0.1:PORT/{service}``."""
        return f"{self.url}/{{service}}"

    @property
    def auth_url(self) -> str:
        """Base URL of the token service, in place of ``https://`` and the Auth0 domain."""
        return f"{self.url}/{AUTH}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which a client finds this server, its tenant and its first application."""
        return {
            "RHYTHM_BASE_URL": self.service_url,
            "RHYTHM_AUTH_DOMAIN": self.auth_url,
            "RHYTHM_TENANT_ID": self.tenant_id,
            "RHYTHM_CLIENT_ID": self.client_id,
            "RHYTHM_CLIENT_SECRET": self.client_secret,
        }

    @property
    def audience(self) -> str:
        """Audience that tokens must have."""
        return self.settings.audience

    @property
    def tenant_id(self) -> str:
        """Tenant that is there from the start."""
        return TENANT

    @property
    def world(self) -> World:
        """Records of that tenant, to be read without HTTP."""
        return self._service.tenants[TENANT].world

    @property
    def journal(self) -> RhythmJournal:
        """All calls so far, those under /__ excepted."""
        return self._service.journal

    @property
    def tenants(self) -> Mapping[str, Tenant]:
        """The customers by ID."""
        return self._service.tenants

    @property
    def issuer(self) -> Issuer:
        """The token service: its clients, users and mints."""
        return self._service.issuer

    def calls(self, **match: Any) -> list[RhythmEntry]:
        """Return journal entries, see `RhythmJournal.calls`."""
        return self.journal.calls(**match)

    def mints(self, client_id: str | None = None, month: str | None = None) -> list[Mint]:
        """Return the machine tokens issued so far.

        Args:
            client_id: Only those of this application.
            month: Only those that count for this month, as "2027-01".
        """
        return self.issuer.minted(client_id=client_id, month=month)

    def queries(self, tenant: str = TENANT) -> list[QueryJob]:
        """Return the queries that were started, one for each run."""
        return list(self._service.tenants[tenant].queries.values())

    def downloads(self) -> list[RhythmEntry]:
        """Return the calls of signed URIs."""
        return self.calls(operation="download")

    def add_tenant(self, tenant: str, *, records: int = 100, seed: int | None = None) -> World:
        """Add another customer with records and a monthly allowance of its own.

        Args:
            tenant: Its ID.
            records: Its contacts.
            seed: Of its records; another one than the first tenant's when not given.

        Returns:
            Its records.
        """
        number = len(self._service.tenants)
        world = World(records, self._seed + number if seed is None else seed, self.now())
        self._service.tenants[tenant] = Tenant(tenant, f"customer-{number + 1}", world)
        return world

    def add_client(self, client_id: str, secret: str, tenant: str = TENANT) -> Client:
        """Register an application of a customer."""
        client = Client(client_id, secret, tenant, self._service.tenants[tenant].customer_id)
        self.issuer.clients[client_id] = client
        return client

    def add_user(
        self, email: str, password: str = user_password, *, contact_id: str | None = None, tenant: str = TENANT
    ) -> User:
        """Register a login, with a contact behind it or without."""
        user = User(email, password, tenant, self._service.tenants[tenant].customer_id)
        self.issuer.users[email] = user
        if contact_id is not None:
            self.link(email, contact_id)
        return user

    def link(self, email: str, contact_id: str) -> None:
        """Put a contact behind a login, as the user's first visit to the portal does; the next token carries it."""
        user = self.issuer.users[email]
        attach(user, self._service.tenants[user.tenant].world.tables["contacts"], contact_id)

    def revoke_secret(self, client_id: str, new_secret: str) -> None:
        """Replace an application's secret; see the setting revoked_secret_revokes_tokens."""
        self.issuer.revoke(client_id, new_secret)

    def edit(self, record_type: str, record_id: str, *, tenant: str = TENANT, **fields: Any) -> dict[str, Any]:
        """Change a record as somebody in the console would, stamped with the server's time.

        Args:
            record_type: Type: contacts, organizations, memberships or events.
            record_id: Its ID.
            tenant: Whose it is.
            fields: New values; None takes a field away.

        Returns:
            The record.

        Raises:
            KeyError: There is no such record.
        """
        table, rank = self._place(record_type, record_id, tenant)
        record = {name: value for name, value in {**table.record(rank), **fields}.items() if value is not None}
        return table.put(rank, self._completed(record_type, record, tenant), self.now())

    def _place(self, record_type: str, record_id: str, tenant: str) -> tuple[Table, int]:
        table = self._service.tenants[tenant].world.tables[record_type]
        rank = table.rank(record_id)
        if rank is None:
            raise KeyError(f"no record {record_id} among {record_type}")
        return table, rank

    def create(self, record_type: str, *, tenant: str = TENANT, **fields: Any) -> dict[str, Any]:
        """Create a record and return it."""
        table = self._service.tenants[tenant].world.tables[record_type]
        return table.add(self._completed(record_type, fields, tenant), self.now())

    def delete(self, record_type: str, record_id: str, *, tenant: str = TENANT) -> None:
        """Delete a record; nothing tells of it but its absence.

        Raises:
            KeyError: There is no such record.
        """
        table, rank = self._place(record_type, record_id, tenant)
        table.remove(rank)

    def start_execution(
        self,
        machine: str = ORDER_MACHINE,
        *,
        data: Any = None,
        outcome: Outcome = "SUCCEEDED",
        output: Mapping[str, Any] | None = None,
        seconds: float | None = None,
        tenant: str = TENANT,
    ) -> Execution:
        """Start a step function as order, invoice and payment processing do.

        Args:
            machine: Name of the state machine.
            data: Its input.
            outcome: How it ends.
            output: What it gives when it succeeds.
            seconds: How long it is RUNNING; the setting execution_seconds when not given.
            tenant: Whose it is.
        """
        return start(
            self._service.tenants[tenant],
            self.settings,
            self.now(),
            machine=machine,
            data=data,
            outcome=outcome,
            output=output,
            seconds=seconds,
        )

    def reset(self) -> None:
        """Put everything back as it was at the start: records, tenants, clients, users, tokens, journal, no faults."""
        self._advanced = 0.0
        self.faults.reset()
        self.journal.clear()
        self._service.tenants.clear()
        self._service.issuer = Issuer(self.settings, self._seed)
        for file in self._service.folder.iterdir() if self._folder is not None else ():
            file.unlink()
        self._furnish()

    def _furnish(self) -> None:
        self.add_tenant(TENANT, records=self._records)
        self.add_client(self.client_id, self.client_secret)
        contact = self.world.tables["contacts"].id(0)
        self.add_user(self.user_email, contact_id=contact)
        self.add_user(self.new_user_email)

    def _completed(self, record_type: str, record: dict[str, Any], tenant: str) -> dict[str, Any]:
        return self._service.tenants[tenant].world.completed(record) if record_type == "contacts" else record
