"""The adapter for PostgreSQL (extra ``postgres``): a schema for each store."""

from tonicdm.store.postgresql.database import READING_TIMEOUT
from tonicdm.store.postgresql.location import PostgresqlSchema
from tonicdm.store.postgresql.meanings import described
from tonicdm.store.postgresql.tables import VERSION_NOTE
from tonicdm.store.postgresql.views import short_name

__all__ = ["READING_TIMEOUT", "VERSION_NOTE", "PostgresqlSchema", "described", "short_name"]
