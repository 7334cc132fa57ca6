"""Assumptions of this package that no document prints, and how a recording may contradict them. Pure.

Each stands at its place in the reference (``x-assumed``) or in `docs/explanation/decisions`. What only a write could
show is in the list too, so that nothing assumed is forgotten, and is never contradicted by a recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

import attrs

from tonicdm.conformance.recording import Exchange, Recording
from tonicdm.conformance.shapes import forms_of, records_of
from tonicdm.conformance.state import Scalar
from tonicdm.plan.arithmetic import IDS_PER_CALL

Check: TypeAlias = Callable[[Recording], str | None]
"""Returns how a recording contradicts an assumption; None where it does not."""


@attrs.frozen
class Assumption:
    """One thing taken for granted."""

    place: str
    """Where it stands in the reference, or ``decisions: NAME``."""
    says: str
    """What is assumed."""
    check: Check | None = None
    """None for what reading can't show."""


@attrs.frozen
class Contradiction:
    """An assumption that a recording shows to be wrong."""

    place: str
    says: str
    actual: str
    """What came instead."""

    def __str__(self) -> str:
        return f"{self.place}: {self.says} But {self.actual}."


def contradictions(recording: Recording) -> list[Contradiction]:
    """Return the assumptions that a recording contradicts, in the order of the list."""
    return [
        Contradiction(assumption.place, assumption.says, actual)
        for assumption in ASSUMPTIONS
        if assumption.check is not None and (actual := assumption.check(recording)) is not None
    ]


def _at(recording: Recording, path: str) -> Iterator[Exchange]:
    prefix = str(recording.answers.get("path_prefix", ""))
    return (exchange for exchange in recording.exchanges if exchange.path == prefix + path)


def _path(path: str) -> Check:
    def check(recording: Recording) -> str | None:
        statuses = {exchange.status for exchange in _at(recording, path)}
        return f"{path} answered 404" if 404 in statuses and 200 not in statuses else None

    return check


def _field(path: str, field: str, *forms: str, of: str | None = None, may_lack: bool = False) -> Check:
    """Return a check that records of a list have a field, and that it has one of some forms.

    Args:
        path: The list.
        field: The field's name on the wire.
        forms: Forms that its values may have; any where none are named.
        of: The field whose objects hold it.
        may_lack: Whether its absence proves nothing, as of what a licence hides or only some records have.
    """

    def check(recording: Recording) -> str | None:
        total, seen = 0, set[str]()
        for exchange in _at(recording, path):
            if exchange.status != 200 or "id_only" in (*exchange.header.values(), *exchange.query.values()):
                continue
            count, fields = records_of(exchange.body)
            if of is not None:
                count, fields = records_of(fields.get(of))
            total += count
            seen |= forms_of(fields.get(field))
        if not total:
            return None
        if not seen:
            return None if may_lack else f"none of {total} records of {path} has {field}"
        strange = sorted(seen - {*forms, "null"}) if forms else []
        return f"{field} in {path} is {', '.join(strange)}" if strange else None

    return check


def _answer(name: str, expected: Scalar) -> Check:
    def check(recording: Recording) -> str | None:
        answer = recording.answers.get(name, expected)
        return None if answer == expected else f"it is {answer!r}"

    return check


def _ids_per_call(recording: Recording) -> str | None:
    # A tenant of fewer persons is asked for fewer, which proves nothing of 240.
    asked = any(exchange.question == f"{IDS_PER_CALL} ids" for exchange in recording.exchanges)
    return _answer("ids_per_call", IDS_PER_CALL)(recording) if asked else None


def _refusal(status: int, media: str) -> Check:
    def check(recording: Recording) -> str | None:
        types = {
            exchange.headers.get("content-type", media) for exchange in recording.exchanges if exchange.status == status
        }
        return f"{status} came as {', '.join(sorted(types))}" if types - {media} else None

    return check


def _error_body(recording: Recording) -> str | None:
    for exchange in recording.exchanges:
        if 400 <= exchange.status < 600 and exchange.status != 429 and exchange.body is not None:
            fields = exchange.body.get("object", {}) if isinstance(exchange.body, dict) else {}
            if "message" not in fields:
                return f"{exchange.status} of {exchange.path} has no object with a message"
    return None


_TEXT: Final = ("text", "word", "empty text", "digits", "decimal text", "email", "url")
_TIME: Final = ("date", "datetime Z", "datetime offset", "datetime naive")
_EMAILS: Final = "/core/emailaddresses"
_PATHS: Final = "paths/"
_BODY: Final = "requestBody/content/application~1json/schema"
_SCHEMAS: Final = "components/schemas/"

