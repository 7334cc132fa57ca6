"""The broker: one mint for all who ask, none too early, none because of a 401 alone."""

from __future__ import annotations

import asyncio
import datetime
import logging
import pickle
import traceback

import pytest

from tests.cases import for_each
from tests.unit.rhythm.conftest import Make, drive, obtaining
from tests.unit.rhythm.fakeissuer import DOMAIN, SECRET, FakeIssuer, answer
from tonicdm.clock import VirtualClock
from tonicdm.errors import ClientClosedError, ConfigError, ConnectError, RequestTimeoutError, StoreError
from tonicdm.rhythm.errors import (
    TokenLimitError,
    TokenPauseError,
    TokenRefusedError,
    UserScopeError,
    WrongAudienceError,
    WrongTenantError,
)
from tonicdm.rhythm.scope import as_user
from tonicdm.rhythm.tokens.broker import MintEvent, TokenBroker
from tonicdm.rhythm.tokens.ledger import MintState
from tonicdm.rhythm.tokens.minting import MintRules
from tonicdm.rhythm.tokens.store import MemoryTokenStore

DAY = 86400.0


class SkewedClock:
    """A machine whose wall clock is wrong."""

    def __init__(self, clock: VirtualClock, skew: float) -> None:
        self._clock, self.skew = clock, skew

    def now(self) -> float:
        return self._clock.now() + self.skew

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep_until(self, deadline: float) -> None:
        await self._clock.sleep_until(deadline)


# --- one for all ----------------------------------------------------------------------------------------------------


async def test_callers_of_one_process_share_one_mint(make: Make, issuer: FakeIssuer) -> None:
    broker = make()
    tokens = await asyncio.gather(*(broker.token() for _ in range(50)))
    assert len({token.reveal() for token in tokens}) == 1
    assert len(issuer.mints) == 1
    assert issuer.asked[0] == {
        "grant_type": "client_credentials",
        "client_id": "app",
        "client_secret": SECRET,
        "audience": "https://api.rhythmsoftware.com",
    }


async def test_many_processes_and_restarts_share_one_mint(make: Make, issuer: FakeIssuer, clock) -> None:
    issuer.gate = asyncio.Event()
    waiting = [asyncio.create_task(make().token()) for _ in range(10)]
    await asyncio.sleep(0.01)
    issuer.gate.set()
    tokens = {token.reveal() for token in await drive(clock, asyncio.gather(*waiting))}
    for _ in range(20):
        clock.advance(3600)
        tokens.add((await make().token()).reveal())
    assert (len(tokens), len(issuer.mints)) == (1, 1)


async def test_applications_and_audiences_have_tokens_of_their_own(make: Make, issuer: FakeIssuer) -> None:
    await make().token()
    await make(client_id="other").token()
    issuer.audience = "https://other"
    await make(audience="https://other", allow_audience=True).token()
    assert len(issuer.mints) == 3


