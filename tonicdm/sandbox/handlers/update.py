"""Update the record whose id is in the body."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tonicdm.sandbox.handlers.bodies import FIELDS, REQUIRED_ON_CHANGE, read_json, read_object, uuid
from tonicdm.sandbox.handlers.create import Fields, add_parts, check_references, create_address, stored_fields
from tonicdm.sandbox.handlers.get import me
from tonicdm.sandbox.licences import check_rights
from tonicdm.sandbox.messages import Refusal, Response, json_response
from tonicdm.sandbox.routes import Operation
from tonicdm.sandbox.settings import BodyShape, SandboxSettings
from tonicdm.sandbox.world import World
from tonicdm.sandbox.world.ids import compact
from tonicdm.sandbox.world.workflow import PARTS


def update(world: World, operation: Operation, body: bytes, settings: SandboxSettings) -> Response:
    """Change the record whose id is in the body: 200 or 204.

    Raises:
        Refusal: 400 for a wrong body or an unknown id, 403 for a field the user may not set.
    """
    record_type = operation.record_type
    value = read_json(body)
    required = REQUIRED_ON_CHANGE.get(record_type, ()) if settings.project_required_on_change else ()
    fields = read_object(value, FIELDS[record_type], required, settings)
    if record_type == "me":
        fields.pop("personId", None)  # read-only here, though not in a note (reference)
        world.update("user_settings", world.ids("user_settings")[0], **fields)
        return _response(me(world), settings.change_body)
    if record_type == "cloud_children" and "id" not in value:
        # No field or option that names the child is shown (reference): accepted, and nothing happens.
        return Response(status=204)
    record_id = _body_id(value)
    if world.get(record_type, record_id) is None:
        raise Refusal(settings.change_unknown_status, f"no record has the id {record_id}")
    check_rights(world, record_type, record_id, fields, settings)
    try:
        check_references(world, record_type, fields)
        _update_record(world, record_type, record_id, fields)
    except KeyError as error:
        raise Refusal(400, str(error.args[0])) from None
    return _response(
        world.get(record_type, record_id), "none" if record_type == "cloud_children" else settings.change_body
    )


def _update_record(world: World, record_type: str, record_id: str, fields: Fields) -> None:
    """Change a record, and the parts or addresses inside the body.

    Raises:
        KeyError: A field refers to a record that does not exist.
    """
    fields = stored_fields(fields)
    if record_type in PARTS:
        add_parts(world, record_type, record_id, fields.pop("parts", None))
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


def _merge_address(world: World, person: str, address: Fields) -> None:
    address_id = address.pop("id", None)
    if address_id is None:
        create_address(world, {**stored_fields(address), "personId": person})
    else:
        world.update("email_addresses", address_id, **{**stored_fields(address), "personId": person})


def _body_id(value: Any) -> str:
    """Return the compact id in the body of a PATCH.

    Raises:
        Refusal: 400, it is missing or no ID.
    """
    record_id = value.get("id")
    if record_id is None:
        raise Refusal(400, "body.id is required")
    if wrong := uuid(record_id):
        raise Refusal(400, f"body.id {wrong}")
    return compact(record_id)


def _response(record: Any, shape: BodyShape) -> Response:
    if shape == "none":
        return Response(status=204)
    return json_response(200, [record] if shape == "array" else record, 1)
