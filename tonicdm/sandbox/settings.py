"""Settings of the sandbox: each open point of the API by a name, with the default choice of this project.

The concepts page and the reference contradict each other or are silent in many places. A server that picks one
answer silently would let a client pass its tests by accident; here each answer is a field, and tests run both.
"""

from __future__ import annotations

import os
import pathlib
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self, get_args

import attrs

DataQuantity = Literal["id_only", "basic", "complete"]
OptionSource = Literal["header", "query", "both"]
WindowStart = Literal["first_call", "aligned", "back_to_back"]
ResetRounding = Literal["up", "truncate", "none"]
BodyShape = Literal["record", "array", "none"]

_PROFILE_NAMES: Mapping[str, str] = {
    "default_quantity": "default_data_quantity",
    "unlisted_quantity": "unlisted_data_quantity",
}
"""Points of a stored profile and the settings that they are, where the names differ."""


def one_of(literal: Any) -> Any:
    """Return a validator: the value is one of a Literal's."""
    return attrs.validators.in_(get_args(literal))


def positive(_: Any, attribute: attrs.Attribute[Any], value: float) -> None:
    """Refuse what is not greater than 0."""
    if value <= 0:
        raise ValueError(f"{attribute.name} must be greater than 0, not {value}")


def not_negative(_: Any, attribute: attrs.Attribute[Any], value: float) -> None:
    """Refuse what is less than 0."""
    if value < 0:
        raise ValueError(f"{attribute.name} must not be negative, not {value}")


def _pair(value: Sequence[float]) -> tuple[float, float]:
    shortest, longest = value
    return float(shortest), float(longest)


def _latency(_: Any, attribute: attrs.Attribute[Any], value: tuple[float, float]) -> None:
    if not 0 <= value[0] <= value[1]:
        raise ValueError(f"{attribute.name} must be (shortest, longest) in seconds, not {value!r}")


@attrs.define(kw_only=True, on_setattr=attrs.setters.pipe(attrs.setters.convert, attrs.setters.validate))
class ServerSettings:
    """What any server of the sandbox can be told; all fields may be set while it runs."""

    header_limit: int = attrs.field(default=8190, validator=positive)
    """Longest header value in bytes."""
    header_limit_response: Literal["400", "431", "cut"] = attrs.field(
        default="431", validator=attrs.validators.in_(("400", "431", "cut"))
    )
    """What a longer header gets: a status, or a cut connection; none is charged."""
    skew_seconds: float = 0.0
    """How far the server's clock is ahead of the sandbox's clock: Date and all that is told by it move."""
    latency_seconds: tuple[float, float] = attrs.field(default=(0.0, 0.0), converter=_pair, validator=_latency)
    """Shortest and longest time that a call takes, in real seconds whatever the clock is; drawn with the seed."""

    def as_json(self) -> dict[str, Any]:
        """Return all settings as JSON values."""
        return {
            name: sorted(value) if isinstance(value, frozenset) else value
            for name, value in attrs.asdict(self, recurse=False).items()
        }

    def update(self, values: Mapping[str, Any]) -> None:
        """Set several settings at once, or none of them.

        Args:
            values: Setting names and JSON values.

        Raises:
            ValueError: A name is unknown or a value is not one of its choices.
        """
        unknown = sorted(set(values) - {field.name for field in attrs.fields(type(self))})
        if unknown:
            raise ValueError(f"unknown settings: {', '.join(unknown)}")
        # Built once on the side, so that a bad value leaves the running server as it was.
        checked = attrs.evolve(self, **values)
        for name in values:
            setattr(self, name, getattr(checked, name))


