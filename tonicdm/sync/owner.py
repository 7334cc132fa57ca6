"""Whose records a store holds: looked at once for each unknown token, before anything else is read."""

from __future__ import annotations

import datetime
import sqlite3
from typing import Any, Final

import attrs

from tonicdm.budget.home import budget_key
from tonicdm.client import TonicDM
from tonicdm.codec import parse_json
from tonicdm.endpoints.organizations import Organizations
from tonicdm.errors import DecodeError, EndpointNotFoundError, OwnerError, PermissionDeniedError
from tonicdm.plan.owner import OwnerFacts, Ownership, look_at_owner
from tonicdm.plan.steps import Outcome, Trouble
from tonicdm.store.owner import Owner, fingerprint_of, server_of, write_owner
from tonicdm.store.store import Store
from tonicdm.sync.report import Meter, OwnerReport
from tonicdm.types import DataQuantity, normalise_id

RECORD_TYPE: Final = "organizations"


async def owner_facts(tonic: TonicDM, store: Store, *, new_owner: bool) -> tuple[OwnerFacts, Owner | None, str, str]:
    """Return what a store knows of its owner: the facts, the owner, this server's name, and the token's fingerprint."""
    token = await tonic._caller.transport.auth.token()
    fingerprint = fingerprint_of(budget_key(token.reveal()))
    server = server_of(tonic._caller.base_url)
    owner = await store.owner()
    organizations: frozenset[str] = frozenset()
    if owner is None:
        sql = "SELECT id FROM record WHERE type = ? AND deleted_at IS NULL"
        organizations = frozenset(str(row[0]) for row in await store.query(sql, (RECORD_TYPE,)))
    facts = OwnerFacts(
        known=owner is not None and owner.knows(server, fingerprint),
        organization=None if owner is None else owner.organization,
        organizations=organizations,
        rebind=new_owner,
    )
    return facts, owner, server, fingerprint


async def check_owner(tonic: TonicDM, store: Store, *, new_owner: bool) -> OwnerReport:
    """Make sure that a token's records belong into a store.

    Args:
        tonic: Where to read.
        store: Where to write.
        new_owner: Whether the store may go over to another organization.

    Raises:
        OwnerError: It holds another organization's records.
    """
    facts, owner, server, fingerprint = await owner_facts(tonic, store, new_owner=new_owner)
    report = OwnerReport(ownership=Ownership.KNOWN)
    look = look_at_owner(facts)
    shown: str | None = None
    try:
        next(look)
        outcome = await _look(tonic, report.meter)
        shown = outcome.organization
        look.send(outcome)
    except StopIteration as end:
        report.ownership = end.value
    if report.ownership is Ownership.OTHER:
        held = f"organization {facts.organization} ({owner.server})" if owner is not None else "another organization"
        if owner is None:
            held += f" (one of {len(facts.organizations):,} that it lists)"
        raise OwnerError(str(store.path), held, f"{shown} ({server})")
    if report.ownership is Ownership.UNCERTAIN:
        report.why = "the server does not say whose records these are; that no other firm's are mixed in is not checked"
        return report
    if shown is not None:
        await _note(store, owner, Owner(shown, server), fingerprint, report)
    return report


async def _note(store: Store, owner: Owner | None, shown: Owner, fingerprint: str, report: OwnerReport) -> None:
    """Remember a token that was shown to belong to the owner."""
    rebound = report.ownership is Ownership.REBOUND
    if rebound or owner is None or owner.server != shown.server:
        # Tokens that another server has shown prove nothing of this one.
        noted = shown.with_token(fingerprint)
        if owner is not None and not rebound:
            report.why = f"the same organization as before, on another server ({shown.server}; before {owner.server})"
    else:
        noted = owner.with_token(fingerprint)

    def work(db: sqlite3.Connection) -> None:
        write_owner(db, noted)
        if rebound:
            _forget(db)

    await store.write(work)
    if rebound:
        report.why = "the file goes over to another organization: every type is loaded anew"


def _forget(db: sqlite3.Connection) -> None:
    """Forget how far the records of the owner before had been read: those of another one are not among them."""
    for table in ("watermark", "checkpoint", "scan"):
        db.execute(f"DELETE FROM {table} WHERE type NOT LIKE 'rhythm%'")  # noqa: S608 - names of ours
    db.execute("DELETE FROM capability WHERE name IN ('counted', 'ties')")


async def _look(tonic: TonicDM, meter: Meter) -> Outcome:
    at = datetime.datetime.fromtimestamp(tonic.budget.server_time(), datetime.UTC).isoformat()
    caller = attrs.evolve(tonic._caller, meter=meter, job="owner")
    try:
        answer = await caller.call(Organizations._me_operation, quantity=DataQuantity.ID_ONLY)
    except (PermissionDeniedError, EndpointNotFoundError):
        return Outcome(at=at, trouble=Trouble.REFUSED)
    return Outcome(at=at, organization=_id_of(answer.body), units=meter.charged)


def _id_of(body: bytes) -> str | None:
    """Return the ID in an answer that holds one object, or an array of one; None for any other answer."""
    try:
        found: Any = parse_json(body)
    except DecodeError:
        return None
    if isinstance(found, list) and len(found) == 1:
        (found,) = found
    identity = found.get("id") if isinstance(found, dict) else None
    return normalise_id(identity) if isinstance(identity, str) and identity else None
