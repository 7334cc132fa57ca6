"""The asyncio shell in virtual time: waiting, cancelling, closing; I7, I12, I13, I14 and the peers' failures."""

import asyncio
import contextlib
import math
from decimal import Decimal

import attrs
import pytest

from tests.cases import for_each
from tests.unit.budget.virtualtime import START, LoopClock, run
from tonicdm import TonicDM
from tonicdm.budget import BudgetRules, Concurrency, UnitBudget
from tonicdm.budget.ledgers import LedgerBusyError
from tonicdm.budget.ledgers.memory import MemoryLedger
from tonicdm.budget.rules import Reason
from tonicdm.errors import BudgetError, BudgetTimeoutError, ClientClosedError, ConfigError


class Server:
    """Windows begin with the first call after the last one ended; a call while exceeded moves the reset away."""

    def __init__(self, limit: int = 3600, length: float = 3600.0) -> None:
        self.limit, self.length = limit, length
        self.end, self.used, self.exceeded = 0.0, 0, False
        self.log: list[tuple[float, int, int]] = []

    def serve(self, cost: int) -> tuple[int, dict[str, str]]:
        now = START + asyncio.get_running_loop().time()
        if now >= self.end:
            self.end, self.used, self.exceeded = now + self.length, 0, False
        status = 200
        if self.exceeded or self.used + cost > self.limit:
            self.end += 60.0 if self.exceeded else 0.0
            status, self.exceeded = 429, True
        else:
            self.used += cost
        self.log.append((now - START, cost, status))
        return status, {
            "X-Rate-Limit-Limit": str(self.limit),
            "X-Rate-Limit-Remaining": str(self.limit - self.used),
            "X-Rate-Limit-Reset": str(math.floor(self.end)),
            "Date": http_date(now),
        }


def http_date(seconds: float) -> str:
    from email.utils import formatdate

    return formatdate(math.floor(seconds), usegmt=True)


async def call(budget: UnitBudget, server: Server, cost: int, *, latency: float = 0.2, **options) -> int:
    async with budget.reserve(cost, **options) as reservation:
        await reservation.sent()
        await asyncio.sleep(latency / 2)
        status, headers = server.serve(cost)
        await asyncio.sleep(latency / 2)
        await reservation.settle_from(headers, status)
    return status


def make(**settings) -> UnitBudget:
    return UnitBudget.memory(clock=LoopClock(settings.pop("skew", 0.0)), **({"max_calls_per_second": None} | settings))


class Awaited(MemoryLedger):
    """A ledger whose steps are all awaited."""

    def reserve_now(self, step):
        """Do nothing."""

    note_now = check_now = reserve_now


class Polled(MemoryLedger):
    """Stands for a file: its processes look once a second what others changed."""

    poll_seconds = 1.0


class Stuck(Awaited):
    """A ledger whose steps fail when told so, at the worst moment: after the step, before it is stored."""

    error: Exception | None = None

    async def run(self, step, undo=None):
        if isinstance(self.error, LedgerBusyError):
            raise self.error
        result = step(self.window)
        if self.error is not None:
            raise self.error
        return result


# --- the peers' failures ------------------------------------------------------------------------------------------


def test_airbyte_late_response_with_the_old_reset_does_not_open_the_window_again():
    """HTTPAPIBudget: one late response with the old Reset gives 3,600 units more."""

    async def main():
        budget, server = make(), Server()
        await call(budget, server, 1)
        slow = asyncio.create_task(call(budget, server, 20, latency=100.0, timeout=200.0, priority="interactive"))
        await asyncio.sleep(3560)
        for _ in range(3600):
            await call(budget, server, 1, latency=0.02, priority="interactive")
        await slow
        assert all(status == 200 for _, _, status in server.log)

    run(main())


