"""What jobs keep of themselves, what may not run beside what, and when schedules are due."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonicdm.errors import BudgetTimeoutError, ConfigError
from tonicdm.jobs import QUEUES, Kind, RhythmAccess, Schedule, Tenant
from tonicdm.jobs.kinds import Job, kind_of
from tonicdm.jobs.rules import MAX_RETRY_SECONDS, put_back
from tonicdm.rhythm.errors import MintRefusedError, QueryTimeoutError

NOW = datetime.datetime(2026, 1, 31, 23, 59, tzinfo=datetime.UTC)
JOBS = st.builds(
    Job,
    kind=st.sampled_from(Kind),
    tenant=st.sampled_from(["firm", "firm-a"]),
    what=st.sampled_from(["", "persons", "plan", "csv:/x"]),
    then=st.lists(st.sampled_from(["team", "filesets"]), unique=True).map(tuple),
    checked=st.sampled_from(["", "0123456789ab"]),
    failures=st.integers(0, 4),
    reason=st.text(),
)


@given(JOBS)
def test_a_job_comes_back_from_the_queue_as_it_went_in(job: Job) -> None:
    assert Job.from_queue(job.kind.task, job.arguments) == job


@given(JOBS, JOBS)
def test_jobs_of_two_tenants_never_wait_for_each_other(one: Job, other: Job) -> None:
    if one.tenant != other.tenant:
        assert one.lock != other.lock
        assert one.waiting_lock != other.waiting_lock


def test_a_sync_and_a_gap_repair_of_one_type_go_one_after_the_other_and_other_types_side_by_side() -> None:
    def lock(kind: Kind, what: str) -> str:
        return Job(kind=kind, tenant="firm", what=what, checked="t").lock

    assert lock(Kind.SYNC, "persons") == lock(Kind.GAP_REPAIR, "persons")
    others = {lock(Kind.SYNC, "offices"), lock(Kind.WEBHOOKS, ""), lock(Kind.EXPORT, "csv:/x")}
    assert len(others | {lock(Kind.SYNC, "persons"), lock(Kind.RHYTHM_SYNC, "persons")}) == 5


def test_webhooks_go_before_gap_repairs_before_syncs_before_exports() -> None:
    assert QUEUES == ("webhooks", "gap-repair", "sync", "rhythm-sync", "export")
    assert [kind_of(name).value for name in QUEUES] == list(QUEUES)
    with pytest.raises(ConfigError, match="there are webhooks"):
        kind_of("nightly")


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (BudgetTimeoutError("paused", wait=9e9), MAX_RETRY_SECONDS),
        (BudgetTimeoutError("at once", wait=None), 30.0),
        (MintRefusedError("no token", opens_at=NOW), MAX_RETRY_SECONDS),
        (QueryTimeoutError("q", "running", 60.0), 30.0),
    ],
    ids=["paused", "unknown", "machine token", "query"],
)
def test_a_wait_for_something_is_no_failure_and_is_looked_at_again_within_an_hour(error, seconds: float) -> None:
    job = Job(kind=Kind.RHYTHM_SYNC, tenant="firm", what="contacts", failures=4)
    back = put_back(error, job)
    assert back is not None
    assert (back.seconds, back.job.failures) == (seconds, 0)


# --- schedules --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_", "due"),
    [
        ({"every": 3600}, NOW + datetime.timedelta(hours=1)),
        ({"cron": "30 2 * * *"}, datetime.datetime(2026, 2, 1, 2, 30, tzinfo=datetime.UTC)),
        ({"cron": "0 0 1 * *"}, datetime.datetime(2026, 2, 1, tzinfo=datetime.UTC)),
        ({"cron": "0 0 1 2 *"}, datetime.datetime(2026, 2, 1, tzinfo=datetime.UTC)),
    ],
    ids=str,
)
def test_a_schedule_is_due_once_behind_now_whatever_was_missed(given_, due: datetime.datetime) -> None:
    assert Schedule(tenant="firm", kind=Kind.SYNC, **given_).next_after(NOW) == due


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"every": 3600, "cron": "0 0 * * *"},
        {"every": 59},
        {"every": 0, "kind": Kind.WEBHOOKS},
        {"cron": "60 0 * * *"},
        {"cron": "* * * * * *"},
        {"cron": "@daily"},
        {"cron": "s3cret"},
    ],
    ids=str,
)
def test_a_schedule_that_could_not_be_kept_is_refused(wrong) -> None:
    with pytest.raises(ConfigError):
        Schedule(**{"tenant": "firm", "kind": Kind.SYNC, **wrong})


def test_an_inbox_may_be_looked_at_every_second() -> None:
    assert Schedule(tenant="firm", kind=Kind.WEBHOOKS, every=1).rhythm == "every 1 s"


# --- tenants ----------------------------------------------------------------------------------------------------------


def test_a_tenant_with_access_to_rhythm_comes_back_as_it_was_kept_and_without_a_secret() -> None:
    access = RhythmAccess(tenant_id="example.org", client_id="app", secret="env:RHYTHM", auth_domain="a.example.org")
    tenant = Tenant(name="firm-a", token="env:T", zone="de", rhythm=access)
    assert Tenant.from_row(tenant.to_row()) == tenant
    with pytest.raises(ConfigError, match="by where it is") as caught:
        RhythmAccess(secret="s3cret")
    assert "s3cret" not in str(caught.value)
