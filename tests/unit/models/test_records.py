"""What holds for every record class."""

from __future__ import annotations

import ast
import copy
import datetime
import inspect
import pathlib
import pickle
from typing import Any, get_type_hints

import attrs
import pytest

from tests.cases import for_each
from tonicdm import DataQuantity, Secret, models
from tonicdm.codec import wire_names
from tonicdm.models import (
    CODEC,
    Brand,
    Discipline,
    ExpiryUrl,
    Office,
    Person,
    PresignedUpload,
    Record,
    RecordStub,
    Reference,
    ThirdPartyToken,
    ThumbnailSet,
    read_with,
)

CLASSES = [one for one in (getattr(models, name) for name in models.__all__) if isinstance(one, type)]
KINDS = [one for one in CLASSES if issubclass(one, Record) and one is not Record]
ID = "f71f272f752c4307b36c5124688562c4"
NEEDED = {RecordStub: {"id": ID}}
by_name = for_each("kind", KINDS, ids=lambda one: one.__name__)


def test_every_record_class_of_the_package_is_public():
    files = pathlib.Path(models.__file__).parent.glob("*.py")
    trees = [ast.parse(file.read_text()) for file in files]
    classes = {node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)}
    assert {name for name in classes if not name.startswith("_")} <= set(models.__all__)


def test_type_checkers_know_each_public_name_by_the_module_that_has_it():
    """What is imported for type checkers is what the table of modules names, and each name is where both say."""
    tree = ast.parse(pathlib.Path(models.__file__).read_text())
    (imports,) = (node.body for node in tree.body if isinstance(node, ast.If))
    known = {(name.asname, node.module) for node in imports if isinstance(node, ast.ImportFrom) for name in node.names}
    named = {(name, module) for module, names in models._NAMES.items() for name in names}
    assert known == named
    assert {name for name, _ in named} | {"CODEC", "Codec", "OpenEnum"} == set(models.__all__)
    assert all(hasattr(models, name) for name in models.__all__)


@by_name
def test_a_record_survives_pickling_and_copying(kind: type[Record]):
    for record in (kind(**NEEDED.get(kind, {})), CODEC.read({**NEEDED.get(kind, {}), "zzNew": [1]}, kind)):
        for again in (pickle.loads(pickle.dumps(record)), copy.deepcopy(record), copy.copy(record)):
            assert again == record
            assert type(again) is kind
            assert again.extra == record.extra
            assert again.nulls == record.nulls
            assert CODEC.write(again) == CODEC.write(record)


@by_name
def test_a_record_that_an_earlier_version_pickled_has_the_fields_that_came_since(kind: type[Record]):
    """They read as their defaults, and no other name does; it compares, copies and pickles as any record."""
    before = kind(**NEEDED.get(kind, {}))
    state = before.__getstate__()  # type: ignore[attr-defined]
    for name in ("data_quantity", "resolved", "nulls"):
        record = object.__new__(kind)
        record.__setstate__({key: value for key, value in state.items() if key != name})  # type: ignore[attr-defined]
        assert getattr(record, name) == getattr(before, name)
        assert pickle.loads(pickle.dumps(record)) == record == before == copy.deepcopy(record)
        assert record.updated is None
        assert not hasattr(record, "nonsense")


@by_name
def test_a_record_is_frozen_slotted_and_hashable(kind: type[Record]):
    record = kind(**NEEDED.get(kind, {}))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        record.extra = {}  # type: ignore[misc]
    assert not hasattr(record, "__dict__")
    assert hash(record) == hash(kind(**NEEDED.get(kind, {})))


@by_name
def test_an_empty_answer_is_read_and_all_its_fields_are_none(kind: type[Record]):
    """Answers may omit anything: only a stub is nothing without its ID."""
    record = CODEC.read(NEEDED.get(kind, {}), kind)
    assert all(getattr(record, name) is None for name in wire_names(kind) if name not in NEEDED.get(kind, {}))