def test_hikari_a_cancelled_waiter_leaves_the_others_waiting_as_before():
    """hikari: one cancelled waiter kills the throttle task, and every later acquire hangs. (I7)"""

    async def main():
        budget, server = make(), Server(limit=40)
        await call(budget, server, 20)
        await call(budget, server, 20, priority="interactive")
        waiting = [asyncio.create_task(call(budget, server, 20, priority="interactive")) for _ in range(4)]
        await asyncio.sleep(10)
        waiting[0].cancel()
        await asyncio.sleep(10)
        waiting[2].cancel()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [r if isinstance(r, int) else type(r) for r in results] == [
            asyncio.CancelledError,
            200,
            asyncio.CancelledError,
            200,
        ]
        assert budget.snapshot().reserved == 0

    run(main())


def test_discord_py_an_answer_is_never_held_until_the_reset():
    """discord.py sleeps to the reset while it holds the finished call: the answer comes an hour late. (I13)"""

    async def main():
        budget, server = make(), Server(limit=20)
        begun = asyncio.get_running_loop().time()
        await call(budget, server, 20, priority="interactive")
        assert asyncio.get_running_loop().time() - begun == pytest.approx(0.2, abs=0.001)

    run(main())


def test_aiolimiter_a_large_request_is_not_starved_by_a_stream_of_small_ones():
    """AsyncLimiter: a call of 20 behind a steady stream of ones is never served. (I9)"""

    async def main():
        budget, server = make(), Server(limit=100)
        served = {}

        async def small(index):
            await call(budget, server, 1, priority="interactive")
            served[index] = asyncio.get_running_loop().time()

        async def large():
            await call(budget, server, 20, priority="interactive")
            served["large"] = asyncio.get_running_loop().time()

        stream = [asyncio.create_task(small(i)) for i in range(95)]
        await asyncio.sleep(1)
        stream.append(asyncio.create_task(large()))
        for i in range(300):
            stream.append(asyncio.create_task(small(1000 + i)))
            await asyncio.sleep(24)
        await asyncio.gather(*stream)
        assert served["large"] < 3600 + 10, "granted in the first window that has room for it"
        assert all(status == 200 for _, _, status in server.log)

    run(main())


def test_aiolimiter_the_first_hour_has_3600_units_not_7180():
    """AsyncLimiter(3600, 3600) admits 7,180 units in its first hour: a full bucket and a refill."""

    async def main():
        budget, server = make(max_concurrency=20), Server()
        work = [asyncio.create_task(call(budget, server, 20, priority="bulk")) for _ in range(400)]
        await asyncio.sleep(3599)
        assert sum(cost for _, cost, _ in server.log) == 3600
        assert all(status == 200 for _, _, status in server.log)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)

    run(main())


def test_throttled_py_denied_tries_are_not_charged():
    """throttled-py and limits add first and compare then: a refused call is charged too. (I3)"""

    async def main():
        budget, server = make(), Server(limit=40)
        await call(budget, server, 20)
        await call(budget, server, 10, priority="interactive")
        for _ in range(50):
            with pytest.raises(BudgetTimeoutError):
                await call(budget, server, 20, max_wait=1.0, priority="interactive")
        assert budget.snapshot().reserved == 0
        assert await call(budget, server, 10, max_wait=0, priority="interactive") == 200

    run(main())


def test_octokit_the_queue_does_not_fire_during_the_penalty():
    """Bottleneck keeps sending queued calls while the server demands silence. (I5)"""

    async def main():
        budget, server = make(), Server(limit=40)
        await call(budget, server, 1)
        server.used = 40  # another user
        slots = Concurrency(3)
        work = [asyncio.create_task(call(budget, server, 1, priority="interactive", slots=slots)) for _ in range(30)]
        await asyncio.gather(*work)
        refused = [at for at, _, status in server.log if status == 429]
        after = [at for at, _, status in server.log if status == 200 and at > 1]
        assert refused
        assert max(refused) < 5
        assert min(after) > 3600 + 60 * (len(refused) - 1), "not before the latest reset that was named"

    run(main())


# --- waiting ------------------------------------------------------------------------------------------------------


