"""The machine tokens of Rhythm that are left this month, read from the ledgers of this machine, or of all."""

from __future__ import annotations

import contextlib

from tonicdm.errors import StoreError
from tonicdm.monitoring import instruments
from tonicdm.monitoring.readings import Reading
from tonicdm.rhythm.tokens.minting import MintRules, counted
from tonicdm.rhythm.tokens.opening import KeptTokens


def read_mints(store: KeptTokens, now: float, rules: MintRules | None = None) -> list[Reading]:
    """Return how many machine tokens may still be minted this month, by issuer.

    Args:
        store: Where the tokens are kept.
        now: Unix time.
        rules: Those that the programs use; the usual ones unless given.
    """
    known = rules or MintRules()
    readings: list[Reading] = []
    with contextlib.suppress(StoreError, OSError):
        for key in store.keys():  # noqa: SIM118 - it is no mapping
            ledger = store.look(key)
            if ledger.issuer:
                left = max(0, known.stop - counted(ledger, now, known))
                readings.append(Reading(instruments.MINTS_LEFT, left, {instruments.ISSUER: ledger.issuer}))
    return readings
