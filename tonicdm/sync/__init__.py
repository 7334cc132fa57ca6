"""A local copy of a tenant, kept for the fewest units."""

from tonicdm.sync.engine import synchronize
from tonicdm.sync.report import RunReport, Stage, SyncStoppedError, TypeReport
from tonicdm.sync.store import Change, Store
from tonicdm.sync.types import TYPES, RecordType, choose

__all__ = [
    "TYPES",
    "Change",
    "RecordType",
    "RunReport",
    "Stage",
    "Store",
    "SyncStoppedError",
    "TypeReport",
    "choose",
    "synchronize",
]
