"""Spans and metrics by OpenTelemetry, from the hooks of a client and from what it is told to watch."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import yarl

from tonicdm._version import __version__
from tonicdm.budget import UnitBudget, WaitNotice
from tonicdm.errors import ConfigError
from tonicdm.http.hooks import (
    BudgetMismatchEvent,
    FailureEvent,
    ForeignUsageEvent,
    Hooks,
    ResponseEvent,
    RetryEvent,
)
from tonicdm.monitoring import instruments
from tonicdm.monitoring.instruments import INSTRUMENTS, Form, Instrument
from tonicdm.monitoring.readings import Reading, read_budget, read_receiver, read_store
from tonicdm.webhooks.receiver import Receiver

if TYPE_CHECKING:
    from tonicdm.rhythm.tokens.minting import MintRules

DURATION_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Bounds of the histogram of durations, as the conventions for HTTP advise."""
READ_SECONDS: Final = 1.0
"""Seconds for which one look at a file serves all metrics."""
UNKNOWN_PATH: Final = "/{path}"
"""Stands for a path that the package does not know: it may hold IDs."""

Attributes = dict[str, Any]


class Telemetry:
    """Tells OpenTelemetry what clients, budgets, stores and receivers do; needs the extra ``otel``.

    Each attempt of a call is a span of a client, under the span that is current in its task. Neither spans nor metrics
    hold a token, an ID, an option or any other part of a record: paths are those of the reference.

    Args:
        tracer_provider: Makes the tracer; OpenTelemetry's global one unless given.
        meter_provider: Makes the meter; OpenTelemetry's global one unless given.

    Raises:
        ConfigError: The extra is not installed.
    """

    def __init__(self, *, tracer_provider: Any = None, meter_provider: Any = None) -> None:
        try:
            from opentelemetry import metrics, trace
        except ImportError:
            raise ConfigError('Telemetry needs the extra otel: pip install "tonicdm[otel]"') from None
        self._trace = trace
        self._observation = metrics.Observation
        self._tracer = trace.get_tracer("tonicdm", __version__, tracer_provider)
        self._meter = metrics.get_meter("tonicdm", __version__, meter_provider)
        self._watched: list[Callable[[], Iterable[Reading]]] = []
        self._latest: dict[int, tuple[float, list[Reading]]] = {}
        self._counters = {
            name: self._meter.create_counter(name, instrument.unit, instrument.meaning)
            for name, instrument in INSTRUMENTS.items()
            if instrument.form is Form.COUNTER and instrument not in _OBSERVED_COUNTERS
        }
        self._duration = self._meter.create_histogram(
            instruments.DURATION.name,
            instruments.DURATION.unit,
            instruments.DURATION.meaning,
            explicit_bucket_boundaries_advisory=DURATION_BUCKETS,
        )
        for name, instrument in INSTRUMENTS.items():
            callbacks = [self._observer(instrument)]
            if instrument in _OBSERVED_COUNTERS:
                self._meter.create_observable_counter(name, callbacks, instrument.unit, instrument.meaning)
            elif instrument.form is Form.GAUGE:
                self._meter.create_observable_gauge(name, callbacks, instrument.unit, instrument.meaning)

    # --- what is watched ----------------------------------------------------------------------------------------

    def watch_budget(self, budget: UnitBudget, name: str = "default") -> None:
        """Report what a budget has left, and what waits for it, whenever metrics are collected.

        Args:
            budget: The budget; `TonicDM.budget` of a client.
            name: Its name in the metrics, for those who watch several.
        """
        self._watched.append(lambda: read_budget(budget.snapshot(), datetime.datetime.now(datetime.UTC), name))

    def watch_store(self, path: str | os.PathLike[str], name: str = "default") -> None:
        """Report how far a copy is behind, its quarantine and its inbox, whenever metrics are collected.

        Args:
            path: The store's file; only read, over a connection of its own.
            name: Its name in the metrics, for those who watch several.
        """
        self._watched.append(lambda: read_store(path, time.time(), name))

    def watch_receiver(self, receiver: Receiver) -> None:
        """Report what a receiver of webhooks acknowledges and refuses."""
        self._watched.append(lambda: read_receiver(receiver))

    def watch_mints(self, folder: str | os.PathLike[str] | None = None, rules: MintRules | None = None) -> None:
        """Report how many machine tokens of Rhythm may still be minted this month.

        Args:
            folder: Where the tokens are kept: a folder, or ``postgresql://…``; else RHYTHM_TOKENS, or the user's state
                directory.
            rules: Those that the programs use; the usual ones unless given.
        """
        # Loaded for those who use Rhythm; the others do not wait for it.
        from tonicdm.monitoring.mints import read_mints
        from tonicdm.rhythm.tokens.opening import token_store

        store = token_store(folder, opens_tokens=False)
        self._watched.append(lambda: read_mints(store, store.clock.now(), rules))

    def close(self) -> None:
        """Watch nothing any more; what was counted stays with the providers."""
        self._watched.clear()
        self._latest.clear()

    def _observer(self, instrument: Instrument) -> Callable[[Any], Iterator[Any]]:
        def observe(_options: Any) -> Iterator[Any]:
            for position, read in enumerate(list(self._watched)):
                for reading in self._read(position, read):
                    if reading.instrument is instrument:
                        yield self._observation(reading.value, dict(reading.attributes))

        return observe

    def _read(self, position: int, read: Callable[[], Iterable[Reading]]) -> list[Reading]:
        """Read once for all metrics of one collection."""
        at, readings = self._latest.get(position, (float("-inf"), []))
        if time.monotonic() - at > READ_SECONDS:
            readings = list(read())
            self._latest[position] = (time.monotonic(), readings)
        return readings

    # --- hooks --------------------------------------------------------------------------------------------------

    def hooks(self, hooks: Hooks | None = None) -> Hooks:
        """Return hooks that report, for ``TonicDM(hooks=)`` and ``RhythmClient(hooks=)``.

        Args:
            hooks: Others that are called as well.
        """
        ours = Hooks(
            on_response=self._response,
            on_failure=self._failure,
            on_wait=self._wait,
            on_retry=self._retry,
            on_budget_mismatch=self._mismatch,
            on_foreign_usage=self._foreign_usage,
        )
        return ours if hooks is None else hooks.joined(ours)

    def _response(self, event: ResponseEvent) -> None:
        attributes = {**_attributes(event), instruments.STATUS: event.status}
        if event.status >= 400:
            attributes["error.type"] = str(event.status)
        units = event.cost if event.observed_cost is None else event.observed_cost
        self._ended(event, attributes, units, failed=event.status >= 400)
        if event.status == 429:
            self._count(instruments.CALLS_LIMITED, 1, _attributes(event))

    def _failure(self, event: FailureEvent) -> None:
        if event.status is not None:
            return  # the head of the answer was told of
        attributes = {**_attributes(event), "error.type": event.error_type}
        self._ended(event, attributes, event.cost if event.sent else 0, failed=True)

    def _ended(self, event: ResponseEvent | FailureEvent, attributes: Attributes, units: int, *, failed: bool) -> None:
        """Write the span of an attempt, and count what it cost."""
        now = time.time_ns()
        more: Attributes = {instruments.LANE: event.priority, "tonicdm.units": units}
        if event.attempt > 1:
            more["http.request.resend_count"] = event.attempt - 1
        span = self._tracer.start_span(
            f"{event.method} {event.url_template or UNKNOWN_PATH}",
            kind=self._trace.SpanKind.CLIENT,
            start_time=now - round(event.elapsed * 1e9),
            attributes={**attributes, **more},
        )
        if failed:
            span.set_status(self._trace.StatusCode.ERROR)
        span.end(now)
        self._duration.record(event.elapsed, attributes)
        if units:
            labels = {**_attributes(event), instruments.LANE: event.priority}
            self._count(instruments.UNITS_USED, units, labels)

    def _wait(self, notice: WaitNotice) -> None:
        labels = {instruments.LANE: notice.lane, instruments.REASON: str(notice.reason)}
        self._count(instruments.CALLS_WAITED, 1, labels)

    def _retry(self, event: RetryEvent) -> None:
        self._count(
            instruments.CALLS_RETRIED, 1, {"http.request.method": event.method, instruments.REASON: event.reason}
        )

    def _mismatch(self, event: BudgetMismatchEvent) -> None:
        self._count(instruments.UNITS_MISMATCHED, 1, {"http.request.method": event.method})

    def _foreign_usage(self, event: ForeignUsageEvent) -> None:
        self._count(instruments.UNITS_FOREIGN, event.units, {})

    def _count(self, instrument: Instrument, value: int, attributes: Mapping[str, Any]) -> None:
        self._counters[instrument.name].add(value, attributes)


_OBSERVED_COUNTERS: Final = (instruments.WEBHOOK_EVENTS, instruments.WEBHOOK_REFUSED)
"""Sums that somebody else keeps."""


def _attributes(event: ResponseEvent | FailureEvent) -> Attributes:
    """Return what the conventions for HTTP clients say of a call, without its URL, which may hold IDs and options."""
    server = yarl.URL(event.base_url)
    attributes: Attributes = {
        "http.request.method": event.method,
        "url.template": event.url_template or UNKNOWN_PATH,
    }
    if server.host is not None:
        attributes |= {"server.address": server.host, "server.port": server.port or 0}
    return attributes
