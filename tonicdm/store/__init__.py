"""The store: every record as plain JSON in one file, its change feed, and views to query it by."""

from tonicdm.store.reading import Change
from tonicdm.store.store import Store
from tonicdm.store.types import TYPES, RecordType, choose

__all__ = ["TYPES", "Change", "RecordType", "Store", "choose"]
