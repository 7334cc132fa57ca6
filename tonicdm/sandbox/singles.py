"""GET operations that answer one object."""

from __future__ import annotations

from tonicdm.sandbox.world import World
from tonicdm.sandbox.world.places import own_organization
from tonicdm.sandbox.world.table import Record


def my_organization(world: World) -> Record:
    """Return the own organization with the tenant's settings appended (concepts page, "Tenant")."""
    firm = world.firm
    return {
        **firm.record("organizations", own_organization(firm)),
        "homeZone": firm.zone,
        "division1Name": "Market Sector",
        "division2Name": "Studio",
    }
