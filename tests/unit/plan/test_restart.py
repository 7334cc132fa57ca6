"""Every step can be the last before a crash: what is stored with it leads to the same next step."""

from __future__ import annotations

import contextlib

import attrs
from hypothesis import given
from hypothesis import strategies as st

from tonicdm.plan.facts import TypeFacts
from tonicdm.plan.forecast import Scenario, _Server
from tonicdm.plan.passes import resume_point, run_type
from tonicdm.plan.progress import Phase, Progress
from tonicdm.plan.steps import Step, StepKind

UNTIL = "2026-01-01T00:00:00+00:00"


@st.composite
def facts(draw: st.DrawFn) -> TypeFacts:
    count = draw(st.integers(0, 30) | st.sampled_from([10, 20, 25, 50]))
    quantity = draw(st.booleans())
    return TypeFacts(
        record_type="persons",
        paged=draw(st.booleans()),
        has_data_quantity=quantity,
        has_updated_after=draw(st.booleans()),
        has_statuses=draw(st.booleans()),
        by_id=draw(st.booleans()),
        licensed=draw(st.booleans()),
        until=draw(st.sampled_from([None, UNTIL])),
        count=count,
        held=count,
        sample=count,
        overlap=draw(st.integers(0, count)),
        updated_after=draw(st.sampled_from([None, True, False])),
        page_limit=4,
        ids_per_call=draw(st.sampled_from([3, 20])),
        audit=draw(st.booleans()),
        exact=draw(st.booleans()),
        confirmed=draw(st.booleans()),
    )


@st.composite
def scenarios(draw: st.DrawFn, known: TypeFacts) -> Scenario:
    count = known.count or 0
    return Scenario(
        count=count,
        changed=draw(st.integers(0, count)),
        recent=draw(st.booleans()),
        updated_after=draw(st.booleans()),
        stub_times=draw(st.booleans()),
        page_size=4,
        ids_per_call=20,
        reshaped=draw(st.booleans()),
        missing=draw(st.sampled_from(["none", "gone", "alive"])),
    )


@given(st.data())
def test_a_run_that_begins_with_a_steps_progress_yields_that_step(data: st.DataObject) -> None:
    """Whatever the type, the server and the place; and the progress survives its way through the store as text."""
    known = data.draw(facts())
    server = _Server(known, data.draw(scenarios(known)))
    run = run_type(known)
    steps = 0
    try:
        step = next(run)
        while step.kind is not StepKind.STOP:
            steps += 1
            assert steps < 500, "a run has an end"
            assert step.progress is not None
            stored = Progress.from_json(step.progress.to_json())
            assert stored == step.progress
            again = next(run_type(attrs.evolve(known, checkpoint=stored)))
            assert attrs.evolve(again, progress=None) == attrs.evolve(step, progress=None)
            step = run.send(server.answer(step))
    except StopIteration:
        pass


def first_of(known: TypeFacts, **mark: object) -> Step | None:
    before = resume_point(known, **{"since": None, "started": UNTIL, **mark})  # type: ignore[arg-type]
    return next(run_type(attrs.evolve(known, checkpoint=before)), None)


def test_a_checkpoint_of_the_version_before_goes_on_at_its_page() -> None:
    known = TypeFacts(record_type="persons", count=20_000)
    step = first_of(known, stage="load", next_page=7)
    assert step is not None
    assert (step.kind, step.page, step.begins) == (StepKind.PAGE, 7, False)
    loaded = attrs.evolve(known, until=UNTIL, audit=True)
    step = first_of(loaded, stage="audit", next_page=3)
    assert step is not None
    assert (step.kind, step.page) == (StepKind.STUBS, 3)
    step = first_of(loaded, stage="changes", next_page=3, since=UNTIL)
    assert step is not None
    assert (step.kind, step.page, step.since) == (StepKind.CHANGED_PAGE, 3, UNTIL)


def test_a_checkpoint_behind_the_only_page_of_a_list_without_pages_is_no_trap() -> None:
    """Page 2 of such a list does not exist: the load is over, and the run goes on with what follows it."""
    files = TypeFacts(record_type="files", paged=False, has_data_quantity=False, has_updated_after=False, count=60_001)
    step = first_of(files, stage="load", next_page=2)
    assert step is not None
    assert step.kind is StepKind.MISSING


def test_what_another_version_wrote_is_not_believed() -> None:
    assert Progress.from_json('{"todo":["load"],"version":99}') is None
    assert Progress.from_json("not JSON") is None
    assert Progress.from_json('{"todo":["no such phase"]}') is None


def test_a_run_that_was_interrupted_long_ago_also_reads_what_changed_since() -> None:
    """Else a night's run would only end the one of the night before."""
    known = TypeFacts(record_type="persons", until=UNTIL, count=20, audit=True, updated_after=True, late=True)
    audit = resume_point(known, stage="audit", next_page=2, since=None, started=UNTIL)
    run = run_type(attrs.evolve(known, checkpoint=audit))
    server = _Server(known, Scenario(count=20, page_size=10, ids_per_call=240))
    kinds = []
    try:
        step = next(run)
        while True:
            kinds.append(step.kind)
            step = run.send(server.answer(step))
    except StopIteration:
        pass
    assert StepKind.PROBE in kinds


def test_an_audit_that_lies_behind_a_run_interrupted_long_ago_is_made_anew() -> None:
    """Interrupted in the check behind its audit, a later run that wants an audit lists everything again."""
    known = TypeFacts(record_type="persons", until=UNTIL, count=20, audit=True, updated_after=True, late=True)
    audit = resume_point(known, stage="audit", next_page=2, since=None, started=UNTIL)
    assert audit is not None
    behind = attrs.evolve(audit, todo=(Phase.CHECK, Phase.MISSING), scanned=True, listed=UNTIL, checked=UNTIL)
    run = run_type(attrs.evolve(known, checkpoint=behind))
    server = _Server(known, Scenario(count=20, page_size=10, ids_per_call=240))
    phases = []
    with contextlib.suppress(StopIteration):
        step = next(run)
        while True:
            phases.append(step.progress.phase)
            step = run.send(server.answer(step))
    assert Phase.AUDIT in phases
