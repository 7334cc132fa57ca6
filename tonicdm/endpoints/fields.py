"""Types of the fields that writes take: a value, ``None`` to send null, ``UNSET`` to send nothing."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeAlias, TypedDict

from tonicdm.models import Record, Reference, Stage, Status
from tonicdm.types import DataQuantityLike, IDLike, Unset

Text: TypeAlias = str | Unset | None
Flag: TypeAlias = bool | Unset | None
Number: TypeAlias = float | Unset | None
Moment: TypeAlias = datetime.datetime | Unset | None
"""An aware datetime."""
Day: TypeAlias = datetime.date | Unset | None
ID: TypeAlias = IDLike | Unset | None
Pointer: TypeAlias = IDLike | Reference[Any] | Record | Unset | None
"""Another record: its ID, or what an answer held in this place."""


class Extra(TypedDict, total=False):
    """What every write can carry."""

    extra: Mapping[str, Any]
    """Fields that this package does not know, by wire name."""
    data_quantity: DataQuantityLike
    """How much of the record comes back: ``basic`` unless given; with ``id_only`` no more than its ID and its time of
    change. 20 units are reserved whichever it is, as the price of a write is not documented."""


class StatusField(Extra, total=False):
    """Fields of records that can be deleted softly."""

    status: Status | str | Unset | None
    """``active``, ``inactive`` or ``deleted``."""


class WorkflowFields(StatusField, total=False):
    """Fields that RFIs, submittals and change orders share (reference: WorkflowItem)."""

    item_discipline: Pointer
    """The discipline it is of."""
    stage: Stage | str | Unset | None
    """Its stage, such as ``open``, ``forwarded``, ``void``."""
    manual_stage: Flag
    """Whether the stage was set by hand."""
    manual_received_datetime: Moment
    """When it was received, if set by hand."""
    manual_response_datetime: Moment
    """When it was answered, if set by hand."""
    our_response_required_date: Day
    """When our response is due."""
    our_number: Text
    """Our number for it."""
    our_revision: Text
    """Our revision of it."""
    our_title: Text
    """Overall title, like an email's subject."""
    responsible_person_id: ID
    """The person who answers for it."""