@by_name
def test_every_field_can_come_as_null_and_is_written_as_null(kind: type[Record]):
    value = {**dict.fromkeys(wire_names(kind).values()), **NEEDED.get(kind, {})}
    assert CODEC.write(CODEC.read(value, kind)).keys() >= value.keys() - {"datetimeUpdated"}


@by_name
def test_every_field_has_one_wire_name_and_a_description(kind: type[Record]):
    names = wire_names(kind)
    assert len(set(names.values())) == len(names)
    assert set(names) == {field.name for field in attrs.fields(kind)} - {"extra", "nulls", "resolved", "data_quantity"}
    assert kind.__doc__
    tree = ast.parse(pathlib.Path(inspect.getfile(kind)).read_text())
    (body,) = [node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == kind.__name__]
    for node, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign):
            assert isinstance(following, ast.Expr), ast.unparse(node)


@by_name
def test_unknown_fields_stand_in_no_repr(kind: type[Record]):
    """They may be anything: signed URLs, personal data."""
    assert "hunter2" not in repr(CODEC.read({**NEEDED.get(kind, {}), "zzUrl": "https://x.test?sig=hunter2"}, kind))


@pytest.mark.parametrize(
    ("kind", "wire_name", "shown"),
    [
        (ThirdPartyToken, "token", "reveal"),
        (ExpiryUrl, "expiry_url", "expiry_url"),
        (PresignedUpload, "X-Amz-Signature", "signature"),
        (PresignedUpload, "X-Amz-Credential", "credential"),
        (ThumbnailSet, "thumbnailArray", "thumbnail_array"),
    ],
    ids=lambda one: str(getattr(one, "__name__", one)),
)
def test_what_opens_a_door_stands_in_no_repr(kind: type[Record], wire_name: str, shown: str):
    sample: Any = ["hunter2"] if wire_name == "thumbnailArray" else "hunter2"
    record = CODEC.read({wire_name: sample}, kind)
    assert "hunter2" not in repr(record)
    assert "hunter2" not in str(record)
    assert "hunter2" not in f"{record}"
    assert CODEC.write(record) == {wire_name: sample}


def test_a_token_is_a_secret_that_refuses_to_be_pickled_or_copied():
    record = CODEC.read({"token": "hunter2", "platform": "procore"}, ThirdPartyToken)
    assert isinstance(record.token, Secret)
    assert record.token.reveal() == "hunter2"
    for attempt in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="Secret"):
            attempt(record)


def test_a_reference_is_a_stub_or_the_record_under_one_attribute():
    stub = CODEC.read({"office": {"id": ID, "datetimeUpdated": "2026-02-03T12:00:00Z"}}, Person).office
    full = CODEC.read(
        {"office": {"id": ID, "name": "London", "datetimeUpdated": "2026-02-03T12:00:00Z"}}, Person
    ).office
    assert stub is not None
    assert full is not None
    assert (stub.id, stub.is_stub, stub.record) == (ID, True, None)
    assert (full.id, full.is_stub) == (ID, False)
    assert full.record is not None
    assert full.record.name == "London"
    assert stub.updated == full.updated is not None


@pytest.mark.parametrize("name", ["datetimeUpdated", "datetime_updated", "updated"])
def test_a_stub_finds_its_time_under_any_of_the_names_it_may_have(name: str):
    """The concepts page promises the time and does not print its name."""
    assert CODEC.read({"id": ID, name: "2026-02-03T12:00:00Z"}, RecordStub).updated is not None


def test_a_reference_may_be_a_bare_id_or_lack_one():
    brand = CODEC.read({"disciplines": [ID, {"nameShort": "ARCH"}, {}]}, Brand)
    assert brand.disciplines is not None
    bare, nameless, empty = brand.disciplines
    assert bare == Reference(id=ID)
    assert nameless.record == Discipline(name_short="ARCH")
    assert empty == Reference(record=Discipline())
    assert CODEC.write(brand) == {"disciplines": [{"id": ID}, {"nameShort": "ARCH"}, {}]}


