"""The tenant-of-one: a shared-domain address is a tenant with a single user (concepts page, "Tenant")."""

from __future__ import annotations

from tonicdm.sandbox.world.kinship import addresses, me
from tonicdm.sandbox.world.places import own_organization
from tonicdm.sandbox.world.world import World

ADDRESS = "our-company@gmail.com"
"""The page's example of a shared-domain address."""


def leave_alone(world: World) -> None:
    """Remove all of the staff but the user, whose one address becomes a shared-domain one."""
    firm = world.firm
    persons, emails = firm.tables["persons"], firm.tables["email_addresses"]
    own, user = own_organization(firm), me(firm)
    colleagues = {rank for rank, link in enumerate(persons.links["organization"]) if link == own and rank != user}
    # What they wrote and answered for is the user's now.
    for table in firm.tables.values():
        for name, link in table.spec.links.items():
            if link.target == "persons" and table is not emails:
                for rank, target in enumerate(table.links[name]):
                    if target in colleagues:
                        table.refer(name, rank, user)
    first, *others = addresses(firm, user)
    gone = [number for rank in colleagues for number in addresses(firm, rank)]
    for number in (*others, *gone):
        world.delete("email_addresses", emails.id(number))
    for rank in colleagues:
        world.delete("persons", persons.id(rank))
    world.update("email_addresses", emails.id(first), emailAddress=ADDRESS)
