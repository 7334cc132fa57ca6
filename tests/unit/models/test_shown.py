"""What people and applications see of records: reprs, notebooks, dictionaries, JSON, pydantic, FastAPI."""

from __future__ import annotations

import datetime
import importlib
import json
import pkgutil
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

import tonicdm.models
import tonicdm.rhythm.models
from tests import asgi
from tonicdm import codec
from tonicdm.codec import wire_names
from tonicdm.endpoints.many import RecordBatch
from tonicdm.models import CODEC, ExpiryUrl, Person, PersonEmailAddress, RecordStub, Reference, Rfi, ThirdPartyToken
from tonicdm.paging import Page, Records
from tonicdm.rhythm.models import CODEC as RHYTHM

ID = "f71f272f752c4307b36c5124688562c4"
WIRE = {
    "id": ID,
    "datetimeUpdated": "2026-03-01T12:00:00.123456Z",
    "name": "Mel <b>Brown</b>",
    "status": "active",
    "title": None,
    "emailAddresses": [{"id": ID, "emailAddress": "mel@pacific.com", "dateActive": "2026-01-01"}],
    "office": {"id": ID, "datetimeUpdated": "2026-01-01T00:00:00Z"},
    "zzNew": {"url": "https://x.test?sig=hunter2"},
}


def models() -> Iterator[type[codec.Record]]:
    for package in (tonicdm.models, tonicdm.rhythm.models):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for item in vars(importlib.import_module(module.name)).values():
                if isinstance(item, type) and issubclass(item, codec.Record) and item.__module__ == module.name:
                    yield item


def person() -> Person:
    return CODEC.read(WIRE, Person)


def test_a_repr_is_one_line_without_values():
    """Which record, when it changed and how much of it is there; a name in it would end up in logs."""
    assert repr(person()) == f"<Person {ID}, updated 2026-03-01T12:00:00Z, 7 fields>"
    assert repr(Person()) == "<Person, 0 fields>"
    for one in (person(), person().email_addresses, [person()]):
        assert "mel" not in repr(one).lower()


def test_no_record_shows_its_values_in_a_repr():
    for model in models():
        assert model.__repr__ is codec.Record.__repr__, model
        assert len(f"<{model.__name__} {ID}, updated 2026-03-01T12:00:00Z, 99 fields>") <= 100, model


@pytest.mark.parametrize("value", ["mel@pacific.com", "Mel Brown", "a" * 37])
def test_an_id_that_may_say_who_it_is_stays_out_of_the_repr(value: str):
    assert value not in repr(PersonEmailAddress(id=value))  # type: ignore[arg-type]


def test_a_dictionary_is_what_stands_on_the_wire():
    assert person().to_dict() == {**WIRE, "datetimeUpdated": "2026-03-01T12:00:00.123456Z"}
    assert json.loads(person().to_json()) == person().to_dict()
    assert CODEC.read(person().to_dict(), Person) == person()


def test_it_may_have_the_names_of_the_attributes():
    written = person().to_dict(names="python")
    assert list(written) == ["id", "datetime_updated", "status", "email_addresses", "name", "title", "office", "zzNew"]
    assert written["email_addresses"][0]["email_address"] == "mel@pacific.com"
    assert written["office"] == {"id": ID, "updated": "2026-01-01T00:00:00Z"}


def test_a_secret_is_written_only_when_asked_for():
    record = CODEC.read({"token": "hunter2"}, ThirdPartyToken)
    assert record.to_dict() == {"token": "***"}
    assert "hunter2" not in record.to_json()
    assert record.to_dict(secrets=True) == {"token": "hunter2"}


def test_json_is_text_of_one_line_unless_asked_for_more():
    record = CODEC.read({"name": "Zoë"}, Person)
    assert record.to_json() == '{"name":"Zoë"}'
    assert record.to_json(indent=2) == '{\n  "name": "Zoë"\n}'


def test_a_record_and_a_reference_make_dictionaries_of_what_they_hold():
    made = dict(person())  # type: ignore[call-overload]
    assert made.keys() == WIRE.keys()
    assert isinstance(made["datetimeUpdated"], datetime.datetime)
    assert dict(made["office"]).keys() == {"id", "datetimeUpdated"}
    assert dict(Reference()) == {}  # type: ignore[call-overload]
    full = Reference(id=person().id, record=person())
    assert dict(full) == made  # type: ignore[call-overload]
    with pytest.raises(KeyError):
        Reference()["id"]


