"""POST, PATCH and DELETE: check the body, change the world, answer with what changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tonicdm.sandbox.bodies import read_json, read_object, uuid
from tonicdm.sandbox.calls import Answer, Refusal, json_answer
from tonicdm.sandbox.options import read_ids
from tonicdm.sandbox.routes import Operation
from tonicdm.sandbox.schemas import FIELDS, REQUIRED
from tonicdm.sandbox.settings import BodyShape, SandboxSettings
from tonicdm.sandbox.world import World
from tonicdm.sandbox.world.ids import compact

_STATUS_WORDS = {0: "inactive", 1: "active", 4: "deleted"}


def create(world: World, operation: Operation, body: bytes, settings: SandboxSettings) -> Answer:
    """Create a record: 201.

    Raises:
        Refusal: 400, the body is wrong.
    """
    kind = operation.kind
    value = read_json(body)
    fields = stored(read_object(value, FIELDS[kind], REQUIRED.get(kind, ()), settings))
    with_references(lambda: fields.setdefault("id", world.create(kind, **fields)))
    return answer(201, world.get(kind, fields["id"]), settings.create_body)


def change(world: World, operation: Operation, body: bytes, settings: SandboxSettings) -> Answer:
    """Change the record whose id is in the body: 200 or 204.

    Raises:
        Refusal: 400, the body is wrong or there is no such record.
    """
    kind = operation.kind
    value = read_json(body)
    fields = stored(read_object(value, FIELDS[kind], (), settings))
    record_id = body_id(value)
    if world.get(kind, record_id) is None:
        raise Refusal(settings.change_unknown_status, f"no record has the id {record_id}")
    with_references(lambda: world.update(kind, record_id, **fields))
    return answer(200, world.get(kind, record_id), settings.change_body)


def delete(world: World, operation: Operation, options: Mapping[str, str], settings: SandboxSettings) -> Answer:
    """Remove a record truly: 204 (concepts page: "DELETE=truly delete").

    Raises:
        Refusal: The id is wrong, or unknown and delete_unknown_status is no 204.
    """
    (record_id, *more) = read_ids("id", options["id"])
    if more:
        raise Refusal(400, "id: one ID is expected")
    if world.get(operation.kind, record_id) is not None:
        world.delete(operation.kind, record_id)
    elif settings.delete_unknown_status != 204:
        raise Refusal(settings.delete_unknown_status, f"no record has the id {record_id}")
    return Answer(status=204)


def body_id(value: Any) -> str:
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


def stored(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields as they are kept: status as a word, an address with <br> for new lines (reference)."""
    if isinstance(number := fields.get("status"), int):
        fields["status"] = _STATUS_WORDS[number]
    if isinstance(address := fields.get("address"), str):
        fields["address"] = address.replace("\n", "<br>")
    return fields


def with_references(act: Any) -> None:
    """Do *act*; a reference to nothing is the client's fault.

    Raises:
        Refusal: 400, a field refers to a record that does not exist.
    """
    try:
        act()
    except KeyError as error:
        raise Refusal(400, str(error.args[0])) from None


def answer(status: int, record: Any, shape: BodyShape) -> Answer:
    """Return the answer to a successful write in the shape the settings ask for."""
    if shape == "none":
        return Answer(status=204 if status == 200 else status)
    return json_answer(status, [record] if shape == "array" else record, 1)
