"""The token shows itself nowhere: not in logs, not in errors or their tracebacks, not in reprs or files."""

from __future__ import annotations

import logging
import traceback
from typing import Any

import pytest

from tonicdm import Hooks, InvalidOptionError, TonicDM, UnitBudget
from tonicdm.sandbox import Sandbox

from .conftest import drive

TOKEN = "s3cret-t0ken-of-the-firm"


@pytest.fixture
def secret(make, box: Sandbox) -> TonicDM:
    box.settings.tokens = (*box.settings.tokens, TOKEN)
    return make(token=TOKEN)


@pytest.mark.parametrize(
    "fault",
    [None, "drop_before", "cut_body", "server_error", "bad_gateway", "forbidden", "unauthorized", "redirect",
     "truncated_body", "invalid_json", "no_underscore_headers"],
)  # fmt: skip
async def test_no_log_and_no_error_holds_the_token(fault, secret: TonicDM, box: Sandbox, clock, caplog) -> None:
    """At the loudest level, with every way in which a call can fail; errors are shown with their causes."""
    if fault:
        box.faults.on(fault)
    with caplog.at_level(logging.DEBUG):
        try:
            await drive(clock, secret.offices.list().all(), secret)
        except Exception as error:  # noqa: BLE001 - each of them
            shown = "".join(traceback.format_exception(error)) + repr(error) + str(vars(error))
            assert TOKEN not in shown
    assert "tonicdm" in {record.name for record in caplog.records}
    assert TOKEN not in caplog.text
    assert not any(TOKEN in str(vars(record)) for record in caplog.records)


async def test_no_repr_holds_the_token(secret: TonicDM) -> None:
    await secret.offices.list().first()

    def walk(value: Any, depth: int) -> list[Any]:
        inner = [getattr(value, name, None) for name in (*getattr(value, "__dict__", ()), *_slots(value))]
        return [value, *(found for item in inner if depth for found in walk(item, depth - 1))]

    ours = [value for value in walk(secret, 4) if type(value).__module__.startswith("tonicdm")]
    assert len({type(value) for value in ours}) > 5
    for value in ours:
        assert TOKEN not in repr(value)


def _slots(value: Any) -> list[str]:
    return [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ()) if name != "_value"]


async def test_no_event_of_the_hooks_holds_the_token(make, box: Sandbox, clock) -> None:
    seen: list[Any] = []
    box.settings.tokens = (*box.settings.tokens, TOKEN)
    hooks = Hooks(on_request=seen.append, on_response=seen.append, on_wait=seen.append, on_retry=seen.append)
    tonic = make(token=TOKEN, hooks=hooks)
    box.faults.next("server_error")
    await drive(clock, tonic.offices.list().all(), tonic)
    assert len(seen) >= 4
    assert TOKEN not in repr(seen)


async def test_the_ledger_file_does_not_hold_the_token(make, box: Sandbox, clock, tmp_path, monkeypatch) -> None:
    from tonicdm.budget.default import budget_key

    box.settings.tokens = (*box.settings.tokens, TOKEN)
    path = tmp_path / "budget.db"
    budget = UnitBudget.shared(path, key=budget_key(TOKEN), clock=clock, max_calls_per_second=None)
    await make(token=TOKEN, budget=budget).offices.list().first()
    await budget.close()
    assert TOKEN.encode() not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert (path.stat().st_mode & 0o077) == 0


@pytest.mark.parametrize("name", ["X-A\r\nAuthorization", "Authorization", "Host", "", "a b", "Content-Length"])
async def test_option_names_of_the_escape_hatch_cannot_smuggle_headers(secret: TonicDM, box: Sandbox, name) -> None:
    with pytest.raises(InvalidOptionError):
        await secret.request("GET", "/core/offices", options={name: "x"})
    assert box.journal.calls() == []
    assert secret.budget.snapshot().reserved == 0
