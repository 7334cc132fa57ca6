"""The record types that can be kept in a store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from tonicdm.endpoints.base import Deleting, Listed
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.registry import endpoint_class
from tonicdm.errors import ConfigError


@attrs.frozen
class RecordType:
    """A type of record, and where it is listed."""

    name: str
    """Its name in the store: that of the client's attribute."""
    default: bool
    """Whether a sync takes it without being asked."""
    why_not: str = ""
    """Why it is not taken by default."""
    licensed: bool = False
    """Whether a licence decides which of its fields are shown (reference: x-licence)."""
    stamped: bool = True
    """Whether its timestamp tells of changes (reference: a file transfer's is "not implemented yet")."""
    parents: str | None = None
    """The type whose records it is listed by."""
    named_in: str = ""
    """The field of its parents that holds the IDs it is listed by; its parents' own IDs where there is none."""
    by_own_ids: bool = False
    """Whether those are the IDs of its own records, asked for by the headerful."""

    @property
    def listing(self) -> ListOperation[Any]:
        """How it is listed."""
        endpoint = endpoint_class(self.name)
        assert issubclass(endpoint, Listed)
        return endpoint._listing

    @property
    def deletable(self) -> bool:
        """Whether the reference shows a DELETE for it; others lose records by their status alone."""
        return issubclass(endpoint_class(self.name), Deleting)


_DEFAULT: Final = (
    RecordType("organizations", default=True, licensed=True),
    RecordType("brands", default=True, licensed=True),
    RecordType("offices", default=True, licensed=True),
    RecordType("persons", default=True, licensed=True),
    RecordType("email_addresses", default=True, licensed=True),
    RecordType("projects", default=True, licensed=True),
    RecordType("notes", default=True),
    RecordType("disciplines", default=True),
    RecordType("certification_definitions", default=True),
    RecordType("files", default=True),
    RecordType("conversations", default=True),
    RecordType("rfis", default=True),
    RecordType("submittals", default=True),
    RecordType("cos", default=True),
    RecordType("tasks", default=True),
    RecordType("file_transfers", default=True, stamped=False),
)
_BY_REQUEST: Final = (
    RecordType(
        "team",
        default=False,
        why_not="one list for each project",
        parents="projects",
        stamped=False,
    ),
    RecordType(
        "filesets",
        default=False,
        why_not="listed by their IDs, which the files name",
        parents="files",
        named_in="filesetId",
        by_own_ids=True,
        stamped=False,
    ),
    RecordType("rfi_parts", default=False, why_not="every RFI carries its parts already", stamped=False),
    RecordType("pco_parts", default=False, why_not="no list of PCOs is documented", stamped=False),
    RecordType("file_transfer_parts", default=False, why_not="fields are hardly documented", stamped=False),
    RecordType("tenants", default=False, why_not="described as for internal purposes of TonicDM", stamped=False),
)

TYPES: Final[Mapping[str, RecordType]] = {record_type.name: record_type for record_type in (*_DEFAULT, *_BY_REQUEST)}
"""All types by name. Listable is what has a GET that requires no option (reference)."""


def choose(names: list[str] | None) -> list[RecordType]:
    """Return the types named, or the default ones.

    Raises:
        ConfigError: A name is unknown.
    """
    if not names:
        return list(_DEFAULT)
    unknown = [name or "one without a name" for name in names if name not in TYPES]
    if unknown:
        raise ConfigError(f"no such record type: {', '.join(unknown)}; there are {', '.join(TYPES)}")
    return [TYPES[name] for name in dict.fromkeys(names)]
