"""Readings as the text that Prometheus reads. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from tonicdm.monitoring.instruments import Instrument, prometheus_label
from tonicdm.monitoring.readings import Reading

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""What a scraper is told of the text."""


def exposition(readings: Iterable[Reading]) -> str:
    """Return *readings* in Prometheus's text format, under the names that OpenTelemetry's exporter gives them.

    Args:
        readings: The values; those of one metric stand together.
    """
    groups: dict[Instrument, list[Reading]] = {}
    for reading in readings:
        groups.setdefault(reading.instrument, []).append(reading)
    lines: list[str] = []
    for instrument, group in groups.items():
        name = instrument.prometheus_name
        lines += [f"# HELP {name} {instrument.meaning}", f"# TYPE {name} {instrument.form.value}"]
        lines += [f"{name}{_labels(reading.attributes)} {reading.value:.15g}" for reading in group]
    return "".join(f"{line}\n" for line in lines)


def _labels(attributes: Mapping[str, str | int]) -> str:
    pairs = [f'{prometheus_label(name)}="{_escaped(str(value))}"' for name, value in attributes.items()]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
