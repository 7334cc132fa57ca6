"""A compiled reader reads what cattrs' converter, the definition, makes of the same value, or fails where it fails."""

from __future__ import annotations

import inspect
import json
import sys
import traceback
import types
import uuid
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cases import for_each
from tests.integration.http.frames import chain, frames, holds
from tonicdm import DataQuantity, DecodeError, models
from tonicdm.codec import Codec, OpenEnum, Record, assumed_names, camel_case, wire, wire_names
from tonicdm.codec.compiler import can_compile
from tonicdm.codec.paths import explain
from tonicdm.models import CODEC, Office, Person, PersonEmailAddress, RecordStub, Reference, Status, read_with
from tonicdm.rhythm import models as rhythm
from tonicdm.rhythm.models import Contact, ExecutionStarted
from tonicdm.types import RecordID, Secret


def records_of(module: Any) -> list[type[Record]]:
    classes = [one for one in (getattr(module, name) for name in module.__all__) if isinstance(one, type)]
    return [one for one in classes if issubclass(one, Record) and wire_names(one)]


TONICDM, RHYTHM = records_of(models), records_of(rhythm)
MODELS = [*((CODEC, model) for model in TONICDM), *((rhythm.CODEC, model) for model in RHYTHM)]
USUAL = [(CODEC, Person), (CODEC, models.Co), (CODEC, models.ThirdPartyToken), (rhythm.CODEC, Contact)]
"""Between them they have each kind of field."""

# --- values that a record might have, and others ----------------------------------------------------------------------

ID = "f71f272f752c4307b36c5124688562c4"
IDS = [ID, ID.upper(), ID.title(), ID[:-1] + "g", ID[1:], str(uuid.UUID(ID)), str(uuid.UUID(ID)).upper(), "1" * 32]
TIMES = [
    *("2026-02-03", "2026-02-03T12:00:00Z", "2026-02-03t12:00:00z", "2026-02-03T12:00", "2026-02-03 12:00:00+00:01"),
    *("2026-02-03ß12:00:00", "2026-W06-2", "2026-w06-2", "20260203", "2026-02-30", "2026-02-03 and more", "12:00"),
]
WORDS = ["", "a", "active", "4", "retired", "Ada", "é", "ß", "\ud800", "none"]
NUMBERS: list[Any] = [None, True, False, 0, 1, 4, -1, 2**70, 0.0, -0.0, 1.0, 1.5, 1e300, float("inf")]
NESTED: list[Any] = [
    *([], [None], ["a"], [1], [{}], [[]], [ID], [{"name": "a"}, {"name": 5}], [{"name": None, "zz": 1}]),
    *({}, {"id": ID}, {"id": ID.upper()}, {"id": 5}, {"id": ID, "datetimeUpdated": TIMES[1]}, {"updated": "never"}),
    *({"name": "a"}, {"name": 5}, {"id": ID, "name": None, "zz": [1]}, {"zz": 5}),
]
texts, ids, times = st.text(max_size=8) | st.sampled_from(WORDS), st.sampled_from(IDS), st.sampled_from(TIMES)
numbers = st.integers() | st.floats() | st.sampled_from([0, 1, 4, True, False, -0.0, 1e300, 2**70])
scalars = st.none() | numbers | texts | ids | times
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


def of_type(hint: Any) -> st.SearchStrategy[Any]:
    """Return values that a field of this type takes, most of them."""
    options = [option for option in get_args(hint) if option is not type(None)]
    if get_origin(hint) in {Union, types.UnionType}:
        return st.none() | st.one_of(*map(of_type, options))
    if get_origin(hint) is tuple:
        return st.lists(of_type(options[0]), max_size=2)
    if get_origin(hint) is Reference:
        stubs = st.fixed_dictionaries({"id": ids}, optional={"datetimeUpdated": times})
        return ids | stubs | of_model(options[0])
    if isinstance(hint, type) and issubclass(hint, Record):
        return of_model(hint)
    if isinstance(hint, type) and issubclass(hint, OpenEnum):
        return st.sampled_from([member.value for member in hint]) | texts
    known = {RecordID: ids, str: texts, Secret: texts, bool: st.booleans(), int: st.integers(), float: numbers}
    return known.get(hint, times if getattr(hint, "__module__", "") == "datetime" else anything)


def of_model(model: type[Record]) -> st.SearchStrategy[Any]:
    """Return objects with some fields of a model, nearly all of the right types, and with others."""
    hints, names = get_type_hints(model), wire_names(model)

    def filled(chosen: list[str]) -> st.SearchStrategy[Any]:
        fields = {names[name]: st.one_of(*[of_type(hints[name])] * 9, anything) for name in chosen}
        return st.fixed_dictionaries(fields, optional={"zzNew": anything, "é": anything})

    return st.lists(st.sampled_from(sorted(names)), max_size=8, unique=True).flatmap(filled)


