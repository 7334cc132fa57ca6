"""Webhooks: every event is stored before it is thanked, and processed when units allow."""

from tonicdm.webhooks.event import Event, parse
from tonicdm.webhooks.gaps import Gap, GapReport, repair
from tonicdm.webhooks.handlers import Delivery, Handlers
from tonicdm.webhooks.inbox import Inbox
from tonicdm.webhooks.listing import Entry, Filter, InboxStats
from tonicdm.webhooks.payload import Payload, PayloadReader, TolerantReader
from tonicdm.webhooks.rules import InboxRules, State, WorkerRules
from tonicdm.webhooks.worker import Worker, WorkReport

__all__ = [
    "Delivery",
    "Entry",
    "Event",
    "Filter",
    "Gap",
    "GapReport",
    "Handlers",
    "Inbox",
    "InboxRules",
    "InboxStats",
    "Payload",
    "PayloadReader",
    "State",
    "TolerantReader",
    "WorkReport",
    "Worker",
    "WorkerRules",
    "parse",
    "repair",
]
