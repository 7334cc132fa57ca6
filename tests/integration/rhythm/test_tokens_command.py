"""``tonicdm rhythm tokens``: what it shows, what it changes, and that it sends nothing."""

from __future__ import annotations

import asyncio
import json
import pathlib
from collections.abc import Awaitable, Callable

import pytest
from click.testing import CliRunner, Result

from tests.engines import ENGINES
from tests.unit.rhythm.kept import SEALING_KEY
from tonicdm.cli.app import tonicdm
from tonicdm.rhythm.errors import TokenLimitError
from tonicdm.rhythm.tokens.broker import TokenBroker
from tonicdm.rhythm.tokens.minting import MintRules
from tonicdm.rhythm.tokens.opening import token_store
from tonicdm.sandbox.rhythm import RhythmSandbox

Run = Callable[..., Awaitable[Result]]


@pytest.fixture(params=ENGINES)
def run(request: pytest.FixtureRequest, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command on a thread: it has an event loop of its own, as in a process."""
    for name in ("AUTH_DOMAIN", "CLIENT_ID"):
        monkeypatch.delenv(f"RHYTHM_{name}", raising=False)
    in_files = request.param == "sqlite"
    monkeypatch.setenv(
        "RHYTHM_TOKENS", str(tmp_path / "rhythm") if in_files else request.getfixturevalue("postgres_url")
    )
    monkeypatch.setenv("RHYTHM_TOKENS_KEY", SEALING_KEY)

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, tonicdm, ["rhythm", "tokens", *arguments])

    return run


async def test_it_shows_who_minted_when_and_what_is_left_and_takes_the_operators_word(run) -> None:
    empty = await run()
    assert (empty.exit_code, "No machine token" in empty.stderr) == (0, True)
    store = token_store()
    async with RhythmSandbox(records=3) as box:
        box.add_client("nightly", "s")
        token = ""
        for client_id, secret in ((box.client_id, box.client_secret), ("nightly", "s")):
            async with TokenBroker(box.auth_url, client_id, secret, store=store, who="host 1") as broker:
                token = (await broker.token()).reveal()
        shown = await run()
        assert shown.exit_code == 0, shown.stderr
        assert "2 in 20" in shown.stdout
        assert "898 left before the stop at 900" in shown.stdout
        for word in ("nightly", box.client_id, "host 1", "issued"):
            assert word in shown.stdout
        assert token not in shown.stdout
        told = json.loads((await run("--json", "--stop", "500")).stdout)[0]
        assert (told["minted"], told["left"], len(told["mints"]), told["closed"]) == (2, 498, 2, [])
        assert {one["client_id"]: one["minted"] for one in told["applications"]} == {box.client_id: 1, "nightly": 1}

        assert (await run("--revoked", "--client-id", "nightly", "--auth-domain", box.auth_url)).exit_code == 0
        async with TokenBroker(box.auth_url, "nightly", "s", store=store) as broker:
            assert (await broker.token()).reveal() != token
        async with TokenBroker(box.auth_url, box.client_id, box.client_secret, store=store) as broker:
            await broker.token()
        assert len(box.mints()) == 3

        box.settings.monthly_tokens = 0
        async with TokenBroker(box.auth_url, "third", "s", store=store, rules=MintRules(month_slack=0)) as broker:
            box.add_client("third", "s")
            with pytest.raises(TokenLimitError, match="--retry"):
                await broker.token()
            assert "Closed    all applications until" in (await run()).stdout
            box.settings.monthly_tokens = 1000
            with pytest.raises(TokenLimitError):
                await broker.token()
            assert (await run("--retry")).exit_code == 0
            await broker.token()
        assert len(box.mints()) == 4


async def test_a_word_without_a_token_or_a_tenant_is_refused(run: Run) -> None:
    for arguments in (["--retry"], ["--revoked", "--auth-domain", "example.us.auth0.com"]):
        ended = await run(*arguments)
        assert ended.exit_code == 2, ended.stderr
        assert "Traceback" not in ended.stderr
