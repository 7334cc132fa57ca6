"""A local copy of a tenant, fetched for the fewest units."""

from tonicdm.sync.engine import Progress, load
from tonicdm.sync.store import Store
from tonicdm.sync.types import TYPES, RecordType, choose

__all__ = ["TYPES", "Progress", "RecordType", "Store", "choose", "load"]
