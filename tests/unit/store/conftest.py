"""A store's tables in memory."""

import sqlite3
from collections.abc import Iterator

import pytest

from tonicdm.store.database import Database
from tonicdm.store.sqlite import SqliteDatabase, upgrade


@pytest.fixture
def db() -> Iterator[Database]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    upgrade(connection, 0)
    yield SqliteDatabase(connection)
    connection.close()
