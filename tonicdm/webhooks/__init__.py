"""Webhooks: every event is stored before it is thanked, and processed when units allow."""

from tonicdm.webhooks.event import Event, parse
from tonicdm.webhooks.payload import Payload, PayloadReader, TolerantReader

__all__ = ["Event", "Payload", "PayloadReader", "TolerantReader", "parse"]
