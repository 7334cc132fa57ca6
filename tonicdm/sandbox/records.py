"""What a checked body does to the world, type by type where one field touches several records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tonicdm.sandbox.messages import Refusal
from tonicdm.sandbox.world import World
from tonicdm.sandbox.world.ids import compact, hyphenated
from tonicdm.sandbox.world.places import own_organization
from tonicdm.sandbox.world.table import NOTHING
from tonicdm.sandbox.world.workflow import PARTS, parts_of

Fields = dict[str, Any]

_STATUS_WORDS = {0: "inactive", 1: "active", 4: "deleted"}
_SHARED_DOMAINS = frozenset({"gmail.com", "outlook.com", "yahoo.com"})
_SYSTEM_NAMES = frozenset({"info", "noreply", "no-reply", "accounts", "office"})


def check(world: World, record_type: str, fields: Fields) -> None:
    """Do nothing if every reference in a body can be followed, also inside its parts and addresses.

    Checked before anything is changed, so that a refused body changes nothing.

    Raises:
        KeyError: A field refers to a record that does not exist, or an address is new and has no text.
    """
    world.check("reason_codes" if record_type == "rfi_integrations" else record_type, fields)
    for name, inner in (("parts", PARTS.get(record_type, "")), ("emailAddresses", "email_addresses")):
        for one in fields.get(name) or ():
            world.check(inner, one)
            if name == "emailAddresses" and one.get("id") is None and not one.get("emailAddress"):
                raise KeyError("body.emailAddresses must have an emailAddress in each that is new")
            if one.get("id") is not None and world.get(inner, one["id"]) is None:
                raise KeyError(f"no {inner} record has the ID {one['id']}")


def create(world: World, record_type: str, fields: Fields, options: Mapping[str, str]) -> str:
    """Create a record and what comes into being with it; return its compact ID.

    Raises:
        KeyError: A field refers to a record that does not exist.
        Refusal: 400, it contradicts a record that exists.
    """
    fields = _stored(fields)
    if record_type == "persons":
        return _create_person(world, fields)
    if record_type == "email_addresses":
        return _create_address(world, fields)
    if record_type in PARTS:
        parts = fields.pop("parts", None)
        record_id = world.create(record_type, **{"stage": "open", "manual_stage": False, **fields})
        _add_parts(world, record_type, record_id, parts)
        return record_id
    if record_type == "team":
        if compact(fields.setdefault("projectId", options["projectId"])) != options["projectId"].lower():
            raise Refusal(400, "body.projectId is another project than the option's")
    elif record_type == "offices":
        # The body shown has no organizationId (reference), so it is the own organization unless one is named.
        fields.setdefault("organizationId", world.firm.id("organizations", own_organization(world.firm)))
    return world.create("reason_codes" if record_type == "rfi_integrations" else record_type, **fields)


def change(world: World, record_type: str, record_id: str, fields: Fields) -> None:
    """Change a record, and the parts or addresses inside the body.

    Raises:
        KeyError: A field refers to a record that does not exist.
    """
    fields = _stored(fields)
    if record_type in PARTS:
        _add_parts(world, record_type, record_id, fields.pop("parts", None))
    if record_type == "brands":
        _check_domains(world, record_id, fields.get("domains") or ())
    if record_type == "persons":
        for address in fields.pop("emailAddresses", None) or ():
            _merge_address(world, record_id, dict(address))
    world.update(record_type, record_id, **fields)


def _check_domains(world: World, record_id: str, domains: Iterable[str]) -> None:
    """Refuse a domain of another brand (concepts page, "Brands": one Domain, at most one Brand)."""
    wanted = set(domains)
    for record in world.records("brands") if wanted else ():
        taken = wanted.intersection(record.get("domains") or ())
        if taken and record["id"] != record_id:
            raise Refusal(400, f"body.domains: {min(taken)} belongs to another brand")


def went_on(world: World, record_id: str) -> bool:
    """Return whether a PCO was forwarded or returned, so that it cannot be deleted any more (reference)."""
    rank = world.table("pcos").rank(record_id)
    types = {
        world.firm.record("pco_parts", part)["part_type"]
        for part in ([] if rank is None else parts_of(world.firm, "pcos", rank))
    }
    return bool(types & {"forward", "return_of_forward"})


def _stored(fields: Fields) -> Fields:
    """Return fields as they are kept: status as a word, an address with <br> for new lines, UUIDs with hyphens."""
    kept = dict(fields)
    for name in ("status", "ProjectMemberStatus"):
        # A status is never unset: null leaves it as it is.
        if name in kept and kept[name] is None:
            del kept[name]
    if isinstance(number := kept.get("status"), int):
        kept["status"] = _STATUS_WORDS[number]
    if isinstance(address := kept.get("address"), str):
        kept["address"] = address.replace("\n", "<br>")
    if isinstance(attached := kept.get("attachedToId"), str):
        kept["attachedToId"] = hyphenated(compact(attached))
    return kept


def _add_parts(world: World, record_type: str, record_id: str, parts: list[Fields] | None) -> None:
    """Create the parts in a body, or change those that are named by their ID."""
    for part in parts or ():
        fields = {**part, "item_id": record_id}
        if (part_id := fields.pop("id", None)) is None:
            world.create(PARTS[record_type], **fields)
        else:
            world.update(PARTS[record_type], part_id, **fields)


def _create_person(world: World, fields: Fields) -> str:
    addresses = fields.pop("emailAddresses")
    if not addresses or not all(address.get("emailAddress") for address in addresses):
        raise Refusal(400, "body.emailAddresses must have an emailAddress in each of at least one")
    first = addresses[0]
    brand = _brand_of(world, first["emailAddress"])
    taken = {name: first[name] for name in ("name", "title") if name in first}
    person = world.create("persons", **{"brandId": brand, **_organization(world, brand), **taken, **fields})
    for address in addresses:
        _create_address(world, {**_stored(address), "personId": person})
    return person


def _create_address(world: World, fields: Fields) -> str:
    """Create an address; its brand and type are assigned by its domain (concepts page, "Email Addresses")."""
    fields.pop("id", None)
    fields.pop("SelectiveNonCreation", None)
    name, _, domain = fields["emailAddress"].lower().partition("@")
    address_type = "personal" if domain in _SHARED_DOMAINS else "system" if name in _SYSTEM_NAMES else "business"
    brand = _brand_of(world, fields["emailAddress"])
    return world.create(
        "email_addresses", **{"type": address_type, "deliveryStatus": "unknown", "brandId": brand, **fields}
    )


def _merge_address(world: World, person: str, address: Fields) -> None:
    address_id = address.pop("id", None)
    if address_id is None:
        _create_address(world, {**_stored(address), "personId": person})
    else:
        world.update("email_addresses", address_id, **{**_stored(address), "personId": person})


def _organization(world: World, brand: str | None) -> Fields:
    if brand is None:
        return {}
    table = world.table("brands")
    rank = table.rank(brand)
    organization = NOTHING if rank is None else table.links["organization"][rank]
    return {"organizationId": world.firm.maybe_id("organizations", organization)}


def _brand_of(world: World, address: str) -> str | None:
    """Return the brand that has the address's domain; a new domain makes a new organization and brand.

    An organization is never created directly: it comes into being with its first person (reference).
    """
    domain = address.lower().partition("@")[2]
    if domain in _SHARED_DOMAINS:
        return None
    for record in world.records("brands"):
        if domain in (record.get("domains") or ()):
            return str(record["id"])
    organization = world.create("organizations", name=domain, isTenant=False)
    return world.create(
        "brands",
        domains=[domain],
        nameLong=domain,
        nameShort=domain,
        nameInitials=domain[:4],
        organizationId=organization,
        isPrime=True,
    )
