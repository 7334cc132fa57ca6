"""A local copy of a tenant, kept for the fewest units."""

from tonicdm.plan.steps import Stage
from tonicdm.sync.engine import synchronize
from tonicdm.sync.estimate import estimate_run
from tonicdm.sync.facts import SyncOptions
from tonicdm.sync.report import OwnerReport, RunReport, SyncStoppedError, TypeReport

__all__ = [
    "OwnerReport",
    "RunReport",
    "Stage",
    "SyncOptions",
    "SyncStoppedError",
    "TypeReport",
    "estimate_run",
    "synchronize",
]
