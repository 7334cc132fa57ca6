"""Mints are bounded whatever the issuer, a proxy or an API says; only a person's word goes beyond."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.rhythm.conftest import Make, drive, obtaining
from tests.unit.rhythm.fakeissuer import FakeIssuer, answer
from tonicdm.clock import VirtualClock
from tonicdm.errors import TonicDMError
from tonicdm.rhythm.errors import (
    MintRefusedError,
    ShortLivedTokenError,
    TokenLimitError,
    TokenPauseError,
    TokenRefusedError,
)
from tonicdm.rhythm.tokens.minting import MintRules

DAY = 86400.0
SPENT = {"error": "too_many_requests", "error_description": "The monthly allowance of tokens is spent."}


async def calls(make: Make, clock: VirtualClock, seconds: float, every: float, **settings: object) -> list[str]:
    """Call from a process of its own each time; how the calls ended."""
    ends = []
    until = clock.now() + seconds
    while clock.now() < until:
        began = clock.now()
        try:
            await drive(clock, make(**settings).token())
            ends.append("token")
        except TonicDMError as error:
            ends.append(type(error).__name__)
        clock.advance(max(0.0, began + every - clock.now()))
    return ends


def dead(issuer: FakeIssuer, *, expires_in: float | None, exp: float | None) -> None:
    issuer.members = {} if expires_in is None else {"expires_in": expires_in}
    issuer.lifetime = None  # type: ignore[assignment]
    issuer.ends_after = exp


# --- tokens that end at once ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expires_in", "exp"), [(None, -5.0), (0, 0.0), (60, None), (60, 60.0), (86400, -3600.0), ("-1", -1.0)]
)
async def test_tokens_that_are_dead_on_arrival_are_bounded(make, issuer, clock, expires_in, exp) -> None:
    """Two within minutes, then pauses that grow, and four in 24 hours; two days are eight at most."""
    dead(issuer, expires_in=expires_in, exp=exp)
    await calls(make, clock, 55, 6)
    assert len(issuer.mints) <= 2
    await calls(make, clock, 2 * DAY - 55, 1800)
    assert len(issuer.mints) <= 8
    assert all(later - earlier >= DAY for earlier, later in zip(issuer.mints, issuer.mints[4:], strict=False))


async def test_the_error_names_exp_and_expires_in(make, issuer, clock) -> None:
    dead(issuer, expires_in=0, exp=-7.0)
    with pytest.raises(ShortLivedTokenError, match=r"exp=2026-08-01 11:59:53 UTC, expires_in=0") as caught:
        await make().token()
    assert (caught.value.exp, caught.value.expires_in) == (clock.now() - 7, 0)
    assert caught.value.opens_at.timestamp() > clock.now()
    assert isinstance(caught.value, TokenPauseError)


async def test_good_tokens_end_the_trouble_by_themselves(make, issuer, clock) -> None:
    dead(issuer, expires_in=None, exp=-5.0)
    await calls(make, clock, 60, 6)
    issuer.lifetime, issuer.ends_after = DAY, None
    await calls(make, clock, 600, 60)
    assert (await make().token()).reveal()
    assert len(issuer.mints) == 3


async def test_a_persons_word_allows_one_mint_more_each_time(make, issuer, clock) -> None:
    dead(issuer, expires_in=0, exp=0.0)
    await calls(make, clock, DAY / 2, 600)
    for number in range(1, 4):
        await make().reopen()
        await calls(make, clock, 3600, 600)
        assert len(issuer.mints) == 4 + number


async def test_tokens_of_an_hour_are_a_setting(make, issuer, clock) -> None:
    """24 a day are 744 a month: who wants that says so."""
    issuer.lifetime = 3600.0
    ends = await calls(make, clock, DAY, 1800)
    assert len(issuer.mints) == 4 and "ShortLivedTokenError" in ends
    clock.advance(2 * DAY)
    assert set(await calls(make, clock, DAY, 1800, rules=MintRules(a_day=25, line=800))) == {"token"}


async def test_in_a_month_more_than_31_mints_need_a_persons_word(make, issuer, clock) -> None:
    """Tokens that live for twelve hours, and the word given on three days."""
    issuer.lifetime, allowed = DAY / 2, 0
    clock.advance(31 * DAY - 12 * 3600)
    for day in range(30):
        ends = await calls(make, clock, DAY, 3600)
        if day >= 27 and "TokenLimitError" in ends:
            await make().reopen()
            allowed += 1
    assert allowed == 3
    assert len(issuer.mints) <= 31 + allowed
    clock.advance(DAY)
    with_next_month = await calls(make, clock, 3600, 3600)
    assert with_next_month == ["token"]


async def test_processes_that_die_in_the_middle_of_each_mint_are_bounded(make, issuer, clock) -> None:
    """A crash loop: the claim is written, and nothing after it."""
    issuer.gate = asyncio.Event()
    for _ in range(30):
        dying = make()
        task = asyncio.create_task(dying.token())
        for _ in range(20):
            await asyncio.sleep(0)
        if (work := obtaining(dying)) is not None:
            work.cancel()
        await asyncio.gather(task, return_exceptions=True)
        clock.advance(1200)
    assert len(issuer.asked) == 4


async def test_lost_answers_are_bounded_and_the_issuer_must_be_heard_before_each(make, issuer, clock) -> None:
    issuer.faults = ["lost"] * 50
    questions = issuer.questions
    await calls(make, clock, DAY - 60, 900)
    assert len(issuer.mints) == 4
    assert issuer.questions - questions >= 4


# --- whose Date -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("life", "ahead"), [(DAY, 25 * 3600.0), (3600.0, 7200.0), (DAY, -25 * 3600.0)])
async def test_the_date_of_an_api_ends_no_token(make, issuer, clock, life, ahead) -> None:
    """Nor does it make one live longer; the issuer is asked for its own Date, which costs nothing."""
    issuer.lifetime = life
    broker = make()
    token = await broker.token()
    for _ in range(40):
        for one in (broker, make()):
            assert not await one.refresh(token, answer(401, clock.now() + ahead))
            assert (await one.token()).reveal() == token.reveal()
        clock.advance(60)
    assert len(issuer.mints) == 1
    clock.advance(life)
    assert await drive(clock, broker.refresh(token, answer(401, clock.now() + ahead)))
    assert len(issuer.mints) == 2


async def test_a_401_is_no_error_of_the_issuer_that_can_not_be_asked(make, issuer, clock) -> None:
    token = await make().token()
    issuer.faults = ["unreachable"]
    assert not await make().refresh(token, answer(401, clock.now()))


# --- refusals -------------------------------------------------------------------------------------------------------

UNSURE = [
    (429, b"", {}),
    (429, b"<html>Too many requests</html>", {}),
    (429, {"error": "too_many_requests"}, {"Retry-After": "999999"}),
    (403, {"error": "access_denied", "error_description": "limit reached"}, {}),
]
CREDENTIALS = [
    (400, {"error": "invalid_request", "error_description": "audience exceeds 255 characters"}, {}),
    (401, {"error": "invalid_client", "error_description": "The client secret expired a month ago"}, {}),
    (403, {"error": "unauthorized_client", "error_description": "over the limit of the month"}, {}),
]
NO_ANSWER = [
    (302, b"", {"Location": "https://login.example"}),
    (403, b"<html>blocked</html>", {}),
    *((status, b"", {}) for status in (404, 407, 408, 425)),
    (400, {"error": "temporarily_unavailable"}, {}),
]


@pytest.mark.parametrize("refusal", UNSURE + CREDENTIALS + NO_ANSWER)
async def test_a_refusal_that_is_not_surely_the_limit_closes_one_application_only(make, issuer, clock, refusal) -> None:
    """Others, and a corrected secret, get their tokens; nothing is counted for it."""
    clock.advance(2 * DAY)
    issuer.answers = [refusal]
    with pytest.raises(TonicDMError):
        await make().token()
    assert (await make(client_id="other").token()).reveal()
    with pytest.raises((MintRefusedError, TokenRefusedError)):
        await make().token()
    if refusal not in NO_ANSWER:
        issuer.secret = "corrected"
        assert (await make(client_secret="corrected").token()).reveal()
    else:
        clock.advance(61)
        assert (await make().token()).reveal()


@pytest.mark.parametrize("refusal", UNSURE)
async def test_an_unsure_refusal_is_tried_once_a_day_and_says_so(make, issuer, clock, refusal) -> None:
    issuer.answers = [refusal] * 99
    with pytest.raises(TokenLimitError, match=r"may be the month's limit, or something else.*once a day"):
        await make().token()
    await calls(make, clock, 5 * DAY, 1800)
    assert 5 <= len(issuer.asked) <= 6
    issuer.answers = []
    clock.advance(DAY)
    assert (await make().token()).reveal()


async def test_what_is_surely_the_limit_closes_all_until_the_month_ends(make, issuer, clock) -> None:
    clock.advance(2 * DAY)
    issuer.answers = [(429, SPENT, {"Retry-After": "5"})]
    for name in ("app", "other", "third"):
        with pytest.raises(TokenLimitError, match="2026-09-01"):
            await make(client_id=name).token()
        clock.advance(DAY)
    assert len(issuer.asked) == 1


@pytest.mark.parametrize("refusal", NO_ANSWER)
async def test_what_is_no_refusal_is_tried_again_with_growing_pauses(make, issuer, clock, refusal) -> None:
    """1, 2, 4 ... minutes up to an hour, and it is named."""
    issuer.answers = [refusal] * 99
    with pytest.raises(TokenPauseError, match=f"no usable answer to the last request .{refusal[0]}"):
        await make().token()
    await calls(make, clock, 4 * 3600 - 1, 60)
    assert 8 <= len(issuer.asked) <= 10
    issuer.answers = []
    clock.advance(3601)
    assert (await make().token()).reveal()
    assert len(issuer.mints) == 1


@pytest.mark.parametrize("named", ["0", "Thu, 01 Jan 2026 00:00:00 GMT"])
async def test_a_pause_that_is_over_already_grows_all_the_same(make, issuer, clock, named) -> None:
    issuer.answers = [(429, b"", {"Retry-After": named})] * 99
    await calls(make, clock, 600, 1)
    assert len(issuer.asked) <= 8


# --- loops and forks ------------------------------------------------------------------------------------------------


async def test_a_mint_under_way_in_one_event_loop_is_awaited_in_another(make, issuer, clock) -> None:
    """A broker shared by threads: one mint, and both get its token."""
    issuer.gate, broker = asyncio.Event(), make(clock=None)
    first = asyncio.create_task(broker.token())
    while not issuer.asked:
        await asyncio.sleep(0)
    other = asyncio.create_task(asyncio.to_thread(asyncio.run, broker.token()))
    await asyncio.sleep(0.05)
    issuer.gate.set()
    tokens = {token.reveal() for token in await asyncio.gather(first, other)}
    assert len(tokens) == len(issuer.mints) == 1
