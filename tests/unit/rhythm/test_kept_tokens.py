"""A ledger in files and one in a database keep the same promises, and a database holds no token in clear."""

from __future__ import annotations

import asyncio
import pathlib
import secrets

import attrs
import psycopg
import pytest

from tests.cases import for_each
from tests.pooler import Pooler
from tests.unit.rhythm.fakeissuer import DOMAIN, SECRET, FakeIssuer
from tests.unit.rhythm.kept import SEALING_KEY, VARIABLE, Kept, KeptRows
from tests.unit.rhythm.test_minting import APP, NOW, mints, token
from tests.unit.rhythm.test_tokens import SkewedClock
from tests.unit.rhythm.test_tokenstore import FULL, KEY, revealed
from tonicdm.clock import VirtualClock
from tonicdm.errors import ConfigError, StoreError
from tonicdm.rhythm import FileTokenStore, PostgresqlTokenStore, TokenBroker
from tonicdm.rhythm.database import SCHEMA
from tonicdm.rhythm.tokens import minting
from tonicdm.rhythm.tokens.ledger import MintState, TokenLedger
from tonicdm.rhythm.tokens.opening import KeptTokens, token_store
from tonicdm.types import Secret

OTHER_KEY = "kPZ2xV6nGd4QyB8wS0rJtH1uLc7eFa9mXo3iK5vNzbA="
TOKEN = "eyJhbGciOiJSUzI1NiJ9.secret-of-the-day"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOW)


async def put(store: KeptTokens, ledger: TokenLedger) -> None:
    await store.update(KEY, lambda _: (ledger, None))


# --- both -----------------------------------------------------------------------------------------------------------


async def test_what_is_written_is_read_by_everybody_and_reading_makes_nothing(kept: Kept) -> None:
    store = kept.open()
    assert await store.read(KEY) == TokenLedger()
    assert await store.update(KEY, lambda ledger: (ledger, ledger)) == TokenLedger()
    assert kept.text(KEY) is None
    await put(store, FULL)
    assert revealed(await kept.open().read(KEY)) == revealed(FULL)
    assert await store.update(KEY, lambda ledger: (ledger, len(ledger.mints))) == 3
    assert await asyncio.to_thread(store.keys) == [KEY]


