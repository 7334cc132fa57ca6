"""Bodies of writes, and the many forms of their answers."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import aiohttp
import pytest
from aioresponses import CallbackResult

from tests.contract.calls import ID, OTHER, Sent, client
from tests.contract.mocking import mocked
from tonicdm import UNSET, DecodeError, TonicDM
from tonicdm.models import (
    Discipline,
    Office,
    Person,
    PresignedUpload,
    ProjectMember,
    ProjectMemberStatus,
    Reference,
    Status,
)


class Wire:
    """Takes requests down, and gives one answer to all."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.status = 200
        self.body = b"{}"

    def __call__(self, method: str, url: Any, **request: Any) -> CallbackResult:
        self.sent.append(Sent(method, url, tuple(request["headers"]), request["data"]))
        limits = {"Limit": 3600, "Remaining": 3500, "Reset": int(time.time()) + 3600}
        headers = {f"X-Rate-Limit-{name}": str(value) for name, value in limits.items()}
        return CallbackResult(status=self.status, headers=headers, body=self.body)

    @property
    def json(self) -> Any:
        return self.sent[-1].json


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
async def tonic(wire):
    async with aiohttp.ClientSession() as session, client(session) as tonic:
        with mocked(wire):
            yield tonic


async def test_none_is_sent_and_unset_is_not(tonic: TonicDM, wire: Wire):
    await tonic.offices.update(ID, address=None, phone_number=UNSET, status=Status.INACTIVE)
    assert wire.json == {"id": ID, "address": None, "status": "inactive"}


async def test_ids_travel_compact_and_small(tonic: TonicDM, wire: Wire):
    await tonic.rfis.update(uuid.UUID(ID), responsible_person_id=OTHER, project_id=uuid.UUID(ID))
    assert wire.json == {"id": ID, "responsible_person_id": OTHER.lower(), "project_id": ID}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (ID.upper(), {"id": ID}),
        (uuid.UUID(ID), {"id": ID}),
        (Reference(id=ID), {"id": ID}),
        (Reference(id=ID, record=Discipline(id=ID, name_short="ARCH")), {"id": ID, "nameShort": "ARCH"}),
        (Discipline(id=ID), {"id": ID}),
        ({"id": ID}, {"id": ID}),
        (None, None),
    ],
    ids=["text", "UUID", "stub", "full reference", "record", "JSON", "null"],
)
async def test_another_record_is_named_by_its_id_or_by_what_an_answer_held(
    tonic: TonicDM, wire: Wire, given: Any, sent: Any
):
    await tonic.submittals.update(ID, item_discipline=given)
    assert wire.json == {"id": ID, "item_discipline": sent}
    await tonic.brands.update(ID, disciplines=[given, ID] if given is not None else [])
    assert wire.json["disciplines"] == ([sent, {"id": ID}] if given is not None else [])


async def test_an_office_of_a_person_is_sent_as_the_text_of_the_page_says(tonic: TonicDM, wire: Wire):
    await tonic.persons.update(ID, office_id=OTHER, extra={"zz": 1})
    assert wire.json == {"id": ID, "officeId": OTHER.lower(), "zz": 1}
    await tonic.persons.update(ID, office_id=None)
    assert wire.json == {"id": ID, "officeId": None}


async def test_a_note_names_its_item_and_author_with_hyphens(tonic: TonicDM, wire: Wire):
    await tonic.notes.create(attached_to_id=ID, person_id=OTHER, content="<p>x</p>")
    assert wire.json == {
        "attachedToId": str(uuid.UUID(ID)),
        "personId": str(uuid.UUID(OTHER)),
        "content": "<p>x</p>",
    }


async def test_one_member_is_an_object_and_several_are_an_array(tonic: TonicDM, wire: Wire):
    """The text of the page asks for an array, its schema and sample are one object: both are valid."""
    member = ProjectMember(email_address_id=ID, project_member_status=ProjectMemberStatus.ACTIVE)
    wire.status, wire.body = 201, b""
    assert await tonic.team.add(OTHER, member) == ()
    one = {"emailAddressId": ID, "projectId": OTHER.lower(), "ProjectMemberStatus": "active"}
    assert wire.json == one
    wire.body = json.dumps([one, one]).encode()
    assert len(await tonic.team.add(OTHER, member, member)) == 2
    assert wire.json == [one, one]
    assert wire.sent[-1].headers["projectId"] == OTHER.lower()


async def test_only_business_addresses_are_asked_for_in_the_body(tonic: TonicDM, wire: Wire):
    await tonic.email_addresses.create(email_address="a@b.com", selective_non_creation=True)
    assert wire.json == {"emailAddress": "a@b.com", "SelectiveNonCreation": True}
    await tonic.email_addresses.create(email_address="a@b.com")
    assert wire.json == {"emailAddress": "a@b.com"}


