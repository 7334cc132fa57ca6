"""Create records: check the body, change the world, respond with what was created."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tonicdm.sandbox.handlers.bodies import FIELDS, REQUIRED, read_json, read_object
from tonicdm.sandbox.licences import check_rights
from tonicdm.sandbox.messages import Refusal, Response, json_response
from tonicdm.sandbox.routes import Operation
from tonicdm.sandbox.settings import SandboxSettings
from tonicdm.sandbox.world import World
from tonicdm.sandbox.world.firm import NOTHING
from tonicdm.sandbox.world.ids import compact, hyphenated
from tonicdm.sandbox.world.places import own_organization
from tonicdm.sandbox.world.workflow import PARTS

Fields = dict[str, Any]

_STATUS_WORDS = {0: "inactive", 1: "active", 4: "deleted"}
_SHARED_DOMAINS = frozenset({"gmail.com", "outlook.com", "yahoo.com"})
_SYSTEM_NAMES = frozenset({"info", "noreply", "no-reply", "accounts", "office"})


def create(
    world: World, operation: Operation, options: Mapping[str, str], body: bytes, settings: SandboxSettings
) -> Response:
    """Create records: 201.

    Raises:
        Refusal: 400 for a wrong body, 403 for a field the user may not set.
    """
    record_type = operation.record_type
    value = read_json(body)
    # Only a team takes several at once: its text asks for an array, its schema shows one object (reference).
    many = record_type == "team" and isinstance(value, list)
    bodies = [
        read_object(item, FIELDS[record_type], REQUIRED.get(record_type, ()), settings)
        for item in (value if many else [value])
    ]
    for fields in bodies:
        check_rights(world, record_type, None, fields, settings)
    try:
        for fields in bodies:
            check_references(world, record_type, fields)
        record_ids = [_create_record(world, record_type, fields, options) for fields in bodies]
    except KeyError as error:
        raise Refusal(400, str(error.args[0])) from None
    shown = "reason_codes" if record_type == "rfi_integrations" else record_type
    created = [world.get(shown, record_id) for record_id in record_ids]
    if settings.create_body == "none":
        return Response(status=201)
    return json_response(201, created if many or settings.create_body == "array" else created[0], len(created))


def check_references(world: World, record_type: str, fields: Fields) -> None:
    """Do nothing if every reference in a body can be followed, also inside its parts and addresses.

    Checked before anything is changed, so that a refused body changes nothing.

    Raises:
        KeyError: A field refers to a record that does not exist, or an address is new and has no text.
    """
    world.check("reason_codes" if record_type == "rfi_integrations" else record_type, fields)
    for name, inner in (("parts", PARTS.get(record_type, "")), ("emailAddresses", "email_addresses")):
        for part in fields.get(name) or ():
            world.check(inner, part)
            if name == "emailAddresses" and part.get("id") is None and not part.get("emailAddress"):
                raise KeyError("body.emailAddresses must have an emailAddress in each that is new")
            if part.get("id") is not None and world.get(inner, part["id"]) is None:
                raise KeyError(f"no {inner} record has the ID {part['id']}")


def _create_record(world: World, record_type: str, fields: Fields, options: Mapping[str, str]) -> str:
    """Create a record and what comes into being with it; return its compact ID.

    Raises:
        KeyError: A field refers to a record that does not exist.
        Refusal: 400, it contradicts a record that exists.
    """
    fields = stored_fields(fields)
    if record_type == "persons":
        return _create_person(world, fields)
    if record_type == "email_addresses":
        return create_address(world, fields)
    if record_type in PARTS:
        parts = fields.pop("parts", None)
        record_id = world.create(record_type, **{"stage": "open", "manual_stage": False, **fields})
        add_parts(world, record_type, record_id, parts)
        return record_id
    if record_type == "team":
        if compact(fields.setdefault("projectId", options["projectId"])) != options["projectId"].lower():
            raise Refusal(400, "body.projectId is another project than the option's")
    elif record_type == "offices":
        # The body shown has no organizationId (reference), so it is the own organization unless one is named.
        fields.setdefault("organizationId", world.firm.id("organizations", own_organization(world.firm)))
    return world.create("reason_codes" if record_type == "rfi_integrations" else record_type, **fields)


def stored_fields(fields: Fields) -> Fields:
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


def add_parts(world: World, record_type: str, record_id: str, parts: list[Fields] | None) -> None:
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
        create_address(world, {**stored_fields(address), "personId": person})
    return person


def create_address(world: World, fields: Fields) -> str:
    """Create an address; its brand and type are assigned by its domain (concepts page, "Email Addresses")."""
    fields.pop("id", None)
    fields.pop("SelectiveNonCreation", None)
    name, _, domain = fields["emailAddress"].lower().partition("@")
    address_type = "personal" if domain in _SHARED_DOMAINS else "system" if name in _SYSTEM_NAMES else "business"
    brand = _brand_of(world, fields["emailAddress"])
    return world.create(
        "email_addresses", **{"type": address_type, "deliveryStatus": "unknown", "brandId": brand, **fields}
    )


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