@attrs.define(kw_only=True, on_setattr=attrs.setters.pipe(attrs.setters.convert, attrs.setters.validate))
class SandboxSettings(ServerSettings):
    """How this server answers where the documents leave a choice; all fields may be set while it runs."""

    # Who may call.
    tokens: tuple[str, ...] = attrs.field(default=("sandbox-token",), converter=tuple)
    """Bearer tokens that are accepted; each has its own window ("unique authentication token")."""
    zone: str = "us"
    """Zone this server stands for, and home zone of the own organization (concepts page, "Data Residency")."""
    administrator: bool = True
    """Whether the user is a tenant administrator; if not, own brands, isLocked and isExecutive answer 403."""
    forbidden: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    """Operations answered with 403, as "PATCH /core/brands"; a bare path means all its methods."""
    advanced_contacts: bool = True
    """AdvancedContacts licence: without it the gated fields are absent on reads and 403 on writes. A sandbox that is
    started without it has contacts that are not grouped: each domain is an organization and a brand of its own, and
    each contact has one address. Changing it later opens and closes fields; who belongs together stays."""
    advanced_metrics: bool = True
    """AdvancedMetrics licence: without it divisions and warehouse and ERP ids are absent, 403 on writes."""

    # The window (concepts page, "Rate Limiting").
    limit: int = attrs.field(default=3600, validator=positive)
    """Request units in one window."""
    window_seconds: float = attrs.field(default=3600.0, validator=positive)
    """Length of a window."""
    window_start: WindowStart = attrs.field(default="first_call", validator=one_of(WindowStart))
    """A window starts at a token's first call, on the hour ("aligned"), or where the last one ended."""
    reset_rounding: ResetRounding = attrs.field(default="up", validator=one_of(ResetRounding))
    """"up": windows end on a whole second and the header says it; "truncate": they end between two, and the
    header names the earlier one; "none": the header has a fraction."""
    extend_seconds: float = attrs.field(default=60.0, validator=not_negative)
    """How far one call moves Reset while the limit is exceeded (concepts page, "Exceeding the rate limit")."""
    extend_cap: float = attrs.field(default=3600.0, validator=not_negative)
    """Most seconds that a window's Reset can be moved in all."""
    exceeded_blocks: bool = True
    """After a 429 every call is a 429 until Reset; if not, a cheaper call that still fits is served."""
    first_rejection_extends: bool = False
    """Whether the call that exceeds the limit already moves Reset, or only the calls after it."""
    remaining_when_exceeded: Literal["rest", "zero"] = attrs.field(
        default="rest", validator=attrs.validators.in_(("rest", "zero"))
    )
    """What X-Rate-Limit-Remaining says on a 429: the units too few for the call, or 0."""

    # Prices (concepts page: 1, 5, 20; everything else is open).
    cost_mode: Literal["call", "record"] = attrs.field(
        default="call", validator=attrs.validators.in_(("call", "record"))
    )
    """Whether the factor is charged once per call or once per record returned."""
    default_data_quantity: DataQuantity = attrs.field(default="id_only", validator=one_of(DataQuantity))
    """data_quantity of a read whose reference lists the option, when it is absent (reference's default)."""
    unlisted_data_quantity: DataQuantity = attrs.field(default="basic", validator=one_of(DataQuantity))
    """data_quantity of a read whose reference does not list the option, when it is absent."""
    write_data_quantity: DataQuantity = attrs.field(default="basic", validator=one_of(DataQuantity))
    """data_quantity of POST, PATCH and DELETE when it is absent."""
    uncharged_statuses: frozenset[int] = attrs.field(default=frozenset({401, 500}), converter=frozenset)
    """Statuses that cost nothing; 429 never costs."""

    # Options.
    option_source: OptionSource = attrs.field(default="header", validator=one_of(OptionSource))
    """Where options are read: headers (concepts page), the query string (reference pages), or both."""
    strict_case: bool = False
    """Refuse an option header whose spelling differs in case only (concepts page: "always case-sensitive")."""
    path_prefix: str = ""
    """What stands before every path, for example "/v1.0" (concepts page's example "v1.0/rfi")."""

    # Reading.
    me_shape: Literal["object", "array"] = attrs.field(
        default="object", validator=attrs.validators.in_(("object", "array"))
    )
    """Whether the me endpoints and other singletons answer one object or an array of one."""
    id_only_timestamps: bool = True
    """Whether id_only gives datetimeUpdated beside id (concepts page) or id alone (reference's samples)."""
    file_transfer_timestamps: bool = True
    """Whether file transfers have datetimeUpdated; the reference marks it as not implemented yet."""
    page_size_default: int = attrs.field(default=50, validator=positive)
    """pageSize when absent (reference)."""
    page_size_max: int = attrs.field(default=1000, validator=positive)
    """Largest pageSize; more is a 400 (reference: 1..1000)."""
    page_base: int = attrs.field(default=1, validator=not_negative)
    """Number of the first page (the reference's example is 1, its base is not stated)."""
    workflow_paging: bool = True
    """Whether RFIs, submittals, COs, tasks and file transfers, whose reference shows neither, obey paging."""
    unlisted_cap: int | None = None
    """Cut lists without paging silently at this many records; None returns all."""
    order: Literal["stable", "unstable"] = attrs.field(
        default="stable", validator=attrs.validators.in_(("stable", "unstable"))
    )
    """Order without sortBy: by id, or another one per call (reference: "no specific order")."""
    default_statuses: tuple[str, ...] = attrs.field(default=("active",), converter=tuple)
    """filterStatuses when absent (reference: active); also where the reference shows no such option."""
    filter_ids_override: bool = True
    """Whether filterIDs switches every other filter off (reference) or combines with them."""
    filter_ids_max: int = attrs.field(default=1000, validator=positive)
    """Most IDs in one filterIDs; more is a 400."""
    updated_after_supported: bool = True
    """Whether updated_after works at all (concepts page names it, no reference page shows it)."""
    updated_after_inclusive: bool = False
    """Whether updated_after also gives records changed at that very second."""

    # Changing.
    create_body: BodyShape = attrs.field(default="record", validator=one_of(BodyShape))
    """Body of a 201."""
    change_body: BodyShape = attrs.field(default="record", validator=one_of(BodyShape))
    """Body of a PATCH: 200 with the record or an array of it, or "none" for 204."""
    change_unknown_status: Literal[400, 404] = attrs.field(default=400, validator=attrs.validators.in_((400, 404)))
    """Answer to a PATCH of an unknown ID (concepts page: 404 is only for paths)."""
    delete_unknown_status: Literal[204, 400, 404] = attrs.field(
        default=204, validator=attrs.validators.in_((204, 400, 404))
    )
    """Answer to a DELETE of an unknown ID."""
    unknown_fields: Literal["store", "ignore", "refuse"] = attrs.field(
        default="store", validator=attrs.validators.in_(("store", "ignore", "refuse"))
    )
    """What happens to body fields this server does not know; the reference's field lists are incomplete."""
    project_required_on_change: bool = True
    """Whether PATCH of a project needs projectNumber and projectNameLegal (reference)."""
    # Bytes of files: invented, as no document shows how they are reached.
    file_links: Literal["none", "field", "operation"] = attrs.field(
        default="none", validator=attrs.validators.in_(("none", "field", "operation"))
    )
    """INVENTED. Where links to files stand: nowhere (reference), in downloadUrl of each file, or in the answer to GET
    /invented/file-links with filterIDs. Thumbnails then have links that lead somewhere, and a started upload the url
    that takes its bytes."""
    file_link_seconds: float = attrs.field(default=900.0, validator=not_negative)
    """INVENTED. How long such a link is good."""
    timestamps: Literal["seconds", "milliseconds"] = attrs.field(
        default="seconds", validator=attrs.validators.in_(("seconds", "milliseconds"))
    )
    """Precision of datetimeUpdated after a change; seconds make ties likely."""

    @classmethod
    def from_profile(cls, profile: str | os.PathLike[str]) -> Self:
        """Return the settings of a server that was examined; points it left open keep their defaults.

        Args:
            profile: The TOML file that ``tonicdm conformance`` wrote.

        Raises:
            OSError: It can't be read.
            ValueError: It is no profile, or a value is not one of its choices.
        """
        data = tomllib.loads(pathlib.Path(profile).read_text(encoding="utf-8"))
        if "answers" not in data:
            raise ValueError(f"{os.fspath(profile)} is no profile: it has no [answers]")
        known = {field.name for field in attrs.fields(cls)}
        answers = {_PROFILE_NAMES.get(name, name): value for name, value in data["answers"].items()}
        settings = cls()
        settings.update({name: value for name, value in answers.items() if name in known})
        return settings
