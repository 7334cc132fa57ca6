"""The record types that can be kept in a store."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Final

import attrs

from tonicdm.endpoints.listing import ListOperation
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

    @property
    def listing(self) -> ListOperation[Any]:
        """How it is listed."""
        module = importlib.import_module(f"tonicdm.endpoints.{self.name}")
        classes = [item for item in vars(module).values() if isinstance(item, type) and "_listing" in vars(item)]
        (found,) = [item for item in classes if item.__module__ == module.__name__]
        return found._listing  # type: ignore[attr-defined, no-any-return]


_DEFAULT: Final = (
    "organizations",
    "brands",
    "offices",
    "persons",
    "email_addresses",
    "projects",
    "notes",
    "disciplines",
    "certification_definitions",
    "files",
    "conversations",
    "rfis",
    "submittals",
    "cos",
    "tasks",
    "file_transfers",
)
_BY_REQUEST: Final[Mapping[str, str]] = {
    "rfi_parts": "every RFI carries its parts already",
    "pco_parts": "no list of PCOs is documented, so they hang in the air",
    "file_transfer_parts": "read with the transfers they belong to, by their IDs",
    "tenants": "described as for internal purposes of TonicDM",
}

TYPES: Final[Mapping[str, RecordType]] = {
    **{name: RecordType(name, default=True) for name in _DEFAULT},
    **{name: RecordType(name, default=False, why_not=why) for name, why in _BY_REQUEST.items()},
}
"""All types by name. Listable is what has a GET that requires no option (reference)."""


def choose(names: list[str] | None) -> list[RecordType]:
    """Return the types named, or the default ones.

    Raises:
        ConfigError: A name is unknown.
    """
    if not names:
        return [one for one in TYPES.values() if one.default]
    unknown = [name for name in names if name not in TYPES]
    if unknown:
        raise ConfigError(f"no such record type: {', '.join(unknown)}; there are {', '.join(TYPES)}")
    return [TYPES[name] for name in dict.fromkeys(names)]
