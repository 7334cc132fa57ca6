"""What version 0.1.0.dev0 wrote is opened with nothing lost: see tests/fixtures/rhythm_0_1_0_dev0."""

from __future__ import annotations

import datetime
import gzip
import json
import pathlib
import shutil

import pytest

from tests.fixtures.rhythm_0_1_0_dev0.make import DAY, NOW, RECORDS, SECRET, SEED, SPECS, TOKENS_AT, client
from tests.integration.rhythm.client.conftest import drive
from tests.unit.rhythm.conftest import drive as drive_issuer
from tests.unit.rhythm.fakeissuer import FakeIssuer
from tonicdm.clock import VirtualClock
from tonicdm.rhythm import TokenBroker, field
from tonicdm.rhythm.errors import TokenLimitError
from tonicdm.rhythm.sync import MODIFIED, SyncRules, synchronize
from tonicdm.rhythm.tokens.broker import MintEvent
from tonicdm.rhythm.tokens.store import FileTokenStore
from tonicdm.sandbox.rhythm import RhythmSandbox
from tonicdm.store import Store

FILES = pathlib.Path(__file__).parents[2] / "fixtures" / "rhythm_0_1_0_dev0"


class Tokens:
    """The folder of tokens as it was left, and an issuer that counts."""

    def __init__(self, folder: pathlib.Path) -> None:
        shutil.copytree(FILES / "tokens", folder)
        self.clock = VirtualClock(TOKENS_AT)
        self.issuer = FakeIssuer(self.clock.now, self.clock)
        self.store = FileTokenStore(folder, clock=self.clock)
        self.events: list[MintEvent] = []

    def broker(self, domain: str) -> TokenBroker:
        return TokenBroker(
            f"{domain}.us.auth0.com",
            "nightly",
            SECRET,
            store=self.store,
            clock=self.clock,
            http=self.issuer,  # type: ignore[arg-type]
            on_mint=self.events.append,
        )


@pytest.fixture
def tokens(tmp_path: pathlib.Path) -> Tokens:
    return Tokens(tmp_path / "tokens")


async def test_a_live_token_is_used_and_none_is_minted_before_its_end(tokens: Tokens) -> None:
    broker = tokens.broker("live")
    assert await broker.token()
    tokens.clock.advance(DAY - 3600 - 70)
    assert await broker.token()
    assert tokens.issuer.asked == []
    tokens.clock.advance(80)
    await drive_issuer(tokens.clock, broker.token())
    assert len(tokens.issuer.mints) == 1
    assert tokens.events[0].number == 2


async def test_counted_mints_are_counted_on(tokens: Tokens) -> None:
    await drive_issuer(tokens.clock, tokens.broker("counted").token())
    assert [event.number for event in tokens.events] == [41]


async def test_a_lock_out_holds_until_the_month_ends(tokens: Tokens) -> None:
    with pytest.raises(TokenLimitError) as caught:
        await tokens.broker("locked").token()
    assert caught.value.opens_at == datetime.datetime(2026, 9, 1, tzinfo=datetime.UTC)
    assert tokens.issuer.asked == []
    tokens.clock.advance(caught.value.opens_at.timestamp() + 1 - tokens.clock.now())
    await drive_issuer(tokens.clock, tokens.broker("locked").token())


async def test_no_file_of_tokens_is_taken_for_damaged(tokens: Tokens) -> None:
    keys = tokens.store.keys()
    assert len(keys) == 3
    for key in keys:
        ledger = await tokens.store.read(key)
        assert ledger.issuer and ledger.damage is None
        await tokens.store.update(key, lambda found: (found, None))
    assert not list(tokens.store.folder.glob("*.damaged-*"))


@pytest.mark.parametrize("name", list(SPECS))
async def test_a_query_goes_on_and_is_not_started_again(tmp_path, name: str) -> None:
    """Before its first answer, and in the middle of its download."""
    clock = VirtualClock(NOW)
    async with RhythmSandbox(records=RECORDS, seed=SEED, clock=clock) as box, client(box, clock) as rhythm:
        ids = {known: (await rhythm.queries.start_spec(spec)).id for known, spec in SPECS.items()}
        assert json.loads((FILES / "queries" / f"{name}.json.job").read_text())["id"] == ids[name]
        for file in (FILES / "queries").glob(f"{name}.*"):
            shutil.copy(file, tmp_path)
        result = await drive(clock, rhythm.queries.run(SPECS[name], tmp_path / f"{name}.json"), rhythm)
        assert result.query == ids[name]
        assert len(box.queries()) == len(SPECS)
        assert len(json.loads((tmp_path / f"{name}.json").read_text())) == result.rows
        assert result.started_at == NOW
        assert [path.name for path in tmp_path.iterdir()] == [f"{name}.json"]


async def test_the_window_of_the_sync_goes_on(tmp_path) -> None:
    """Also with the query that a killed run had started: it is not started again, and nothing is read twice."""
    (tmp_path / "sync.db").write_bytes(gzip.decompress((FILES / "sync.db.gz").read_bytes()))
    shutil.copytree(FILES / "syncing", tmp_path, dirs_exist_ok=True)
    clock = VirtualClock(NOW)
    changes = SyncRules(compare="never")
    async with (
        RhythmSandbox(records=RECORDS, seed=SEED, clock=clock) as box,
        client(box, clock) as rhythm,
        Store(tmp_path / "sync.db") as store,
    ):
        before, held = await store.state("rhythm_contacts"), await store.counts()
        assert before.until is not None
        since = datetime.datetime.fromisoformat(before.until) - changes.lookback
        fields = [one["field"] for one in (await rhythm.queries.describe_type("rolodex:contacts")).fields]
        for _ in range(2):
            await rhythm.queries.start("rolodex:organizations", ["id"])
        clock.advance(DAY)
        named = dict.fromkeys(["id", MODIFIED, *fields])
        question = rhythm.queries.start("rolodex:contacts", named, criteria=field(MODIFIED) >= since, sort=["id"])
        killed = await drive(clock, question, rhythm)
        (note,) = (json.loads(path.read_text()) for path in (FILES / "syncing").iterdir())
        assert note["id"] == killed.id
        clock.advance(DAY)
        box.edit("contacts", box.world.tables["contacts"].id(1), last_name="Changed")
        contacts, organizations = await drive(clock, synchronize(rhythm, store, rules=changes), rhythm)
        assert contacts.since == since.isoformat()
        assert (contacts.changed, organizations.changed) == (0, 0)
        assert len(box.queries()) == 4
        until = (await store.state("rhythm_contacts")).until
        assert until is not None and datetime.datetime.fromisoformat(until).timestamp() == note["started_at"]
        contacts, _ = await drive(clock, synchronize(rhythm, store, rules=changes), rhythm)
        assert contacts.changed == 1
        assert await store.counts() == held
