"""Check whose records a store holds, once for each unknown token, before anything is read or served."""

from __future__ import annotations

import datetime
from typing import Any, Final

import attrs

from tonicdm.budget.default import budget_key
from tonicdm.codec import parse_json
from tonicdm.endpoints.caller import Caller
from tonicdm.endpoints.organizations import Organizations
from tonicdm.errors import DecodeError, EndpointNotFoundError, OwnerError, PermissionDeniedError
from tonicdm.plan.owner import OwnerFacts, Ownership, determine_owner
from tonicdm.plan.steps import Outcome, Trouble
from tonicdm.store.database import Database
from tonicdm.store.owner import Owner, fingerprint_of, server_of, write_owner
from tonicdm.store.store import Store
from tonicdm.types import DataQuantity, normalise_id

RECORD_TYPE: Final = "organizations"


@attrs.frozen
class Checked:
    """What a check of whose records a store holds has shown."""

    ownership: Ownership
    why: str = ""
    """What is worth knowing of it."""


async def owner_facts(caller: Caller, store: Store, *, rebind: bool) -> tuple[OwnerFacts, Owner | None, str, str]:
    """Return what a store knows of its owner: the facts, the owner, this server's name, and the token's fingerprint.

    Args:
        caller: Has the token and the server.
        store: The store.
        rebind: Whether the store may go over to another organization.
    """
    token = await caller.transport.auth.token()
    fingerprint = fingerprint_of(budget_key(token.reveal()))
    server = server_of(caller.base_url)
    owner = await store.owner()
    organizations: frozenset[str] = frozenset()
    if owner is None:
        sql = "SELECT id FROM record WHERE type = ? AND deleted_at IS NULL"
        organizations = frozenset(str(row[0]) for row in await store.query(sql, (RECORD_TYPE,)))
    facts = OwnerFacts(
        known=owner is not None and owner.knows(server, fingerprint),
        organization=None if owner is None else owner.organization,
        organizations=organizations,
        rebind=rebind,
    )
    return facts, owner, server, fingerprint


async def check_owner(caller: Caller, store: Store, *, rebind: bool = False) -> Checked:
    """Make sure that a token's records belong into a store: one look for each token that it does not know.

    Args:
        caller: Makes the call, 1 unit.
        store: Where the records are, or are to be.
        rebind: Whether the store may go over to another organization.

    Raises:
        OwnerError: It holds another organization's records.
    """
    facts, owner, server, fingerprint = await owner_facts(caller, store, rebind=rebind)
    decision = determine_owner(facts)
    shown: str | None = None
    ownership = Ownership.KNOWN
    try:
        next(decision)
        outcome = await _ask_owner(caller)
        shown = outcome.organization
        decision.send(outcome)
    except StopIteration as end:
        ownership = end.value
    if ownership is Ownership.OTHER:
        held = f"organization {facts.organization} ({owner.server})" if owner is not None else "another organization"
        if owner is None:
            held += f" (one of {len(facts.organizations):,} that it lists)"
        raise OwnerError(store.name, held, f"{shown} ({server})")
    if ownership is Ownership.UNCERTAIN:
        return Checked(
            ownership,
            "the server does not say whose records these are; that no other firm's are mixed in is not checked",
        )
    if shown is None:
        return Checked(ownership)
    return Checked(ownership, await _note(store, owner, Owner(shown, server), fingerprint, ownership))


async def _note(store: Store, owner: Owner | None, shown: Owner, fingerprint: str, ownership: Ownership) -> str:
    """Remember a token that was shown to belong to the owner; return what is worth knowing."""
    rebound, why = ownership is Ownership.REBOUND, ""
    if rebound or owner is None or owner.server != shown.server:
        # Tokens that another server has shown prove nothing of this one.
        noted = shown.with_token(fingerprint)
        if owner is not None and not rebound:
            why = f"the same organization as before, on another server ({shown.server}; before {owner.server})"
    else:
        noted = owner.with_token(fingerprint)

    def work(db: Database) -> None:
        write_owner(db, noted)
        if rebound:
            _forget(db)

    await store.write(work)
    return "the file goes over to another organization: every type is loaded anew" if rebound else why


def _forget(db: Database) -> None:
    """Forget how far the records of the owner before had been read: those of another one are not among them."""
    for table in ("watermark", "checkpoint", "scan"):
        db.execute(f"DELETE FROM {table} WHERE type NOT LIKE 'rhythm%'")  # noqa: S608 - names of ours
    db.execute("DELETE FROM capability WHERE name IN ('counted', 'ties')")


async def _ask_owner(caller: Caller) -> Outcome:
    at = datetime.datetime.fromtimestamp(caller.transport.budget.server_time(), datetime.UTC).isoformat()
    try:
        answer = await caller.call(Organizations._me_operation, data_quantity=DataQuantity.ID_ONLY)
    except (PermissionDeniedError, EndpointNotFoundError):
        return Outcome(at=at, trouble=Trouble.REFUSED)
    return Outcome(at=at, organization=_id_of(answer.body), units=answer.observed_cost)


def _id_of(body: bytes) -> str | None:
    """Return the ID in an answer that holds one object, or an array of one; None for any other answer."""
    try:
        content: Any = parse_json(body)
    except DecodeError:
        return None
    if isinstance(content, list) and len(content) == 1:
        (content,) = content
    identity = content.get("id") if isinstance(content, dict) else None
    return normalise_id(identity) if isinstance(identity, str) and identity else None
