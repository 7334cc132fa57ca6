"""The planner's figures: those that the design gives, and what it does where a server is otherwise."""

import attrs
import pytest

from tonicdm.plan.arithmetic import batches, break_even_share, check_pays, end_calls, pages, probe_pays
from tonicdm.plan.planner import (
    COLUMNS,
    How,
    Known,
    Missing,
    Plan,
    Prices,
    audit,
    choose,
    first_load,
    incremental,
    opt_in,
    plan_type,
    refresh,
    stale_by_page,
    together,
    with_references,
)
from tonicdm.plan.replanning import Measured, replan

LARGE = Known(name="rfis", watermark=True, count=100_000, updated_after=True)


def known(**facts) -> Known:
    return attrs.evolve(LARGE, **facts)


def hows(plan: Plan) -> list[How]:
    return [step.how for step in plan.steps]


# --- the figures of the design --------------------------------------------------------------------------------------


def test_an_incremental_of_9500_changes_costs_50_and_51_with_a_probe():
    """N = 1e5, updated_after works: at most 51 or 52 units, the bound is 50."""
    certain = incremental(known(changed=9_500))
    assert (certain.units, certain.lower_bound, hows(certain)) == (50, 50, [How.CHANGED_PAGES])
    hourly = incremental(known(changed=9_500, p_quiet=0.5))
    assert (hourly.units, hows(hourly)) == (51, [How.PROBE, How.CHANGED_PAGES])
    assert incremental(known(changed=9_500, p_quiet=0.5, overlap=500)).units == 52


def test_where_nothing_changed_one_unit_shows_it():
    """The probe is the plan, and its unit the bound."""
    plan = incremental(known(changed=0))
    assert (plan.units, plan.calls, plan.expected, plan.lower_bound) == (1, 1, 1.0, 1)


@pytest.mark.parametrize(("count", "units"), [(99_500, 500), (100_000, 501), (1, 5), (0, 5)])
def test_a_first_load_costs_five_units_a_page_and_one_for_a_full_last_page(count, units):
    plan = first_load(known(count=count))
    assert plan.units == units
    assert plan.lower_bound == 5 * max(1, pages(count, 1000))
    assert hows(plan) == [How.PAGES]


def test_without_updated_after_and_5_percent_changed_206_units_do():
    plan = incremental(known(changed=5_000, updated_after=False))
    assert (plan.units, hows(plan)) == (206, [How.STUBS, How.BY_ID])
    assert "the bound of 25 is out of reach: updated_after does not work here" in plan.why


@pytest.mark.parametrize("p_quiet", [None, 0.0, 0.5])
@pytest.mark.parametrize("overlap", [0, 500])
def test_20000_records_with_2000_changed_stay_within_17_units(p_quiet, overlap):
    assert incremental(known(count=20_000, changed=2_000, p_quiet=p_quiet, overlap=overlap)).units <= 17


@pytest.mark.parametrize(("ids", "share"), [(240, 0.192), (60, 0.048), (480, 0.384), (960, 0.768)])
def test_the_break_even_share_is_eight_tenths_of_the_ids_per_page(ids, share):
    """Below it the plan takes stubs and IDs, above it whole pages, and there the two cost about the same."""
    assert break_even_share(ids, 1000) == pytest.approx(share)
    facts = known(count=999_999, ids_per_call=ids, updated_after=False)
    below, above = (incremental(attrs.evolve(facts, changed=round(1e6 * (share + step)))) for step in (-0.01, 0.01))
    assert hows(below) == [How.STUBS, How.BY_ID]
    assert hows(above) == [How.PAGES]
    assert below.units == pytest.approx(above.units, rel=0.25)


@pytest.mark.parametrize(("ids", "share"), [(160, 0.01), (79, 0.02), (31, 0.05), (15, 0.1)])
def test_a_single_batch_is_checked_first_up_to_the_size_that_the_design_names(ids, share):
    """The largest m with (1-q)^m > 0.2."""
    assert hows(refresh(known(count=None), ids, stale_share=share)) == [How.BY_ID_CHECKED, How.BY_ID]
    assert hows(refresh(known(count=None), ids + 1, stale_share=share)) == [How.BY_ID]


