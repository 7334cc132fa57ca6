"""Durable jobs on PostgreSQL: many tenants, several workers, one queue; needs the extra ``jobs``."""

from tonicdm.jobs.kinds import QUEUES, Kind
from tonicdm.jobs.queue import JobQueue, JobRow, QueueFigures
from tonicdm.jobs.schedules import Schedule
from tonicdm.jobs.tenants import RhythmAccess, Tenant
from tonicdm.jobs.worker import run_worker
from tonicdm.tokens import TokenReference

__all__ = [
    "QUEUES",
    "JobQueue",
    "JobRow",
    "Kind",
    "QueueFigures",
    "RhythmAccess",
    "Schedule",
    "Tenant",
    "TokenReference",
    "run_worker",
]