def test_max_wait_is_decided_before_queueing():
    """I12: a wait that must pass max_wait is refused at once, and the error says what to expect."""

    async def main():
        budget, server = make(), Server(limit=20)
        await call(budget, server, 20)
        begun = asyncio.get_running_loop().time()
        with pytest.raises(BudgetTimeoutError) as refused:
            await call(budget, server, 5, max_wait=60, label="GET /core/offices")
        assert asyncio.get_running_loop().time() == begun
        assert refused.value.wait == pytest.approx(3600, abs=5)
        assert "5 units for GET /core/offices would wait 3,60" in str(refused.value)

    run(main())


def test_max_wait_ends_a_wait_that_could_not_be_foreseen():
    """I12: refused at its end at the latest; the units of others are as before."""

    async def main():
        budget, server = make(), Server(limit=40)
        await call(budget, server, 20)
        slow = asyncio.create_task(call(budget, server, 20, latency=25.0, priority="interactive"))
        await asyncio.sleep(0.1)
        with pytest.raises(BudgetTimeoutError, match="did not come free within max_wait=10 s"):
            await call(budget, server, 20, max_wait=10, priority="interactive")
        assert asyncio.get_running_loop().time() == pytest.approx(10.3, abs=0.1)
        await slow
        assert budget.snapshot().waiting["interactive"] == (0, 0)

    run(main())


def test_another_jobs_queue_is_no_reason_to_refuse():
    """Jobs take turns, so the thousand calls of one do not count as ahead of another's first."""

    async def main():
        budget, server = make(), Server(limit=100)
        await call(budget, server, 1)
        slots = Concurrency(1)
        work = [
            asyncio.create_task(call(budget, server, 20, priority="interactive", job="many", slots=slots))
            for _ in range(50)
        ]
        await asyncio.sleep(0.05)
        assert await call(budget, server, 1, max_wait=30, priority="interactive", job="one") == 200
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)

    run(main())


def test_an_interactive_call_need_not_queue_behind_waiting_bulk():
    """max_wait=0 succeeds from the interactive reserve while a bulk job waits."""

    async def main():
        budget, server = make(), Server(limit=100)
        work = [asyncio.create_task(call(budget, server, 20, priority="bulk")) for _ in range(10)]
        await asyncio.sleep(5)
        assert budget.snapshot().waiting["bulk"][0] > 0
        assert await call(budget, server, 1, max_wait=0, priority="interactive") == 200
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)

    run(main())


def test_a_cost_that_no_window_has_is_an_error_at_once():
    """I14, also for one that is behind others, and when the limit is learned only later."""

    async def main():
        budget, server = make(), Server(limit=100)
        with pytest.raises(BudgetError, match="can never be sent"):
            await call(budget, server, 3601)
        first = asyncio.create_task(call(budget, server, 1, latency=2.0))
        await asyncio.sleep(0.1)
        behind = asyncio.create_task(call(budget, server, 101))
        await first
        with pytest.raises(BudgetError, match="can never be sent"):
            await behind

    run(main())


def test_those_who_wait_are_told_why_and_again_as_often_as_asked():
    """Rule 8: every wait has a reason, a position and an end."""

    async def main():
        budget, server = make(), Server(limit=20)
        await call(budget, server, 20)
        notices = []
        behind = asyncio.create_task(call(budget, server, 10, label="head"))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(
            call(budget, server, 20, label="mine", on_wait=notices.append, notify_every=600.0)
        )
        await behind
        await waiting
        assert notices[0].calls_ahead == 1
        assert [round(notice.wait, -2) for notice in notices[:3]] == [7200, 6600, 6000]
        assert len(notices) in {12, 13}
        assert {notice.label for notice in notices} == {"mine"}

    run(main())