def test_notebooks_show_values_escaped_and_no_keys():
    shown = person()._repr_html_()
    assert "Mel &lt;b&gt;Brown&lt;/b&gt;" in shown
    assert "<b>" not in shown
    assert "hunter2" not in shown
    assert "zzNew" in shown
    for key in (CODEC.read({"expiry_url": "hunter2"}, ExpiryUrl), CODEC.read({"token": "hunter2"}, ThirdPartyToken)):
        assert "hunter2" not in key._repr_html_()


@pytest.mark.parametrize("make", [Records, lambda records: RecordBatch(records, []), lambda records: Page(1, records)])
def test_lists_are_tables_of_their_first_records(make: Any):
    shown = make(tuple(CODEC.read({**WIRE, "name": f"<i>{number}</i>"}, Person) for number in range(50)))._repr_html_()
    assert shown.count("<tr>") == 21
    assert "and 30 more" in shown
    assert "&lt;i&gt;19&lt;/i&gt;" in shown
    assert "<i>" not in shown
    assert make(())._repr_html_()


def test_a_page_says_what_it_is_and_not_what_it_holds():
    assert repr(Page(3, (person(),))) == "<Page 3: 1 records>"


def test_a_batch_is_a_tuple_that_keeps_what_is_missing():
    import copy
    import pickle

    batch = RecordBatch([person()], [tonicdm.RecordID(ID)])
    assert batch == (person(),)
    for again in (copy.deepcopy(batch), pickle.loads(pickle.dumps(batch)), copy.copy(batch)):
        assert (again, again.missing, again.skipped) == (batch, (ID,), ())


# --- pydantic and FastAPI ---------------------------------------------------------------------------------------------


def sample(model: type[codec.Record]) -> Any:
    reader = RHYTHM if model.__module__.startswith("tonicdm.rhythm") else CODEC
    needed = {"id": ID} if "id" in wire_names(model) else {}
    try:
        return reader.read(needed, model)
    except tonicdm.DecodeError:
        return None


def test_every_record_can_be_a_field_of_a_pydantic_model_and_describes_itself():
    import pydantic

    for model in models():
        adapter = pydantic.TypeAdapter(model)
        schema = adapter.json_schema(mode="serialization")
        assert schema["properties"].keys() == set(wire_names(model).values())
        if (record := sample(model)) is not None:
            assert adapter.validate_python(record) is record
            assert json.loads(adapter.dump_json(record)) == record.to_dict()
            assert adapter.dump_python(record) is record
    with pytest.raises(pydantic.ValidationError, match="a Rfi as this package returns it"):
        pydantic.TypeAdapter(Rfi).validate_python({"id": ID})


def test_the_schema_of_a_record_names_types():
    import pydantic

    properties = pydantic.TypeAdapter(Person).json_schema(mode="serialization")["properties"]
    assert properties["datetimeUpdated"] == {"type": "string", "format": "date-time"}
    assert properties["emailAddresses"]["items"]["properties"]["isPrime"] == {"type": "boolean"}
    assert properties["emailAddresses"]["items"]["properties"]["dateActive"] == {"type": "string", "format": "date"}
    assert properties["office"]["properties"] == {"id": {"type": "string"}}


async def test_fastapi_serves_records_with_and_without_a_declared_type():
    import fastapi

    app = fastapi.FastAPI()

    @app.get("/plain")
    async def plain():
        return Records([person()])

    @app.get("/batch")
    async def batch():
        return RecordBatch([person()], [])

    @app.get("/nested")
    async def nested():
        return {"person": person(), "stub": RecordStub(id=tonicdm.RecordID(ID))}

    async def typed():
        return Records([person()])

    app.get("/typed", response_model=list[Person])(typed)
    app.get("/typed-batch", response_model=list[Person])(batch)
    for path in ("/plain", "/batch", "/typed", "/typed-batch"):
        (served,) = (await asgi.get(app, path)).json()
        assert CODEC.read(served, Person) == person(), path
    assert (await asgi.get(app, "/nested")).json()["stub"] == {"id": ID}
    assert (await asgi.get(app, "/typed")).json() == [person().to_dict()]
    described = (await asgi.get(app, "/openapi.json")).json()
    assert "Mel" not in json.dumps(described)
    assert "datetimeUpdated" in json.dumps(described)


def test_attributes_of_records_are_no_names_of_methods():
    """A field that the API adds under such a name would hide the method."""
    methods = {"keys", "to_dict", "to_json", "extra", "nulls", "resolved"}
    for model in models():
        assert not methods & {field.name for field in attrs.fields(model)} - {"extra", "nulls", "resolved"}


def test_a_table_of_records_has_the_fields_that_are_plain():
    shown = Records([person()])._repr_html_()
    assert "<th>name</th>" in shown
    assert "email_addresses" not in shown
    assert "columns are left out" in shown
