"""Make records for tests, by the models of the client: whole ones, with the fields that matter set by the test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from tonicdm import models
from tonicdm.endpoints.bodies import body_of
from tonicdm.models import CODEC, Record, read_with
from tonicdm.sandbox import World
from tonicdm.sandbox.world.record_types import MIN_RECORDS
from tonicdm.types import DataQuantity

R = TypeVar("R", bound=Record)

RECORD_TYPES: Final[Mapping[str, str]] = {
    "Brand": "brands",
    "CertificationDefinition": "certification_definitions",
    "CloudFolderChild": "cloud_children",
    "Co": "cos",
    "CoPart": "co_parts",
    "Conversation": "conversations",
    "Discipline": "disciplines",
    "EmailAddress": "email_addresses",
    "File": "files",
    "FileTransfer": "file_transfers",
    "FileTransferPart": "file_transfer_parts",
    "Fileset": "filesets",
    "GlobalTenant": "tenants",
    "Group": "groups",
    "Label": "labels",
    "Note": "notes",
    "Office": "offices",
    "Organization": "organizations",
    "Pco": "pcos",
    "PcoPart": "pco_parts",
    "Person": "persons",
    "Project": "projects",
    "ProjectMember": "team",
    "ReasonCode": "reason_codes",
    "Rfi": "rfis",
    "RfiPart": "rfi_parts",
    "Submittal": "submittals",
    "SubmittalPart": "submittal_parts",
    "Task": "tasks",
    "ThumbnailSet": "thumbnails",
}
"""The record type in the sandbox of each model."""

_NOT_COPIED: Final = frozenset({"id", "datetimeCreated", "datetimeUpdated", "emailAddresses", "parts", "files"})
"""Fields of the pattern that a new record has of its own, or gets from the records that refer to it."""


class Records:
    """Makes records.

    Args:
        world: Where they are put; a small firm of its own when not given, which no server shows.
    """

    def __init__(self, world: World | None = None) -> None:
        self._world = world or World(MIN_RECORDS)
        self._made = 0

    def make(self, model: type[R], /, **fields: Any) -> R:
        """Put a record into the world, uncharged and without a call, and return it as a client would read it.

        Fields that are not given are those of some record that was there; it is active.

        Args:
            model: The record's class, such as ``tonicdm.models.Office``.
            fields: Values by attribute name, as for the endpoint's ``create``.

        Raises:
            InvalidOptionError: A field is unknown or its value has another type.
            KeyError: A field refers to a record that the world does not have.
        """
        record_type = _record_type_of(model)
        made = self._world.create(
            record_type, **{**self._pattern(record_type), **_stored(record_type, body_of(model, fields))}
        )
        return self.get(model, made)

    def make_many(self, model: type[R], number: int, /, **fields: Any) -> list[R]:
        """Put *number* records into the world; in texts ``{n}`` becomes their number, from 1.

        Args:
            model: The records' class.
            number: How many.
            fields: Values by attribute name, the same for all but ``{n}``.
        """
        return [
            self.make(model, **{k: v.replace("{n}", str(n)) if isinstance(v, str) else v for k, v in fields.items()})
            for n in range(1, number + 1)
        ]

    def get(self, model: type[R], record_id: str) -> R:
        """Return a record of the world as a client would read it, uncharged.

        Raises:
            KeyError: There is none.
        """
        values = self._world.get(_record_type_of(model), record_id)
        if values is None:
            raise KeyError(f"no {_record_type_of(model)} record has the ID {record_id}")
        with read_with(DataQuantity.BASIC):
            return CODEC.read(values, model)

    def change(self, record: R, /, **fields: Any) -> R:
        """Change a record of the world as somebody else would, and return it as it is then.

        Args:
            record: A record with an ID.
            fields: Values by attribute name.
        """
        record_type = _record_type_of(type(record))
        self._world.update(record_type, _id(record), **_stored(record_type, body_of(type(record), fields)))
        return self.get(type(record), _id(record))

    def remove(self, record: Record, /, *, soft: bool = False) -> None:
        """Delete a record of the world as somebody else would, truly or by its status."""
        self._world.delete(_record_type_of(type(record)), _id(record), soft=soft)

    def _pattern(self, record_type: str) -> dict[str, Any]:
        table, firm = self._world.table(record_type), self._world.firm
        rank = self._made % table.ids.count
        self._made += 1
        seeded = table.spec.make(firm, rank)
        own = {name: value for name, value in seeded.items() if name not in _NOT_COPIED}
        # The pattern may be a deleted record, or refer to one that is gone.
        own = {name: value for name, value in own.items() if _followed(self._world, record_type, name, value)}
        return {**own, table.spec.status_field: "active"} if table.spec.status_field else own


def _followed(world: World, record_type: str, name: str, value: Any) -> bool:
    try:
        world.check(record_type, {name: value})
    except KeyError:
        return False
    return True


def _record_type_of(model: type[Record]) -> str:
    name = RECORD_TYPES.get(model.__name__)
    if name is None or getattr(models, model.__name__) is not model:
        raise TypeError(f"{model.__name__} is no record of the sandbox; there are {', '.join(RECORD_TYPES)}")
    return name


def _id(record: Record) -> str:
    value = getattr(record, "id", None)
    if value is None:
        raise ValueError(f"this {type(record).__name__} has no ID")
    return str(value)


def _stored(record_type: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body's fields as the world keeps them; an address has <br> for new lines (reference)."""
    kept = dict(body)
    if record_type == "offices" and isinstance(address := kept.get("address"), str):
        kept["address"] = address.replace("\n", "<br>")
    return kept
