"""Linking a login to a contact (reference, linkCurrentUserToContact)."""

from __future__ import annotations

from tonicdm.sandbox.messages import Refusal, Response, json_response
from tonicdm.sandbox.rhythm.ask import Ask, Tenant
from tonicdm.sandbox.rhythm.issuer import Issuer, User, subject


def link(ask: Ask, issuer: Issuer) -> Response:
    """Answer linkCurrentUserToContact; the mail that the real thing sends is taken as confirmed at once.

    Tokens that the user already has stay as they are: only the next one carries the contact.
    """
    user = next((user for user in issuer.users.values() if subject(user) == ask.user), None)
    if user is None:
        raise Refusal(401, "Unauthorized")
    rank = ask.tenant.world.by_email(ask.parameters["emailAddress"])
    if rank is None:
        raise Refusal(404, "no contact has that address")
    attach(user, ask.tenant, ask.tenant.world.tables["contacts"].id(rank))
    return json_response(200, {}, 0)


def attach(user: User, tenant: Tenant, contact_id: str) -> None:
    """Put a contact behind a login, as the first visit to the portal does (concepts page, "Users vs. Contacts").

    Raises:
        KeyError: There is no such contact.
    """
    contacts = tenant.world.tables["contacts"]
    rank = contacts.rank(contact_id)
    if rank is None:
        raise KeyError(f"no contact {contact_id}")
    user.contact_id, user.contact_name = contact_id, contacts.value(rank, "name")
