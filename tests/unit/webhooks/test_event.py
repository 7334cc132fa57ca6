"""What is read from a body, whatever its form, and what duplicates share."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm.errors import ConfigError, MalformedEventError
from tonicdm.store import TYPES
from tonicdm.store.rows import updated_of
from tonicdm.webhooks import Payload, TolerantReader, parse
from tonicdm.webhooks.event import content_digest
from tonicdm.webhooks.payload import record_type_of

ONE, TWO = "a" * 32, "b" * 32
HYPHENATED = "AAAAAAAA-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
RECORD = {"id": ONE, "name": "x", "updated": "2026-01-01T00:00:00Z"}


def event(payload, headers=None, **settings):
    return parse(json.dumps(payload).encode(), headers or {}, signed=False, received=1.0, **settings)


FORMS = {
    "the sandbox's own": {"id": "e1", "type": "persons.updated", "object": "persons", "sent": 1, "data": [RECORD]},
    "data is one object": {"id": "e1", "type": "persons.updated", "data": RECORD},
    "data wraps the object": {"id": "e1", "type": "person.updated", "data": {"object": RECORD}},
    "data is an array of ids": {"id": "e1", "event": "person_updated", "data": [ONE]},
    "thin, with a record's id": {"id": "e1", "eventType": "PersonUpdated", "recordId": ONE},
    "thin, with ids": {"id": "e1", "topic": "core/persons:updated", "ids": [ONE]},
    "object and action": {"id": "e1", "object": "Person", "action": "updated", "data": {"id": HYPHENATED}},
    "thin, its id is the record's": {"type": "persons.updated", "id": ONE},
    "an array of events": [{"type": "persons.updated", "data": RECORD}],
}


@for_each("form", FORMS)
def test_type_and_ids_are_found_in_every_usual_form(form: str) -> None:
    found = event(FORMS[form])
    assert (found.record_type, found.ids) == ("persons", (ONE,))


def test_a_record_without_an_envelope_tells_its_id_and_no_type() -> None:
    """A "type" among its fields is the record's own: a bare word beside a record names no record type."""
    for record in (RECORD, {**RECORD, "type": "office"}, [RECORD]):
        found = event(record)
        assert (found.record_type, found.ids) == (None, (ONE,))


def test_a_reader_may_be_told_the_type_that_a_path_stands_for() -> None:
    assert event([RECORD], reader=TolerantReader(record_type="offices")).record_type == "offices"
    assert (
        event({"type": "persons.updated", "data": [RECORD]}, reader=TolerantReader(record_type="offices")).record_type
        == "persons"
    )
    with pytest.raises(ConfigError, match="no such record type: unicorns"):
        TolerantReader(record_type="unicorns")


def test_ids_are_compact_unique_and_in_order_and_what_is_no_id_is_left_out() -> None:
    found = event({"type": "notes.updated", "data": [{"id": TWO}, {"id": HYPHENATED}, {"id": ONE}, {"id": "7"}, {}]})
    assert found.ids == (TWO, ONE)


@for_each("name", TYPES)
def test_every_type_is_known_in_singular_plural_and_any_spelling(name: str) -> None:
    one = name.removesuffix("es") if name.endswith("sses") else name.removesuffix("s")
    camel = "".join(part.capitalize() for part in one.split("_"))
    for word in (name, name.upper(), one, camel, name.replace("_", "-"), name.replace("_", "")):
        for words in (word, f"{word}.updated", f"workflow/{word}", f"{word}_created"):
            assert record_type_of(words) == name, words


@for_each("words", ["", "updated", "unicorn.updated", "project_team_updated", ".", "per son"])
def test_a_type_is_not_guessed_from_what_only_resembles_it(words: str) -> None:
    assert record_type_of(words) is None


