"""How many functions of this package a call takes: what a machine's load does not change, and what creeps up unseen."""

import pathlib
import statistics
import sys

import pytest

import tonicdm
from tonicdm import TonicDM, UnitBudget
from tonicdm.sandbox import Sandbox

PACKAGE = str(pathlib.Path(tonicdm.__file__).parent)
SANDBOX = str(pathlib.Path(PACKAGE, "sandbox"))
CALLS = 20
MOST = {"memory": 226, "file": 302}
"""Functions of ours that one `get` of a basic record may call; those that attrs and the codec have made count too."""


def is_ours(file: str) -> bool:
    return file.startswith(PACKAGE) and not file.startswith(SANDBOX)


def is_made(file: str) -> bool:
    return file.startswith(("<attrs generated", "<cattrs generated", "<reader of")) and "tonicdm.sandbox" not in file


@pytest.mark.parametrize("kept", list(MOST))
async def test_a_call_takes_no_more_functions_than_it_did(
    kept: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new one that is needed raises the number here, where it is seen; one that is not needed stays out."""
    # A step that a busy disk makes slow is left to a thread, which takes more of them.
    monkeypatch.setattr("tonicdm.budget.ledgers.threads.QUICK_SECONDS", 3600.0)
    settings = {"max_calls_per_second": None}
    budget = UnitBudget.memory(**settings) if kept == "memory" else UnitBudget.shared(tmp_path / "b.db", **settings)
    counted = [0] * CALLS
    call = 0

    def count(frame, event, _):
        if event == "call":
            file = frame.f_code.co_filename
            counted[call] += is_ours(file) or is_made(file)

    async with Sandbox(records=600) as box, budget, TonicDM(box.token, base_url=box.url, budget=budget) as tonic:
        office = next(iter(box.world.ids("offices")))
        for _ in range(5):
            await tonic.offices.get(office)
        sys.setprofile(count)
        try:
            for call in range(CALLS):  # noqa: B007 - read by the count
                await tonic.offices.get(office)
        finally:
            sys.setprofile(None)
    # On a busy machine some calls also take in what timers do between them.
    assert 0 < statistics.median(counted) <= MOST[kept]
