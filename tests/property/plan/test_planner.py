"""The planner beside exhaustive searches over every sequence of calls, on types of a few records.

Two searches stand beside it (planmodel.py). `optimum` guesses right: it knows what changed and only has to prove it.
`best_policy` knows as much as the planner does, and tries every call in every state of knowledge.
"""

import dataclasses
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.property.plan.planmodel import World, best_policy, optimum, subsets
from tests.property.plan.planrunner import Run
from tonicdm.plan.arithmetic import check_pays, expected_batches, probe_pays
from tonicdm.plan.planner import How, Known, Plan, choose, first_load, incremental, refresh

BUT_A_FLOAT = 1e-9


@st.composite
def worlds(draw, largest: int = 5) -> World:
    n = draw(st.integers(1, largest))
    size = draw(st.integers(1, 4))
    changed = draw(st.frozensets(st.integers(0, n - 1)))
    # An answer by ID is a page too: H > P brings no more.
    return World(n, changed, size, draw(st.integers(1, size)), draw(st.booleans()))


def known(world: World, **more) -> Known:
    """What a store knows that has guessed the number of changes right."""
    facts = {
        "p_quiet": 0.0 if world.changed else 1.0,
        "name": "rfis",
        "watermark": True,
        "count": world.n,
        "changed": len(world.changed),
        "page_size": world.size,
        "ids_per_call": world.ids,
        "updated_after": world.updated_after,
    }
    return Known(**facts | more)


def bound(world: World, *, audit: bool = False) -> int:
    """Design 6, "Lower bound", written down once more."""
    pages, changed = math.ceil(world.n / world.size), math.ceil(len(world.changed) / world.size)
    return pages + 4 * changed if audit else 5 * changed or 1


def documented(world: World) -> int:
    """The optimum of design 6 for an incremental without an overlap, with the unit for a full last page."""
    pages, changed = math.ceil(world.n / world.size), math.ceil(len(world.changed) / world.size)
    end = world.n % world.size == 0
    batches = math.ceil(len(world.changed) / world.ids)
    if world.updated_after:
        news_end = len(world.changed) % world.size == 0 and bool(world.changed)
        return 1 + 5 * changed + news_end if world.changed else 1
    return min(pages + 5 * min(batches, pages), 5 * pages) + end


@given(worlds())
def test_no_sequence_of_calls_goes_below_the_lower_bound(world: World):
    """Not even the luckiest: the bound of every plan holds for all there is, with and without an audit."""
    assert bound(world) <= optimum(world)
    assert bound(world, audit=True) <= optimum(world, audit=True)
    assert incremental(known(world)).lower_bound == bound(world)
    assert incremental(known(world, audit=True)).lower_bound == bound(world, audit=True)


@given(worlds())
def test_a_first_load_is_the_best_there_is(world: World):
    """5M, and one more where the last page is full, is what the search finds too: nothing is cheaper."""
    plan = first_load(known(world))
    assert plan.units == optimum(world, empty_store=True) == Run(plan, world, empty_store=True).units
    assert Run(plan, world, empty_store=True).exact


@given(worlds(), st.booleans(), st.sampled_from([None, 0.0, 0.1, 0.2, 0.5, 1.0]))
def test_every_plan_leaves_the_store_exact_for_no_more_than_it_says(world: World, audit: bool, p_quiet: float | None):
    """Run on the records that really changed, a plan fetches them all and keeps to its units.

    Where the history has misled it (quiet foretold, changes found, or the other way round) it is still exact.
    """
    facts = known(world, audit=audit, p_quiet=p_quiet, quality_switch=audit and world.n % 2 == 0)
    plan = incremental(facts)
    run = Run(plan, world)
    assert run.exact
    assert run.ended or not audit
    assert run.seen >= set(range(world.n)) or not audit
    if world.changed:
        assert run.units <= plan.units


@given(worlds(), st.integers(0, 5), st.booleans(), st.booleans(), st.booleans())
def test_a_plan_made_for_another_number_of_changes_is_exact_all_the_same(world, foreseen, audit, switch, times):
    """The number of changes is a forecast: it decides the price, never the result."""
    facts = known(world, changed=foreseen, audit=audit, quality_switch=switch, stub_times=times)
    assert Run(incremental(facts), world).exact


@given(worlds())
def test_with_updated_after_the_plan_is_within_the_probe_of_the_best(world: World):
    """The best sequence is lucky: it knows without looking whether something changed. The look costs 1, so that is all.

    Where nothing changed the look is the whole plan, and both are equal.
    """
    world = dataclasses.replace(world, updated_after=True)
    best = optimum(world)
    for p_quiet in (0.0, 0.5, 1.0):
        spent = Run(incremental(known(world, p_quiet=p_quiet)), world).units
        assert best <= spent
        if p_quiet > 0:
            assert spent <= best + 1
            assert world.changed or spent == best == 1
        elif world.changed:
            assert spent == best


