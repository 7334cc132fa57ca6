"""Records, lists and searches over real sockets."""

from __future__ import annotations

import pytest

from tonicdm.errors import BadRequestError, InvalidOptionError
from tonicdm.rhythm import Dialect, RhythmClient, UserSession, as_user, field
from tonicdm.rhythm.errors import NotFoundError, RepeatedKeyError, UserScopeError
from tonicdm.rhythm.models import CustomFieldValue
from tonicdm.sandbox.rhythm import RhythmSandbox

from .conftest import drive


@pytest.mark.parametrize("key_form", ["string", "object"])
@pytest.mark.parametrize("last_key", ["absent", "null", "empty"])
async def test_a_list_is_read_to_its_certain_end(rhythm, box, key_form: str, last_key: str) -> None:
    """Empty pages on the way, keys of both forms, and each way to say that there are no more."""
    box.settings.key_form, box.settings.last_key, box.settings.empty_page_rate = key_form, last_key, 0.5
    box.settings.page_size = 37
    found = [one.id async for one in rhythm.contacts.list(fields=["id"])]
    assert len(found) == len(set(found)) == 500
    assert any(entry.records == 0 for entry in box.calls(operation="listContacts"))


@pytest.mark.parametrize("shape", ["array", "wrapped", "reference"])
async def test_lists_of_both_shapes_are_read(rhythm, box, shape: str) -> None:
    box.settings.list_shape = shape
    assert {one.name for one in await rhythm.address_types.list().all()} >= {"Home", "Work"}
    assert await rhythm.communication_types.list().first() is not None
    assert await rhythm.events.upcoming().first() is not None
    assert await rhythm.custom_query_definitions.list().first() is not None
    contact = await rhythm.contacts.list().first()
    assert isinstance(await rhythm.engagement_scores.list("contact", contact.id).all(), list)


async def test_a_search_sends_its_key_where_it_is_read(make, box: RhythmSandbox) -> None:
    """In the query string, or in the body where a tenant turns out to want it there."""
    box.settings.page_size = 2
    for place in ("query", "body"):
        box.settings.key_place = place
        rhythm = make(dialect=Dialect(start_key_in_body=place == "body"))
        name = (await rhythm.contacts.list().first()).last_name
        found = await rhythm.contacts.search(last_name=name).all()
        assert len(found) == len({one.id for one in found}) > 2
        assert {one.last_name for one in found} == {name}


async def test_a_key_that_repeats_itself_is_an_error(rhythm, box) -> None:
    box.faults.on("repeated_key")
    box.settings.page_size = 50
    with pytest.raises(RepeatedKeyError):
        await rhythm.contacts.list().all()


async def test_fields_are_all_that_comes_back(rhythm) -> None:
    found = await rhythm.contacts.list(fields=["id", "last_name"]).first()
    assert found.last_name and found.email_address is None
    one = await rhythm.contacts.get(found.id, fields=["id"], consistent=True)
    assert one.last_name is None and "last_name" not in one


async def test_a_contact_is_created_found_changed_and_read(rhythm: RhythmClient) -> None:
    made = await rhythm.contacts.create(first_name="Mel", last_name="Ng", email_address="mel.ng@example.org")
    assert made is not None and made.id is not None
    assert (await rhythm.contacts.find_by_email("mel.ng@example.org")).id == made.id
    changed = await rhythm.contacts.update(made.id, nickname="M", last_name="Nguyen")
    assert changed is not None
    found = await rhythm.contacts.get(made.id, consistent=True)
    assert (found.nickname, found.last_name, found.first_name) == ("M", "Nguyen", "Mel")


async def test_an_email_lookup_that_answers_with_an_array_is_read(rhythm, box) -> None:
    box.settings.email_lookup_shape = "array"
    known = await rhythm.contacts.list().first()
    assert (await rhythm.contacts.find_by_email(known.email_address)).id == known.id


async def test_an_id_is_never_sent_with_a_new_record(rhythm, box) -> None:
    with pytest.raises(InvalidOptionError, match="made by the service"):
        await rhythm.contacts.create(extra={"id": "mine"}, last_name="Ng")
    assert not box.calls(operation="createContact")


async def test_custom_fields_that_others_have_set_survive(rhythm, box) -> None:
    """A plain update of the list would drop them: it is replaced as a whole."""
    contact = (await rhythm.contacts.list(fields=["id"]).first()).id
    await rhythm.contacts.update(
        contact, custom_field_values=[CustomFieldValue(custom_field_id="a__c", string_value="x")]
    )
    await rhythm.contacts.set_custom_fields(contact, {"b__c": 2, "c__c": True}, guarded=True)
    found = {one.custom_field_id: one for one in (await rhythm.contacts.get(contact)).custom_field_values}
    assert found["a__c"].string_value == "x" and found["b__c"].numeric_value == 2
    await rhythm.contacts.set_custom_fields(contact, {"a__c": None})
    assert {one.custom_field_id for one in (await rhythm.contacts.get(contact)).custom_field_values} == {"b__c", "c__c"}


