"""The ledger is one for all processes, survives damage without forgetting its count, and is for its owner's eyes."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import attrs
import pytest

from tests import places
from tests.unit.rhythm.test_minting import APP, NOW, mints, token
from tonicdm.clock import VirtualClock
from tonicdm.errors import StoreError
from tonicdm.lockfile import locked
from tonicdm.rhythm.tokens import minting
from tonicdm.rhythm.tokens.ledger import Cause, Closure, Damage, TokenLedger
from tonicdm.rhythm.tokens.store import FileTokenStore, MemoryTokenStore, default_folder

KEY = "ab" * 16
FULL = TokenLedger(
    issuer="example.us.auth0.com",
    mints=mints(3),
    tokens={APP.key: token(NOW)},
    closures={APP.key: Closure(cause=Cause.THROTTLED, since=1.0, until=2.5, code="x", credentials="c", failures=2)},
    bounds={APP.key: Closure(cause=Cause.DAY, since=1.0, until=2.5)},
    permitted=frozenset({APP.key}),
    damage=Damage(at=NOW, missing=2),
)


@pytest.fixture
def store(tmp_path: pathlib.Path) -> FileTokenStore:
    return FileTokenStore(tmp_path / "rhythm", clock=VirtualClock(NOW))


def book_file(store: FileTokenStore) -> pathlib.Path:
    return store.folder / f"{KEY}.json"


def revealed(ledger: TokenLedger) -> dict:
    return ledger.to_json()


async def put(store: FileTokenStore, ledger: TokenLedger) -> None:
    await store.update(KEY, lambda _: (ledger, None))


POSIX = pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")


def modes(store: FileTokenStore) -> tuple[int, set[int]]:
    """Return the mode of the folder, and those of its files."""
    return store.folder.stat().st_mode & 0o7777, {path.stat().st_mode & 0o7777 for path in store.folder.iterdir()}


@POSIX
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o000])
async def test_what_is_made_here_is_for_its_owner_only(store: FileTokenStore, umask: int) -> None:
    before = os.umask(umask)
    try:
        for _ in range(2):
            await put(store, FULL)
    finally:
        os.umask(before)
    assert modes(store) == (0o700, {0o600})


@POSIX
@pytest.mark.parametrize(
    ("folder", "files"), [(0o700, 0o600), (0o755, 0o600), (0o750, 0o600), (0o770, 0o660), (0o2775, 0o660)]
)
async def test_a_folder_that_was_there_keeps_its_mode_and_its_group_may_share_the_files(
    store: FileTokenStore, folder: int, files: int
) -> None:
    store.folder.mkdir()
    store.folder.chmod(folder)
    for _ in range(2):
        await put(store, FULL)
    assert modes(store) == (folder, {files})


@POSIX
@pytest.mark.parametrize("folder", [0o1777, 0o777, 0o1770])
async def test_a_folder_in_which_nobody_is_safe_is_refused_with_the_mode_that_is_wanted(
    store: FileTokenStore, folder: int
) -> None:
    """RHYTHM_TOKENS=/tmp once made /tmp private."""
    store.folder.mkdir()
    store.folder.chmod(folder)
    with pytest.raises(StoreError, match="0700 for one user, or 2770"):
        await put(store, FULL)
    assert modes(store) == (folder, set())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs the right to be several users")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_two_users_of_a_group_share_a_folder() -> None:
    """Each is a process with a group mask of its own, and replaces the other's files."""
    with places.open_folder() as place:
        folder = place / "shared"
        folder.mkdir()
        os.chown(folder, 0, 4_711)
        folder.chmod(0o2770)
        share_between_two(folder)


def share_between_two(folder: pathlib.Path) -> None:
    code = (
        "import asyncio, concurrent.futures.thread, os, sys; import attrs; from tonicdm.rhythm import FileTokenStore;"
        "os.umask(0o077); os.setgroups([4711]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]));"
        "store = FileTokenStore(sys.argv[1]);"
        "step = lambda ledger: (attrs.evolve(ledger, issuer=ledger.issuer + 'x'), ledger.issuer);"
        "print(asyncio.run(store.update('0' * 32, step)))"
    )
    for number, user in enumerate((5_001, 5_002, 5_001)):
        done = subprocess.run(
            [sys.executable, "-c", code, str(folder), str(user)], capture_output=True, text=True, check=False
        )
        assert done.stdout.strip() == "x" * number, done.stderr[-600:]


