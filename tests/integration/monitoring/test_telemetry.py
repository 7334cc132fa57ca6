"""Spans and metrics of real calls, read back from OpenTelemetry's exporters in memory and from Prometheus's."""

from __future__ import annotations

import asyncio
import json
import pathlib
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tonicdm import (
    ConfigError,
    EndpointNotFoundError,
    OptionIgnoredError,
    RetryPolicy,
    TonicDM,
    TransportError,
    UnitBudget,
)
from tonicdm.clock import VirtualClock
from tonicdm.http.hooks import Hooks
from tonicdm.monitoring import INSTRUMENTS, Telemetry, instruments
from tonicdm.monitoring.instruments import Form, prometheus_label
from tonicdm.sandbox import Sandbox, SandboxSettings
from tonicdm.store import Store, choose
from tonicdm.sync import synchronize
from tonicdm.webhooks import Receiver, Unverified

pytest.importorskip("opentelemetry.sdk")
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

DASHBOARD = pathlib.Path(__file__).parents[3] / "docs" / "how-to" / "grafana-dashboard.json"
TOKEN = "a-secret-token"


class Observed:
    """A `Telemetry` over providers in memory, and what they exported."""

    def __init__(self) -> None:
        self._spans, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self._meters = MeterProvider([self._reader])
        self.telemetry = Telemetry(tracer_provider=self.tracers, meter_provider=self._meters)

    @property
    def spans(self) -> list[Any]:
        return list(self._spans.get_finished_spans())

    def metrics(self) -> dict[str, list[Any]]:
        """Collect now; the points of each metric by its name."""
        self.telemetry._latest.clear()
        data = self._reader.get_metrics_data()
        found: dict[str, list[Any]] = {}
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    found.setdefault(metric.name, []).extend(metric.data.data_points)
        return found

    def total(self, name: str) -> float:
        return sum(point.value for point in self.metrics().get(name, ()))

    def close(self) -> None:
        self._meters.shutdown()
        self.tracers.shutdown()


@pytest.fixture
def observed() -> Iterator[Observed]:
    observed = Observed()
    yield observed
    observed.close()


@pytest.fixture
async def box(clock):
    async with Sandbox(records=1000, clock=clock, settings=SandboxSettings(tokens=(TOKEN,))) as box:
        yield box


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def tonic(box, clock, observed):
    async with (
        UnitBudget.memory(clock=clock, max_calls_per_second=None) as budget,
        TonicDM(TOKEN, base_url=box.url, budget=budget, hooks=observed.telemetry.hooks()) as tonic,
    ):
        observed.telemetry.watch_budget(tonic.budget)
        yield tonic


async def test_each_attempt_is_a_span_of_a_client_under_the_current_one(tonic, observed, box) -> None:
    tracer = observed.tracers.get_tracer("test")
    with tracer.start_as_current_span("a request of ours") as outer:
        await tonic.offices.list().first()
    span = observed.spans[0]
    assert (span.name, span.kind, span.status.status_code) == ("GET /core/offices", SpanKind.CLIENT, StatusCode.UNSET)
    assert span.parent.span_id == outer.get_span_context().span_id
    assert span.end_time >= span.start_time
    port = int(box.url.rpartition(":")[2])
    assert dict(span.attributes) == {
        "http.request.method": "GET",
        "url.template": "/core/offices",
        "server.address": "127.0.0.1",
        "server.port": port,
        "http.response.status_code": 200,
        "tonicdm.lane": "normal",
        "tonicdm.units": 5,
    }


async def test_units_durations_and_what_is_left_are_metrics(tonic, observed) -> None:
    await tonic.offices.list().first()
    await tonic.with_options(priority="bulk").offices.list(data_quantity="id_only").first()
    metrics = observed.metrics()
    used = {point.attributes["tonicdm.lane"]: point.value for point in metrics["tonicdm.units.used"]}
    assert used == {"normal": 5, "bulk": 1}
    (duration,) = metrics["http.client.request.duration"]
    assert (duration.count, duration.attributes["http.response.status_code"]) == (2, 200)
    assert duration.explicit_bounds[0] == 0.005
    assert metrics["tonicdm.budget.left"][0].value == 3594
    assert metrics["tonicdm.budget.limit"][0].value == 3600


async def test_refusals_and_retries_are_counted_and_their_spans_say_so(tonic, observed, box, clock) -> None:
    await tonic.offices.list().first()
    box.spend(3600)
    call = asyncio.ensure_future(tonic.offices.list().first())
    while not tonic.budget.snapshot().waiting["normal"][0]:
        await asyncio.sleep(0.01)
    metrics = observed.metrics()
    assert metrics["tonicdm.budget.blocked"][0].value > 3000
    waiting = {point.attributes["tonicdm.lane"]: point.value for point in metrics["tonicdm.budget.waiting.calls"]}
    assert waiting == {"interactive": 0, "normal": 1, "bulk": 0}
    while not call.done():
        clock.advance(60)
        await asyncio.sleep(0.01)
    await call
    limited = [span for span in observed.spans if span.attributes["http.response.status_code"] == 429]
    assert len(limited) == 1
    assert limited[0].status.status_code is StatusCode.ERROR
    assert limited[0].attributes["error.type"] == "429"
    assert observed.total("tonicdm.calls.limited") == 1
    assert observed.total("tonicdm.calls.waited") >= 1
    assert observed.total("tonicdm.units.foreign") > 3000


