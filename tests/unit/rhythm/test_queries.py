"""What a query asks, how it stands, and what is remembered of it."""

from __future__ import annotations

import json
import pathlib
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm.errors import ConfigError, InvalidOptionError, StoreError
from tonicdm.rhythm import ASSUMED, PollRules, QueryDialect, QuerySpec, field
from tonicdm.rhythm.jobs import JobFile, Note
from tonicdm.rhythm.models import CODEC, QueryExecution
from tonicdm.rhythm.query.polling import QueryState, state_of, uri_of

DIALECT = QueryDialect()
NOTE = Note(id="q-1", fingerprint="f", started_at=1.5)


# --- pauses -----------------------------------------------------------------------------------------------------------


@given(first=st.floats(0.1, 10), growth=st.floats(1, 4), cap=st.floats(10, 60), deadline=st.floats(0, 5000))
def test_pauses_grow_to_their_cap_and_end_at_the_deadline(
    first: float, growth: float, cap: float, deadline: float
) -> None:
    found = list(PollRules(first=first, factor=growth, cap=cap, deadline=deadline).pauses())
    assert sum(found) == pytest.approx(deadline)
    assert all(one <= cap + 1e-9 for one in found)
    assert found[:-1] == sorted(found[:-1])


def test_the_usual_pauses_run_from_one_second_to_thirty() -> None:
    found = list(PollRules(deadline=600).pauses())
    assert found[:7] == [1, 2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize("wrong", [{"first": 0}, {"first": 40}, {"factor": 0.5}, {"deadline": -1}])
def test_rules_that_would_hurry_or_shrink_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        PollRules(**wrong)


# --- how it stands ----------------------------------------------------------------------------------------------------


@for_each(
    ("state", "stand"),
    [
        ({}, QueryState.RUNNING),
        ({"status": "QUEUED"}, QueryState.RUNNING),
        ({"status": "pondering", "has_result_set": False, "rows": 0}, QueryState.RUNNING),
        ({"status": "pondering", "uri": "https://s/x"}, QueryState.READY),
        ({"status": "SUCCEEDED", "uri": "https://s/x", "rows": 3}, QueryState.READY),
        ({"status": "Complete", "rows": 3}, QueryState.READY),
        ({"status": "SUCCEEDED", "has_result_set": False}, QueryState.EMPTY),
        ({"status": "SUCCEEDED", "rows": 0}, QueryState.EMPTY),
        ({"status": "SUCCEEDED", "rows": 0, "has_result_set": True, "uri": "https://s/x"}, QueryState.READY),
        ({"status": "FAILED", "uri": "https://s/x"}, QueryState.FAILED),
        ({"status": "timed_out"}, QueryState.FAILED),
    ],
    ids=str,
)
def test_what_a_state_means(state: dict, stand: QueryState) -> None:
    assert state_of(CODEC.read(state, QueryExecution), ASSUMED) is stand


@given(word=st.text(max_size=10))
def test_an_unknown_word_means_that_it_goes_on(word: str) -> None:
    """No page lists the words, so only the deadline ends such a wait."""
    if word.lower() not in ASSUMED.finished | ASSUMED.failed:
        assert state_of(QueryExecution(status=word), ASSUMED) is QueryState.RUNNING


@for_each("name", ASSUMED.result_uris)
def test_the_uri_is_found_under_each_assumed_name_and_shows_itself_nowhere(name: str) -> None:
    execution = CODEC.read({"status": "SUCCEEDED", name: "https://s/x?signature=1"}, QueryExecution)
    uri = uri_of(execution, ASSUMED)
    assert uri is not None
    assert uri.reveal() == "https://s/x?signature=1"
    assert "signature" not in f"{execution} {execution!r} {uri}"


# --- what it asks -----------------------------------------------------------------------------------------------------


def test_the_body_of_a_query() -> None:
    spec = QuerySpec(
        type="rolodex:contacts", fields=("id", {"field": "organization.name", "label": "Firm"}),
        criteria=field("a") == 1,
        sort=("last_name", "-number"), limit=5, offset=2, name="n", context_id="c",
    )  # fmt: skip
    assert spec.body(DIALECT) == {
        "output_fields": [{"field": "id"}, {"field": "organization.name", "label": "Firm"}],
        "criteria": {"all": [{"field": "a", "operator": "eq", "value": 1}]},
        "sort_fields": [{"field": "last_name", "direction": "asc"}, {"field": "number", "direction": "desc"}],
        "limit": 5, "offset": 2, "name": "n", "context_id": "c",
    }  # fmt: skip


def test_criteria_copied_from_the_console_are_sent_as_they_are() -> None:
    copied = {"anyOf": [{"x": 1}]}
    assert QuerySpec(type="a:b", fields=("id",), criteria=copied).body(DIALECT)["criteria"] == copied


@pytest.mark.parametrize("wrong", [{"fields": ()}, {"fields": "id"}, {"fields": ("id",), "limit": -1}])
def test_a_query_without_fields_is_refused(wrong: dict) -> None:
    with pytest.raises(InvalidOptionError, match="Nothing was sent"):
        QuerySpec(type="a:b", **wrong)


def test_the_fingerprint_is_of_the_question() -> None:
    spec = QuerySpec(type="a:b", fields=("id",), criteria=field("x") == "secret value")
    same = spec.fingerprint("t", "json", DIALECT)
    assert same == QuerySpec(type="a:b", fields=["id"], criteria=field("x") == "secret value").fingerprint(
        "t", "json", DIALECT
    )
    others = [
        spec.fingerprint("u", "json", DIALECT),
        spec.fingerprint("t", "csv", DIALECT),
        QuerySpec(type="a:b", fields=("id",)).fingerprint("t", "json", DIALECT),
    ]
    assert same not in others
    assert "secret" not in same


# --- what is remembered -----------------------------------------------------------------------------------------------


def test_a_note_is_read_as_written_and_readable_by_its_owner_only(tmp_path: pathlib.Path) -> None:
    job = JobFile.beside(tmp_path / "rows.json")
    assert job.path.name == "rows.json.job"
    assert job.read() is None
    job.write(NOTE)
    assert job.read() == job.matching("f") == NOTE
    assert stat.S_IMODE(job.path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [job.path]
    job.remove()
    job.remove()
    assert job.read() is None


def test_a_note_of_another_query_is_not_taken_for_this_one(tmp_path: pathlib.Path) -> None:
    job = JobFile.beside(tmp_path / "rows.json")
    job.write(NOTE)
    with pytest.raises(ConfigError, match=r"belongs to another task \(q-1\).* Nothing was sent"):
        job.matching("g")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 1}', json.dumps({"version": 2})])
def test_a_damaged_note_stops_rather_than_start_a_second_query(tmp_path: pathlib.Path, text: str) -> None:
    job = JobFile.beside(tmp_path / "rows.json")
    job.path.write_text(text)
    with pytest.raises(StoreError):
        job.read()


def test_a_note_that_can_not_be_written_is_told_before_anything_is_sent(tmp_path: pathlib.Path) -> None:
    job = JobFile.beside(tmp_path / "nowhere" / "rows.json")
    with pytest.raises(StoreError, match="Nothing was sent"):
        job.read()
    with pytest.raises(StoreError, match="can't be written"):
        job.write(NOTE)


def test_a_field_to_sort_by_may_be_given_as_the_service_writes_it() -> None:
    own = {"field": "number", "direction": "desc", "nulls": "last"}
    assert QuerySpec(type="a:b", fields=("id",), sort=(own,)).body(DIALECT)["sort_fields"] == [own]
