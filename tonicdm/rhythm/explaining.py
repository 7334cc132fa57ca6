"""A refusal to mint, as an error that says why, until when, and what to do."""

from __future__ import annotations

from typing import Final

from tonicdm.rhythm.book import Cause, Closure
from tonicdm.rhythm.errors import (
    MintRefusedError,
    ShortLivedTokenError,
    TokenLimitError,
    TokenPauseError,
    TokenRefusedError,
)
from tonicdm.rhythm.minting import MintRules, Refuse
from tonicdm.rhythm.months import moment

ON: Final = "To go on at once: tonicdm rhythm tokens --retry"
_USED_UP: Final = frozenset({Cause.MONTH, Cause.LOCKED_OUT, Cause.UNSURE})
WORD: Final = "To allow one more: tonicdm rhythm tokens --retry"


def explain(
    refuse: Refuse, issuer: str, rules: MintRules, *, answered: bool = False
) -> MintRefusedError | TokenRefusedError:
    """Return the error for *refuse*.

    Args:
        refuse: The decision.
        issuer: The issuer's name.
        rules: The settings.
        answered: Whether the refusal has just come from the issuer; else nothing was sent.
    """
    closure, cost = refuse.closure, "" if answered else " Nothing was sent."
    if closure is None or closure.cause in _USED_UP:
        return _used_up(refuse, issuer, rules, cost)
    if closure.cause in {Cause.DAY, Cause.SHORT_LIVED}:
        return _too_many(refuse, closure, issuer, rules, cost)
    opens_at, when = moment(refuse.until), _when(refuse.until)
    if closure.cause is Cause.CREDENTIALS:
        return TokenRefusedError(
            status=closure.status,
            path=f"{issuer}/oauth/token",
            code=closure.code,
            note=f"{TokenRefusedError.advice} These are not tried again before {when}, corrected ones at once.{cost} "
            f"{ON}",
            opens_at=opens_at,
        )
    if closure.cause is Cause.THROTTLED:
        why = "asked for a pause"
    else:
        why = "gave no usable answer to the last request" + (f" ({closure.status})" if closure.status else "")
        why += ": a redirect, or a proxy's or firewall's page" if 300 <= closure.status < 500 else ""
    return TokenPauseError(
        f"{issuer} {why}: no process asks for a machine token before {when}.{cost} {ON}", opens_at=opens_at
    )


def _used_up(refuse: Refuse, issuer: str, rules: MintRules, cost: str) -> TokenLimitError:
    closure, when, limit = refuse.closure, _when(refuse.until), refuse.limit
    if closure is None:
        said = (
            f"{refuse.minted} machine tokens were minted this month, the stop is at {limit}: none is asked for before "
            f"{when}.{cost} See who minted them with: tonicdm rhythm tokens"
        )
    elif closure.cause is Cause.MONTH:
        limit = rules.line
        said = (
            f"{refuse.minted} machine tokens were minted for this application this month, and more than {limit} need a "
            f"person's word (MintRules.line): none is asked for before {when}.{cost} {WORD}"
        )
    else:
        answer = f"its answer of {_when(closure.since)} ({closure.status} {closure.code}".rstrip() + ")"
        said = (
            f"{issuer} issues no more machine tokens: {answer} looks like the month's limit of {rules.allowance:,}. No "
            f"process asks for one before {when}.{cost} {ON}"
            if closure.cause is Cause.LOCKED_OUT
            else f"{issuer} refused a machine token: {answer} may be the month's limit, or something else, such as a "
            f"proxy in front of it or a rate. Only this application waits, and asks once a day: not before {when}."
            f"{cost} {ON}"
        )
    return TokenLimitError(said, opens_at=moment(refuse.until), minted=refuse.minted, limit=limit)


def _too_many(refuse: Refuse, closure: Closure, issuer: str, rules: MintRules, cost: str) -> ShortLivedTokenError:
    token = refuse.token
    exp, expires_in = (None, None) if token is None else (token.exp, token.expires_in)
    named = f"exp={'none' if exp is None else f'{moment(exp):%Y-%m-%d %H:%M:%S} UTC'}, "
    named += f"expires_in={'none' if expires_in is None else f'{expires_in:g}'}"
    many = (
        f"{rules.a_day} machine tokens were asked for within a day, and more need a person's word (MintRules.a_day)"
        if closure.cause is Cause.DAY
        else "machine tokens end within minutes after they were issued"
    )
    return ShortLivedTokenError(
        f"{many}: {issuer} gave the last one {named}. None is asked for before "
        f"{moment(refuse.until):%Y-%m-%d %H:%M:%S} UTC.{cost} Look at the token's lifetime in the console, and at the "
        f"issuer's clock. {WORD}",
        opens_at=moment(refuse.until),
        exp=exp,
        expires_in=expires_in,
    )


def _when(at: float) -> str:
    return f"{moment(at):%Y-%m-%d %H:%M} UTC"
