"""What becomes of a job that could not go on, and what a tenant may be."""

import datetime

import pytest

from tonicdm.errors import (
    AuthenticationError,
    BudgetTimeoutError,
    ConfigError,
    ConnectError,
    StoreError,
)
from tonicdm.jobs import Tenant, TokenReference
from tonicdm.jobs.kinds import Job, Kind
from tonicdm.jobs.rules import MAX_FAILURES, MAX_RETRY_SECONDS, MIN_RETRY_SECONDS, put_back
from tonicdm.rhythm.errors import MintRefusedError, QueryTimeoutError


def job(failures: int = 0) -> Job:
    return Job(kind=Kind.SYNC, tenant="firm", what="persons", checked="t", failures=failures)


def test_a_wait_for_the_window_is_no_failure_and_ends_with_it():
    back = put_back(BudgetTimeoutError("no", wait=1912.0), job(3))
    assert back is not None
    assert (back.seconds, back.job.failures) == (1912, 0)


def test_failures_that_pass_are_tried_again_with_growing_pauses_and_then_given_up():
    error, pauses = ConnectError("no"), []
    for failures in range(MAX_FAILURES - 1):
        back = put_back(error, job(failures))
        assert back is not None
        assert back.job.failures == failures + 1
        pauses.append(back.seconds)
    assert pauses == sorted(set(pauses))
    assert put_back(error, job(MAX_FAILURES - 1)) is None


def test_a_refused_token_is_given_up_at_once():
    assert put_back(AuthenticationError(status=401, method="GET", path="/x"), job()) is None


def test_a_wait_for_a_machine_token_or_for_a_query_is_no_failure_either():
    """The month's tokens come back, and a query goes on at the server: both are looked at again later."""
    opens = datetime.datetime(2026, 12, 1, tzinfo=datetime.UTC)
    for error in (MintRefusedError("no", opens_at=opens), QueryTimeoutError("q-1", "running", 5.0)):
        back = put_back(error, job(3))
        assert back is not None
        assert (back.job.failures, MIN_RETRY_SECONDS <= back.seconds <= MAX_RETRY_SECONDS) == (0, True)


def test_a_busy_store_is_tried_again_and_the_list_says_why():
    back = put_back(StoreError("x", "is synced by another process"), job())
    assert back is not None
    assert back.job.reason == "failed: StoreError: the store x is synced by another process"


@pytest.mark.parametrize("text", ["eyJhbGciOi.s3cret", "", "env:", "https://s3cret"])
def test_a_token_itself_is_refused_and_not_repeated(text):
    with pytest.raises(ConfigError, match="by where it is") as caught:
        TokenReference(text)
    assert "s3cret" not in str(caught.value)


def test_a_token_is_read_on_the_worker(monkeypatch):
    monkeypatch.setenv("A_TOKEN", "s3cret")
    assert TokenReference("env:A_TOKEN").open().reveal() == "s3cret"
    monkeypatch.delenv("A_TOKEN")
    with pytest.raises(ConfigError, match="A_TOKEN"):
        TokenReference("env:A_TOKEN").open()


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Robert'); DROP"},
        {"name": "a" * 64},
        {"schema": 'x"y'},
        {"every": 5},
        {"zone": "mars"},
        {"base_url": "no url"},
        {"zone": "us", "base_url": "http://localhost"},
    ],
    ids=str,
)
def test_a_tenant_that_no_job_could_serve_is_refused(wrong):
    with pytest.raises(ConfigError):
        Tenant(**{"name": "firm", "token": "env:T", "zone": None if "base_url" in wrong else "us", **wrong})


def test_a_tenant_comes_back_as_it_was_kept():
    tenant = Tenant(name="firm-a", token="command:pass show x", zone="de", types=("persons",), every=3600)
    assert Tenant.from_row(tenant.to_row()) == tenant
    assert tenant.schema == "firm_a"
