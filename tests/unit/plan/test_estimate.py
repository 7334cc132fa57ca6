"""The price of a run, worked out by making its steps: the figures of docs/explanation/plan.md."""

from __future__ import annotations

import attrs
import pytest

from tests.cases import for_each
from tonicdm.plan.estimate import Estimate, Plan, Strategy, describe_facts, estimate_owner, estimate_type, hours_text
from tonicdm.plan.facts import TypeFacts
from tonicdm.plan.forecast import Run, Scenario, simulate
from tonicdm.plan.owner import OwnerFacts
from tonicdm.plan.progress import Phase, Progress
from tonicdm.plan.steps import StepKind

NEW = TypeFacts(record_type="persons", licensed=True)
HELD = attrs.evolve(
    NEW,
    until="2026-01-01T00:00:00+00:00",
    count=20_000,
    held=20_000,
    counted=True,
    updated_after=True,
    stub_times=True,
    largest_page=1000,
    ids_proven=240,
    sample=240,
    statuses_shown=True,
)
"""A type that was loaded, on a server that has shown all it can do."""


def run(facts: TypeFacts, count: int = 20_000, **scenario: object) -> Run:
    return simulate(facts, Scenario(**{"count": count, "page_size": 1000, "ids_per_call": 240} | scenario))


@pytest.mark.parametrize(("count", "units"), [(19_680, 101), (20_000, 102), (1, 6), (0, 5), (999, 5)])
def test_a_first_load_costs_five_units_a_page_and_one_for_what_changed_meanwhile(count: int, units: int) -> None:
    """5M; 1 if it has several pages; 1 where its end may be cut (a full last page, or few records of an unproven
    server).
    """
    assert estimate_type(attrs.evolve(NEW, count=count)).expected == units


@for_each(("changed", "units"), [(0, 1), (30, 6), (200, 7), (999, 6), (1_968, 12), (2_000, 13), (9_502, 53)])
def test_what_changed_costs_a_look_and_its_pages(changed: int, units: int) -> None:
    """1 + 5K; 1 for what changed while several pages were read; 1 where the list may be longer than it shows.

    That is so behind two full pages, and behind a round number of stubs.
    """
    assert run(HELD, changed=changed).units == units


def test_two_thousand_changed_in_one_second_just_before_a_run_cost_at_most_15_and_one_wait() -> None:
    found = run(HELD, count=2_000, changed=2_000, recent=True)
    assert found.units == 15
    assert found.seconds <= 4
    assert [step.kind for step in found.steps].count(StepKind.WAIT) == 1


def test_what_changes_again_is_read_alone() -> None:
    """A handful among 2,000 that are listed again by the overlap: three looks, one call by ID, and a last look."""
    assert run(attrs.evolve(HELD, overlap=2_000), changed=3).units == 3 + 5 + 1


@pytest.mark.parametrize(
    ("facts", "units"),
    [
        ({"audit": True}, 1 + 20 + 1 + 1 + 5),
        ({"audit": True, "licensed": False}, 1 + 20 + 1 + 1),
        ({"updated_after": False}, 21),
        ({"has_updated_after": False, "has_data_quantity": False, "paged": False, "count": 17}, 5),
        ({"has_updated_after": False, "has_data_quantity": False, "paged": False, "count": 100}, 5 + 1),
    ],
)
def test_nothing_changed_costs_what_its_looks_cost(facts: dict[str, object], units: int) -> None:
    """An audit lists all stubs and its end, looks once more at what changed, and asks for a sample of a licensed type.
    A list that no page size cuts is one call, and one more where it has a round number of records.
    """
    assert estimate_type(attrs.evolve(HELD, **facts)).expected == units


def test_where_every_fact_is_proven_expected_and_most_differ_by_what_may_have_changed_alone() -> None:
    found = estimate_type(HELD)
    assert [fact.name for fact in found.facts if not fact.proven] == ["no record changed"]
    assert found.expected == 1
    # All changed, a page's worth of new ones, and all within the last minute.
    assert found.max_units is not None
    assert 1 + 5 * 21 + 22 <= found.max_units <= 1 + 5 * 21 + 30


@pytest.mark.parametrize("fact", ["updated_after", "stub_times", "largest_page", "ids_proven"])
def test_an_unproven_fact_makes_no_run_dearer_than_most(fact: str) -> None:
    """The dearer outcome of what is not proven is counted in most, and never in expected."""
    blank = {"largest_page": 0, "ids_proven": 0}.get(fact)
    proven, unproven = estimate_type(HELD), estimate_type(attrs.evolve(HELD, **{fact: blank}))
    assert unproven.expected == proven.expected
    assert unproven.max_units is not None
    assert proven.max_units is not None
    assert unproven.max_units >= proven.max_units