ASSUMPTIONS: Final[tuple[Assumption, ...]] = (
    # What the questions of a run find out.
    Assumption("decisions: path_prefix", "Paths have no prefix.", _answer("path_prefix", "")),
    Assumption("decisions: option_source", "Options are read in headers.", _answer("option_source", "header")),
    Assumption("decisions: strict_case", "HTTP header names may be in lower case.", _answer("strict_case", False)),
    Assumption("decisions: quantity_read", "data_quantity is heeded on every call.", _answer("quantity_read", True)),
    Assumption("decisions: cost_mode", "A price is per call.", _answer("cost_mode", "call")),
    Assumption("decisions: page_base", "Pages begin at 1.", _answer("page_base", 1)),
    Assumption("decisions: page_size_max", "A page has at most 1000 records.", _answer("page_size_max", 1000)),
    Assumption("decisions: page_size_default", "A page has 50 records by default.", _answer("page_size_default", 50)),
    Assumption("decisions: ids_per_call", "240 IDs fit into one call.", _ids_per_call),
    Assumption("decisions: limit", "A window has 3,600 units.", _answer("limit", 3600)),
    Assumption("decisions: reset_moves", "Reset stays within a window.", _answer("reset_moves", False)),
    Assumption("decisions: me_shape", "The user is one object.", _answer("me_shape", "object")),
    Assumption("decisions: date_header", "Answers have a Date.", _answer("date_header", True)),
    # x-assumed of the reference, what reading shows.
    Assumption(
        "components/parameters/UpdatedAfter",
        "updated_after works where no reference page shows it.",
        _answer("updated_after_supported", True),
    ),
    Assumption(
        f"{_SCHEMAS}RecordStub/properties/datetimeUpdated",
        "Stubs have their time as datetimeUpdated.",
        _answer("id_only_timestamps", True),
    ),
    Assumption("components/responses/TooManyRequests", "A 429 is plain text.", _refusal(429, "text/plain")),
    Assumption(f"{_SCHEMAS}ErrorMessage", "An error is an object with a message.", _error_body),
    *(
        Assumption(f"{_PATHS}{path.replace('/', '~1')}/get", "The path is this one.", _path(path))
        for path in (
            "/core/persons/me",
            "/core/organizations/me",
            "/core/organizations/me/staff",
            "/core/certification-definitions",
            "/workflow/pco-parts",
        )
    ),
    *(
        Assumption(f"{_SCHEMAS}Person/properties/{name}", says, _field("/core/persons", name, *kinds))
        for name, says, kinds in (
            ("deskPhone", "A phone is a text or a number.", (*_TEXT, "integer", "object")),
            ("mobilePhone", "A phone is a text or a number.", (*_TEXT, "integer", "object")),
            ("office", "An office is an object or null.", ("object",)),
        )
    ),
    Assumption(
        f"{_SCHEMAS}PersonEmailAddress/properties/dateInactive",
        "Addresses in persons have it.",
        _field("/core/persons", "dateInactive", *_TIME, of="emailAddresses", may_lack=True),
    ),
    *(
        Assumption(
            f"{_SCHEMAS}EmailAddress/properties/{name}",
            "Addresses have it.",
            _field(_EMAILS, name, *kinds, may_lack=name == "isPrime"),
        )
        for name, kinds in (
            ("emailAddress", _TEXT),
            ("dateActive", _TIME),
            ("isPrime", ("boolean",)),
            ("type", _TEXT),
            ("deliveryStatus", _TEXT),
        )
    ),
    Assumption(
        f"{_SCHEMAS}UserSettings/properties/division2",
        "The user's settings have it.",
        _field("/core/me", "division2"),
    ),
    Assumption(f"{_SCHEMAS}Brand/properties/customerCrmId", "Brands have it.", _field("/core/brands", "customerCrmId")),
    Assumption(
        f"{_SCHEMAS}CertificationDefinition/properties/id",
        "Certification definitions have IDs.",
        _field("/core/certification-definitions", "id", "hex32", "uuid"),
    ),
    Assumption(
        f"{_SCHEMAS}File/properties/status", "A file's status is a word.", _field("/fileset/files", "status", *_TEXT)
    ),
    Assumption(
        f"{_SCHEMAS}WorkflowPart/properties/part_type",
        "Parts have a direction.",
        _field("/workflow/rfi-parts", "part_type", *_TEXT),
    ),
    Assumption(
        f"{_SCHEMAS}FileTransferPart/properties/part_type",
        "Parts have a direction.",
        _field("/workflow/filetransfer-parts", "part_type", *_TEXT),
    ),
    # What no read shows.
    *(
        Assumption(place, "Only a write, or a read of one thing, would show it.")
        for place in (
            f"{_PATHS}~1core~1me/patch",
            f"{_PATHS}~1core~1me/patch/requestBody",
            f"{_PATHS}~1core~1persons/patch",
            f"{_PATHS}~1core~1persons/patch/requestBody",
            f"{_PATHS}~1core~1emailaddresses/post",
            f"{_PATHS}~1core~1emailaddresses/post/{_BODY}/allOf/1/properties/SelectiveNonCreation",
            f"{_PATHS}~1core~1emailaddresses/patch",
            f"{_PATHS}~1core~1brands/get/parameters/9",
            f"{_PATHS}~1core~1offices/patch",
            f"{_PATHS}~1core~1projects/post",
            f"{_PATHS}~1core~1projects/patch",
            f"{_PATHS}~1core~1groups/patch",
            f"{_PATHS}~1core~1notes/patch",
            *(f"{_PATHS}~1fileset~1multi-part-initialize/get/parameters/{number}" for number in range(3)),
            f"{_PATHS}~1workflow~1rfis/delete",
            f"{_PATHS}~1workflow~1submittals/delete",
            f"{_PATHS}~1workflow~1cos/delete",
            f"{_PATHS}~1tokens~1token/get",
            "components/parameters/FilterBrandIds",
            f"{_SCHEMAS}Pco/properties/id",
        )
    ),
)