def test_many_batches_are_checked_first_below_a_stale_share_of_about_80_percent():
    assert hows(refresh(known(count=None), 100_000, stale_share=0.79)) == [How.BY_ID_CHECKED, How.BY_ID]
    assert hows(refresh(known(count=None), 100_000, stale_share=0.81)) == [How.BY_ID]
    # For two batches the share alone would be wrong: 70 % of 480 still fill two calls.
    assert not check_pays(480, 0.7, 240)
    assert hows(refresh(known(count=None), 480, stale_share=0.7)) == [How.BY_ID]


def test_a_backlog_of_10000_events_is_one_read_of_what_changed():
    """51 units, against 210 in batches; without updated_after the batches, and by pages where the type is small."""
    assert refresh(known(count=10**6), 10_000, changed_since=10_000).units == 51
    assert refresh(known(count=10**6, updated_after=False), 10_000, changed_since=10_000).units == 210
    assert hows(refresh(known(count=40_500, updated_after=False), 10_000)) == [How.PAGES] == hows(first_load(LARGE))


def test_an_audit_lists_stubs_once_and_costs_one_more_for_a_full_last_page():
    assert audit(known(count=99_999)).units == 100
    assert audit(known(count=100_000)).units == 101
    assert hows(audit(LARGE)) == [How.AUDIT]
    assert "asking for each ID held: 417 units" in audit(LARGE).why


def test_an_incremental_with_an_audit_reads_each_page_once_where_the_quality_may_change():
    """M + 4K; else M + 5K: the scan is the probe of what follows."""
    facts = known(count=99_999, changed=9_500, audit=True)
    assert incremental(attrs.evolve(facts, quality_switch=True)).units == 140
    assert incremental(attrs.evolve(facts, quality_switch=True)).lower_bound == 140
    for unproven in (None, False):
        plan = incremental(attrs.evolve(facts, quality_switch=unproven))
        assert (plan.units, hows(plan)) == (150, [How.AUDIT, How.CHANGED_PAGES])
    assert incremental(attrs.evolve(facts, changed=0)).units == 100


@pytest.mark.parametrize(("types", "units", "quality"), [(2, 15, "basic"), (3, 20, "basic"), (4, 20, "complete")])
def test_complete_is_right_for_one_page_whose_records_refer_to_four_types(types, units, quality):
    """At three types both cost 20, and basic leaves each record in the store in its own right."""
    missing = [Missing(Known(name=f"type{number}", count=9_000), 3) for number in range(types)]
    plan = with_references(known(count=1), missing)
    assert (plan.units, plan.steps[0].quality) == (units, quality)


def test_in_bulk_references_are_distinct_and_batched_or_their_type_is_paged():
    """n = 1e5: 500 for the records, 5*min(B(R), M) a type; ``complete`` would be 2,000."""
    few = Missing(Known(name="persons", count=100_000), 1_000)
    most = Missing(Known(name="offices", count=999), 900)
    plan = with_references(LARGE, [few, most])
    assert [(step.type, step.how, step.units) for step in plan.steps] == [
        ("rfis", How.PAGES, 500),
        ("persons", How.BY_ID, 25),
        ("offices", How.PAGES, 5),
    ]
    assert "complete: 2,000 units" in plan.why


def test_if_most_of_what_changed_is_here_only_the_rest_is_asked_for_by_id():
    """K stubs and B(k') calls, below k'/k = 19.2 %; above it the records at once."""
    plan = incremental(known(changed=9_500, missing=100))
    assert (plan.units, hows(plan)) == (15, [How.CHANGED_STUBS, How.BY_ID])
    assert hows(incremental(known(changed=9_500, missing=2_000))) == [How.CHANGED_PAGES]


# --- what is not known, or otherwise ---------------------------------------------------------------------------------


def test_while_updated_after_is_unproven_the_probe_is_made_and_the_price_of_its_failure_told():
    """However likely a change is: 1 unit shows whether the option works."""
    plan = incremental(known(changed=9_500, updated_after=None))
    assert hows(plan) == [How.PROBE, How.CHANGED_PAGES]
    assert plan.worst == 1 + 301
    assert "if updated_after proves useless, stubs compared with the store: 301 units" in plan.why


def test_a_probe_is_not_made_where_its_answer_could_tell_nothing():
    """Records read again by the overlap look new where stubs carry no times; without an overlap an empty page tells."""
    assert hows(incremental(known(stub_times=False, overlap=5))) == [How.CHANGED_PAGES]
    assert hows(incremental(known(stub_times=False, overlap=0))) == [How.PROBE, How.CHANGED_PAGES]


