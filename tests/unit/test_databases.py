"""URLs of databases: what people see of them is never a user, a password or a parameter."""

from __future__ import annotations

import pathlib

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm.budget.ledgers.postgresql import PostgreSQLLedger
from tonicdm.budget.paths import expanded
from tonicdm.cli.store import check as store_check
from tonicdm.config import Settings
from tonicdm.databases import CONNECTION, connection_settings, conninfo_of, is_url, shown, shown_place
from tonicdm.errors import ConfigError
from tonicdm.export.run import destination
from tonicdm.jobs import JobQueue
from tonicdm.rhythm.tokens.store import FileTokenStore
from tonicdm.store.opening import locate

SHOWN = {
    "postgresql://db.example.org/firm": "postgresql://db.example.org/firm",
    "postgresql://me:s3cret@db.example.org:5433/firm?sslmode=require": "postgresql://db.example.org:5433/firm",
    "postgres://me@db/firm": "postgres://db/firm",
    "postgresql://me:s3cret@[::1]:5432,other:1/firm": "postgresql://[::1]:5432,other:1/firm",
    "postgresql:///firm?host=/run/sockets&port=5433": "postgresql:///run/sockets:5433/firm",
    "postgresql://me:s3cret@%2Frun%2Fsockets/firm": "postgresql:///run/sockets/firm",
    "postgresql://?dbname=firm&user=me&password=s3cret": "postgresql://localhost/firm",
    "postgresql://db/firm?password=s3cret@x": "postgresql://db/firm",
    "postgresql://db": "postgresql://db",
}


@for_each(("url", "expected"), SHOWN.items(), ids=SHOWN)
def test_of_a_url_people_see_host_port_and_database(url: str, expected: str) -> None:
    assert shown(url) == expected
    assert shown_place(url) == expected


@for_each(
    "url",
    [
        "postgresql://me:s3cr?et@db/firm",
        "postgresql://me:s3cr#et@db/firm",
        "postgresql://me:s3cr@et@db/firm",
        "postgresql://me:s3cr/et@db/firm",
        "postgresql://me:s3cr/e?t@db/firm",
        "postgresql://db/firm?s3cret",
        "postgresql://me:s3cr%40et@db/firm",
        "redis://me:s3cret@db/0",
    ],
)
def test_no_part_of_a_password_is_seen_however_the_url_is_written(url: str) -> None:
    """A question mark in a password once let its beginning and the user be seen."""
    assert not {"me", "s3cr", "et"} & set(shown(url).replace(":", "/").replace("@", "/").split("/")), shown(url)
    assert "s3cr" not in shown(url)


@given(password=st.text(st.characters(exclude_characters="/@", codec="utf-8"), min_size=3))
def test_no_password_that_libpq_takes_is_seen(password: str) -> None:
    assert shown(f"postgresql://me:{password}@db/firm") == "postgresql://db/firm"


@for_each("path", ["firm.db", "~/budget.db", "memory", None])
def test_a_path_is_seen_as_it_is(path: str | None) -> None:
    assert shown_place(path) == path
    assert not is_url(path)


def test_a_path_is_no_url_even_where_it_looks_like_one() -> None:
    assert not is_url(pathlib.Path("postgresql://db/firm"))


def test_a_connection_has_our_settings_but_for_what_its_url_says_itself() -> None:
    ours = connection_settings(conninfo_of("postgresql://db/firm"), "tonicdm-jobs")
    assert ours == {**CONNECTION, "application_name": "tonicdm-jobs"}
    theirs = conninfo_of("postgresql://db/firm?connect_timeout=30&application_name=mine")
    assert connection_settings(theirs, "tonicdm-jobs").keys() == ours.keys() - {"connect_timeout", "application_name"}


@for_each("url", [
    "postgresql+psycopg://me:s3cret@db/firm", "POSTGRESQL://me:s3cret@db/firm", "jdbc:postgresql://me:s3cret@db/firm",
    "mysql://me:s3cret@db/firm", "postgresql:/me:s3cret@db/firm", "postgres:me:s3cret@db/firm",
    "me:s3cret@db/firm?x=://",
])  # fmt: skip
def test_the_url_of_something_else_is_no_path_and_its_password_is_in_no_error(url: str) -> None:
    """As people write them for other programs. A path is made, or shown in the error that it is not there."""
    errors: list[BaseException | None] = [CliRunner().invoke(store_check, [url], standalone_mode=False).exception]
    for make in (locate, expanded, destination, FileTokenStore, JobQueue):
        with pytest.raises(ConfigError) as caught:
            make(url)
        errors.append(caught.value)
    for error in errors:
        assert isinstance(error, ConfigError)
        assert "postgresql://" in str(error)
        assert "s3cret" not in str(error)


def test_a_path_with_a_colon_is_still_a_path(tmp_path: pathlib.Path) -> None:
    for name in ("a:b.db", "postgres/copy:1.db", "C:/firm.db", "postgres-copy:1"):
        assert locate(tmp_path / name).name == str(tmp_path / name)
        assert locate(name).name == name


def test_a_host_that_libpq_takes_from_elsewhere_is_the_one_that_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "db.example.org")
    assert shown("postgresql:///firm") == "postgresql://db.example.org/firm"
    assert shown("postgresql:///firm?service=reports") == "postgresql://service=reports/firm"
    monkeypatch.setenv("PGSERVICE", "books")
    assert shown("postgresql:///") == "postgresql://service=books/"
    assert shown("postgresql://other/firm") == "postgresql://other/firm"


@for_each("parameter", ["connect_timeout=soon", "connect_timeout=inf", "bogus=1"])
def test_a_parameter_that_no_driver_takes_is_refused_at_once(parameter: str) -> None:
    url = f"postgresql://me:s3cret@db/firm?{parameter}"
    for make in (locate, lambda url: PostgreSQLLedger(url, key="x"), JobQueue):
        with pytest.raises(ConfigError, match="can't be read: it names a parameter") as caught:
            make(url)
        assert "s3cret" not in str(caught.value)


async def test_budget_store_queue_and_settings_show_a_database_alike() -> None:
    url, expected = (
        "postgresql://me:s3cret@db.example.org:5433/firm?connect_timeout=1",
        "postgresql://db.example.org:5433/firm",
    )
    assert PostgreSQLLedger(url, key="x").where == expected
    assert locate(url, "acme").name == f"{expected} (schema acme)"
    assert JobQueue(url).where == expected
    assert repr(expected) in repr(Settings.resolve(token="t", zone="us", budget=url, environ={}))


@for_each(
    "url",
    [
        "postgresql://me:s3cret@db:port/firm",
        "postgresql://me:s3 cret@db/firm",
        "postgresql://me:s3cret@[db/firm",
        "postgresql://me:s3cr/et@db/firm",
    ],
)
def test_a_url_that_cannot_be_taken_apart_is_an_error_without_it(url: str) -> None:
    """A slash in a password once made the driver's error name its beginning, as a port."""
    for make in (lambda: PostgreSQLLedger(url, key="x"), lambda: locate(url)):
        with pytest.raises(ConfigError) as caught:
            make()
        assert "s3" not in str(caught.value)