@given(worlds())
def test_the_planner_is_never_worse_than_the_documented_optimum(world: World):
    """Design 6 gives a formula for each case; the plan, and what it really spends, stay at or below it."""
    plan = incremental(known(world))
    assert plan.units <= documented(world)
    assert Run(plan, world).units <= documented(world)


@given(
    st.integers(0, 10**6),
    st.floats(0, 1),
    st.integers(20, 1000),
    st.integers(1, 1000),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, False, True]),
)
def test_at_any_size_a_plan_keeps_to_the_formulas_and_to_its_bound_or_tells_why(n, share, size, ids, news, audit, free):
    """At most M + 5*min(B(k), M), 5M, 1 + 5K or M + 4K; above 1.3 times the bound the plan tells the reason."""
    k = round(n * share)
    world = World(n, frozenset(), size, min(ids, size), news)
    facts = known(world, changed=k, p_quiet=None if k > 50 else float(not k), audit=audit, quality_switch=free)
    plan = incremental(facts)
    pages, changed, whole = max(1, math.ceil(n / size)), math.ceil(k / size), 2
    formulas = [5 * pages, pages + 5 * min(math.ceil(k / min(ids, size)), pages)]
    if news and not audit:
        formulas.append(1 + 5 * changed)
    if audit and free:
        formulas.append(pages + 4 * changed + 1)
    assert plan.lower_bound <= plan.units <= min(formulas) + whole
    assert plan.units <= 1.3 * plan.lower_bound or "out of reach: " in plan.why


@given(worlds(largest=6))
def test_without_updated_after_only_luck_beats_the_scan(world: World):
    """What the search saves on a scan is at most the stubs of pages that it reads without having looked.

    One unit a page: M in all. To do so one has to know what a page holds before it is read. Where so much is foreseen
    to be stale that all pages are read, it can save more, if by luck the stale ones stand on few pages; that is 5M.
    """
    world = dataclasses.replace(world, updated_after=False)
    pages = math.ceil(world.n / world.size)
    best = optimum(world, newest=False)
    plan = incremental(known(world))
    spent = Run(plan, world).units
    assert best <= spent
    assert spent <= (best + pages if plan.steps[0].how is How.STUBS else 5 * pages + (world.n % world.size == 0))
    if not world.changed:
        assert spent == best


@given(worlds())
def test_with_a_free_quality_an_audit_is_the_best_there_is(world: World):
    """M + 4K, and one for a full last page, is what the search finds too. A probe that finds any is one unit more."""
    best = optimum(world, audit=True)
    assert Run(incremental(known(world, audit=True, quality_switch=True)), world).units == best
    probed = incremental(known(world, audit=True, quality_switch=True, p_quiet=0.5))
    assert Run(probed, world).units <= best + 1


@given(worlds())
def test_an_audit_without_that_freedom_pays_for_each_changed_page_twice_at_most(world: World):
    """M + 5K with updated_after; without it M and the cheapest mixture, or 5M."""
    plan = incremental(known(world, audit=True))
    pages, changed = math.ceil(world.n / world.size), math.ceil(len(world.changed) / world.size)
    run = Run(plan, world)
    assert run.units <= 5 * pages + (world.n % world.size == 0)
    if world.updated_after:
        full = bool(world.changed) and len(world.changed) % world.size == 0
        assert run.units <= pages + 5 * changed + (world.n % world.size == 0) + full


# --- the choice after a scan ----------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 9), max_size=7), st.integers(1, 9))
def test_the_choice_after_a_scan_is_exactly_the_cheapest(stale: list[int], ids: int):
    """No set of whole pages, out of all there are, makes fewer calls; every page with something stale is in."""
    chosen = choose(stale, ids)
    pages = range(len(stale))
    least = min(
        len(whole) + math.ceil(sum(stale[page] for page in pages if page not in whole) / ids)
        for whole in [(), *subsets(pages, len(stale))]
    )
    assert chosen.units == 5 * chosen.calls == 5 * least
    assert sorted([*chosen.whole, *chosen.by_id]) == [page + 1 for page in pages if stale[page]]
    assert all(page + 1 in chosen.whole for page in pages if stale[page] >= ids)
    assert chosen.units <= chosen.next_best


@given(st.lists(st.integers(0, 12), min_size=1, max_size=12), st.integers(1, 12))
def test_the_estimate_before_a_scan_is_never_below_the_choice_after_it(stale: list[int], ids: int):
    """Wherever the stale records turn out to stand, they cost no more than when they are spread evenly."""
    facts = Known(
        name="rfis",
        watermark=True,
        count=12 * len(stale) - 1,
        changed=sum(stale),
        page_size=12,
        ids_per_call=ids,
        updated_after=False,
    )
    plan = incremental(facts)
    if plan.steps[0].how == "stubs":
        assert choose(stale, ids).units <= plan.steps[1].units


