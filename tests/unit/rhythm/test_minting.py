"""The rules by which a token is used, awaited, minted or refused, one by one."""

from __future__ import annotations

import datetime

import attrs
import pytest

from tonicdm.errors import ConfigError
from tonicdm.rhythm.tokens import minting
from tonicdm.rhythm.tokens.ledger import Application, CachedToken, Cause, Closure, Damage, Mint, MintState, TokenLedger
from tonicdm.rhythm.tokens.minting import MintNow, MintRules, Refuse, Use, Wait, decide
from tonicdm.types import Secret

APP = Application(issuer="example.us.auth0.com", client_id="app")
OTHER = Application(issuer="example.us.auth0.com", client_id="other")
RULES = MintRules()


def utc(*parts: int) -> float:
    return datetime.datetime(*parts, tzinfo=datetime.UTC).timestamp()


NOW = utc(2026, 8, 15, 12)


def token(minted_at: float = NOW, life: float = 86400.0, **more) -> CachedToken:
    return CachedToken(value=Secret("t"), minted_at=minted_at, expires_at=minted_at + life, **more)


def mints(
    number: int, at: float = NOW - 3600, app: Application = APP, state: MintState = MintState.ISSUED
) -> tuple[Mint, ...]:
    return tuple(
        Mint(id=f"{app.client_id}{at}{n}", application=app.key, client_id=app.client_id, at=at, who="test", state=state)
        for n in range(number)
    )


def with_token(cached: CachedToken) -> TokenLedger:
    return TokenLedger(tokens={APP.key: cached})


@pytest.mark.parametrize(
    ("age", "kind"), [(0, Use), (86400 - 60.001, Use), (86400 - 60, Wait), (86399.999, Wait), (86400, MintNow)]
)
def test_a_token_is_used_until_its_last_minute_then_awaited_then_replaced(age: float, kind: type) -> None:
    """No early renewal: in a month of 31 days it would make 32 of 31."""
    found = decide(with_token(token()), APP, NOW + age, RULES)
    assert isinstance(found, kind)
    if isinstance(found, Wait):
        assert (found.until, found.for_mint) == (NOW + 86400, False)


def test_a_token_that_lives_shortly_is_used_for_most_of_its_life() -> None:
    assert isinstance(decide(with_token(token(life=30)), APP, NOW + 26, RULES), Use)


def test_thirty_one_mints_fill_a_month_of_thirty_one_days() -> None:
    """Tokens minted each at the end of the last one's life: the 32nd falls into the next month."""
    at, ledger, made = utc(2026, 8, 1), TokenLedger(), 0
    while at < utc(2026, 9, 1):
        found = decide(ledger, APP, at, RULES)
        assert isinstance(found, MintNow)
        made += 1
        assert found.number == made
        mint = attrs.evolve(mints(1, at)[0], id=str(made))
        ledger = minting.issued(minting.claimed(ledger, mint), mint, token(at))
        at += 86400
    assert made == 31


def test_a_token_of_another_application_audience_or_issuer_is_not_used() -> None:
    ledger = with_token(token())
    for change in ({"client_id": "x"}, {"audience": "x"}, {"issuer": "x"}):
        assert isinstance(decide(ledger, attrs.evolve(APP, **change), NOW, RULES), MintNow)


def test_one_mint_at_a_time_and_a_dead_one_frees_the_way_after_its_lease() -> None:
    ledger = TokenLedger(mints=mints(1, NOW, state=MintState.SENT))
    assert decide(ledger, APP, NOW + 44, RULES) == Wait(NOW + 45, for_mint=True)
    found = decide(ledger, APP, NOW + 45, RULES)
    assert isinstance(found, MintNow)
    assert found.number == 2, "what was sent counts, whatever became of it"
    assert isinstance(decide(ledger, OTHER, NOW, RULES), MintNow), "other applications do not wait"


@pytest.mark.parametrize("state", list(MintState))
def test_all_but_refused_mints_count(state: MintState) -> None:
    ledger = TokenLedger(mints=mints(5, state=state))
    assert minting.counted(ledger, NOW, RULES) == (0 if state is MintState.REFUSED else 5)


def test_a_mint_of_unknown_fate_at_the_end_of_a_month_counts_in_both() -> None:
    ledger = TokenLedger(mints=mints(1, utc(2026, 9, 1) - 10, state=MintState.UNKNOWN))
    assert minting.counted(ledger, utc(2026, 8, 31), RULES) == minting.counted(ledger, utc(2026, 9, 1), RULES) == 1
    ledger = TokenLedger(mints=mints(1, utc(2026, 9, 1) - 10))
    assert minting.counted(ledger, utc(2026, 9, 1), RULES) == 0


def test_the_stop_holds_for_all_applications_together_and_opens_with_the_next_month() -> None:
    ledger = TokenLedger(mints=mints(500) + mints(400, app=OTHER))
    assert decide(ledger, APP, NOW, RULES) == Refuse(utc(2026, 9, 1), 900, limit=900)
    assert isinstance(decide(ledger, APP, utc(2026, 9, 1), RULES), MintNow)
    assert isinstance(decide(ledger, APP, NOW, MintRules(stop=901)), MintNow)


def test_a_stop_of_one_application_leaves_the_others_alone() -> None:
    rules, ledger = MintRules(application_stop=35), TokenLedger(mints=mints(35))
    assert decide(ledger, APP, NOW, rules) == Refuse(utc(2026, 9, 1), 35, limit=35)
    assert isinstance(decide(ledger, OTHER, NOW, rules), MintNow)


def test_a_token_in_force_is_used_though_no_other_could_be_minted() -> None:
    ledger = attrs.evolve(with_token(token()), mints=mints(900))
    assert isinstance(decide(ledger, APP, NOW + 5, RULES), Use)