def test_batches_of_several_types_have_none() -> None:
    both = [{"type": "persons.updated", "data": [{"id": ONE}]}, {"type": "offices.updated", "data": [{"id": TWO}]}]
    found = event(both)
    assert (found.type, found.record_type, found.ids) == ("", None, (ONE, TWO))
    assert event(both, reader=TolerantReader(record_type="persons")).record_type is None


def test_the_type_is_told_as_the_sender_wrote_it() -> None:
    assert event({"type": "Person.Updated", "data": [ONE]}).type == "Person.Updated"
    assert event({"object": "persons", "action": "updated", "data": [ONE]}).type == "persons.updated"
    assert event({"object": "persons", "type": "updated", "data": [ONE]}).type == "persons.updated"
    assert event({"data": [ONE]}).type == ""


def test_the_key_is_the_header_else_the_bodys_id_else_a_digest() -> None:
    body = {"id": "e1", "type": "persons.updated", "data": [RECORD]}
    assert event(body, {"Webhook-Id": "h1"}).key == "h1"
    assert event(body).key == "e1"
    assert event([RECORD]).key == event([RECORD]).key
    assert event([RECORD]).key != event([{**RECORD, "updated": "2026-01-02T00:00:00Z"}]).key


def test_the_id_of_a_record_is_never_the_key_of_an_event() -> None:
    """All changes of a record would be duplicates of its first."""
    for form in (RECORD, {"type": "persons.updated", **RECORD}):
        assert event(form).key not in {ONE, event({**form, "updated": "2026-01-02T00:00:00Z"}).key}


def test_hints_that_nothing_dates_are_never_duplicates() -> None:
    """The same words may tell of a second change; to fetch twice costs less than to miss it."""
    body = json.dumps({"type": "persons.updated", "ids": [ONE]}).encode()
    first, second = (parse(body, {}, signed=False, received=moment) for moment in (1.0, 2.0))
    assert first.key != second.key
    dated = json.dumps({"type": "persons.updated", "ids": [ONE], "sent": 5}).encode()
    first, second = (parse(dated, {}, signed=False, received=moment) for moment in (1.0, 2.0))
    assert first.key == second.key


def test_a_long_key_is_cut_to_its_digest_and_stays_distinct() -> None:
    first, second = (event([RECORD], {"webhook-id": "x" * 5000 + end}).key for end in "ab")
    assert first != second
    assert len(first) == len(second) == 64


@for_each(
    "body",
    [b"", b"{", b"7", b'"text"', b"null", b"\xff\xfe", b"[" * 200_000, b'{"a": ' + b"9" * 5000 + b"}", b"id=1&x=2"],
    ids=lambda body: str(body[:6]),
)
def test_what_is_no_json_object_or_array_is_malformed_and_not_repeated(body: bytes) -> None:
    with pytest.raises(MalformedEventError) as caught:
        parse(body, {}, signed=True, received=1.0)
    assert len(str(caught.value)) < 80


@for_each("payload", [{}, [], {"data": None}, {"data": 7}, {"type": 7, "id": True}, [[], 7, None, "x"]])
def test_json_of_any_other_content_is_an_event_without_records(payload) -> None:
    found = event(payload)
    assert (found.record_type, found.ids) == (None, ())


def test_a_reader_of_ones_own_replaces_the_tolerant_one() -> None:
    found = event({"x": [ONE]}, reader=lambda payload: Payload("x", "tasks", "k", ({"id": payload["x"][0]},)))
    assert (found.type, found.record_type, found.key, found.ids) == ("x", "tasks", "k", (ONE,))


def test_neither_event_nor_payload_shows_what_it_carries() -> None:
    shown = repr(event({"type": "persons.updated", "data": [{"id": ONE, "name": "Ada"}]}))
    assert "Ada" not in shown
    assert "Ada" not in repr(TolerantReader()({"data": [{"id": ONE, "name": "Ada"}]}))


