"""Where the sandbox answers otherwise than the reference file says, on purpose: all of it, each with its reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class Failure:
    """One thing that schemathesis found."""

    check: str
    operation: str
    status: int
    said: str
    """The answer's text."""
    message: str
    """What schemathesis says about it."""
    body: Any = None
    """The request's JSON."""


@attrs.frozen(kw_only=True)
class Deviation:
    """A kind of failure that is agreed."""

    name: str
    reason: str
    fits: Callable[[Failure], bool]


def _refused(pattern: str) -> Callable[[Failure], bool]:
    """Return whether a request that the file allows was refused with such a message."""
    found = re.compile(pattern, re.IGNORECASE)
    return lambda failure: (
        failure.check == "positive_data_acceptance" and failure.status == 400 and bool(found.search(failure.said))
    )


def _holds_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_null, value.values()))
    return any(map(_holds_null, value)) if isinstance(value, list) else value is None


DEVIATIONS: tuple[Deviation, ...] = (
    Deviation(
        name="null unsets a field",
        reason="The client sends None to clear a field (None is sent, UNSET is not); the file's types say "
        "nothing of clearing. What was cleared is then read as null.",
        fits=lambda f: (
            (f.check == "negative_data_rejection" and f.status < 300 and _holds_null(f.body))
            or (f.check == "response_schema_conformance" and "null is not " in f.message)
        ),
    ),
    Deviation(
        name="a status may be a number",
        reason='The concepts page: "soft delete is a PATCH with status=4", and a team page speaks of 1 and 0; the file '
        "has words only.",
        fits=lambda f: (
            f.check == "negative_data_rejection"
            and f.status < 300
            and "status: Incorrect type" in f.message
            and isinstance(f.body, dict)
            and f.body.get("status") in {0, 1, 4}
        ),
    ),
    Deviation(
        name="read-only fields are not looked at",
        reason="A record that was read may be sent back whole; what the server sets itself is ignored, whatever it is.",
        fits=lambda f: (
            f.check == "negative_data_rejection"
            and f.status < 300
            and re.search(r"body - (id|datetimeCreated|datetimeUpdated|type|deliveryStatus): ", f.message) is not None
        ),
    ),
    Deviation(
        name="pages begin at the first",
        reason="The file gives pageNumber no minimum; there is no page before the first.",
        fits=_refused(r"pageNumber: '-?\d+' is no whole number from 1"),
    ),
    Deviation(
        name="an empty option is refused",
        reason="An empty header says nothing; a server that took it for absent would hide a client's mistake.",
        fits=_refused(r"is empty"),
    ),
    Deviation(
        name="an unknown record is refused",
        reason="IDs in bodies and required options must exist; the file can't say which ones do.",
        fits=_refused(r"no \w+( record)? has the id"),
    ),
    Deviation(
        name="a body needs what gives it sense",
        reason="The file marks no body as required and few fields; a PATCH needs an id and a POST its subject "
        "(the reference's texts).",
        fits=_refused(
            r"is required|must have an emailAddress|no valid JSON: Expecting value: line 1 column 1 \(char 0\)"
        ),
    ),
    Deviation(
        name="a reference is an ID",
        reason='References are "object" in the file, their samples {"id": 32 hex digits}.',
        fits=_refused(r"must be an ID of 32 hex|must be an object with an id|is no ID of 32 hex"),
    ),
    Deviation(
        name="values have the form the texts give",
        reason="Dates, addresses, sort fields and search are plain strings in the file; texts and samples say more.",
        fits=_refused(
            r"neither a date nor a date-time|an email address is expected|is not one of|must be an email address|"
            r"must be a date|belongs to another brand|is another project|must be a UUID"
        ),
    ),
    Deviation(
        name="another method is no endpoint",
        reason="The concepts page knows 404 for a URL that is no endpoint, and lists no 405.",
        fits=lambda f: f.check == "unsupported_method" and f.status == 404,
    ),
    Deviation(
        name="platform acc",
        reason="The request's enum has acc, the response's lacks it: a fault of the file's source.",
        fits=lambda f: (
            f.operation == "GET /tokens/token"
            and f.check == "response_schema_conformance"
            and '"acc" is not one of' in f.message
        ),
    ),
)
"""The agreed deviations."""


def explain(failure: Failure) -> str | None:
    """Return the name of the deviation that a failure is, None if it is none."""
    return next((one.name for one in DEVIATIONS if one.fits(failure)), None)