def test_snapshot_and_forecast_show_the_queue():
    async def main():
        budget, server = make(), Server(limit=100)
        await call(budget, server, 20, label="GET /x")
        work = [asyncio.create_task(call(budget, server, 20, priority="bulk", label="GET /y")) for _ in range(20)]
        await asyncio.sleep(5)
        seen = budget.snapshot()
        assert seen.waiting["bulk"] == (17, 340)
        assert seen.eta["bulk"] == pytest.approx(4 * 3600, abs=20)
        assert seen.spent == {("normal", "GET /x"): (1, 20), ("bulk", "GET /y"): (3, 60)}
        assert (seen.limit, seen.remaining, seen.available) == (100, 20, 20)
        outlook = budget.forecast(100)
        assert outlook.windows == 2
        assert outlook.start_in == pytest.approx(4 * 3600, abs=20)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)

    run(main())


# --- cancelling ---------------------------------------------------------------------------------------------------


@for_each("moment", [0, 1, 2, 3, 4, 5, 6, 8, 10, 15])
def test_a_cancellation_at_any_await_gives_back_exactly_what_was_not_spent(moment):
    """I3: after it H holds nothing, or the call had been sent and stays charged until known; slots are free."""

    async def main():
        slots = Concurrency(2)
        budget, server = make(max_calls_per_second=20), Server(limit=40)
        await call(budget, server, 5)
        tasks = [asyncio.create_task(call(budget, server, 5, slots=slots, priority="interactive")) for _ in range(6)]
        for _ in range(moment):
            await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert slots.taken == 0
        window = budget.ledger.peek()
        assert window.held == window.unknown
        await asyncio.sleep(31)
        await call(budget, server, 1, priority="interactive")
        assert window.held == 0
        assert window.used == server.used

    run(main())


def test_a_call_cancelled_just_as_it_was_granted_gives_its_units_back():
    async def main():
        budget, server = make(), Server(limit=20)
        reservation = budget.reserve(20)
        await reservation.__aenter__()
        waiting = asyncio.create_task(call(budget, server, 20))
        await asyncio.sleep(0.1)
        await reservation.refund()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        assert budget.snapshot().reserved == 0
        assert await call(budget, server, 20) == 200

    run(main())


# --- reservations -------------------------------------------------------------------------------------------------


def test_an_answer_told_twice_frees_one_slot_only():
    """I11."""

    async def main():
        slots = Concurrency(1)
        budget, server = make(), Server()
        async with budget.reserve(5, slots=slots) as reservation:
            await reservation.sent()
            status, headers = server.serve(5)
            await reservation.settle_from(headers, status)
            await reservation.settle_from(headers, status)
            await reservation.refund()
        assert slots.taken == 0
        assert budget.snapshot().remaining == 3595

    run(main())


def test_an_answer_before_sending_is_a_mistake():
    async def main():
        budget = make()
        async with budget.reserve(5) as reservation:
            with pytest.raises(RuntimeError, match=r"await sent\(\) before"):
                await reservation.settle(3600, 3595, START + 3600)
        assert budget.snapshot().reserved == 0

    run(main())


def test_leaving_without_an_answer_keeps_the_units_charged():
    async def main():
        budget = make()
        async with budget.reserve(5) as reservation:
            await reservation.sent()
        assert budget.snapshot().unknown == 5
        async with budget.reserve(5) as reservation:
            pass
        assert budget.snapshot().reserved == 5

    run(main())


def test_sent_queues_anew_as_often_as_the_units_were_lost():
    """A 429 between the reservation and the gate: nothing is sent before the reset."""

    async def main():
        budget, server = make(), Server(limit=40)
        await call(budget, server, 1)
        async with budget.reserve(5, priority="interactive") as reservation:
            server.used, server.exceeded = 40, True
            assert await call(budget, server, 1, priority="interactive") == 429
            assert not await reservation.try_sent()
            assert budget.snapshot().reserved == 0
            await reservation.sent()
            assert START + asyncio.get_running_loop().time() > server.end
            status, headers = server.serve(5)
            await reservation.settle_from(headers, status)
        assert status == 200

    run(main())


# --- ledgers that fail, and closing -------------------------------------------------------------------------------