# --- beside a policy that knows no more -----------------------------------------------------------------------------

SMALL = [
    (n, size, ids)
    for n, size, ids in itertools.product(range(1, 6), range(1, 7), range(1, 3))
    # The search knows how long the whole list is, so no last page may be full.
    if ids <= size and n % size
]
SHARES = (0.01, 0.1, 0.3, 0.6, 0.95)


def mean_spent(n: int, size: int, ids: int, share: float, *, updated_after: bool) -> float:
    """Mean units of the plan over all that may have changed."""
    total = 0.0
    plan: Plan | None = None
    for count in range(n + 1):
        for changed in itertools.combinations(range(n), count):
            world = World(n, frozenset(changed), size, ids, updated_after)
            facts = known(world, changed=round(n * share), p_quiet=(1 - share) ** n)
            plan = plan or incremental(facts)
            total += share**count * (1 - share) ** (n - count) * Run(plan, world).units
    return total


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize(("n", "size", "ids"), [case for case in SMALL if case[0] < case[1]])
@pytest.mark.parametrize("updated_after", [False, True])
def test_for_a_type_of_one_page_no_policy_is_better_on_average(n, size, ids, share, updated_after):
    """The rule of 80 % is exact: with the same knowledge no order of calls has a lower mean."""
    best = best_policy(n, size, ids, share, updated_after=updated_after)
    assert mean_spent(n, size, ids, share, updated_after=updated_after) == pytest.approx(best)


@pytest.mark.parametrize(("n", "size", "ids"), [case for case in SMALL if case[0] > case[1]])
def test_with_updated_after_only_answers_between_the_calls_beat_the_plan_and_by_less_than_two_units(n, size, ids):
    """The best policy decides anew after each answer, and looks at page 2 before page 1 where that tells more.

    It can't save more than the plan spends above 5K: the probe, and the look behind a full page.
    """
    for share in SHARES:
        best = best_policy(n, size, ids, share, updated_after=True)
        spent = mean_spent(n, size, ids, share, updated_after=True)
        assert best - BUT_A_FLOAT <= spent <= best + 2


@pytest.mark.parametrize(("n", "size", "ids"), [case for case in SMALL if case[0] > case[1]])
def test_without_updated_after_a_policy_that_changes_its_mind_saves_less_than_a_page(n, size, ids):
    """The plan scans all pages or none, by the mean; the best policy does so page by page, a short last page otherwise.

    With pages of two to four records that is worth up to 2.7 units; it never reaches the price of one page, 5.
    """
    for share in SHARES:
        best = best_policy(n, size, ids, share, updated_after=False)
        spent = mean_spent(n, size, ids, share, updated_after=False)
        assert best - BUT_A_FLOAT <= spent <= best + 2.75
        assert spent <= 1.4 * best


# --- known IDs ------------------------------------------------------------------------------------------------------


@given(st.integers(1, 600), st.floats(0, 1), st.integers(1, 240))
def test_a_refresh_takes_the_cheaper_of_a_check_and_none(ids: int, share: float, largest: int):
    """Its mean is the lesser of 5*B(m) and B(m) + 5*E[B(S)], and for one batch the rule (1-q)^m > 0.2 decides."""
    plan = refresh(Known(name="rfis", ids_per_call=largest), ids, stale_share=share)
    calls = math.ceil(ids / largest)
    checked = calls + 5 * expected_batches(ids, share, largest)
    assert plan.expected == pytest.approx(min(5 * calls, checked))
    looked = plan.steps[0].how is How.BY_ID_CHECKED
    assert looked == check_pays(ids, share, largest) or abs(checked - 5 * calls) < 1e-5
    if ids <= largest and abs((1 - share) ** ids - 0.2) > 1e-5:
        assert looked == ((1 - share) ** ids > 0.2)


@given(st.integers(1, 40), st.floats(0, 1), st.integers(1, 9))
def test_the_mean_number_of_batches_is_that_of_all_that_may_be_stale(ids: int, share: float, largest: int):
    """Against the sum over every count of stale records, with its probability."""
    chances = [math.comb(ids, stale) * share**stale * (1 - share) ** (ids - stale) for stale in range(ids + 1)]
    mean = sum(chance * math.ceil(stale / largest) for stale, chance in enumerate(chances))
    assert expected_batches(ids, share, largest) == pytest.approx(mean, abs=1e-9)


@given(st.floats(0, 1), st.integers(1, 5000))
def test_the_probe_is_made_exactly_where_its_rule_says_so(p_quiet: float, changed: int):
    """Left out when a change is likelier than 80 %, however many changes there are then."""
    facts = Known(name="rfis", watermark=True, count=10**6, changed=changed, p_quiet=p_quiet, updated_after=True)
    if abs(p_quiet - 0.2) > 1e-6:
        assert (incremental(facts).steps[0].how is How.PROBE) == probe_pays(p_quiet)