def refusal(cause: Cause, until: float, **more) -> Closure:
    return Closure(cause=cause, since=NOW, until=until, status=429, **more)


def test_a_lock_out_closes_the_door_for_all_applications_and_a_pause_for_one() -> None:
    mint = mints(1, NOW, state=MintState.SENT)[0]
    locked = minting.refused(minting.claimed(TokenLedger(), mint), mint, refusal(Cause.LOCKED_OUT, NOW + 99))
    paused = minting.refused(minting.claimed(TokenLedger(), mint), mint, refusal(Cause.THROTTLED, NOW + 99))
    assert isinstance(decide(locked, OTHER, NOW + 98, RULES), Refuse)
    assert isinstance(decide(locked, APP, NOW + 99, RULES), MintNow)
    assert isinstance(decide(paused, APP, NOW + 98, RULES), Refuse)
    assert isinstance(decide(paused, OTHER, NOW + 98, RULES), MintNow)
    assert isinstance(decide(minting.reopened(locked), OTHER, NOW + 1, RULES), MintNow)


def test_a_lock_out_is_believed_until_the_month_ends_but_on_its_first_day_only_for_that_day() -> None:
    """In another time zone the first hours of a month are still the last one's."""
    assert minting.locked_until(NOW, RULES) == utc(2026, 9, 1)
    assert minting.locked_until(utc(2026, 8, 1, 7), RULES) == utc(2026, 8, 2)
    assert minting.locked_until(utc(2026, 12, 31, 23), RULES) == utc(2027, 1, 1)


def test_refused_credentials_are_not_tried_again_but_corrected_ones_are_at_once() -> None:
    ledger = TokenLedger(closures={APP.key: refusal(Cause.CREDENTIALS, NOW + 3600, credentials="old")})
    assert isinstance(decide(ledger, APP, NOW, RULES, credentials="old"), Refuse)
    assert isinstance(decide(ledger, APP, NOW, RULES, credentials="new"), MintNow)


def test_each_unanswered_mint_doubles_the_pause_and_a_token_ends_it() -> None:
    """A token endpoint that fails for a day must not cost a token a minute."""
    ledger, at, tries = TokenLedger(), NOW, 0
    while at < NOW + 86400:
        mint = attrs.evolve(mints(1, at)[0], id=str(at))
        ledger = minting.unanswered(minting.claimed(ledger, mint), mint, at, RULES)
        found = decide(ledger, APP, at, RULES)
        assert isinstance(found, Refuse)
        at, tries = found.until, tries + 1
    assert tries <= 31
    mint = mints(1, at)[0]
    again = minting.unanswered(minting.issued(ledger, mint, token(at)), mint, at, RULES)
    assert again.closures[APP.key].until == at + RULES.pause_base


def test_a_mint_that_never_left_does_not_count() -> None:
    mint = mints(1, NOW, state=MintState.SENT)[0]
    assert minting.unsent(minting.claimed(TokenLedger(), mint), mint) == TokenLedger()


def test_a_revoked_token_is_replaced_once_and_a_moment_to_come_revokes_nothing() -> None:
    marked = minting.revoked(with_token(token()), [APP.key])
    assert isinstance(decide(marked, APP, NOW + 5, RULES), MintNow)
    ledger = with_token(token())
    assert isinstance(decide(ledger, APP, NOW + 5, RULES, revoked_before=NOW + 5), MintNow)
    assert isinstance(decide(ledger, APP, NOW + 5, RULES, revoked_before=NOW + 6), Use)
    assert isinstance(decide(with_token(token(NOW + 7)), APP, NOW + 9, RULES, revoked_before=NOW + 6), Use)


def test_after_damage_the_count_is_too_high_rather_than_too_low() -> None:
    lost = TokenLedger(damage=Damage(at=NOW, missing=None))
    assert minting.counted(lost, NOW, RULES) == 900 - 31
    assert minting.counted(lost, utc(2026, 9, 1), RULES) == 0
    assert minting.counted(TokenLedger(mints=mints(3), damage=Damage(at=NOW, missing=1)), NOW, RULES) == 4
    assert minting.counted(minting.reopened(lost), NOW, RULES) == 0


def test_mints_of_long_past_months_are_dropped() -> None:
    ledger = TokenLedger(mints=mints(3, utc(2026, 6, 30)) + mints(2, utc(2026, 7, 1)))
    assert len(minting.claimed(ledger, mints(1, NOW)[0]).mints) == 3


def test_a_result_is_kept_though_damage_took_the_claim() -> None:
    mint = mints(1, NOW, state=MintState.SENT)[0]
    assert minting.counted(minting.issued(TokenLedger(), mint, token()), NOW, RULES) == 1


@pytest.mark.parametrize("wrong", [{"stop": 0}, {"stop": 1001}, {"allowance": 0}, {"line": 0}, {"application_stop": 0}])
def test_rules_that_make_no_sense_are_a_setting_error(wrong) -> None:
    with pytest.raises(ConfigError):
        MintRules(**wrong)


def test_mints_that_damage_lost_at_the_end_of_a_month_count_in_the_next_one_too() -> None:
    """A mint that was under way then may have brought its token in either month, and in no later one."""
    end = minting.next_month(NOW)
    late = TokenLedger(damage=Damage(at=end - 10, missing=1))
    assert minting.counted(late, end - 5, RULES) == minting.counted(late, end + 5, RULES) == 1
    assert minting.counted(late, minting.next_month(end) + 5, RULES) == 0
    early = TokenLedger(damage=Damage(at=end - RULES.lease - 10, missing=1))
    assert minting.counted(early, end + 5, RULES) == 0
