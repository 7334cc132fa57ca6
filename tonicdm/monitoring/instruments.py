"""The metrics: their names, units and meanings, in one table. No I/O."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from typing import Final

import attrs


class Form(enum.Enum):
    """How a metric counts."""

    COUNTER = "counter"
    """A sum that only grows."""
    GAUGE = "gauge"
    """A value at one moment."""
    HISTOGRAM = "histogram"
    """A distribution of values."""


@attrs.frozen
class Instrument:
    """One metric."""

    name: str
    """As OpenTelemetry writes names."""
    form: Form
    unit: str
    """By the Unified Code for Units of Measure; what is counted stands in braces."""
    meaning: str

    @property
    def prometheus_name(self) -> str:
        """The name that OpenTelemetry's exporter for Prometheus gives it."""
        name = prometheus_label(self.name) + {"s": "_seconds"}.get(self.unit, "")
        return f"{name}_total" if self.form is Form.COUNTER else name


def prometheus_label(name: str) -> str:
    """Return an attribute's name as Prometheus has it."""
    return re.sub(r"[^a-zA-Z0-9_]", "_", name)


DURATION: Final = Instrument(
    "http.client.request.duration", Form.HISTOGRAM, "s", "Time of an attempt from the gate to the head of its answer."
)
UNITS_USED: Final = Instrument("tonicdm.units.used", Form.COUNTER, "{unit}", "Units that calls of this process cost.")
UNITS_FOREIGN: Final = Instrument(
    "tonicdm.units.foreign", Form.COUNTER, "{unit}", "Units of the token that others spent, at least."
)
UNITS_MISMATCHED: Final = Instrument(
    "tonicdm.units.mismatches", Form.COUNTER, "{call}", "Calls that cost other units than their data_quantity does."
)
CALLS_LIMITED: Final = Instrument("tonicdm.calls.limited", Form.COUNTER, "{call}", "Answers with status 429.")
CALLS_RETRIED: Final = Instrument("tonicdm.calls.retried", Form.COUNTER, "{call}", "Attempts that were made again.")
CALLS_WAITED: Final = Instrument("tonicdm.calls.waited", Form.COUNTER, "{call}", "Calls that had to wait.")
BUDGET_LIMIT: Final = Instrument("tonicdm.budget.limit", Form.GAUGE, "{unit}", "Units of a window.")
BUDGET_LEFT: Final = Instrument("tonicdm.budget.left", Form.GAUGE, "{unit}", "Units that the server has left.")
BUDGET_RESERVED: Final = Instrument(
    "tonicdm.budget.reserved", Form.GAUGE, "{unit}", "Units of calls under way, or whose outcome is unknown."
)
BUDGET_FOREIGN: Final = Instrument(
    "tonicdm.budget.foreign", Form.GAUGE, "{unit}", "Units that others spent in this window, at least."
)
BUDGET_WAITING: Final = Instrument(
    "tonicdm.budget.waiting.calls", Form.GAUGE, "{call}", "Calls of this process that wait, by lane."
)
BUDGET_WAITING_UNITS: Final = Instrument(
    "tonicdm.budget.waiting.units", Form.GAUGE, "{unit}", "Units that they ask for, by lane."
)
BUDGET_BLOCKED: Final = Instrument(
    "tonicdm.budget.blocked", Form.GAUGE, "s", "Time until a cooldown after a 429 ends; 0 where there is none."
)
BUDGET_PAUSED: Final = Instrument(
    "tonicdm.budget.paused", Form.GAUGE, "{pause}", "1 where somebody has paused the budget, else 0."
)
SYNC_LAG: Final = Instrument(
    "tonicdm.sync.lag", Form.GAUGE, "s", "Age of the watermark, by record type: all changes before it are in the copy."
)
QUARANTINE: Final = Instrument(
    "tonicdm.quarantine.records", Form.GAUGE, "{record}", "What came and is no record, by record type."
)
INBOX_JOBS: Final = Instrument("tonicdm.inbox.jobs", Form.GAUGE, "{job}", "Jobs of the inbox, by state.")
INBOX_AGE: Final = Instrument(
    "tonicdm.inbox.age", Form.GAUGE, "s", "Age of the oldest event that has still to take effect; 0 where none has."
)
WEBHOOK_EVENTS: Final = Instrument(
    "tonicdm.webhooks.events", Form.COUNTER, "{event}", "Events that the receiver acknowledged: new, or duplicates."
)
WEBHOOK_REFUSED: Final = Instrument(
    "tonicdm.webhooks.refused", Form.COUNTER, "{request}", "Requests that the receiver refused, by status."
)
MINTS_LEFT: Final = Instrument(
    "tonicdm.mints.left", Form.GAUGE, "{token}", "Machine tokens that may still be minted this month, by issuer."
)
JOBS: Final = Instrument("tonicdm.jobs", Form.GAUGE, "{job}", "Jobs of the workers, by queue and state.")
JOBS_LATE: Final = Instrument(
    "tonicdm.jobs.late", Form.GAUGE, "s", "For how long the job that could have run first has waited for a worker."
)
WORKERS: Final = Instrument("tonicdm.workers", Form.GAUGE, "{worker}", "Workers that have lately shown a sign of life.")

INSTRUMENTS: Final[Mapping[str, Instrument]] = {
    instrument.name: instrument
    for instrument in (
        *(DURATION, UNITS_USED, UNITS_FOREIGN, UNITS_MISMATCHED, CALLS_LIMITED, CALLS_RETRIED, CALLS_WAITED),
        *(BUDGET_LIMIT, BUDGET_LEFT, BUDGET_RESERVED, BUDGET_FOREIGN, BUDGET_WAITING, BUDGET_WAITING_UNITS),
        *(BUDGET_BLOCKED, BUDGET_PAUSED, SYNC_LAG, QUARANTINE, INBOX_JOBS, INBOX_AGE),
        *(WEBHOOK_EVENTS, WEBHOOK_REFUSED, MINTS_LEFT, JOBS, JOBS_LATE, WORKERS),
    )
}
"""All metrics by name."""

LANE: Final = "tonicdm.lane"
RECORD_TYPE: Final = "tonicdm.record_type"
STATE: Final = "tonicdm.state"
REASON: Final = "tonicdm.reason"
BUDGET: Final = "tonicdm.budget"
STORE: Final = "tonicdm.store"
ISSUER: Final = "tonicdm.issuer"
EVENT: Final = "tonicdm.event"
QUEUE: Final = "tonicdm.queue"
STATUS: Final = "http.response.status_code"