async def test_attempts_that_are_made_again_are_numbered(tonic, observed, box, clock) -> None:
    await tonic.offices.list().first()
    box.faults.next("server_error", times=1)
    call = asyncio.ensure_future(tonic.offices.list().first())
    while not call.done():
        clock.advance(1)
        await asyncio.sleep(0.01)
    await call
    failed, again = observed.spans[1:]
    assert (failed.attributes["error.type"], failed.status.status_code) == ("500", StatusCode.ERROR)
    assert again.attributes["http.request.resend_count"] == 1
    assert observed.total("tonicdm.calls.retried") == 1


async def test_an_attempt_without_an_answer_has_a_span_with_its_error(observed) -> None:
    hooks = observed.telemetry.hooks()
    async with TonicDM(
        TOKEN, base_url="http://127.0.0.1:9", budget=UnitBudget.memory(), hooks=hooks, retry=RetryPolicy(attempts=1)
    ) as tonic:
        with pytest.raises(TransportError):
            await tonic.me.get()
    (span,) = observed.spans
    assert span.attributes["error.type"] == "ConnectError"
    assert "http.response.status_code" not in span.attributes
    assert span.status.status_code is StatusCode.ERROR
    assert observed.total("tonicdm.units.used") == 0


async def test_nothing_personal_and_no_token_leaves(tonic, observed, box) -> None:
    """Neither IDs nor options, also of a path that the package does not know."""
    person = next(iter(box.world.records("persons")))["id"]
    await tonic.persons.get(person)
    with pytest.raises(OptionIgnoredError):
        await tonic.with_options(option_placement="query").persons.get(person)
    with pytest.raises(EndpointNotFoundError):
        await tonic.request("GET", f"/core/unknown/{person}")
    shown = [json.dumps([span.name, dict(span.attributes)]) for span in observed.spans]
    shown += [str(point.attributes) for points in observed.metrics().values() for point in points]
    assert not [text for text in shown if person in text or TOKEN in text]
    assert observed.spans[-1].name == "GET /{path}"


async def test_others_hooks_are_called_as_well_and_faults_stop_nothing(box, clock, observed, caplog) -> None:
    told: list[Any] = []

    def faulty(event: Any) -> None:
        told.append(event)
        raise RuntimeError

    hooks = observed.telemetry.hooks(Hooks(on_response=faulty, on_request=told.append))
    budget = UnitBudget.memory(clock=clock, max_calls_per_second=None)
    async with TonicDM(TOKEN, base_url=box.url, budget=budget, hooks=hooks) as tonic:
        await tonic.me.get()
    assert len(told) == 2
    assert len(observed.spans) == 1
    assert "a hook failed" in caplog.text


async def test_a_copy_and_its_inbox_are_watched(tonic, observed, clock, tmp_path) -> None:
    path = tmp_path / "copy.db"
    async with Store(path) as store:
        await synchronize(tonic, store, choose(["offices"]))
    observed.telemetry.watch_store(path)
    async with Receiver.for_file(path, Unverified()) as receiver:
        observed.telemetry.watch_receiver(receiver)
        body = b'{"type": "person.updated", "data": {"id": "5d0ab0e9-1c1c-4a5f-8a4b-2f4a8a2f6f01"}}'
        await receiver.accept({"webhook-id": "m1"}, body)
        metrics = observed.metrics()
    (lag,) = metrics["tonicdm.sync.lag"]
    assert lag.attributes["tonicdm.record_type"] == "offices"
    jobs = {point.attributes["tonicdm.state"]: point.value for point in metrics["tonicdm.inbox.jobs"]}
    assert jobs["received"] == 1
    assert {point.attributes["tonicdm.event"]: point.value for point in metrics["tonicdm.webhooks.events"]} == {
        "new": 1,
        "duplicate": 0,
    }
    observed.telemetry.close()
    assert "tonicdm.sync.lag" not in observed.metrics()


def test_a_missing_extra_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ConfigError, match=r"tonicdm\[otel\]"):
        Telemetry()


def test_the_names_for_prometheus_are_those_of_its_exporter() -> None:
    """So that a dashboard serves both: OpenTelemetry's exporter, and the lines of ``webhooks serve``."""
    exporter = pytest.importorskip("opentelemetry.exporter.prometheus")
    from prometheus_client import REGISTRY, generate_latest

    meters = MeterProvider([exporter.PrometheusMetricReader()])
    try:
        meter = meters.get_meter("test")
        for instrument in INSTRUMENTS.values():
            if instrument.form is Form.COUNTER:
                meter.create_counter(instrument.name, instrument.unit).add(1, {"tonicdm.lane": "bulk"})
            elif instrument.form is Form.GAUGE:
                meter.create_gauge(instrument.name, instrument.unit).set(1)
            else:
                meter.create_histogram(instrument.name, instrument.unit).record(1)
        text = generate_latest(REGISTRY).decode()
    finally:
        meters.shutdown()
    names = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    assert {instrument.prometheus_name for instrument in INSTRUMENTS.values()} <= names
    assert f'{prometheus_label("tonicdm.lane")}="bulk"' in text


def test_every_metric_and_label_of_the_dashboard_exists() -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    assert len(queries) >= 12
    known = {instrument.prometheus_name for instrument in INSTRUMENTS.values()}
    known |= {f"{name}_{end}" for name in known for end in ("bucket", "count", "sum")}
    used = {name for query in queries for name in re.findall(r"\b(?:tonicdm|http_client)_\w+(?=[\[{)]|\s|$)", query)}
    labels = {name for query in queries for part in re.findall(r"\bby \(([^)]*)\)", query) for name in part.split(", ")}
    assert used - labels <= known
    assert len(used - labels) >= 15
    attributes = {value for name, value in vars(instruments).items() if name.isupper() and isinstance(value, str)}
    attributes |= {"url.template", "http.request.method", "error.type"}
    assert labels <= {prometheus_label(name) for name in attributes} | {"le"}
