"""Faults: switches with a rate, and a script for the next calls."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

import attrs

FaultName = Literal[
    "drop_before",
    "drop_after",
    "cut_body",
    "close_reused",
    "close_idle",
    "server_error",
    "server_error_html",
    "bad_gateway",
    "forbidden",
    "unauthorized",
    "redirect",
    "rate_limited_without_reset",
    "slow",
    "truncated_body",
    "invalid_json",
    "gzip",
    "no_underscore_headers",
    "drop_options",
    "header_limit",
    "ignore_page_size",
    "ignore_page_number",
    "ignore_data_quantity",
    "ignore_updated_after",
    "ignore_filter_ids",
    "reset_wobble",
    "no_rate_headers",
    "reset_milliseconds",
    "reset_delta",
    "remaining_above_limit",
    "garbled_rate_headers",
    "skew",
    "no_date",
    "huge_header",
    "too_many_requests",
    "empty_page",
    "repeated_key",
    "task_fails",
    "response",
    "short_token",
]

DETAILS: Mapping[str, Mapping[str, Any]] = {
    "slow": {"seconds": 0.05},
    "bad_gateway": {"processed": False},
    "drop_options": {"names": ()},
    "header_limit": {"bytes": 4096},
    "reset_wobble": {"seconds": 1},
    "skew": {"seconds": 600.0},
    "huge_header": {"bytes": 16_000},
    "redirect": {"location": "/elsewhere"},
    "too_many_requests": {"retry_after": None},
    "response": {"status": 200, "body": "", "content_type": "text/html", "headers": {}, "served": False},
    "short_token": {"expires_in": 0, "exp": -60},
}
"""What some faults can be told besides their name, with the values they take otherwise."""

SUMMARY: Mapping[FaultName, str] = {
    "drop_before": "the connection is reset before the call is processed",
    "drop_after": "the connection is reset after the call was processed and charged",
    "cut_body": "half of the body is sent, then the connection closes",
    "close_reused": "a request on a kept-alive connection is read and the connection closed without an answer",
    "close_idle": "the connection is closed after the answer, which did not announce it",
    "server_error": "500 with a plain sentence",
    "server_error_html": "500 with an HTML page",
    "bad_gateway": "502 with a proxy's HTML page, without rate headers; processed=True: the call was served",
    "forbidden": "403",
    "unauthorized": "401 though the token is right",
    "redirect": "302 to location",
    "rate_limited_without_reset": "429 without X-Rate-Limit-Reset, whatever the window says",
    "slow": "the answer comes after seconds of real time",
    "truncated_body": "the JSON ends early, but Content-Length fits it",
    "invalid_json": "the body is no JSON",
    "gzip": "the body is compressed",
    "no_underscore_headers": "headers with _ in their names are dropped, as nginx does by default",
    "drop_options": "the options in names do not arrive",
    "header_limit": "headers longer than bytes are refused as settings.header_limit_response says",
    "ignore_page_size": "pageSize has no effect",
    "ignore_page_number": "pageNumber has no effect: always the first page",
    "ignore_data_quantity": "data_quantity has no effect, on the shape or on the price",
    "ignore_updated_after": "updated_after has no effect",
    "ignore_filter_ids": "filterIDs has no effect",
    "reset_wobble": "X-Rate-Limit-Reset is up to seconds early or late",
    "no_rate_headers": "no X-Rate-Limit header",
    "reset_milliseconds": "X-Rate-Limit-Reset in milliseconds",
    "reset_delta": "X-Rate-Limit-Reset as seconds from now",
    "remaining_above_limit": "X-Rate-Limit-Remaining greater than X-Rate-Limit-Limit",
    "garbled_rate_headers": "X-Rate-Limit headers that are no numbers",
    "skew": "Date and X-Rate-Limit-Reset are seconds off, forward or back",
    "no_date": "no Date header; the connection closes after it",
    "huge_header": "a response header of bytes",
    "too_many_requests": "429, with Retry-After if retry_after is given; on step functions it means running",
    "empty_page": "a page without items that is not the end",
    "repeated_key": "LastEvaluatedKey is the key that was sent",
    "task_fails": "the query or execution that the call starts will fail",
    "response": "status, body, content_type and headers as given, as of a proxy or a storage service; served=True: the "
    "call was served, and this comes in place of its answer",
    "short_token": "a token is issued that says expires_in, and whose exp lies so many seconds ahead; None for neither",
}
"""What each fault does."""

RHYTHM: frozenset[FaultName] = frozenset(
    {
        "drop_before", "drop_after", "cut_body", "close_reused", "close_idle", "server_error", "server_error_html",
        "bad_gateway", "forbidden", "unauthorized", "redirect", "slow", "truncated_body", "invalid_json", "gzip",
        "header_limit", "skew", "no_date", "huge_header", "too_many_requests", "empty_page", "repeated_key",
        "task_fails", "response", "short_token",
    }
)  # fmt: skip
"""What can happen on the Rhythm side, where there are neither units nor option headers."""
TONICDM: frozenset[FaultName] = frozenset(get_args(FaultName)) - {
    "too_many_requests", "empty_page", "repeated_key", "task_fails", "response", "short_token",
}  # fmt: skip
"""What can happen on the TonicDM side."""


@attrs.frozen
class Fault:
    """A fault that hits one call."""

    name: FaultName
    details: Mapping[str, Any]


@attrs.define
class Rule:
    """When a fault hits."""

    name: FaultName
    rate: float = 1.0
    method: str | None = None
    path: str | None = None
    skip: int = 0
    """Matching calls that are let through first."""
    times: int | None = None
    """Calls it hits in all; None for ever."""
    details: Mapping[str, Any] = attrs.field(factory=dict)

    def fits(self, method: str, path: str) -> bool:
        """Return whether a call is meant."""
        return self.method in {None, method} and self.path in {None, path}


@attrs.frozen
class InjectedFaults:
    """All faults that hit one call."""

    faults: Mapping[str, Fault]

    def __contains__(self, name: object) -> bool:
        return name in self.faults

    def __iter__(self) -> Iterator[Fault]:
        return iter(self.faults.values())

    def detail(self, name: FaultName, key: str) -> Any:
        """Return a detail of a fault that hits."""
        return self.faults[name].details[key]

    @property
    def label(self) -> str | None:
        """Names for the journal, None when nothing hits."""
        return "+".join(self.faults) or None


NO_FAULTS = InjectedFaults({})


class Faults:
    """The server's faults, to be changed at any time.

    Args:
        seed: Faults with a rate hit the same calls in each run.
        names: Those that this server knows; a switch without effect would let a test pass by accident.
    """

    def __init__(self, seed: int = 1, names: frozenset[FaultName] = TONICDM) -> None:
        self._seed = seed
        self._names = names
        self._rules: list[Rule] = []
        self._chance = random.Random(f"{seed}/faults")

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What is switched on or waits in the script."""
        return tuple(self._rules)

    def on(
        self,
        name: FaultName,
        rate: float = 1.0,
        *,
        method: str | None = None,
        path: str | None = None,
        **details: Any,
    ) -> None:
        """Switch a fault on, in place of any switch of that name.

        Args:
            name: What happens, see `SUMMARY`.
            rate: Share of the calls it hits, 0 to 1.
            method: Only calls of this HTTP method.
            path: Only calls of this path.
            details: See `DETAILS`.
        """
        rule = Rule(self._checked(name), rate, method, path, details=_details(name, details))
        self._rules = [r for r in self._rules if r.name != name or r.times is not None]
        self._rules.append(rule)

    def next(
        self,
        name: FaultName,
        *,
        method: str | None = None,
        path: str | None = None,
        times: int = 1,
        skip: int = 0,
        **details: Any,
    ) -> None:
        """Let a fault hit the next matching calls, in the order of the script.

        Args:
            name: What happens, see `SUMMARY`.
            method: Only calls of this HTTP method.
            path: Only calls of this path.
            times: How many calls it hits.
            skip: How many matching calls it lets through first.
            details: See `DETAILS`.
        """
        self._rules.append(Rule(self._checked(name), 1.0, method, path, skip, times, _details(name, details)))

    def off(self, name: FaultName | None = None) -> None:
        """Switch a fault off and take it from the script, or all of them."""
        self._rules = [] if name is None else [rule for rule in self._rules if rule.name != self._checked(name)]

    def reset(self) -> None:
        """Switch everything off and begin the seeded chance anew."""
        self._rules = []
        self._chance = random.Random(f"{self._seed}/faults")

    def inject(self, method: str, path: str) -> InjectedFaults:
        """Return the faults that hit this call, and take them off the script.

        Of the script one fault at most hits a call: the first that matches.
        """
        if not self._rules:
            return NO_FAULTS
        faults: dict[str, Fault] = {}
        scripted = False
        for rule in list(self._rules):
            if not rule.fits(method, path) or (rule.times is not None and scripted):
                continue
            if rule.skip > 0:
                rule.skip -= 1
                scripted = True
            elif rule.times is not None:
                scripted = True
                rule.times -= 1
                if rule.times <= 0:
                    self._rules.remove(rule)
                faults[rule.name] = Fault(rule.name, rule.details)
            elif rule.rate >= 1 or self._chance.random() < rule.rate:
                faults[rule.name] = Fault(rule.name, rule.details)
        return InjectedFaults(faults) if faults else NO_FAULTS

    def wobble(self, seconds: float) -> float:
        """Return a seeded random number between minus and plus *seconds*."""
        return self._chance.uniform(-seconds, seconds)

    def as_json(self) -> list[dict[str, Any]]:
        """Return the rules as JSON values."""
        return [attrs.asdict(rule) for rule in self._rules]

    def _checked(self, name: FaultName) -> FaultName:
        if name not in self._names:
            known = [known for known in get_args(FaultName) if known in self._names]
            raise ValueError(f"no fault {name!r}; there are {', '.join(known)}")
        return name


def _details(name: FaultName, details: Mapping[str, Any]) -> Mapping[str, Any]:
    known = DETAILS.get(name, {})
    if unknown := sorted(set(details) - set(known)):
        raise ValueError(f"fault {name} has no {', '.join(unknown)}; it has {', '.join(known) or 'no details'}")
    return {**known, **details}