def test_a_reader_that_fails_makes_the_event_malformed_without_repeating_it() -> None:
    with pytest.raises(MalformedEventError, match=r"the reader can't read the body \(KeyError\)") as caught:
        event({"name": "Ada"}, reader=lambda payload: Payload(payload["Ada"]))
    assert "Ada" not in str(caught.value)
    assert caught.value.__cause__ is None


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from([ONE, HYPHENATED]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["id", "type", "object", "data", "records", "ids", "updated", "sent", "action", "record_id"]
            )
            | st.text(),
            inner
            | st.sampled_from(
                ["persons.updated", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-01:00", "\ud800" * 19 + "Z"]
            ),
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(payload=JSON, header=st.none() | st.text(st.characters(exclude_categories=())))
def test_whatever_json_comes_it_is_an_event_that_can_be_stored_or_malformed(payload, header) -> None:
    body = json.dumps(payload).encode()
    try:
        found = parse(body, {} if header is None else {"webhook-id": header}, signed=False, received=1.0)
    except MalformedEventError:
        assert not isinstance(payload, dict | list)
        return
    assert found.body == body
    assert all(len(one) == 32 and one == one.lower() and int(one, 16) >= 0 for one in found.ids)
    assert len(set(found.ids)) == len(found.ids)
    assert found.record_type is None or found.record_type in TYPES
    for text in (found.key, found.type):
        text.encode()
        assert len(text) <= 200
    assert found.key
    for record in TolerantReader()(payload).records:
        (updated_of(record) or "").encode()


@pytest.mark.parametrize(
    "body", ['{"id":NaN}', '{"id":1e999}', "[Infinity]", '{"a":1,"a":2}', '[{"b":{"a":1,"\\u0061":1}}]']
)
def test_what_two_readers_may_read_differently_is_no_body(body) -> None:
    with pytest.raises(MalformedEventError) as caught:
        parse(body.encode(), {}, signed=True, received=1.0)
    assert body not in str(caught.value)


ENVELOPE = {"id": "e1", "type": "persons.updated", "sent": 1, "attempt": 1, "data": [RECORD]}


@pytest.mark.parametrize(
    "change", [{"sent": 2}, {"attempt": 2}, {"deliveryId": "d2"}, {"delivery_attempt": 3}, {"redelivered": True}]
)
def test_what_tells_of_a_delivery_is_no_part_of_the_content(change) -> None:
    assert event({**ENVELOPE, **change}).content == event(ENVELOPE).content
    plain = {"type": "person.updated", "attempt": 1, **RECORD}
    assert event({**plain, **change}).content == event(plain).content


@pytest.mark.parametrize(
    "change",
    [{"data": [{**RECORD, "name": "y"}]}, {"type": "persons.deleted"}, {"type": "offices.updated"}, {"data": [TWO]}],
)
def test_what_it_says_of_records_is_the_content(change) -> None:
    assert event({**ENVELOPE, **change}).content != event(ENVELOPE).content


def test_a_reader_that_finds_an_unknown_type_finds_none() -> None:
    found = event({}, reader=lambda _: Payload(type="x.updated", record_type="no such type", records=({"id": ONE},)))
    assert found.record_type is None


def test_a_reader_whose_result_is_no_payload_makes_the_body_malformed() -> None:
    for result in (None, Payload(type=None)):
        with pytest.raises(MalformedEventError, match="reader can't read"):
            event({}, reader=lambda _, result=result: result)


def test_a_reader_may_call_a_body_malformed_in_its_own_words() -> None:
    def strict(payload):
        raise MalformedEventError("no envelope of ours")

    with pytest.raises(MalformedEventError, match="no envelope of ours"):
        event(RECORD, reader=strict)


def test_what_is_no_object_tells_nothing_but_the_type_of_its_path() -> None:
    assert TolerantReader()("persons") == Payload()
    assert TolerantReader("offices")(5) == Payload(record_type="offices")


def test_what_is_nested_too_deep_to_be_written_again_has_no_digest() -> None:
    """So no other event is taken for its duplicate by what it says."""
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    assert content_digest(deep, Payload()) == ""