def test_a_broken_ledger_is_told_to_everybody_who_waits():
    """Also to the call that the failed step had just served, each with an error of its own."""

    async def main():
        ledger = Stuck(BudgetRules(limit=40))
        budget, server = UnitBudget(ledger, clock=LoopClock(), max_calls_per_second=None), Server(limit=40)
        await call(budget, server, 20)
        hold = await budget.reserve(20, priority="interactive").__aenter__()
        waiting = [asyncio.create_task(call(budget, server, 20, priority="interactive")) for _ in range(3)]
        await asyncio.sleep(1)
        ledger.window.refund(hold._entry)
        ledger.error = OSError("disk full")
        budget._queues.wake()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [str(result) for result in results] == ["disk full"] * 3
        assert len({id(result) for result in results}) == 3

    run(main())


def test_processes_on_one_ledger_share_windows_that_one_could_use_up_within_a_second():
    """Whoever opened the window has its answer at once; the others look soon for the one call that went first."""

    async def main():
        server, ledger = Server(limit=100, length=20.0), Polled(BudgetRules(limit=100, window=20.0))
        served = [0, 0, 0]

        async def work(process: int, budget: UnitBudget) -> None:
            while True:
                assert await call(budget, server, 1, latency=0.02, slots=slots[process]) == 200
                served[process] += 1

        budgets = [UnitBudget(ledger, clock=LoopClock(), max_calls_per_second=None) for _ in served]
        slots = [Concurrency(4) for _ in served]
        tasks = [asyncio.create_task(work(*one)) for one in enumerate(budgets) for _ in range(4)]
        await asyncio.sleep(1000)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert sum(served) >= 0.98 * 100 * 1000 / 22.5
        assert min(served) >= 0.7 * max(served), served

    run(main())


def test_a_ledger_that_another_process_holds_is_waited_for():
    async def main():
        ledger = Stuck(BudgetRules(limit=40))
        budget, server = UnitBudget(ledger, clock=LoopClock(), max_calls_per_second=None), Server(limit=40)
        await call(budget, server, 1)
        ledger.error = LedgerBusyError("held")
        told = []
        waiting = [
            asyncio.create_task(call(budget, server, 1, priority="interactive")),
            asyncio.create_task(call(budget, server, 1, priority="interactive", max_wait=1000, on_wait=told.append)),
        ]
        await asyncio.sleep(25)
        assert not any(task.done() for task in waiting)
        ledger.error = None
        assert await asyncio.gather(*waiting) == [200, 200]

    run(main())


def test_closing_refuses_those_who_wait_and_all_later_ones():
    async def main():
        budget, server = make(), Server(limit=20)
        await call(budget, server, 20)
        waiting = [asyncio.create_task(call(budget, server, 20)) for _ in range(3)]
        await asyncio.sleep(1)
        await budget.close()
        await budget.close()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in results] == [ClientClosedError] * 3
        with pytest.raises(ClientClosedError):
            await call(budget, server, 1)

    run(main())


def test_no_task_is_left_when_nobody_waits():
    async def main():
        budget, server = make(), Server(limit=20)
        await asyncio.gather(*[call(budget, server, 10) for _ in range(4)])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    run(main())


def test_a_budget_can_serve_one_loop_after_another():
    budget = UnitBudget.memory(clock=LoopClock(), max_calls_per_second=None)

    async def main():
        server = Server(limit=20)
        waiting = [asyncio.create_task(call(budget, server, 20, priority="interactive")) for _ in range(2)]
        await asyncio.sleep(1)
        waiting[1].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    run(main())
    run(main())


def test_a_refreshed_token_sends_one_call_first():
    async def main():
        budget, server = make(), Server()
        await call(budget, server, 5)
        await budget.token_refreshed()
        work = [asyncio.create_task(call(budget, server, 5, latency=3.0)) for _ in range(5)]
        await asyncio.sleep(2)
        assert len(server.log) == 2
        await asyncio.gather(*work)
        assert budget.snapshot().reset_at is not None

        successor = make()
        await successor.inherit(budget)
        assert await call(successor, server, 5) == 200

    run(main())


