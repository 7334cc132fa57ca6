"""Batches, searches by lists and ranges, and what else the second part of the reference adds, against the sandbox."""

from __future__ import annotations

import datetime
import json

import pytest

from tests.cases import for_each
from tonicdm import Hooks
from tonicdm.errors import BulkError, InvalidOptionError, ServerError
from tonicdm.rhythm import BatchDelete, BatchPatch, Dialect, field, to_rules
from tonicdm.rhythm.assumed import RULES
from tonicdm.rhythm.errors import CriteriaError

YEAR = (datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC), datetime.datetime(2022, 1, 1, tzinfo=datetime.UTC))


async def test_a_batch_changes_and_deletes_and_says_what_failed(rhythm, box) -> None:
    """240 operations are three calls; the errors stand at the places of their operations."""
    table = box.world.tables["contacts"]
    ids = [table.id(rank) for rank in range(240)]
    work = [BatchPatch(one, {"nickname": "N"}) for one in ids[:239]] + [BatchDelete("unknown")]
    with pytest.raises(BulkError) as caught:
        await rhythm.contacts.batch(work)
    assert list(caught.value.failed) == [239] and len(caught.value.done) == 239
    assert len(box.calls(operation="executeContactBatchOperations")) == 3
    assert table.record(238)["nickname"] == "N"
    assert len(await rhythm.contacts.batch([BatchDelete(ids[0])])) == 1
    assert table.rank(ids[0]) is None


async def test_a_batch_that_breaks_in_the_middle_keeps_what_was_done(make, box) -> None:
    """The second of three calls fails: the first one's results are there, and the third is not sent."""

    def break_next(_event) -> None:
        box.faults.on("server_error", path=f"/rolodex/contacts/{box.tenant_id}/batch")

    rhythm = make(hooks=Hooks(on_response=break_next))
    ids = [box.world.tables["contacts"].id(rank) for rank in range(300)]
    with pytest.raises(BulkError) as caught:
        await rhythm.contacts.batch([BatchPatch(one, {"nickname": "N"}) for one in ids])
    done, failed = caught.value.done, caught.value.failed
    assert len(done) == 100 and len(failed) == 200
    assert isinstance(failed[100], ServerError)
    assert "not sent" in str(failed[299])
    assert len(box.calls(operation="executeContactBatchOperations")) == 2


async def test_pledges_are_searched_by_lists_and_a_pair_of_moments(rhythm, box) -> None:
    table = box.world.tables["pledges"]
    wanted = [
        table.id(rank)
        for rank in table.ranks()
        if table.value(rank, "status") == "open"
        and YEAR[0] <= datetime.datetime.fromisoformat(table.value(rank, "date")) <= YEAR[1]
    ]
    found = await rhythm.pledges.search(status=["open"], date=YEAR).all()
    assert [one["id"] for one in found] == wanted and wanted
    criteria = field("status").is_in(["open"]) & field("date").between(*YEAR)
    fetched = rhythm.fetch("pledges", criteria)
    assert fetched.strategy == "search"
    assert [one["id"] for one in await fetched.all()] == wanted
    assert [one["id"] for one in await rhythm.fetch("pledges", field("id") == wanted[0]).all()] == wanted[:1]


@pytest.mark.parametrize("date", [YEAR[::-1], YEAR[:1], [datetime.datetime(2022, 1, 1)] * 2, "2022", None])  # noqa: DTZ001
async def test_a_date_that_is_no_pair_of_moments_is_refused(rhythm, box, date) -> None:
    with pytest.raises(InvalidOptionError, match="Nothing was sent"):
        rhythm.pledges.search(date=date)
    assert list(box.journal) == []


async def test_a_search_says_what_each_criterion_takes(rhythm, box) -> None:
    for criteria in (field("date") == YEAR[0], field("status").contains("o"), field("status") > "a"):
        with pytest.raises(CriteriaError, match="a search takes for"):
            rhythm.fetch("pledges", criteria)
    with pytest.raises(CriteriaError, match="the search needs the criteria event_id"):
        rhythm.fetch("registration_groups")
    with pytest.raises(CriteriaError, match="use strategy='query'"):
        rhythm.fetch("contacts", field("number").between(1, 2), strategy="search")


async def test_registration_groups_of_an_event_are_found(rhythm, box) -> None:
    event = box.world.tables["events"].id(1)
    table = box.world.tables["registration_groups"]
    wanted = [table.id(rank) for rank in table.ranks() if table.value(rank, "event_id") == event]
    assert [one.id for one in await rhythm.registration_groups.search(event_id=event).all()] == wanted
    firm = box.world.tables["organizations"].id(1)
    some = rhythm.fetch("registration_groups", (field("event_id") == event) & (field("organization_id") == firm))
    assert {one.id for one in await some.all()} < set(wanted)


async def test_ids_with_signs_in_them_reach_the_server_as_they_are(rhythm, box) -> None:
    score = (await rhythm.engagement_scores.list("contact", box.world.tables["contacts"].id(4)).all())[1]
    assert "|" in score.id
    assert (await rhythm.engagement_scores.get(score.id)).total_score == score.total_score
    await rhythm.orders.list_by_coupon("code", "c#1:2|3").all()
    assert box.journal[-1].path.endswith("/coupon/code/c#1:2|3")


async def test_an_update_can_send_the_replace_form_and_json_text(rhythm, box) -> None:
    contact = box.world.tables["contacts"].id(1)
    await rhythm.contacts.update(contact, form="replace", last_name="Ng")
    await rhythm.contacts.patch(contact, '[{"op": "replace", "path": "/first_name", "value": "Mei"}]')
    await rhythm.contacts.set_custom_fields(contact, {"portal__c": {"theme": "dark"}})
    found = await rhythm.contacts.get(contact)
    assert (found.first_name, found.last_name) == ("Mei", "Ng")
    values = {one.custom_field_id: one.string_value for one in found.custom_field_values}
    assert json.loads(values["portal__c"]) == {"theme": "dark"}


def test_rules_of_workflows_have_facts_and_paths() -> None:
    """The engine's form, as a second dialect; it has no word for what its documents do not show."""
    rules = to_rules((field("city") == "Oslo") & ((field("status") == "active") | (field("number") > 3)))
    assert rules == {
        "all": [
            {"fact": "record", "path": "$.city", "operator": "equal", "value": "Oslo"},
            {
                "any": [
                    {"fact": "record", "path": "$.status", "operator": "equal", "value": "active"},
                    {"fact": "record", "path": "$.number", "operator": "greaterThan", "value": 3},
                ]
            },
        ]
    }
    with pytest.raises(CriteriaError, match="no word for the operator 'starts_with'"):
        to_rules(field("city").starts_with("O"))
    assert Dialect(query=RULES).query.field_key == "path"


@for_each(
    "attribute",
    [
        "coupons", "coupon_code_generations", "billing_templates", "installment_plans", "registration_processes",
        "application_processes", "billing_notices", "sections", "gifts", "giving_processes", "certifications",
        "certification_fees", "custom_fields", "task_types", "page_layouts", "service_metadata",
        "service_configurations", "contact_duplicates", "orders",
    ],
)  # fmt: skip
async def test_every_list_brings_all_its_records(rhythm, box, attribute: str) -> None:
    assert len(await getattr(rhythm, attribute).list().all()) == 12
