"""A local copy of a tenant, kept for the fewest units."""

from tonicdm.sync.engine import synchronize
from tonicdm.sync.report import RunReport, Stage, SyncStoppedError, TypeReport

__all__ = ["RunReport", "Stage", "SyncStoppedError", "TypeReport", "synchronize"]
