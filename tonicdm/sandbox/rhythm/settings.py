"""Settings of the Rhythm sandbox: each open point of the API by a name, with the default choice of this project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import attrs

from tonicdm.sandbox.settings import ServerSettings, not_negative, one_of, positive

ListShape = Literal["reference", "array", "wrapped"]
KeyForm = Literal["string", "object"]
LastKey = Literal["absent", "null", "empty"]
Place = Literal["query", "body", "both"]
Encoding = Literal["form", "json", "both"]
RetryAfter = Literal["seconds", "date", "none"]
Operator = Literal[
    "eq", "ne", "gt", "gte", "lt", "lte", "in", "not_in", "contains", "starts_with", "ends_with", "is_empty",
    "is_not_empty", "between",
]  # fmt: skip

OPERATORS: Mapping[str, Operator] = {
    "eq": "eq", "ne": "ne", "gt": "gt", "gte": "gte", "lt": "lt", "lte": "lte", "in": "in", "not_in": "not_in",
    "contains": "contains", "starts_with": "starts_with", "ends_with": "ends_with", "is_empty": "is_empty",
    "is_not_empty": "is_not_empty", "between": "between",
}  # fmt: skip
"""Names on the wire by default: none stands in any document."""
CONTACT_BOUND = ("getCurrentContact", "getCurrentContactForTenant")


def _words(value: Sequence[str]) -> tuple[str, ...]:
    return tuple(value)


def _statuses(_: object, attribute: attrs.Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    if len(set(value)) != 4:
        raise ValueError(f"{attribute.name} are four different words: waiting, running, done, failed; not {value!r}")


def _operators(_: object, attribute: attrs.Attribute[Mapping[str, Operator]], value: Mapping[str, Operator]) -> None:
    if unknown := sorted(set(value.values()) - set(OPERATORS)):
        raise ValueError(f"{attribute.name} maps wire names to {', '.join(OPERATORS)}, not to {', '.join(unknown)}")


@attrs.define(kw_only=True, on_setattr=attrs.setters.pipe(attrs.setters.convert, attrs.setters.validate))
class RhythmSettings(ServerSettings):
    """How the Rhythm side answers where its documents leave a choice; all fields may be set while it runs."""

    # Tokens (concepts page, "Tokens"; reference, issueM2MToken).
    audience: str = "https://api.rhythmsoftware.com"
    """Audience that the API accepts."""
    monthly_tokens: int = attrs.field(default=1000, validator=not_negative)
    """Machine tokens of a tenant in a calendar month, over all its clients."""
    month_offset_seconds: float = 0.0
    """How long after midnight UTC of the first day a month begins; the documents name no time zone."""
    token_seconds: int = attrs.field(default=86_400, validator=positive)
    """Lifetime of an access token ("valid for 24 hours")."""
    code_seconds: int = attrs.field(default=600, validator=positive)
    """Lifetime of an authorization code."""
    lockout_status: Literal[429, 403] = attrs.field(default=429, validator=attrs.validators.in_((429, 403)))
    """Answer once the month's tokens are spent; no document names it."""
    lockout_error: str = "too_many_requests"
    """Its member `error`."""
    lockout_description: str = "The monthly allowance of machine-to-machine tokens is spent."
    """Its member `error_description`."""
    wrong_audience: Literal["token", "refuse"] = attrs.field(
        default="token", validator=attrs.validators.in_(("token", "refuse"))
    )
    """Another audience gives a token that the API answers with 401 (reference), or a 403 at once."""
    token_encoding: Encoding = attrs.field(default="form", validator=one_of(Encoding))
    """How the body of the token endpoint may be written."""
    password_grant: bool = False
    """Whether Resource Owner Password is on; support switches it on for a customer's credentials."""
    rotate_refresh_tokens: bool = True
    """Whether a refresh token is good once, and brings the next one; asked for by the scope offline_access."""
    redirect_uris: tuple[str, ...] = attrs.field(default=("http://127.0.0.1:8400/callback",), converter=_words)
    """Registered redirect URIs of the authorization code flow."""
    revoked_secret_revokes_tokens: bool = True
    """Whether tokens that a secret has brought are refused once the secret is revoked."""
    machine_customer_id: bool = True
    """Whether machine tokens carry customer_id."""

    # Who may call (concepts page, "Requests").
    bare_token: bool = False
    """Whether Authorization may hold the token without the word Bearer, as older samples show it."""
    denied_status: Literal[401, 403, 404] = attrs.field(default=403, validator=attrs.validators.in_((401, 403, 404)))
    """Answer to a foreign tenant and to an unknown URI alike."""
    public_needs_token: bool = True
    """Whether a path with the word public in it (getQueryDescription) asks for a token all the same."""
    contact_bound: tuple[str, ...] = attrs.field(default=CONTACT_BOUND, converter=_words)
    """Operations that answer 401 to a token without contact_id."""
    requests_per_second: int | None = attrs.field(default=None, validator=attrs.validators.optional(positive))
    """Calls of a tenant in a second of the server's clock before a 429; no number is published."""
    retry_after: RetryAfter = attrs.field(default="seconds", validator=one_of(RetryAfter))
    """How that 429 says when to come again, if it does."""

    # Lists, searches and criteria (concepts page, "Paging", "Retrieving Multiple Items").
    page_size: int = attrs.field(default=100, validator=positive)
    """Items of a page; there is no parameter for it."""
    list_shape: ListShape = attrs.field(default="reference", validator=one_of(ListShape))
    """Lists as the reference shows each, or all as bare arrays, or all wrapped."""
    key_form: KeyForm = attrs.field(default="string", validator=one_of(KeyForm))
    """LastEvaluatedKey as an opaque string, or as the object it is in DynamoDB."""
    last_key: LastKey = attrs.field(default="absent", validator=one_of(LastKey))
    """What the last page has for LastEvaluatedKey."""
    key_place: Place = attrs.field(default="query", validator=one_of(Place))
    """Where a search reads exclusiveStartKey; one public connector sends it in the body."""
    empty_page_rate: float = attrs.field(default=0.1, validator=[attrs.validators.ge(0), attrs.validators.le(1)])
    """Share of pages before which an empty one is sent that is not the end; drawn with the seed."""
    trailing_page: bool = False
    """Whether a full last page still has a key, which leads to an empty one."""
    unknown_criteria: Literal["refuse", "ignore"] = attrs.field(
        default="refuse", validator=attrs.validators.in_(("refuse", "ignore"))
    )
    """What happens to a search criterion that is no field of the record."""
    ignore_case: bool = True
    """Whether texts are compared without regard to case, by searches and by queries."""
    email_lookup_shape: Literal["record", "array"] = attrs.field(
        default="record", validator=attrs.validators.in_(("record", "array"))
    )
    """Body of getContactByEmailAddress."""
    stale_seconds: float = attrs.field(default=0.0, validator=not_negative)
    """How long a read of one record without consistentRead may still show what was before a change."""

    # Queries (concepts page, "Query"; reference, startQuery and describeQuery).
    operators: Mapping[str, Operator] = attrs.field(factory=lambda: dict(OPERATORS), validator=_operators)
    """Operator names on the wire, and what each means."""
    all_name: str = "all"
    """Key of a group whose members must all hold."""
    any_name: str = "any"
    """Key of a group of which one member must hold."""
    query_statuses: tuple[str, ...] = attrs.field(
        default=("QUEUED", "RUNNING", "SUCCEEDED", "FAILED"), converter=_words, validator=_statuses
    )
    """Words for waiting, running, done and failed; the reference lists none."""
    query_queued_seconds: float = attrs.field(default=1.0, validator=not_negative)
    """How long a query waits, on the server's clock."""
    query_seconds: float = attrs.field(default=4.0, validator=not_negative)
    """How long it then runs ("complex queries take several seconds")."""
    early_result_set: bool = False
    """Whether a query that is not done yet already says has_result_set=false and rows=0."""
    uri_name: str = "uri"
    """Member of a described query that holds the signed URI; assumed in the reference."""
    uri_seconds: int = attrs.field(default=900, validator=positive)
    """Lifetime of a signed URI; each describe gives a fresh one."""
    empty_result: Literal["no_result_set", "empty_file"] = attrs.field(
        default="no_result_set", validator=attrs.validators.in_(("no_result_set", "empty_file"))
    )
    """What a query without rows ends with: has_result_set=false and no URI, or a file without rows."""

    # Step functions (concepts page, "Responses"; reference, describeStateMachineExecution).
    submitted_seconds: float = attrs.field(default=1.0, validator=not_negative)
    """How long an execution is SUBMITTED."""
    execution_seconds: float = attrs.field(default=10.0, validator=not_negative)
    """How long it then is RUNNING."""
    order_path: str = "/orders/{tenantId}/{id}/process"
    """POST to this path of the commerce service starts an execution for an order there is, none when it is empty; it
    is made up, beside processOrder of the reference."""
