"""The owner of the records: one call for each token that a store does not know, before anything else is read."""

from __future__ import annotations

import enum
from collections.abc import Generator

import attrs

from tonicdm.plan.steps import Outcome, Stage, Step, StepKind, Trouble
from tonicdm.types import DataQuantity

MIN_UNITS: int = DataQuantity.ID_ONLY.units
MAX_UNITS: int = DataQuantity.COMPLETE.units
"""The reference shows no data_quantity for the own organization, so a call may cost as much as any."""


@attrs.frozen(kw_only=True)
class OwnerFacts:
    """What a store knows of whose it is."""

    known: bool
    """Whether the token was shown to belong to the owner before."""
    organization: str | None = None
    """The owner's ID; None where no run has noted one."""
    organizations: frozenset[str] = frozenset()
    """IDs of the organizations in a store without a noted owner: the own one is always among them."""
    rebind: bool = False
    """Whether the store may go over to another organization."""


class Ownership(enum.StrEnum):
    """What the call has shown."""

    KNOWN = "known"
    """Nothing had to be asked."""
    SAME = "same"
    """The token belongs to the owner, and is remembered."""
    FIRST = "first"
    """The store had no owner, and has one now."""
    REBOUND = "rebound"
    """The store went over to the token's organization, as was asked."""
    OTHER = "other"
    """The token belongs to another organization than the records in the store."""
    UNCERTAIN = "uncertain"
    """The server does not tell."""


def determine_owner(facts: OwnerFacts) -> Generator[Step, Outcome, Ownership]:
    """Find out whether a token's records belong into a store (reference: getOrganizationsMe).

    Args:
        facts: What the store knows.
    """
    if facts.known:
        return Ownership.KNOWN
    outcome = yield Step(
        record_type="owner",
        kind=StepKind.OWNER,
        stage=Stage.LOAD,
        data_quantity=DataQuantity.ID_ONLY.value,
        why="whose records they are: this token is new to the file",
    )
    if outcome.trouble is Trouble.REFUSED or outcome.organization is None:
        return Ownership.UNCERTAIN
    if facts.organization is None:
        strange = facts.organizations and outcome.organization not in facts.organizations
        if strange and not facts.rebind:
            return Ownership.OTHER
        return Ownership.REBOUND if strange else Ownership.FIRST
    if outcome.organization == facts.organization:
        return Ownership.SAME
    return Ownership.REBOUND if facts.rebind else Ownership.OTHER