async def test_no_name_of_a_file_tells_a_client_or_a_domain(store: FileTokenStore) -> None:
    await put(store, FULL)
    assert not any("app" in path.name or "auth0" in path.name for path in store.folder.iterdir())


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"\x00" * 500, b"[]", b"null", b'{"version": 1}', b"\xff\xfe", "changed", "cut"],
    ids=lambda damage: repr(damage)[:20],
)
async def test_a_damaged_ledger_is_set_aside_and_the_one_before_goes_on_with_one_mint_more(
    store: FileTokenStore, damage: bytes | str, caplog
) -> None:
    """Changed in one digit, cut short, emptied: never fatal, and the count never falls."""
    mint = mints(1, NOW + 5)[0]
    await put(store, attrs.evolve(FULL, damage=None))
    await store.update(KEY, lambda ledger: (minting.claimed(ledger, mint), None))
    whole = book_file(store).read_bytes()
    changed = whole.replace(b'"issued"', b'"refused"')
    assert changed != whole
    book_file(store).write_bytes({"changed": changed, "cut": whole[:-30]}.get(damage, damage))  # type: ignore[arg-type]
    found = await store.read(KEY)
    assert minting.counted(found, NOW, minting.MintRules()) == 4
    assert found.tokens[APP.key].value.reveal() == "t"
    assert len([path for path in store.folder.iterdir() if "damaged" in path.name]) == 1
    assert "damaged" in caplog.text
    assert revealed(await store.read(KEY)) == revealed(found), "and it is set aside once"


async def test_damage_on_damage_adds_up(store: FileTokenStore) -> None:
    await put(store, attrs.evolve(FULL, damage=None))
    for number in (1, 2):
        await store.update(KEY, lambda ledger: (attrs.evolve(ledger, closures={}), None))
        await store.update(KEY, lambda ledger: (attrs.evolve(ledger, closures=FULL.closures), None))
        book_file(store).write_bytes(b"")
        found = await store.read(KEY)
        assert found.damage == Damage(at=NOW, missing=number)


async def test_a_crash_between_the_renames_loses_only_what_was_not_promised(store: FileTokenStore) -> None:
    await put(store, attrs.evolve(FULL, damage=None))
    book_file(store).rename(store.folder / f"{KEY}.previous.json")
    found = await store.read(KEY)
    assert found.damage is None
    assert minting.counted(found, NOW, minting.MintRules()) == 3
    assert book_file(store).exists()


async def test_a_failed_write_leaves_the_old_ledger(store: FileTokenStore, monkeypatch) -> None:
    await put(store, FULL)

    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tonicdm.rhythm.tokens.store.os.fsync", full)
    with pytest.raises(StoreError, match="No space"):
        await put(store, TokenLedger())
    monkeypatch.undo()
    assert revealed(await store.read(KEY)) == revealed(FULL)
    assert not list(store.folder.glob("*.tmp"))


async def test_a_place_that_can_not_be_written_is_a_clear_error(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="nothing was sent"):
        await put(FileTokenStore(tmp_path / "file" / "rhythm"), FULL)


def test_the_lock_is_held_against_others_and_ends_with_its_holder(tmp_path: pathlib.Path) -> None:
    """A process that is killed while it holds the lock stands in nobody's way."""
    path = tmp_path / "x.lock"
    code = (
        "import sys, pathlib, time\nfrom tonicdm.lockfile import locked\n"
        f"with locked(pathlib.Path({str(path)!r})):\n    print('held', flush=True)\n    time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match="held by another process"), locked(path, max_wait=0.05):
            pass
        holder.kill()
        holder.wait()
        with locked(path, max_wait=5.0):
            pass
    assert path.stat().st_mode & 0o777 == 0o600


async def test_the_store_in_memory_keeps_books_apart() -> None:
    store = MemoryTokenStore()
    await store.update("a", lambda _: (FULL, None))
    assert await store.read("a") is FULL
    assert await store.read("b") == TokenLedger()


def test_by_default_the_folder_is_in_the_users_state_directory(monkeypatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RHYTHM_TOKENS", raising=False)
    assert default_folder().is_relative_to(tmp_path)
    assert default_folder().name == "rhythm"
    monkeypatch.setenv("RHYTHM_TOKENS", str(tmp_path / "elsewhere"))
    assert FileTokenStore().folder == tmp_path / "elsewhere"
