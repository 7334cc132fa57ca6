"""The request of a query as a value, and its wire form."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import attrs

from tonicdm.errors import InvalidOptionError
from tonicdm.http.operation import NOTHING_SENT
from tonicdm.rhythm.assumed import QueryDialect
from tonicdm.rhythm.criteria import Condition, Criteria, Group, to_query

OutputField: TypeAlias = str | Mapping[str, Any]
"""A field by name, or its whole description as `Queries.describe_type` gives it."""


def _fields(values: Iterable[OutputField] | None) -> tuple[OutputField, ...]:
    if isinstance(values, (str, Mapping)):
        raise InvalidOptionError(f"fields is a list of names; put a single one into a list. {NOTHING_SENT}")
    return () if values is None else tuple(values)


@attrs.frozen(kw_only=True)
class QuerySpec:
    """One query (reference: QueryRequest)."""

    type: str
    """The query type, such as ``rolodex:contacts``."""
    fields: tuple[OutputField, ...] = attrs.field(converter=_fields)
    """What to return, fields of related types included; at least one."""
    criteria: Criteria | Mapping[str, Any] | None = None
    """What must hold; a mapping is sent as it is, for criteria copied from Rhythm's console."""
    sort: tuple[OutputField, ...] = attrs.field(default=(), converter=_fields)
    """Fields to sort by; a minus before a name turns its order."""
    limit: int | None = None
    """Most rows."""
    offset: int | None = None
    """Rows to leave out at the start."""
    name: str | None = None
    """A label."""
    context_id: str | None = None
    """The context, for types that need one."""

    def __attrs_post_init__(self) -> None:
        if not self.fields:
            raise InvalidOptionError(
                f"a query needs at least one field to return (reference: QueryRequest). {NOTHING_SENT}"
            )
        for name, value in (("limit", self.limit), ("offset", self.offset)):
            if value is not None and (isinstance(value, bool) or value < 0):
                raise InvalidOptionError(f"{name} must be a whole number and not negative. {NOTHING_SENT}")

    def body(self, dialect: QueryDialect) -> dict[str, Any]:
        """Return the body that starts the query.

        Args:
            dialect: The assumed words.
        """
        body: dict[str, Any] = {dialect.output_key: [_output(field, dialect) for field in self.fields]}
        if self.criteria is not None:
            is_ours = isinstance(self.criteria, (Condition, Group))
            body[dialect.criteria_key] = to_query(self.criteria, dialect) if is_ours else dict(self.criteria)  # type: ignore[arg-type]
        if self.sort:
            body[dialect.sort_key] = [_sort(field, dialect) for field in self.sort]
        for name in ("limit", "offset", "name", "context_id"):
            if (value := getattr(self, name)) is not None:
                body[name] = value
        return body

    def fingerprint(self, tenant: str, output_format: str, dialect: QueryDialect) -> str:
        """Return a short text that is the same for the same query of the same tenant, and tells nothing of it."""
        whole = [tenant, self.type, output_format, self.body(dialect)]
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:32]


def _output(field: OutputField, dialect: QueryDialect) -> dict[str, Any]:
    return {dialect.field_key: field} if isinstance(field, str) else dict(field)


def _sort(field: OutputField, dialect: QueryDialect) -> dict[str, Any]:
    if not isinstance(field, str):
        return dict(field)
    word = dialect.descending if field.startswith("-") else dialect.ascending
    return {dialect.field_key: field.removeprefix("-"), dialect.direction_key: word}
