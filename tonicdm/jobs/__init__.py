"""Durable jobs on PostgreSQL: many tenants, several workers, one queue; needs the extra ``jobs``."""

from tonicdm.jobs.queue import JobQueue, JobRow
from tonicdm.jobs.tenants import Tenant, TokenReference
from tonicdm.jobs.worker import run_worker

__all__ = ["JobQueue", "JobRow", "Tenant", "TokenReference", "run_worker"]