def test_without_a_count_the_price_is_told_for_each_thousand() -> None:
    found = estimate_type(NEW)
    assert (found.expected, found.max_units, found.per_thousand) == (5, None, 5)
    assert found.strategy is Strategy.LOAD


def test_a_call_without_a_documented_price_counts_as_the_dearest_in_most() -> None:
    rfis = TypeFacts(record_type="rfis", paged=False, has_data_quantity=False, has_statuses=False, count=17)
    found = estimate_type(rfis)
    assert (found.expected, found.max_units) == (5, 20 + 20)
    charged = estimate_type(attrs.evolve(rfis, stub_units=1, record_units=5))
    assert (charged.expected, charged.max_units) == (5, 5 + 5)


def test_a_number_that_somebody_says_of_a_list_that_hides_some_promises_no_look_behind_it() -> None:
    """Without filterStatuses it may show fewer than there are: behind 100 records a look is made, behind 99 none."""
    rfis = TypeFacts(record_type="rfis", paged=False, has_data_quantity=False, has_statuses=False, count=100)
    assert estimate_type(rfis).expected == 5
    assert estimate_type(attrs.evolve(rfis, counted=True)).expected == 6


def test_the_look_at_the_owner_is_planned_once_for_a_token() -> None:
    assert estimate_owner(OwnerFacts(known=True)) is None
    found = estimate_owner(OwnerFacts(known=False))
    assert found is not None
    assert (found.expected, found.max_units) == (1, 20)


def test_the_time_counts_what_fits_now_and_then_whole_windows() -> None:
    plan = Plan(types=(estimate_type(attrs.evolve(NEW, count=199_999)),))
    assert plan.expected == 1_001
    assert plan.hours(2_000, limit=360) == 0.0
    assert plan.hours(360, limit=360) == 2.0
    assert plan.hours(0, until_reset=1800.0, limit=360) == 2.5
    with pytest.raises(ValueError, match="5 units"):
        plan.hours(1, limit=4)


def test_the_facts_are_named_unproven_ones_first() -> None:
    lines = describe_facts([estimate_type(HELD), estimate_type(attrs.evolve(HELD, record_type="offices"))])
    assert lines[0] == "Not proven: no record changed (all types)."
    assert lines[1].startswith("Proven: count (all types)")
    assert len(describe_facts([estimate_type(NEW)])) == 1, "nothing is proven yet"


@for_each(
    ("facts", "strategy"),
    [
        ({"partial": True}, Strategy.PART),
        ({"until": None}, Strategy.LOAD),
        ({}, Strategy.CHANGES),
        ({"updated_after": False}, Strategy.COMPARE),
        ({"updated_after": False, "stub_times": False}, Strategy.RELOAD),
        ({"checkpoint": Progress(todo=(Phase.CHANGES, Phase.MISSING))}, Strategy.RESUME),
        ({"checkpoint": Progress(todo=(Phase.STOP,))}, Strategy.CHANGES),
    ],
)
def test_a_plan_names_how_the_type_is_brought_up_to_date(facts: dict[str, object], strategy: Strategy) -> None:
    """An interrupted run that means nothing any more is begun anew."""
    assert estimate_type(attrs.evolve(HELD, **facts)).strategy is strategy


def test_what_is_likely_is_a_run_that_finds_as_much_as_lately() -> None:
    assert estimate_type(attrs.evolve(HELD, likely=30)).likely == 6
    for unknown in ({"until": None}, {"count": None}, {"likely": None}):
        assert estimate_type(attrs.evolve(HELD, **{"likely": 30} | unknown)).likely is None


def test_lists_of_several_have_a_most_once_each_of_them_was_counted() -> None:
    """A headerful of IDs is known by itself; lists of parents are known after the first load alone."""
    team = attrs.evolve(HELD, lists=3, has_updated_after=False, has_data_quantity=False, page_limit=100)
    assert estimate_type(attrs.evolve(team, until=None)).max_units is None
    counted = estimate_type(attrs.evolve(team, list_counts=(100, 0, 7), count=107))
    assert counted.expected == (5 + 5) + 5 + 5, "behind a full page of one of them another one is read"
    assert counted.max_units is not None
    named = attrs.evolve(NEW, lists=300, lists_of_ids=True, paged=False, has_updated_after=False)
    assert estimate_type(named).expected == 5 + 5
    assert "count" not in [fact.name for fact in estimate_type(named).facts]