def test_records_with_the_same_values_are_equal_whatever_came_as_null():
    assert CODEC.read({"name": None}, Office) == CODEC.read({}, Office) == Office()


def test_the_user_has_every_field_of_a_person():
    """As the concepts page says ("User"): same names, same types."""
    missing = wire_names(Person).keys() - wire_names(models.Me).keys()
    assert not missing, f"a person has {', '.join(missing)}; so must Me, in tonicdm/models/me.py"
    mine, theirs = get_type_hints(models.Me), get_type_hints(Person)
    assert {name: mine[name] for name in wire_names(Person)} == {name: theirs[name] for name in wire_names(Person)}
    assert wire_names(Person).items() <= wire_names(models.Me).items()


@for_each(
    ("kind", "name", "wire_name"),
    [
        (models.Project, "office", "office"),
        (models.Project, "division1", "division1"),
        (models.Organization, "home_zone", "homeZone"),
        (models.Me, "home_zone", "homeZone"),
        (models.EmailAddress, "title", "title"),
        (models.EmailAddress, "brand_id", "brandId"),
    ],
    ids=lambda one: str(getattr(one, "__name__", one)),
)
def test_an_assumption_that_does_not_hold_costs_no_record(kind: type[Record], name: str, wire_name: str):
    """A field that no document prints may turn out to be something else: it is kept as it came, as unknown ones are."""
    record = CODEC.read({"id": ID, wire_name: 17.5}, kind)
    assert getattr(record, name) is None
    assert record.extra == {wire_name: 17.5}
    assert record[wire_name] == 17.5
    assert CODEC.write(record) == {"id": ID, wire_name: 17.5}
    empty = CODEC.read({"id": ID, wire_name: None}, kind)
    assert (empty.extra, empty[wire_name], CODEC.write(empty)) == ({}, None, {"id": ID, wire_name: None})


@for_each("name", ["datetimeUpdated", "datetime_updated", "updated"])
@by_name
def test_every_record_tells_when_it_changed_whatever_the_wire_calls_it(kind: type[Record], name: str):
    record = CODEC.read({**NEEDED.get(kind, {}), name: "2026-02-03T13:00:00+01:00"}, kind)
    assert record.updated == datetime.datetime(2026, 2, 3, 12, tzinfo=datetime.UTC)
    assert CODEC.read(NEEDED.get(kind, {}), kind).updated is None


@by_name
def test_how_a_record_was_read_is_kept_by_copies_and_is_no_part_of_what_it_is(kind: type[Record]):
    value = NEEDED.get(kind, {})
    with read_with(DataQuantity.COMPLETE):
        record = CODEC.read(value, kind)
    plain = CODEC.read(value, kind)
    if kind is not RecordStub:
        assert (record.data_quantity, plain.data_quantity) == (DataQuantity.COMPLETE, None)
    assert record == plain
    assert hash(record) == hash(plain)
    assert "data_quantity" not in {*repr(record).split("("), *CODEC.write(record)}
    for again in (pickle.loads(pickle.dumps(record)), copy.deepcopy(record), attrs.evolve(record)):
        assert again.data_quantity is record.data_quantity


def test_a_time_that_can_not_be_read_is_kept_and_tells_nothing():
    record = CODEC.read({"id": ID, "datetimeUpdated": "yesterday"}, models.Project)
    assert record.updated is None
    assert record["datetimeUpdated"] == "yesterday"


def test_embedded_records_know_how_they_were_read():
    with read_with(DataQuantity.COMPLETE):
        person = CODEC.read({"office": {"id": ID, "name": "London"}, "emailAddresses": [{"name": "Mel"}]}, Person)
    assert person.office is not None
    assert person.office.record is not None
    assert person.office.record.data_quantity is DataQuantity.COMPLETE
    assert person.email_addresses is not None
    assert person.email_addresses[0].data_quantity is DataQuantity.COMPLETE
