"""POST, PATCH and DELETE: check the body, change the world, answer with what changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tonicdm.sandbox import records
from tonicdm.sandbox.bodies import read_json, read_object, uuid
from tonicdm.sandbox.licences import check_rights
from tonicdm.sandbox.messages import Refusal, Response, json_response
from tonicdm.sandbox.options import read_ids
from tonicdm.sandbox.routes import Operation
from tonicdm.sandbox.schemas import FIELDS, REQUIRED, REQUIRED_ON_CHANGE
from tonicdm.sandbox.settings import BodyShape, SandboxSettings
from tonicdm.sandbox.singles import me
from tonicdm.sandbox.world import World
from tonicdm.sandbox.world.ids import compact


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
        read_object(one, FIELDS[record_type], REQUIRED.get(record_type, ()), settings)
        for one in (value if many else [value])
    ]
    for fields in bodies:
        check_rights(world, record_type, None, fields, settings)
    try:
        for fields in bodies:
            records.check(world, record_type, fields)
        made = [records.create(world, record_type, fields, options) for fields in bodies]
    except KeyError as error:
        raise Refusal(400, str(error.args[0])) from None
    shown = "reason_codes" if record_type == "rfi_integrations" else record_type
    found = [world.get(shown, record_id) for record_id in made]
    if settings.create_body == "none":
        return Response(status=201)
    return json_response(201, found if many or settings.create_body == "array" else found[0], len(found))


def change(world: World, operation: Operation, body: bytes, settings: SandboxSettings) -> Response:
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
        return _changed(me(world), settings.change_body)
    if record_type == "cloud_children" and "id" not in value:
        # No field or option that names the child is shown (reference): accepted, and nothing happens.
        return Response(status=204)
    record_id = _body_id(value)
    if world.get(record_type, record_id) is None:
        raise Refusal(settings.change_unknown_status, f"no record has the id {record_id}")
    check_rights(world, record_type, record_id, fields, settings)
    try:
        records.check(world, record_type, fields)
        records.change(world, record_type, record_id, fields)
    except KeyError as error:
        raise Refusal(400, str(error.args[0])) from None
    return _changed(
        world.get(record_type, record_id), "none" if record_type == "cloud_children" else settings.change_body
    )


def delete(world: World, operation: Operation, options: Mapping[str, str], settings: SandboxSettings) -> Response:
    """Remove a record truly: 204 (concepts page: "DELETE=truly delete").

    Raises:
        Refusal: 400 for a wrong id or a PCO that went on; what delete_unknown_status says for an unknown one.
    """
    if "id" not in options:
        return Response(status=204)
    (record_id, *more) = read_ids("id", options["id"])
    if more:
        raise Refusal(400, "id: one ID is expected")
    if world.get(operation.record_type, record_id) is None:
        if settings.delete_unknown_status != 204:
            raise Refusal(settings.delete_unknown_status, f"no record has the id {record_id}")
    elif operation.record_type == "pcos" and records.went_on(world, record_id):
        raise Refusal(400, "a PCO that was forwarded or returned cannot be deleted")
    else:
        world.delete(operation.record_type, record_id)
    return Response(status=204)


def _body_id(value: Any) -> str:
    """Return the compact id in the body of a PATCH.

    Raises:
        Refusal: 400, it is missing or no ID.
    """
    found = value.get("id")
    if found is None:
        raise Refusal(400, "body.id is required")
    if wrong := uuid(found):
        raise Refusal(400, f"body.id {wrong}")
    return compact(found)


def _changed(record: Any, shape: BodyShape) -> Response:
    if shape == "none":
        return Response(status=204)
    return json_response(200, [record] if shape == "array" else record, 1)