async def test_a_step_that_changes_nothing_writes_nothing_and_one_that_fails_neither(kept: Kept) -> None:
    store = kept.open()
    await put(store, FULL)
    before = kept.state(KEY)
    await store.update(KEY, lambda ledger: (ledger, None))
    with pytest.raises(ZeroDivisionError):
        await store.update(KEY, lambda _ledger: (TokenLedger(), 1 // 0))
    assert kept.state(KEY) == before


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", '{"version": 1}', '{"version": 1, "ledger": {}}'])
async def test_if_nothing_is_left_the_count_begins_near_the_stop_and_not_at_zero(
    damage: str, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    store = kept.open()
    for _ in range(2):
        await put(store, FULL)
    kept.replace(KEY, damage)
    found = await store.read(KEY)
    assert minting.counted(found, found.damage.at if found.damage else 0, minting.MintRules()) == 869
    assert "lost" in caplog.text
    assert kept.set_aside() == 1
    assert revealed(await kept.open().read(KEY)) == revealed(found), "and it is set aside once"
    assert kept.set_aside() == 1


async def test_a_newer_form_is_left_alone(kept: Kept) -> None:
    store = kept.open()
    await put(store, FULL)
    text = kept.text(KEY)
    assert text is not None
    newer = text.replace('"version": 1', '"version": 2', 1)
    kept.replace(KEY, newer)
    for work in (store.read(KEY), put(store, TokenLedger())):
        with pytest.raises(StoreError, match="newer"):
            await work
    assert kept.text(KEY) == newer


async def test_changes_of_many_stores_at_once_are_all_kept(kept: Kept) -> None:
    stores = [kept.open() for _ in range(4)]

    async def add(number: int) -> None:
        mint = attrs.evolve(mints(1, NOW)[0], id=str(number))
        await stores[number % 4].update(KEY, lambda ledger: (minting.claimed(ledger, mint), None))

    await asyncio.gather(*(add(number) for number in range(20)))
    assert {mint.id for mint in (await kept.open().read(KEY)).mints} == {str(number) for number in range(20)}


def host(kept: Kept, issuer: FakeIssuer, clock: VirtualClock, skew: float = 0.0, **given: object) -> TokenBroker:
    """Return a broker of a host whose wall clock is wrong."""
    own = SkewedClock(clock, skew)
    return TokenBroker(DOMAIN, "app", SECRET, store=kept.open(), clock=own, http=issuer, **given)  # type: ignore[arg-type]


async def test_hosts_whose_clocks_differ_by_minutes_mint_once_a_day(
    kept: Kept, issuer: FakeIssuer, clock: VirtualClock
) -> None:
    """Each comes and goes; what counts is the issuer's day, told by nobody's own clock."""
    seen = set()
    for _ in range(4):
        for skew in (-300.0, 300.0, 0.0):
            async with host(kept, issuer, clock, skew) as broker:
                seen.add((await broker.token()).reveal())
        clock.advance(6 * 3600.0 - 20.0)
    assert len(seen) == len(issuer.mints) == 1
    clock.advance(300.0)
    async with host(kept, issuer, clock, 300.0) as broker:
        await broker.token()
    assert len(issuer.mints) == 2
    ledger = await kept.open().read(broker._minter.key)
    for mint, at in zip(ledger.mints, issuer.mints, strict=True):
        assert abs(mint.at - at) <= 2.0, "written down by the issuer's time"


async def test_a_mint_whose_process_dies_counts_and_holds_the_others_for_its_lease_and_no_longer(
    kept: Kept, issuer: FakeIssuer, clock: VirtualClock
) -> None:
    rules = minting.MintRules(lease=5.0)
    issuer.gate, dying = asyncio.Event(), host(kept, issuer, clock, rules=rules, timeout=2.0)
    task = asyncio.create_task(dying.token())
    while not issuer.asked:
        await asyncio.sleep(0.001)
    work = dying._obtaining.task(dying.application.key)
    assert work is not None
    work.cancel()
    await asyncio.gather(task, return_exceptions=True)
    issuer.gate, began = None, clock.monotonic()
    async with host(kept, issuer, clock, 300.0, rules=rules, timeout=2.0) as other:
        waiting = asyncio.create_task(other.token())
        while not waiting.done():
            await asyncio.sleep(0.01)
            if clock.next_deadline is not None:
                clock.advance(max(0.0, clock.next_deadline - clock.monotonic()))
        assert (await waiting).reveal()
    assert rules.lease - 2 <= clock.monotonic() - began <= rules.lease + 2
    ledger = await kept.open().read(other._minter.key)
    assert [mint.state for mint in ledger.mints] == [MintState.SENT, MintState.ISSUED]
    assert minting.counted(ledger, clock.now(), rules) == 2


# --- the database ---------------------------------------------------------------------------------------------------


@pytest.fixture
def rows(postgres_url: str, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> KeptRows:
    monkeypatch.setenv(VARIABLE, SEALING_KEY)
    return KeptRows(postgres_url, clock)


def with_token(expires_at: float = 4e9) -> TokenLedger:
    held = attrs.evolve(token(NOW), value=Secret(TOKEN), expires_at=expires_at)
    return attrs.evolve(FULL, tokens={APP.key: held}, damage=None)


async def test_a_database_holds_no_token_in_clear_and_people_need_no_key_to_count(
    rows: KeptRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(rows.open(), with_token())
    held = rows.text(KEY) or ""
    assert TOKEN not in held
    assert "app" in held, "who minted stands there for people"
    monkeypatch.delenv(VARIABLE)
    for_people = token_store(rows.url, opens_tokens=False)
    ledger = await for_people.read(KEY)
    assert len(ledger.mints) == 3
    assert TOKEN not in ledger.tokens[APP.key].value.reveal()
    assert await for_people.update(KEY, lambda ledger: (minting.revoked(ledger, [APP.key]), 7)) == 7
    monkeypatch.setenv(VARIABLE, SEALING_KEY)
    found = (await rows.open().read(KEY)).tokens[APP.key]
    assert (found.revoked, found.value.reveal()) == (True, TOKEN), "what passed sealed is still the token"


async def test_the_key_is_changed_without_a_mint(rows: KeptRows, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new one first, the old one behind a comma; a day later the old one goes."""
    await put(rows.open(), with_token())
    monkeypatch.setenv(VARIABLE, f"{OTHER_KEY},{SEALING_KEY}")
    both = rows.open()
    assert (await both.read(KEY)).tokens[APP.key].value.reveal() == TOKEN
    await both.update(KEY, lambda ledger: (attrs.evolve(ledger, closures={}), None))
    monkeypatch.setenv(VARIABLE, OTHER_KEY)
    assert (await rows.open().read(KEY)).tokens[APP.key].value.reveal() == TOKEN


async def test_a_host_with_another_key_stops_and_mints_nothing(rows: KeptRows, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hosts with two keys would take turns at minting."""
    await put(rows.open(), with_token())
    monkeypatch.setenv(VARIABLE, OTHER_KEY)
    store = rows.open()
    for work in (store.read(KEY), put(store, TokenLedger())):
        with pytest.raises(
            StoreError, match=r"of app until .* key does not open; nothing was sent.* --revoked"
        ) as caught:
            await work
        assert TOKEN not in str(caught.value)
    assert rows.set_aside() == 0, "it is no damage"
    await token_store(rows.url, opens_tokens=False).update(
        KEY, lambda ledger: (minting.revoked(ledger, [APP.key]), None)
    )
    assert (await store.read(KEY)).tokens == {}, "it was given up, so a new one may be minted"


async def test_a_token_that_is_over_needs_no_key(rows: KeptRows, monkeypatch: pytest.MonkeyPatch) -> None:
    await put(rows.open(), with_token(expires_at=1e9))
    monkeypatch.setenv(VARIABLE, OTHER_KEY)
    assert (await rows.open().read(KEY)).tokens == {}


@for_each(
    ("given", "words"),
    [
        ({}, "there is no key: .*RHYTHM_TOKENS_KEY_FILE"),
        ({"RHYTHM_TOKENS_KEY": SEALING_KEY, "RHYTHM_TOKENS_KEY_FILE": "/x"}, "not both"),
        ({"RHYTHM_TOKENS_KEY_COMMAND": "'"}, "can't be split"),
    ],
    ids=["none", "two", "quotes"],
)
def test_without_a_key_nothing_is_opened(given: dict[str, str], words: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for end in ("", "_FILE", "_COMMAND"):
            patch.delenv(f"RHYTHM_TOKENS_KEY{end}", raising=False)
        for name, value in given.items():
            patch.setenv(name, value)
        with pytest.raises(ConfigError, match=words):
            PostgresqlTokenStore("postgresql://db/x")
        with pytest.raises(ConfigError, match=words):
            TokenBroker(DOMAIN, "app", SECRET, store="postgresql://db/x")


@for_each("key", ["s3cret", "env:NOT_SET_ANYWHERE"])
def test_a_key_itself_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(ConfigError, match=r"by where it is|not set") as caught:
        PostgresqlTokenStore("postgresql://db/x", key=key)
    assert "s3cret" not in str(caught.value)


async def test_what_is_no_key_is_refused_and_not_repeated(rows: KeptRows, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "key"
    store = PostgresqlTokenStore(rows.url, key=f"file:{path}")
    with pytest.raises(ConfigError, match="can't be read"):
        await store.read(KEY)
    path.write_text("s3cret\n")
    with pytest.raises(ConfigError, match=r"is none: 32 bytes .*generate_key") as caught:
        await store.read(KEY)
    assert "s3cret" not in str(caught.value)
    path.write_text(f"{SEALING_KEY}\n")
    assert await store.read(KEY) == TokenLedger(), "the file is read again"


def test_a_folder_or_a_url_is_taken_wherever_tokens_are_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setenv("RHYTHM_TOKENS_KEY", SEALING_KEY)
    monkeypatch.setenv("RHYTHM_TOKENS", "postgresql://someone:s3cret@db/x")
    assert isinstance(token_store(), PostgresqlTokenStore)
    assert isinstance(TokenBroker(DOMAIN, "app", SECRET).store, PostgresqlTokenStore)
    assert "s3cret" not in repr(TokenBroker(DOMAIN, "app", SECRET))
    monkeypatch.delenv("RHYTHM_TOKENS")
    monkeypatch.setenv("RHYTHM_DATABASE", "postgresql://db/x")
    assert isinstance(token_store(), PostgresqlTokenStore)
    assert isinstance(token_store(tmp_path), FileTokenStore)
    assert isinstance(TokenBroker(DOMAIN, "app", SECRET, store=tmp_path).store, FileTokenStore)
    with pytest.raises(ConfigError, match="PostgresqlTokenStore"):
        FileTokenStore("postgresql://db/x")


async def test_a_database_that_is_away_is_a_clear_error_without_its_password() -> None:
    store = token_store("postgresql://someone:s3cret@127.0.0.1:1/x", opens_tokens=False)
    with pytest.raises(StoreError, match=r"127.0.0.1:1/x can't be used .*nothing was sent") as caught:
        await store.read(KEY)
    assert "s3cret" not in str(caught.value)


async def test_a_role_without_rights_is_told_what_to_run_and_the_documented_ones_are_enough(rows: KeptRows) -> None:
    role = f"rhythm_{secrets.token_hex(4)}"
    with psycopg.connect(rows.url, autocommit=True) as db:
        db.execute(f"CREATE ROLE {role} LOGIN".encode())
    scheme, _, rest = rows.url.partition("://")
    lesser = KeptRows(f"{scheme}://{role}@{rest.rpartition('@')[2]}", rows.clock).open()
    with pytest.raises(StoreError, match=r"may not make them .* tonicdm rhythm tokens --folder URL"):
        await lesser.read(KEY)
    await rows.open().read(KEY)
    with psycopg.connect(rows.url, autocommit=True) as db:
        db.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {role}".encode())
        db.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {SCHEMA} TO {role}".encode())
    await put(lesser, FULL)
    assert revealed(await lesser.read(KEY)) == revealed(FULL)


async def test_a_pooler_in_transaction_mode_serves_tokens(rows: KeptRows) -> None:
    async with Pooler(rows.url, by_transaction=True) as pooler:
        store = KeptRows(pooler.url, rows.clock).open()
        for _ in range(2):
            await put(store, FULL)
        assert revealed(await store.read(KEY)) == revealed(FULL)


async def test_tables_of_a_later_form_are_refused_and_left_alone(rows: KeptRows) -> None:
    await rows.open().read(KEY)
    with psycopg.connect(rows.url, autocommit=True) as db:
        db.execute(f"UPDATE {SCHEMA}.form SET number = 99".encode())
    with pytest.raises(ConfigError, match=r"form 99, and tonicdm .* reads form 1"):
        await put(rows.open(), FULL)


async def test_the_clock_of_the_database_stands_in_until_the_issuer_is_heard(
    rows: KeptRows, issuer: FakeIssuer, clock: VirtualClock
) -> None:
    """So that hosts agree from the first moment; after it the issuer's own word counts."""
    store = rows.open()
    assert store.clock.now() == clock.now(), "nothing was read yet"
    await store.read(KEY)
    with psycopg.connect(rows.url) as db:
        (now,) = db.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone() or (0.0,)
    assert abs(store.clock.now() - now) < 60
    async with host(rows, issuer, clock, 300.0) as broker:
        await broker.token()
        assert abs(broker._issuer_clock.now() - clock.now()) <= 2.0


async def test_a_host_that_is_behind_sends_no_token_that_is_over(
    rows: KeptRows, issuer: FakeIssuer, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its own clock it would live for five more minutes, and cost a call that is answered with 401."""
    async with host(rows, issuer, clock) as broker:
        await broker.token()
    clock.advance(86400.0 + 10.0)
    monkeypatch.setattr("tonicdm.rhythm.database.TIME", f"{clock.now()}::float8")
    async with host(rows, issuer, clock, -300.0) as behind:
        await behind.token()
    assert len(issuer.mints) == 2
