"""Delete records truly."""

from __future__ import annotations

from collections.abc import Mapping

from tonicdm.sandbox.messages import Refusal, Response
from tonicdm.sandbox.options import read_ids
from tonicdm.sandbox.routes import Operation
from tonicdm.sandbox.settings import SandboxSettings
from tonicdm.sandbox.world import World
from tonicdm.sandbox.world.workflow import parts_of


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
    elif operation.record_type == "pcos" and _was_forwarded(world, record_id):
        raise Refusal(400, "a PCO that was forwarded or returned cannot be deleted")
    else:
        world.delete(operation.record_type, record_id)
    return Response(status=204)


def _was_forwarded(world: World, record_id: str) -> bool:
    """Return whether a PCO was forwarded or returned, so that it cannot be deleted any more (reference)."""
    rank = world.table("pcos").rank(record_id)
    types = {
        world.firm.record("pco_parts", part)["part_type"]
        for part in ([] if rank is None else parts_of(world.firm, "pcos", rank))
    }
    return bool(types & {"forward", "return_of_forward"})
