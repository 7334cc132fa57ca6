"""A refusal to mint, as an error that says why, until when, and what to do."""

from __future__ import annotations

from typing import Final

from tonicdm.rhythm.book import Cause
from tonicdm.rhythm.errors import MintRefusedError, TokenLimitError, TokenPauseError, TokenRefusedError
from tonicdm.rhythm.minting import MintRules, Refuse
from tonicdm.rhythm.months import moment

ON: Final = "To go on at once: tonicdm rhythm tokens --retry"


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
    opens_at, closure = moment(refuse.until), refuse.closure
    when = f"{opens_at:%Y-%m-%d %H:%M} UTC"
    cost = "" if answered else " Nothing was sent."
    if closure is None:
        return TokenLimitError(
            f"{refuse.minted} machine tokens were minted this month, the stop is at {refuse.limit}: none is asked for "
            f"before {when}.{cost} See who minted them with: tonicdm rhythm tokens",
            opens_at=opens_at,
            minted=refuse.minted,
            limit=refuse.limit,
        )
    if closure.cause is Cause.LOCKED_OUT:
        return TokenLimitError(
            f"{issuer} issues no more machine tokens: its answer of {moment(closure.since):%Y-%m-%d %H:%M} UTC "
            f"({closure.status}) looks like the month's limit of {rules.allowance:,}. No process asks for one before "
            f"{when}.{cost} {ON}",
            opens_at=opens_at,
            minted=refuse.minted,
        )
    if closure.cause is Cause.CREDENTIALS:
        return TokenRefusedError(
            status=closure.status,
            path=f"{issuer}/oauth/token",
            code=closure.code,
            note=f"{TokenRefusedError.advice} These are not tried again before {when}, corrected ones at once.{cost} "
            f"{ON}",
            opens_at=opens_at,
        )
    why = "asked for a pause" if closure.cause is Cause.THROTTLED else "gave no usable answer to the last request"
    return TokenPauseError(
        f"{issuer} {why}: no process asks for a machine token before {when}.{cost} {ON}", opens_at=opens_at
    )