def test_without_times_and_updated_after_only_the_whole_type_is_left_and_the_plan_says_so():
    plan = incremental(known(updated_after=False, stub_times=False, changed=3))
    assert hows(plan) == [How.PAGES]
    assert "stubs carry no times" in plan.why


def test_with_changes_of_unknown_number_the_scan_comes_first():
    """At worst it adds 1 to 5 a page; reading all at once could be five times too much."""
    plan = incremental(known(updated_after=False))
    assert hows(plan)[0] is How.STUBS
    assert plan.at_least
    assert plan.rows()[-1][4:6] == ("≥ 106", "≥ 106")


def test_a_type_of_one_page_is_looked_at_whole_because_that_finds_deletions_for_the_same_units():
    plan = incremental(known(count=900, p_quiet=0.5))
    assert hows(plan)[0] is How.STUBS
    assert plan.expected == incremental(known(p_quiet=0.5)).expected == 3.5


def test_an_overlap_of_more_than_a_page_is_looked_at_to_its_end():
    """What is new may stand on any of its pages, so a quiet probe costs as many."""
    plan = incremental(known(overlap=2_500, p_quiet=1.0, changed=0))
    assert plan.units == 3


def test_a_type_without_pages_is_one_call():
    facts = known(paged=False, count=5_000)
    assert first_load(facts).units == 5
    assert incremental(attrs.evolve(facts, p_quiet=0.9)).expected == pytest.approx(1.5)


def test_a_short_page_of_unproven_size_does_not_end_a_list():
    """Up to the documented default of 50 it may have been cut."""
    assert first_load(known(count=40, size_proven=False)).units == 6
    assert first_load(known(count=40)).units == 5
    assert [end_calls(count, 1000, size_proven=False) for count in (0, 50, 51, 1000)] == [0, 1, 0, 1]


def test_without_a_documented_price_the_plan_also_tells_the_dearest():
    plan = first_load(known(count=2_500, has_quantity=False))
    assert (plan.units, plan.worst) == (15, 60)


def test_types_listed_by_their_parents_cost_a_call_for_each():
    assert opt_in(Known(name="team", parents=300, count=6_000)).units == 1_500
    filesets = opt_in(Known(name="filesets", parents=1_000, parents_per_call=240, paged=False))
    assert filesets.units == 25
    assert "one call for each: 5,000 units" in filesets.why
    assert opt_in(Known(name="team", parents=0)).units == 0


def test_a_type_is_planned_by_what_is_known_of_it():
    assert plan_type(Known(name="rfis", count=10)) == first_load(Known(name="rfis", count=10))
    assert plan_type(LARGE) == incremental(LARGE)
    assert plan_type(Known(name="team", parents=3)).steps[0].how is How.PER_PARENT


# --- the choice after a scan -----------------------------------------------------------------------------------------


def test_stale_records_on_few_pages_are_read_with_their_pages():
    """Two pages full of them whole, what is scattered by ID: 20 units, where 60 pages or all by ID cost more."""
    stale = stale_by_page([*range(2_000), *range(2_000, 60_000, 1_000)], 1000)
    chosen = choose(stale, 240)
    assert (chosen.whole, chosen.batches, chosen.units) == ((1, 2), 1, 15)
    assert chosen.next_best == 5 * batches(2_058, 240)


def test_where_ids_can_not_be_asked_for_each_page_with_something_stale_is_read():
    chosen = choose([0, 3, 1000, 0], None)
    assert (chosen.whole, chosen.by_id, chosen.units) == ((2, 3), (), 10)


def test_nothing_stale_costs_nothing():
    assert choose([], 240).units == choose([0, 0], 240).units == 0
    assert stale_by_page([], 1000) == []


# --- planned anew ----------------------------------------------------------------------------------------------------


def test_a_header_of_a_quarter_moves_the_break_even():
    """5 % stale and 60 IDs a call: past 4.8 % whole pages are cheaper."""
    before = incremental(known(changed=5_000, updated_after=False))
    after = replan(before, Measured(ids_per_call=60))
    assert (hows(after), after.units) == ([How.PAGES], 501)
    assert after.why.startswith("planned anew, 206 units before: a call takes 60 IDs, not 240. ")


