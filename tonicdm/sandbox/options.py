"""Read options from header lines or query parameters, and their values from texts; a 400 says what was wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from typing import cast, get_args

import attrs

from tonicdm.sandbox.messages import Refusal, Request
from tonicdm.sandbox.routes import KNOWN_OPTIONS, QUERY_NAMES, Operation
from tonicdm.sandbox.settings import DataQuantity, SandboxSettings

ID = re.compile(r"[0-9a-fA-F]{32}")
"""32 hex digits, no hyphens (concepts page, "Naming Conventions")."""

_BY_LOWER = {name.lower(): name for name in KNOWN_OPTIONS}
_BY_QUERY_NAME = {QUERY_NAMES.get(name, name): name for name in KNOWN_OPTIONS}
_NUMBERED_STATUSES = {"1": "active", "0": "inactive", "4": "deleted"}
_WORDS = ("active", "inactive", "deleted", "nonmember")


@attrs.frozen
class Received:
    """The options of one call as text."""

    options: Mapping[str, str]
    """By the reference's header name."""
    placement: str
    """"header", "query", "both" or "none"."""
    client_faults: tuple[str, ...]
    """What the client did that this server has ignored."""


def receive(
    request: Request, operation: Operation, settings: SandboxSettings, arrives: Callable[[str], bool] = lambda _: True
) -> Received:
    """Pick a call's options from where this server reads them.

    Options in the other place, options of other operations and repeated lines are noted as the client's faults:
    a server would be silent about them.

    Args:
        request: The request.
        operation: What it asks for.
        settings: option_source and strict_case decide.
        arrives: Whether a header of that name reaches the server; proxies drop some.

    Raises:
        Refusal: 400, a name whose case is wrong under strict_case.
    """
    faults: list[str] = []
    in_headers = _from_headers(request, settings, arrives, faults)
    in_query = _from_query(request, faults)
    taken: dict[str, str] = {}
    for place, received, other in (("header", in_headers, "query"), ("query", in_query, "header")):
        if settings.option_source == other:
            faults.extend(f"{name} was sent in the {place} and ignored" for name in received)
            continue
        for name, value in received.items():
            if name in operation.accepted:
                taken.setdefault(name, value)
            else:
                faults.append(f"{name} is no option of {operation.name}")
    places = [
        place for place, received in (("header", in_headers), ("query", in_query)) if taken.keys() & received.keys()
    ]
    placement = "both" if len(places) == 2 else places[0] if places else "none"
    return Received(taken, placement, tuple(faults))


def _from_headers(
    request: Request, settings: SandboxSettings, arrives: Callable[[str], bool], faults: list[str]
) -> dict[str, str]:
    options: dict[str, str] = {}
    for sent, value in request.headers:
        name = _BY_LOWER.get(sent.lower())
        if name is None or not arrives(sent):
            continue
        if settings.strict_case and sent != name:
            raise Refusal(400, f"unknown header {sent}: names are case-sensitive, it is spelled {name}")
        if name in options:
            faults.append(f"{name} was sent on more than one line")
            value = f"{options[name]},{value}"  # noqa: PLW2901 - RFC 9110, 5.3: lines of one name are one list
        options[name] = value
    return options


def _from_query(request: Request, faults: list[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for sent, value in request.query:
        name = _BY_QUERY_NAME.get(sent)
        if name is None:
            faults.append(f"unknown query parameter {sent}")
        else:
            options[name] = value
    return options


def read_ids(name: str, text: str) -> list[str]:
    """Return compact lower-case IDs without duplicates from a comma-separated list.

    Raises:
        Refusal: 400, one of them is not 32 hex digits.
    """
    ids = list(dict.fromkeys(part.lower() for part in text.split(",")))
    for part in ids:
        if ID.fullmatch(part) is None:
            raise Refusal(400, f"{name}: {part!r} is no ID of 32 hex characters")
    return ids


def read_words(name: str, text: str, allowed: tuple[str, ...] | None = None) -> list[str]:
    """Return the parts of a comma-separated list.

    Raises:
        Refusal: 400, a part is empty or not one of *allowed*.
    """
    words = text.split(",")
    for word in words:
        if not word or (allowed is not None and word not in allowed):
            raise Refusal(400, f"{name}: {word!r} is not one of {', '.join(allowed or ('any text',))}")
    return words


def read_statuses(text: str) -> list[str]:
    """Return status words; the numbers 1, 0 and 4 are understood too (concepts page; team page)."""
    return read_words("filterStatuses", ",".join(_NUMBERED_STATUSES.get(w, w) for w in text.split(",")), _WORDS)


def read_data_quantity(options: Mapping[str, str]) -> DataQuantity | None:
    """Return data_quantity, None when it is absent.

    Raises:
        Refusal: 400, it is none of the three words.
    """
    text = options.get("data_quantity")
    if text is not None and text not in get_args(DataQuantity):
        raise Refusal(400, f"data_quantity: {text!r} is not one of id_only, basic, complete")
    return cast("DataQuantity | None", text)


def read_integer(name: str, text: str, lowest: int, highest: int | None = None) -> int:
    """Return a whole number.

    Raises:
        Refusal: 400, it is no number or out of range.
    """
    # int() takes "1_0" and " 1" as well, a server's parser does not.
    number = int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else None
    if number is None or number < lowest or (highest is not None and number > highest):
        limits = f"from {lowest}" + ("" if highest is None else f" to {highest}")
        raise Refusal(400, f"{name}: {text!r} is no whole number {limits}")
    return number


def read_moment(name: str, text: str) -> float:
    """Return Unix seconds from a date or date-time; without an offset it is UTC.

    Raises:
        Refusal: 400, it is neither.
    """
    try:
        moment = datetime.fromisoformat(text)
        if len(text) == 10:
            moment = datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise Refusal(400, f"{name}: {text!r} is neither a date nor a date-time") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
