"""Events: what an association holds and its members register for."""

from __future__ import annotations

import datetime

import attrs

from tonicdm.codec import OpenEnum, Record, snake_case
from tonicdm.rhythm.models.parts import Address, SysRecord


class SiteMode(OpenEnum):
    """How registration and site are hosted (reference: Event.site_mode)."""

    MICROSITE = "microsite"
    PORTAL_INTEGRATED = "portal integrated"
    EXTERNAL = "external"
    NONE = "none"


class TimezoneMode(OpenEnum):
    """In which time zone an event's times are shown (reference: Event.timezone_mode)."""

    LOCAL = "local"
    SPECIFIC_TIMEZONE = "specific timezone"


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class CapacityOptions(Record):
    """How many may come (reference: Event.capacity_options)."""

    capacity: float | None = None
    """Most participants."""
    enable_wait_list: bool | None = None
    """Whether those who come later may wait."""
    text_to_display_when_sold_out: str | None = None
    """What is shown then."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class Event(SysRecord):
    """An event (reference: Event)."""

    id: str | None = None
    """The event; made by the service."""
    name: str | None = None
    """Its name."""
    business_unit_id: str | None = None
    """The business unit that holds it."""
    type_id: str | None = None
    """Its kind."""
    venue_id: str | None = None
    """Where it is held."""
    previous_event_id: str | None = None
    """An earlier one that it is compared with."""
    masthead_image_uri: str | None = None
    """The image on top of its site."""
    do_not_stretch_masthead: bool | None = None
    """Whether that image keeps its shape."""
    thumbnail_image_uri: str | None = None
    """The image in lists."""
    start_date: datetime.datetime | None = None
    """When it begins."""
    end_date: datetime.datetime | None = None
    """When it ends."""
    date_to_remove_from_portal: datetime.datetime | None = None
    """Until when the portal shows it; its end, where absent."""
    site_mode: SiteMode | None = None
    """How it is hosted."""
    url: str | None = None
    """Its site."""
    address: Address | None = None
    """Its address."""
    timezone_mode: TimezoneMode | None = None
    """In which time zone its times are shown."""
    timezone: str | None = None
    """That time zone."""
    featured: bool | None = None
    """Whether it stands out in lists."""
    capacity_options: CapacityOptions | None = None
    """How many may come."""
