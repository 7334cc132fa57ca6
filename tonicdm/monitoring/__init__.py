"""Figures for monitoring: spans and metrics by OpenTelemetry, and lines for Prometheus."""

from tonicdm.monitoring.exposition import exposition
from tonicdm.monitoring.instruments import INSTRUMENTS, Instrument
from tonicdm.monitoring.readings import Reading, read_budget, read_receiver, read_store
from tonicdm.monitoring.telemetry import Telemetry

__all__ = [
    "INSTRUMENTS",
    "Instrument",
    "Reading",
    "Telemetry",
    "exposition",
    "read_budget",
    "read_receiver",
    "read_store",
]