async def test_a_guarded_change_does_not_overwrite_another_one(rhythm, box, monkeypatch) -> None:
    """Somebody writes between our read and our write; the server refuses, and nothing is lost."""
    contact = (await rhythm.contacts.list(fields=["id"]).first()).id
    get = rhythm.contacts.get

    async def slow_get(*args, **kwargs):
        found = await get(*args, **kwargs)
        box.edit("contacts", contact, nickname="changed meanwhile")
        return found

    monkeypatch.setattr(rhythm.contacts, "get", slow_get)
    with pytest.raises(BadRequestError):
        await rhythm.contacts.set_custom_fields(contact, {"b__c": 2}, guarded=True)
    monkeypatch.undo()
    assert (await rhythm.contacts.get(contact)).nickname == "changed meanwhile"


async def test_organizations_events_memberships_and_saved_queries(rhythm, box) -> None:
    made = await rhythm.organizations.create(name="Ridge Labs", number=7, extra={"zz": 1})
    assert made["zz"] == 1
    await rhythm.organizations.update(made.id, acronym="RL")
    assert (await rhythm.organizations.get(made.id, consistent=True)).acronym == "RL"
    assert [one.id for one in await rhythm.organizations.search(name="Ridge Labs").all()] == [made.id]
    event = await rhythm.events.upcoming().first()
    assert (await rhythm.events.get(event.id)).name == event.name
    assert event.id in {one.id for one in await rhythm.events.search(name=event.name).all()}
    membership = box.world.tables["memberships"].id(0)
    assert (await rhythm.memberships.get(membership)).owner_type in {"contact", "organization"}
    saved = await rhythm.query_definitions.get("all-contacts")
    assert saved.type == "rolodex:contacts" and saved.query["output_fields"]


async def test_a_record_that_is_not_there_is_told(rhythm) -> None:
    with pytest.raises(NotFoundError, match="No record has this id") as caught:
        await rhythm.contacts.get("nobody")
    assert isinstance(caught.value, LookupError)


# --- users ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["plain", "tenant", None])
async def test_the_contact_behind_a_user_by_both_paths(make, box, session: UserSession, path: str | None) -> None:
    rhythm = make(token=session)
    found = await rhythm.contacts.current(path=path, fields=["id"])
    assert found.id == session.contact == box.world.tables["contacts"].id(0)
    assert box.mints() == []


async def test_a_user_acts_beside_the_machine(rhythm, session: UserSession, box) -> None:
    """Inside as_user the machine's client is refused; the user's own works, and shares the cooldown after a 429."""
    user = rhythm.for_user(session)
    with as_user(session):
        with pytest.raises(UserScopeError):
            await rhythm.contacts.list().first()
        assert (await user.contacts.current()).id == session.contact
    assert user._caller.transport.budget is rhythm._caller.transport.budget
    await user.close()


async def test_a_link_to_another_contact_is_begun(make, box, session: UserSession, clock) -> None:
    rhythm = make(token=session)
    other = box.world.tables["contacts"].record(5)
    await drive(clock, rhythm.contacts.link_current_user(other["email_address"], return_url="https://x.org"), rhythm)
    assert len(box.calls(operation="linkCurrentUserToContact")) == 1


# --- one fetch --------------------------------------------------------------------------------------------------------


async def test_fetch_gives_the_same_records_by_each_way(rhythm, box, clock) -> None:
    name = (await rhythm.contacts.list().first()).last_name
    criteria = field("last_name") == name
    by_search = rhythm.fetch("contacts", criteria, ["id", "last_name"])
    by_query = rhythm.fetch("contacts", criteria, ["id", "last_name"], strategy="query")
    assert (by_search.strategy, by_query.strategy) == ("search", "query")
    assert by_search.reason and by_query.reason == "asked for"
    found = [await drive(clock, one.all(), rhythm) for one in (by_search, by_query)]
    assert {one.id for one in found[0]} == {one.id for one in found[1]} != set()
    by_list = [one for one in await rhythm.fetch("contacts", strategy="list").all() if one.last_name == name]
    assert {one.id for one in by_list} == {one.id for one in found[0]}


async def test_fetch_without_fields_asks_the_type_for_its_own(rhythm, box, clock) -> None:
    found = await drive(clock, rhythm.fetch("organizations").all(), rhythm)
    assert len(found) == box.world.tables["organizations"].count
    assert len(box.calls(operation="getQueryDescription")) == 1
    assert len(box.queries()) == 1


async def test_fetch_takes_no_more_than_its_limit(rhythm, box, clock) -> None:
    box.settings.empty_page_rate = 0
    for strategy in ("list", "search", "query"):
        found = await drive(clock, rhythm.fetch("contacts", strategy=strategy, limit=7, fields=["id"]).all(), rhythm)
        assert len(found) == 7
    assert len(box.calls(operation="listContacts")) == 1
    assert await drive(clock, rhythm.fetch("contacts", limit=0).all(), rhythm) == []


async def test_fetch_leaves_no_file_behind(rhythm, clock, tmp_path, monkeypatch) -> None:
    """Also when the reader stops early."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert await drive(clock, rhythm.fetch("contacts", fields=["id"]).first(), rhythm) is not None
    assert list(tmp_path.iterdir()) == []