def test_a_smaller_page_makes_every_page_and_every_batch_smaller():
    """An answer by ID is a page too."""
    after = replan(first_load(LARGE), Measured(page_size=50))
    assert after.units == 10_001
    assert after.known
    assert after.known.batch == 50


def test_a_look_that_costs_as_much_as_a_read_is_not_made():
    """A server that charges 5 for stubs: no probe, no scan, no check."""
    dear = Measured(prices=Prices(id_only=5))
    assert hows(replan(incremental(known(p_quiet=0.9)), dear)) == [How.CHANGED_PAGES]
    assert hows(replan(incremental(known(updated_after=False, changed=100)), dear)) == [How.PAGES]
    assert hows(replan(refresh(known(count=None), 10, stale_share=0.01), dear)) == [How.BY_ID]


def test_a_measured_price_of_20_is_planned_with_and_no_longer_guessed():
    after = replan(first_load(known(count=2_500, has_quantity=False)), Measured(prices=Prices(basic=20)))
    assert after.units == after.worst == 60
    assert "calls cost 1/20/20, not 1/5/20" in after.why


@pytest.mark.parametrize(
    ("measured", "first"),
    [
        (Measured(updated_after=False), How.STUBS),
        (Measured(updated_after=False, stub_times=False), How.PAGES),
        (Measured(updated_after=True, changed=90_000), How.CHANGED_PAGES),
    ],
)
def test_what_a_probe_has_shown_decides_what_comes_next(measured, first):
    plan = incremental(known(changed=900, updated_after=None))
    assert hows(replan(plan, measured))[0] is first


def test_what_turned_out_as_planned_changes_nothing():
    plan = incremental(known(changed=9_500))
    assert replan(plan, Measured(page_size=1000, updated_after=True)) is plan
    assert replan(plan, Measured()) is plan


def test_every_kind_of_plan_can_be_made_again():
    """With what it was asked for, not only with what is known."""
    plans = [
        first_load(LARGE),
        incremental(LARGE),
        audit(LARGE),
        opt_in(known(parents=3, count=None)),
        refresh(LARGE, 1_000, stale_share=0.5),
        with_references(LARGE, [Missing(Known(name="persons"), 3)]),
    ]
    for plan in plans:
        again = replan(plan, Measured(ids_per_call=100))
        assert again.wish == plan.wish
        assert again.known
        assert again.known.ids_per_call == 100
    with pytest.raises(ValueError, match="each type's own"):
        replan(together(plans), Measured(count=1))


# --- what a plan tells -----------------------------------------------------------------------------------------------


def test_every_plan_names_the_next_best_with_its_units():
    for plan in (first_load(LARGE), incremental(known(changed=9_500)), audit(LARGE), refresh(LARGE, 1_000)):
        assert "next best: " in plan.why
        assert "units" in plan.why.split("next best: ")[1]


def test_the_time_counts_what_fits_now_and_then_whole_windows():
    plan = first_load(known(count=2_000_000 - 1))  # 10,000 units
    assert plan.hours(10_000) == 0.0
    assert plan.hours(3_600) == 2.0
    assert plan.hours(2_800) == 2.0
    assert plan.hours(2_799) == 3.0, "four units left hold no call of five"
    assert plan.hours(3_600, until_reset=1_800.0) == 1.5
    assert plan.hours(0, limit=100, window=60.0) == pytest.approx(100 / 60)
    with pytest.raises(ValueError, match="5 units can't be made"):
        plan.hours(0, limit=4)


def test_a_plan_prints_as_a_table_with_its_sum():
    plans = together([first_load(known(count=99_500)), incremental(known(name="files", changed=0))])
    rows = plans.rows()
    assert all(len(row) == len(COLUMNS) for row in rows)
    assert rows[0][:6] == ("rfis", "pages", "basic", "100", "500", "500")
    assert rows[-1][:6] == ("total", "", "", "101", "501", "501")
    assert plans.lower_bound == 501


@pytest.mark.parametrize("facts", [{"p_quiet": 1.2}, {"page_size": 0}, {"ids_per_call": 0}, {"parents_per_call": 0}])
def test_what_can_not_be_is_refused(facts):
    with pytest.raises(ValueError):
        known(**facts)


def test_the_probe_pays_up_to_a_chance_of_80_percent_that_something_changed():
    assert probe_pays(0.2)
    assert not probe_pays(0.19)
    assert probe_pays(0.5, stub_units=2, record_units=4)