def test_refused_headers_of_ids_are_in_the_most_of_a_first_load_too() -> None:
    """240 IDs, 120, 60 and 30 may be refused, and then 16 calls of 15 bring them; the fact is named as unproven."""
    named = TypeFacts(record_type="filesets", lists=240, lists_of_ids=True, paged=False, has_updated_after=False)
    found = estimate_type(named)
    assert (found.expected, found.max_units) == (5, 5 * (4 + 16))
    assert "IDs per call" in [fact.name for fact in found.facts if not fact.proven]


@for_each(
    ("facts", "scenario", "kind"),
    [
        ({}, {"changed": 60}, StepKind.BY_ID),
        ({"audit": True}, {}, StepKind.SAMPLE),
        ({"updated_after": False, "licensed": False}, {"missing": "gone"}, StepKind.CONFIRM),
    ],
)
def test_where_fewer_ids_fit_a_call_than_hoped_its_refusals_cost_at_most_what_it_would_have(
    facts: dict[str, object], scenario: dict[str, object], kind: StepKind
) -> None:
    """240 are refused and halved until 30 pass; refused calls may be charged, or not."""
    found = run(attrs.evolve(HELD, confirmed=True, **facts), ids_per_call=30, **scenario)
    asked = [step.ids for step in found.steps if step.kind is kind]
    assert asked[0] > 30 >= asked[-1]
    assert found.max_units > found.units


def test_a_plan_of_several_types_adds_up_and_knows_no_most_where_one_has_none() -> None:
    counted, unknown = estimate_type(HELD), estimate_type(NEW)
    assert Plan(types=(counted, counted)).max_units == 2 * (counted.max_units or 0)
    assert Plan(types=(counted, unknown)).max_units is None
    assert Plan(types=()).seconds == 0.0
    assert Plan(types=(unknown, counted)).seconds == counted.seconds > 0


def test_a_plan_is_a_table_in_a_notebook() -> None:
    html = Plan(types=(estimate_type(HELD),))._repr_html_()
    assert "1 units expected" in html
    assert "<td>what changed</td>" in html


def test_the_types_of_a_fact_are_named_up_to_three() -> None:
    def types(*names: str) -> list[Estimate]:
        return [estimate_type(attrs.evolve(HELD, record_type=name)) for name in names]

    other = estimate_type(attrs.evolve(HELD, record_type="rfis", until=None, held=0))
    assert describe_facts([*types("persons"), other])[0] == "Not proven: no record changed (persons)."
    four = describe_facts([*types("persons", "offices", "brands", "labels"), other])[0]
    assert four == "Not proven: no record changed (4 types)."


def test_the_hours_until_the_last_call_are_said_as_people_say_them() -> None:
    assert hours_text(0.0) == "now"
    assert hours_text(2.25) == "in 2.2 h"


def test_an_audit_reads_again_what_a_licence_or_a_moved_record_makes_stale() -> None:
    """The forecast's scenarios: all missing records are there after all, and the sample shows other fields."""
    audited = attrs.evolve(HELD, audit=True, count=2_000, held=2_000, statuses_shown=False)
    nothing = run(audited, count=2_000)
    moved = run(audited, count=2_000, missing="alive")
    reshaped = run(audited, count=2_000, reshaped=True)
    assert moved.units > nothing.units
    assert [step.kind for step in moved.steps].count(StepKind.CONFIRM) >= 9
    # The whole type is loaded again, with the checks of a load behind it.
    assert reshaped.units == nothing.units + 5 * 2 + 1 + 1


def test_a_run_that_goes_on_among_changed_pages_reads_what_is_left_of_them() -> None:
    """Its list of changes was begun before: the forecast answers from the store's knowledge of them."""
    middle = Progress(
        todo=(Phase.CHANGES, Phase.MISSING), since=HELD.until, reads=True, page=2, pages=1, started=HELD.until
    )
    found = run(attrs.evolve(HELD, checkpoint=middle), changed=1_500)
    assert [(step.kind, step.page) for step in found.steps][:1] == [(StepKind.CHANGED_PAGE, 2)]
    assert StepKind.PROBE in [step.kind for step in found.steps], "what changed since is checked behind it"