NONE = (math.nan, True, "5", None, [5])
"""What is no number, though some of it passes a comparison."""
NAMED_NUMBERS = [
    *({"cost": value} for value in (*NONE, 0, -1, 2.5, math.inf, 10**400, Decimal(5))),
    *({"cost": 5, "max_wait": value} for value in (math.nan, True, "5", -1, -math.inf, 10**400)),
    *({"cost": 5, "timeout": value} for value in (*NONE, 0, -1, math.inf)),
    *({"cost": 5, "on_wait": print, "notify_every": value} for value in (math.nan, True, "5", 0, -1, math.inf)),
    {"cost": 5, "priority": "urgent"},
]


def test_a_wrong_request_is_refused_at_once():
    """Before anything is reserved, with the name of what is wrong."""
    for wrong in NAMED_NUMBERS:
        with pytest.raises(ConfigError, match="cost" if len(wrong) == 1 else list(wrong)[-1]):
            UnitBudget.memory().reserve(**wrong)


def test_a_forecast_of_no_number_is_refused():
    for cost in (math.nan, True, 2.5, "5", -1, math.inf, 10**400):
        with pytest.raises(ConfigError, match="cost"):
            UnitBudget.memory().forecast(cost)


def test_what_counts_as_a_whole_number_is_taken_and_endless_waiting_is_none():
    class Units:
        def __index__(self):
            return 5

    async def main():
        budget = make()
        async with budget.reserve(Units(), max_wait=math.inf) as reservation:
            assert (reservation.cost, type(reservation.cost)) == (5, int)

    run(main())


WRONG_RULES = [
    *({"limit": 0}, {"guard": 3600}, {"guard": -1}, {"interactive_reserve": 1.0}, {"peers": 0}, {"lease": 0.0}),
    {"drift": 0.5},
    *({field.name: value} for field in attrs.fields(BudgetRules) for value in (math.nan, True, "5", -1)),
    *({field.name: 2.5} for field in attrs.fields(BudgetRules) if isinstance(field.default, int)),
    *({field.name: math.inf} for field in attrs.fields(BudgetRules)),
]


def test_wrong_rules_are_refused():
    for wrong in WRONG_RULES:
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            BudgetRules(**wrong)


WRONG_SETTINGS = [
    *({"max_calls_per_second": value} for value in (math.nan, True, "5", 0, -1, math.inf)),
    *({"max_concurrency": value} for value in (*NONE, 0, -1, 2.5, math.inf)),
    *({"ledger_timeout": value} for value in (*NONE, -1, math.inf)),
]


def test_wrong_settings_are_refused():
    for wrong in WRONG_SETTINGS:
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            UnitBudget.memory(**wrong)


def test_no_calls_at_once_would_be_a_wait_without_end():
    for wrong in (0, -1, True, math.nan, 2.5, "5"):
        with pytest.raises(ConfigError, match="calls under way"):
            Concurrency(wrong)


def test_a_client_refuses_the_same():
    for wrong in ({"max_wait": math.nan}, {"timeout": math.nan}, {"max_wait": True}, {"timeout": 0}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            TonicDM("t", zone="us", budget=UnitBudget.memory(), **wrong)


def test_the_pacer_spreads_the_sends_and_nothing_else():
    """A burst of ten, then twenty a second; in virtual time, with the real aiolimiter."""

    async def main():
        budget, server = make(max_calls_per_second=20.0), Server()
        await call(budget, server, 1)
        begun = asyncio.get_running_loop().time()
        await asyncio.gather(*[call(budget, server, 1, priority="interactive") for _ in range(50)])
        spread = [at - begun for at, _, _ in server.log[1:]]
        assert max(spread) == pytest.approx(0.1 + 40 / 20, abs=0.2)

    run(main())


def test_every_refusal_names_its_reason():
    assert {reason.value for reason in Reason} >= {"blocked", "window spent", "queue", "first call"}