@pytest.mark.parametrize("value", ["deleted", 4])
async def test_a_soft_deletion_is_a_change_of_the_status(wire: Wire, value: str | int):
    """The reference writes a word, the concepts page the number 4."""
    async with aiohttp.ClientSession() as session, client(session, soft_delete_value=value) as tonic:
        with mocked(wire):
            await tonic.persons.soft_delete(ID)
            assert wire.json == {"id": ID, "status": value}
            await tonic.projects.soft_delete(ID, project_number="1", project_name_legal="Tower")
            assert wire.json == {"id": ID, "status": value, "projectNumber": "1", "projectNameLegal": "Tower"}
    assert {one.method for one in wire.sent} == {"PATCH"}


@pytest.mark.parametrize(
    ("status", "body", "name"),
    [
        (200, b'{"name":"London"}', "London"),
        (201, b'[{"name":"London"}]', "London"),
        (200, b"[]", None),
        (200, b"", None),
        (200, b" \n", None),
        (200, b"null", None),
        (204, b"", None),
    ],
)
async def test_a_write_is_answered_by_a_record_an_array_or_nothing(
    tonic: TonicDM, wire: Wire, status: int, body: bytes, name: str | None
):
    wire.status, wire.body = status, body
    for answer in (await tonic.offices.create(name="London"), await tonic.offices.update(ID, name="London")):
        assert answer == (None if name is None else Office(name=name))


@pytest.mark.parametrize("body", [b'{"id":"%s"}', b'[{"id":"%s"}]'])
async def test_me_is_an_object_or_an_array_of_one(tonic: TonicDM, wire: Wire, body: bytes):
    wire.body = body % ID.encode()
    assert (await tonic.me.get()).id == (await tonic.persons.me()).id == (await tonic.organizations.me()).id == ID


async def test_me_that_is_nobody_cannot_be_decoded(tonic: TonicDM, wire: Wire):
    wire.body = b"[]"
    with pytest.raises(DecodeError, match="GET /core/me"):
        await tonic.me.get()


async def test_an_upload_is_signed_parameters_or_an_id(tonic: TonicDM, wire: Wire):
    """The page's sample shows an object, its text speaks of a string."""
    wire.body = b'{"X-Amz-Expires":3600,"X-Amz-Signature":"hunter2"}'
    upload = await tonic.uploads.initialize(fileset_id=ID)
    assert isinstance(upload, PresignedUpload)
    assert (upload.expires, upload.signature) == (3600, "hunter2")
    wire.body = b'"2~abc"'
    assert await tonic.uploads.initialize(content_type="application/pdf") == "2~abc"
    assert set(wire.sent[-1].headers) & {"filesetId", "contentType"} == {"contentType"}


async def test_a_response_put_into_another_system_gives_back_what_came(tonic: TonicDM, wire: Wire):
    wire.body = b'{"zz":[1]}'
    assert await tonic.rfi_integrations.create(name="Unclear", extra={"rfi": 1}) == {"zz": [1]}
    assert wire.json == {"name": "Unclear", "rfi": 1}
    wire.status, wire.body = 201, b""
    assert await tonic.rfi_integrations.create() is None


async def test_a_record_that_came_can_be_sent_back_as_it_is(tonic: TonicDM, wire: Wire):
    wire.body = json.dumps([{"id": ID, "emailAddresses": [{"id": ID, "isPrime": True, "zz": 1}], "zz": 2}]).encode()
    person = await tonic.persons.get(ID)
    assert isinstance(person, Person)
    assert person.email_addresses is not None
    await tonic.persons.update(ID, email_addresses=person.email_addresses)
    assert wire.json == {"id": ID, "emailAddresses": [{"id": ID, "isPrime": True, "zz": 1}]}


async def test_ids_in_json_objects_are_sent_as_the_wire_has_them(tonic: TonicDM, wire: Wire):
    """Upper case and `uuid.UUID` become compact lower case, an ID stands for the object that the body has there."""
    part = {"fileset_id": OTHER, "item_id": uuid.UUID(ID), "zz_id": "not checked"}
    await tonic.rfis.create(
        project_id=ID, parts=[part], reason_code={"brandId": ID.upper()}, item_discipline={"id": ID}
    )
    body = wire.json
    assert body["parts"] == [{"fileset_id": OTHER.lower(), "item_id": ID, "zz_id": "not checked"}]
    assert body["reasonCode"] == {"brandId": ID}
    assert body["item_discipline"] == {"id": ID}


async def test_an_id_that_the_wire_has_with_hyphens_may_be_given_so_in_json(tonic: TonicDM, wire: Wire):
    await tonic.notes.create(attached_to_id=ID, person_id=ID, extra={"personId": str(uuid.UUID(OTHER))})
    assert wire.json["personId"] == str(uuid.UUID(OTHER))


async def test_a_member_may_be_given_as_json(tonic: TonicDM, wire: Wire):
    await tonic.team.add(ID, {"emailAddressId": OTHER, "projectId": ID.upper(), "zzField": 1})
    assert wire.json == {"projectId": ID, "emailAddressId": OTHER.lower(), "zzField": 1}