# --- what is compared -------------------------------------------------------------------------------------------------


def exactly(value: Any) -> Any:
    """Return all that can be told of a value: of a record the bookkeeping too, and types, orders and signs."""
    if attrs.has(type(value)):
        return type(value), [(field.name, exactly(getattr(value, field.name))) for field in attrs.fields(type(value))]
    if isinstance(value, (list, tuple)):
        return type(value), [exactly(one) for one in value]
    if isinstance(value, dict):
        return dict, [(name, exactly(item)) for name, item in value.items()]
    if isinstance(value, Secret):
        return Secret, value.reveal()
    return type(value), repr(value)


def attempt(read: Any, value: Any, model: type[Record]) -> Any:
    try:
        return exactly(read(value, model))
    except Exception as error:  # noqa: BLE001 - what is compared
        return type(error) is not RecursionError


def check(codec: Codec, model: type[Record], value: Any) -> None:
    before = json.dumps(value)
    assert attempt(codec.reader(model), value, model) == attempt(codec.definition.structure, value, model)
    assert json.dumps(value) == before, "the value is somebody else's"
    if (paths := paths_of(codec, model, value)) is not None:
        with pytest.raises(DecodeError) as caught:
            codec.read(value, model)
        assert list(caught.value.paths) == paths


def paths_of(codec: Codec, model: type[Record], value: Any) -> list[str] | None:
    """Return where the definition finds a value to be no record; None where it is one."""
    try:
        codec.definition.structure(value, model)
    except Exception as error:  # noqa: BLE001 - whatever the definition says
        return explain(error, model)
    return None


# --- properties -------------------------------------------------------------------------------------------------------


def fields() -> dict[Any, tuple[Codec, type[Record], str]]:
    """Return a field of each type, and of each that is assumed, with its class."""
    return {
        (get_type_hints(model)[name], name in assumed_names(model)): (codec, model, wire_name)
        for codec, model in MODELS
        for name, wire_name in wire_names(model).items()
    }


@for_each(("codec", "model", "name"), fields().values(), ids=lambda one: one if isinstance(one, str) else "")
def test_each_type_of_field_takes_and_refuses_what_the_definition_does(codec: Codec, model: type[Record], name: str):
    needed = {"executionArn": "arn"} if model is ExecutionStarted else {}
    for value in (*IDS, *TIMES, *WORDS, *NUMBERS, *NESTED):
        check(codec, model, {"before": 1, **needed, name: value, "behind": None})


@settings(deadline=None, max_examples=80)
@given(st.sampled_from(USUAL).flatmap(lambda pair: st.tuples(st.just(pair), of_model(pair[1]) | anything)))
def test_a_reader_reads_what_the_definition_reads(case: Any):
    (codec, model), value = case
    check(codec, model, value)


@pytest.mark.thorough
@for_each("pair", MODELS, ids=lambda pair: pair[1].__name__)
def test_the_reader_of_each_model_reads_what_the_definition_reads(pair: Any):
    codec, model = pair

    @settings(deadline=None, max_examples=60)
    @given(of_model(model) | anything)
    def compare(value: Any) -> None:
        check(codec, model, value)

    compare()


@settings(deadline=None, max_examples=50)
@given(st.text('[]{},:"\\ 1anuliedsbct-.', max_size=40) | anything.map(json.dumps))
def test_any_text_reads_as_the_definition_has_it(text: str):
    try:
        value = json.loads(text)
    except ValueError:
        return
    check(CODEC, Office, value)


@for_each("model", [Person, PersonEmailAddress, Contact, ExecutionStarted], ids=lambda model: model.__name__)
def test_a_record_that_was_read_is_like_one_that_was_made(model: type[Record]):
    """Frozen, hashable, of its own class; nothing of its making is left."""
    codec = CODEC if model in TONICDM else rhythm.CODEC
    needed = {"executionArn": "arn"} if model is ExecutionStarted else {}
    read, made = codec.read(needed, model), model(**({"execution_arn": "arn"} if needed else {}))
    assert type(read) is type(made) is model
    assert exactly(read) == exactly(made)
    assert hash(read) == hash(made)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        read.extra = {}  # type: ignore[misc]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        del read.extra