async def test_a_cancelled_caller_does_not_take_the_token_from_the_others(make: Make, issuer: FakeIssuer) -> None:
    issuer.gate, broker = asyncio.Event(), make()
    first, second = (asyncio.create_task(broker.token()) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    issuer.gate.set()
    assert (await second).reveal()
    assert first.cancelled()
    assert len(issuer.mints) == 1


async def test_a_mint_whose_callers_are_all_gone_still_brings_its_token(make: Make, issuer: FakeIssuer) -> None:
    issuer.gate, broker = asyncio.Event(), make()
    task = asyncio.create_task(broker.token())
    await asyncio.sleep(0.01)
    task.cancel()
    closing = asyncio.create_task(broker.close())
    await asyncio.sleep(0.01)
    issuer.gate.set()
    await closing
    assert (await make().token()).reveal()
    assert len(issuer.mints) == 1


async def test_a_process_that_dies_while_it_mints_frees_the_way_after_its_lease(make, issuer, store, clock) -> None:
    """Its mint counts; the others wait for the lease and no longer."""
    issuer.gate, dying = asyncio.Event(), make()
    task = asyncio.create_task(dying.token())
    await asyncio.sleep(0.01)
    work = obtaining(dying)
    assert work is not None
    work.cancel()
    await asyncio.gather(task, return_exceptions=True)
    issuer.gate, began = None, clock.monotonic()
    heir = make()
    await drive(clock, heir.token())
    assert 44 <= clock.monotonic() - began <= 46
    ledger = await store.read(heir._minter.key)
    assert [mint.state for mint in ledger.mints] == [MintState.SENT, MintState.ISSUED]


# --- time -----------------------------------------------------------------------------------------------------------


async def test_in_the_last_minute_calls_wait_for_the_end_and_then_share_one_mint(make, issuer, clock) -> None:
    broker = make()
    first = await broker.token()
    clock.advance(DAY - 61)
    assert await broker.token() is first
    clock.advance(30)
    second = await drive(clock, asyncio.gather(*(broker.token() for _ in range(5)), make().token()))
    assert len(issuer.mints) == 2
    assert DAY <= issuer.mints[1] - issuer.mints[0] < DAY + 3
    assert first.reveal() not in {token.reveal() for token in second}


@pytest.mark.parametrize("skew", [-600.0, 600.0, -86400.0, 3600.0])
async def test_a_wrong_local_clock_makes_no_mint_too_early(make, issuer, clock, skew: float) -> None:
    """A process that has never heard the issuer asks it for the time, which costs no token."""
    token = await make(clock=SkewedClock(clock, skew)).token()
    clock.advance(DAY - 700)
    for _ in range(11):
        assert (await make(clock=SkewedClock(clock, skew)).token()).reveal() == token.reveal()
        clock.advance(60)
    clock.advance(DAY)
    late = make(clock=SkewedClock(clock, skew))
    assert await drive(clock, late.refresh(token, answer(401, clock.now())))
    assert len(issuer.mints) == 2


async def test_a_slow_clock_is_put_right_by_the_date_of_the_401(make, issuer, clock) -> None:
    """To the machine the token lives; the API says 401 and what time it is: that is expiry, and one mint follows."""
    token = await make().token()
    clock.advance(DAY + 10)
    late = make(clock=SkewedClock(clock, -600.0))
    assert (await late.token()).reveal() == token.reveal()
    assert await drive(clock, late.refresh(token, answer(401, clock.now())))
    assert (await late.token()).reveal() != token.reveal()
    assert len(issuer.mints) == 2


async def test_without_any_date_the_local_clock_decides(make, issuer, clock, caplog) -> None:
    issuer.has_date = False
    broker = make()
    await broker.token()
    clock.advance(DAY + 1)
    await drive(clock, broker.token())
    assert len(issuer.mints) == 2
    assert "no Date" in caplog.text


async def test_nothing_is_minted_while_the_issuer_does_not_tell_its_time(make, issuer, clock) -> None:
    await make().token()
    clock.advance(DAY + 10)
    issuer.faults = ["unreachable"]
    with pytest.raises(ConnectError):
        await make().token()
    assert len(issuer.asked) == 1


@pytest.mark.parametrize(
    ("members", "life"),
    [
        ({"expires_in": 7200}, 7200),
        ({"expires_in": "7200"}, 7200),
        ({"expires_in": None}, DAY),
        ({"expires_in": 0}, DAY),
    ],
)
async def test_a_token_lives_as_long_as_the_answer_says_else_a_day(make, issuer, clock, members, life) -> None:
    issuer.members = members
    broker = make()
    await broker.token()
    clock.advance(life - 62)
    await broker.token()
    assert len(issuer.mints) == 1
    clock.advance(64)
    await drive(clock, broker.token())
    assert len(issuer.mints) == 2


# --- after a 401 ----------------------------------------------------------------------------------------------------


async def test_a_401_alone_mints_nothing(make: Make, issuer: FakeIssuer, clock) -> None:
    """It also means a wrong audience, or a user without a contact."""
    broker = make()
    token = await broker.token()
    for _ in range(20):
        clock.advance(600)
        assert not await broker.refresh(token, answer(401, clock.now()))
    assert len(issuer.mints) == 1


async def test_a_401_after_another_process_has_minted_finds_its_token(make, issuer, clock) -> None:
    late, other = make(), make()
    old = await late.token()
    await other.revoked()
    await drive(clock, other.token())
    assert await late.refresh(old, answer(401, clock.now()))
    assert (await late.token()).reveal() == (await other.token()).reveal() != old.reveal()
    assert len(issuer.mints) == 2


async def test_the_operators_word_costs_one_mint_for_all_processes(make, issuer, clock) -> None:
    brokers = [make() for _ in range(5)]
    old = await drive(clock, asyncio.gather(*(broker.token() for broker in brokers)))
    await make().revoked()
    found = await drive(
        clock,
        asyncio.gather(
            *(broker.refresh(token, answer(401, clock.now())) for broker, token in zip(brokers, old, strict=True))
        ),
    )
    assert found == [True] * 5
    assert len(issuer.mints) == 2


async def test_the_argument_revokes_what_was_minted_before_and_may_stay(make, issuer, clock) -> None:
    await make().token()
    clock.advance(100)
    at = datetime.datetime.fromtimestamp(clock.now(), datetime.UTC)
    for _ in range(5):
        clock.advance(100)
        await make(revoked_before=at).token()
    assert len(issuer.mints) == 2
    with pytest.raises(ConfigError, match="time zone"):
        make(revoked_before=at.replace(tzinfo=None))


async def test_a_stale_401_after_a_mint_is_not_a_second_one(make, issuer, clock) -> None:
    broker = make()
    old = await broker.token()
    clock.advance(DAY + 5)
    assert await drive(clock, broker.refresh(old, answer(401, clock.now())))
    new = await broker.token()
    assert not await broker.refresh(new, answer(401, clock.now()))
    assert await broker.refresh(old, answer(401, clock.now()))
    assert len(issuer.mints) == 2


# --- refusals -------------------------------------------------------------------------------------------------------


async def test_the_stop_is_refused_before_anything_is_sent_with_the_date_when_it_opens(make, issuer, clock) -> None:
    for number in range(3):
        await make(client_id=f"app-{number}", rules=MintRules(stop=3)).token()
    with pytest.raises(TokenLimitError, match=r"2026-09-01 00:00 UTC.*Nothing was sent") as caught:
        await make(rules=MintRules(stop=3)).token()
    assert caught.value.opens_at == caught.value.reset_at == datetime.datetime(2026, 9, 1, tzinfo=datetime.UTC)
    assert (caught.value.minted, caught.value.limit) == (3, 3)
    assert len(issuer.asked) == 3
    clock.advance(31 * DAY)
    await drive(clock, make(rules=MintRules(stop=3)).token())
    assert len(issuer.asked) == 4


async def test_above_the_line_each_mint_is_a_warning_and_the_hook_knows(make, issuer, clock, caplog) -> None:
    seen: list[MintEvent] = []

    def hook(event: MintEvent) -> None:
        seen.append(event)
        raise ValueError("a fault in a hook")

    for _ in range(4):
        broker = make(rules=MintRules(line=2, stop=10), on_mint=hook)
        await broker.revoked()
        await drive(clock, broker.token())
    assert [(event.number, event.above_line, event.left) for event in seen] == [
        (1, False, 9), (2, False, 8), (3, True, 7), (4, True, 6)
    ]  # fmt: skip
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 2
    assert "more than 2 a month" in warnings[0].getMessage()


async def test_a_lock_out_is_remembered_for_all_applications_and_processes(make, issuer, clock) -> None:
    clock.advance(2 * DAY)
    issuer.answers = [(429, {"error": "too_many_requests", "error_description": "monthly quota reached"}, {})]
    with pytest.raises(TokenLimitError, match="looks like the month's limit"):
        await make().token()
    for name in ("app", "other", "third"):
        clock.advance(3600)
        with pytest.raises(TokenLimitError, match=r"2026-09-01.*Nothing was sent"):
            await make(client_id=name).token()
    assert len(issuer.asked) == 1
    await make().reopen()
    await drive(clock, make().token())
    assert len(issuer.mints) == 1


async def test_refused_credentials_are_sent_once_and_corrected_ones_at_once(make, issuer, clock) -> None:
    for _ in range(5):
        with pytest.raises(TokenRefusedError, match="client_secret") as caught:
            await make(client_secret="wrong").token()
        assert caught.value.status == 401
        assert caught.value.code == "access_denied"
    assert len(issuer.asked) == 1
    await make().token()
    assert len(issuer.asked) == 2


async def test_a_pause_that_the_issuer_asks_for_is_kept_by_all(make, issuer, clock) -> None:
    issuer.answers = [(429, {}, {"Retry-After": "30"})]
    for _ in range(3):
        with pytest.raises(TokenPauseError):
            await make().token()
    assert len(issuer.asked) == 1
    clock.advance(31)
    await make().token()


@pytest.mark.parametrize("bad", [(500, b"oops", {}), (200, b"not json", {}), (200, {"token": "x"}, {})])
async def test_an_answer_without_a_token_counts_and_is_not_repeated_at_once(make, issuer, clock, store, bad) -> None:
    issuer.answers = [bad]
    broker = make()
    with pytest.raises(TokenPauseError, match="no usable answer"):
        await broker.token()
    with pytest.raises(TokenPauseError, match="Nothing was sent"):
        await make().token()
    assert len(issuer.asked) == 1
    clock.advance(61)
    await broker.token()
    assert [mint.state for mint in (await store.read(broker._minter.key)).mints] == [
        MintState.UNKNOWN,
        MintState.ISSUED,
    ]


async def test_a_lost_answer_counts_and_a_request_that_never_left_does_not(make, issuer, clock, store) -> None:
    issuer.faults = ["lost"]
    broker = make()
    with pytest.raises(RequestTimeoutError):
        await broker.token()
    with pytest.raises(TokenPauseError):
        await broker.token()
    clock.advance(61)
    issuer.faults = ["unreachable"]
    broker._issuer_clock._asked_at = clock.monotonic()
    with pytest.raises(ConnectError):
        await broker.token()
    issuer.faults = []
    await broker.token()
    assert [mint.state for mint in (await store.read(broker._minter.key)).mints] == [
        MintState.UNKNOWN,
        MintState.ISSUED,
    ]


async def test_a_day_of_failures_costs_no_more_mints_than_a_month_of_days(make, issuer, clock) -> None:
    for _ in range(24 * 12):
        issuer.answers = [(503, b"", {})]
        with pytest.raises(TokenPauseError):
            await make().token()
        clock.advance(300)
    assert len(issuer.asked) <= 31


# --- settings and claims --------------------------------------------------------------------------------------------


async def test_a_wrong_audience_is_refused_before_a_mint_is_spent(make, issuer) -> None:
    with pytest.raises(WrongAudienceError, match="no token was spent"):
        make(audience="https://api.rhythmsoftware.com/")
    assert issuer.asked == []


async def test_a_token_for_another_audience_or_tenant_is_not_sent_and_not_minted_again(make, issuer) -> None:
    issuer.audience = "https://elsewhere"
    for _ in range(3):
        with pytest.raises(WrongAudienceError, match="https://elsewhere"):
            await make().token()
    assert len(issuer.mints) == 1
    issuer.audience = "https://api.rhythmsoftware.com"
    for _ in range(3):
        with pytest.raises(WrongTenantError, match=r"other\.org"):
            await make(client_id="b", tenant_id="other.org").token()
    assert len(issuer.mints) == 2
    assert (await make(client_id="b", tenant_id="example.org").token()).reveal()
    claims = await make(client_id="b").claims()
    assert claims is not None
    assert claims.tenant == "example.org"
    assert await make(client_id="c").claims() is None


@for_each(
    "wrong",
    [
        {"client_id": ""},
        {"client_secret": ""},
        {"client_secret": "a\nb"},
        {"auth_domain": "http://x.com"},
        {"timeout": 0},
        {"timeout": 43.5},
    ],
)
def test_settings_that_can_not_work_are_refused(wrong) -> None:
    with pytest.raises(ConfigError) as caught:
        TokenBroker(
            **{"auth_domain": DOMAIN, "client_id": "a", "client_secret": "b", "store": MemoryTokenStore(), **wrong}
        )
    assert "a\nb" not in str(caught.value)


async def test_inside_as_user_no_machine_token_is_given_not_even_a_cached_one(make, issuer) -> None:
    """Nor to tasks that were begun there."""
    broker = make()
    with as_user("session") as session:
        assert session == "session"
        with pytest.raises(UserScopeError, match="no token was spent"):
            await broker.token()
        assert issuer.asked == []
    await broker.token()
    with as_user("session"):
        with pytest.raises(UserScopeError):
            await broker.token()
        with pytest.raises(UserScopeError):
            await asyncio.create_task(broker.token())
    await broker.token()
    assert len(issuer.mints) == 1


async def test_a_closed_broker_says_so(make) -> None:
    broker = make()
    async with broker:
        await broker.token()
    await broker.close()
    with pytest.raises(ClientClosedError):
        await broker.token()


async def test_who_waits_for_the_end_of_a_life_when_the_broker_is_closed_is_told_so(make, issuer, clock) -> None:
    broker = make()
    await broker.token()
    clock.advance(DAY - 30)
    waiting = asyncio.create_task(broker.token())
    await asyncio.sleep(0.01)
    await broker.close()
    with pytest.raises(ClientClosedError):
        await waiting
    assert len(issuer.mints) == 1


# --- the store fails ------------------------------------------------------------------------------------------------


class Failing(MemoryTokenStore):
    """Refuses updates from the *n*-th on until told otherwise."""

    def __init__(self, good: int) -> None:
        super().__init__()
        self.good = good

    async def update(self, key, step):
        if self.good <= 0:
            raise StoreError("memory", "is full")
        self.good -= 1
        return await super().update(key, step)


async def test_what_can_not_be_written_down_is_not_sent(make, issuer) -> None:
    with pytest.raises(StoreError):
        await make(store=Failing(0)).token()
    assert issuer.asked == []


async def test_a_token_that_can_not_be_kept_is_used_and_written_down_as_soon_as_possible(make, issuer, caplog) -> None:
    store = Failing(1)
    broker = make(store=store)
    token = await broker.token()
    assert (await broker.token()).reveal() == token.reveal()
    assert "could not be written down" in caplog.text
    store.good = 9
    assert (await broker.token()).reveal() == token.reveal()
    assert (await make(store=store).token()).reveal() == token.reveal()
    assert len(issuer.mints) == 1


# --- secrecy --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["refused", "500", "lost", "limit", "none"])
async def test_no_log_error_or_repr_holds_the_secret_or_a_token(make, issuer, caplog, fault: str) -> None:
    issuer.faults = ["lost"] if fault == "lost" else []
    issuer.answers = {"refused": [(401, {"error": SECRET}, {})], "500": [(500, {"error": SECRET}, {})]}.get(fault, [])
    broker = make(rules=MintRules(stop=1))
    if fault == "limit":
        await make(client_id="x").token()
    shown = repr(broker) + repr(broker._minter) + repr(broker.application)
    with caplog.at_level(logging.DEBUG):
        try:
            shown += repr(await broker.token()) + repr(await broker.store.read(broker._minter.key))
        except Exception as error:  # noqa: BLE001 - each of them
            shown += (
                "".join(traceback.format_exception(error)) + repr(vars(error)) + repr(pickle.loads(pickle.dumps(error)))
            )
    assert SECRET not in shown + caplog.text
    assert "eyJ" not in shown + caplog.text, "how a JSON Web Token begins"
