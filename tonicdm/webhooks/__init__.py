"""Webhooks: every event is stored before it is acknowledged, and processed when units allow."""

from tonicdm.webhooks.asgi import WebhookApp
from tonicdm.webhooks.event import Event, parse
from tonicdm.webhooks.gaps import Gap, GapReport, repair
from tonicdm.webhooks.handlers import Delivery, Handlers
from tonicdm.webhooks.inbox import Inbox
from tonicdm.webhooks.listing import Entry, Filter, InboxStats
from tonicdm.webhooks.payload import Payload, PayloadReader, TolerantReader
from tonicdm.webhooks.receiver import EventSink, Limits, Receiver, Reply
from tonicdm.webhooks.rules import InboxRules, State, WorkerRules
from tonicdm.webhooks.verify import SharedSecret, StandardWebhooks, Unverified, Verifier
from tonicdm.webhooks.worker import Worker, WorkReport

__all__ = [
    "Delivery",
    "Entry",
    "Event",
    "EventSink",
    "Filter",
    "Gap",
    "GapReport",
    "Handlers",
    "Inbox",
    "InboxRules",
    "InboxStats",
    "Limits",
    "Payload",
    "PayloadReader",
    "Receiver",
    "Reply",
    "SharedSecret",
    "StandardWebhooks",
    "State",
    "TolerantReader",
    "Unverified",
    "Verifier",
    "WebhookApp",
    "WorkReport",
    "Worker",
    "WorkerRules",
    "parse",
    "repair",
]