def test_all_models_are_compiled():
    """But the stub, which the package reads by a hook of its own."""
    assert [model for _, model in MODELS if not can_compile(model)] == []
    for codec, model in (*USUAL, (CODEC, PersonEmailAddress)):
        assert f"reader of {model.__module__}.{model.__name__}" in codec.reader(model).__code__.co_filename
    assert CODEC.reader(RecordStub).__module__ == "tonicdm.models.references"


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class Upper(Record):
    """Not a model that can be compiled: what is read is not what is kept."""

    name: str | None = attrs.field(default=None, converter=attrs.converters.optional(str.upper))


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class Numbered(Record):
    """Not one either: without a value it is not null."""

    number: int | None = 1
    own: Upper | None = wire()


@for_each("model", [Upper, Numbered], ids=lambda model: model.__name__)
def test_a_class_that_is_more_than_its_fields_is_read_by_the_definition(model: type[Record]):
    assert not can_compile(model)
    codec = Codec()
    for value in ({}, {"name": "ada", "number": 2, "own": {"name": "x"}}, {"number": None, "name": None}):
        assert attempt(codec.reader(model), value, model) == attempt(codec.definition.structure, value, model)
    assert codec.read({"name": "ada"}, Upper).name == "ADA"
    assert codec.read({}, Numbered).number == 1


def test_what_a_setup_teaches_the_definition_is_taught_to_the_readers():
    """A type is inlined by the hook that reads it, not by its name."""

    def setup(converter: Any) -> None:
        converter.register_structure_hook(str, lambda value, _type: f"<{value}>")

    assert Codec(setup).read({"name": 5}, Office).name == "<5>"


def test_what_is_noted_of_a_call_is_noted_in_all_its_records():
    value = {"emailAddresses": [{"id": "1"}], "office": {"name": "London"}}
    with read_with(DataQuantity.COMPLETE):
        person = CODEC.read(value, Person)
    assert person.data_quantity is DataQuantity.COMPLETE
    assert person.email_addresses is not None and person.office is not None and person.office.record is not None
    assert person.email_addresses[0].data_quantity is person.office.record.data_quantity is DataQuantity.COMPLETE
    assert CODEC.read(value, Person).data_quantity is None


def test_several_values_of_other_types_than_assumed_are_all_kept():
    value = {"division1": 5, "name": "Ada", "division2": [1], "zz": None}
    assert CODEC.read(value, Person).extra == {"division1": 5, "division2": [1], "zz": None}
    check(CODEC, Person, value)


def test_known_words_are_their_members_and_new_ones_grow_nothing():
    assert CODEC.read({"status": "active"}, Office).status is Status.ACTIVE
    assert CODEC.read({"status": "retired"}, Office).status == "retired"
    assert len(Status) == 3


def test_the_source_of_a_reader_can_be_read_and_stands_in_tracebacks():
    reader = CODEC.reader(Person)
    assert "made.name = item if type(item) is str else read_str(item)" in inspect.getsource(reader)
    try:
        reader({"name": 5}, Person)
    except Exception:  # noqa: BLE001 - a signal inside the codec
        assert "read_str(item)" in "".join(traceback.format_exception(sys.exception()))
    else:
        pytest.fail("5 is no name")


@for_each(
    "read",
    [
        lambda value: CODEC.read(value, models.ThirdPartyToken),
        lambda value: CODEC.read_all([{}, value], models.ThirdPartyToken),
    ],
    ids=["one", "several"],
)
def test_no_frame_of_an_error_shows_what_could_not_be_read(read: Any):
    """Error trackers keep the locals of frames; a record may hold a token, or an address."""
    with pytest.raises(DecodeError) as caught:
        read({"token": ["hunter2"], "platform": "hunter2"})
    found = [
        (frame.f_code.co_filename, name)
        for error in chain(caught.value)
        for frame in frames(error.__traceback__)
        for name, local in frame.f_locals.items()
        if frame.f_code.co_filename != __file__ and holds(local, "hunter2")
    ]
    assert found == []


def test_a_usual_record_takes_few_functions():
    """A count, which no busy machine changes: what has its final form is taken over without a call."""
    value = {
        "id": ID,
        "status": "active",
        "name": "Ada",
        "title": None,
        "datetimeCreated": TIMES[1],
        "zz": 1,
        "emailAddresses": [{"id": ID, "status": "active", "isPrime": True, "deskphoneNumber": 20, "name": "Ada"}],
    }
    called: list[str] = []

    def count(frame: types.FrameType, event: str, _argument: Any) -> None:
        if event == "call":
            called.append(frame.f_code.co_name)

    read = CODEC.reader(Person)
    read(value, Person)
    sys.setprofile(count)
    try:
        read(value, Person)
    finally:
        sys.setprofile(None)
    assert sorted(called) in (
        ["<listcomp>", "read", "read", "read_datetime", "rest"],
        ["read", "read", "read_datetime", "rest"],  # from Python 3.12 on a list is no function
    )
