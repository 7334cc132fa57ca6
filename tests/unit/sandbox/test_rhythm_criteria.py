"""Criteria, JSON Patch and paths of the Rhythm side, each rule alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm.sandbox.messages import Refusal
from tonicdm.sandbox.rhythm.criteria import compile_group
from tonicdm.sandbox.rhythm.operations import AUTH, FILES, find, target
from tonicdm.sandbox.rhythm.patch import patched
from tonicdm.sandbox.rhythm.settings import OPERATORS, RhythmSettings

RECORD = {
    "name": "Zoë", "number": 7, "flag": False, "tags": ["a", "b"], "at": "2024-05-01T12:00:00Z", "day": "2024-05-01",
    "empty": "", "score": 1.5,
}  # fmt: skip


def matches(group, record=RECORD, **settings):
    return compile_group(group, RhythmSettings(**settings), lambda _: True)(record.get)


@for_each(
    ("field", "operator", "value", "holds"),
    [
        ("name", "eq", "zoë", True),
        ("name", "eq", "zoe", False),
        ("number", "eq", 7.0, True),
        ("flag", "eq", False, True),
        ("flag", "eq", 0, True),
        ("missing", "eq", None, False),
        ("missing", "ne", "x", True),
        ("number", "gt", 6, True),
        ("number", "gt", 7, False),
        ("number", "gte", 7, True),
        ("number", "lt", "8", False),
        ("number", "lte", 7.5, True),
        ("score", "lt", 2, True),
        ("missing", "lt", 3, False),
        ("at", "gte", "2024-05-01T14:00:00+02:00", True),
        ("at", "lt", "2024-05-01T12:00:00.001Z", True),
        ("at", "gt", "2024-05-01", True),
        ("day", "eq", "2024-05-01", True),
        ("name", "in", ["x", "ZOË"], True),
        ("number", "not_in", [7], False),
        ("missing", "not_in", [1], True),
        ("name", "contains", "O", True),
        ("tags", "contains", "b", True),
        ("number", "contains", "7", False),
        ("name", "starts_with", "z", True),
        ("name", "ends_with", "z", False),
        ("empty", "is_empty", None, True),
        ("missing", "is_empty", None, True),
        ("flag", "is_empty", None, False),
        ("name", "is_not_empty", None, True),
        ("number", "between", [1, 7], True),
        ("number", "between", [8, 9], False),
        ("at", "between", ["2024-05-01T00:00:00Z", "2024-05-02T00:00:00Z"], True),
    ],
)
def test_operator_means_what_it_says(field, operator, value, holds):
    assert matches({"field": field, "operator": operator, "value": value}) is holds


def test_every_operator_is_tried_above():
    own = test_operator_means_what_it_says.table
    assert {dict(zip(own.arguments, values, strict=True))["operator"] for _, values in own.cases} == set(OPERATORS)


def test_names_are_settings():
    group = {"and": [{"field": "name", "operator": "is", "value": "ZOË"}]}
    assert matches(group, all_name="and", operators={"is": "eq"})
    assert not matches(group, all_name="and", operators={"is": "eq"}, ignore_case=False)
    with pytest.raises(Refusal):
        matches(group)
    with pytest.raises(ValueError, match="operators"):
        RhythmSettings(operators={"is": "resembles"})


TRUE, FALSE = ({"field": "number", "operator": "eq", "value": value} for value in (7, 8))
GROUPS = st.recursive(
    st.sampled_from([(TRUE, True), (FALSE, False)]),
    lambda inner: st.tuples(st.sampled_from(["all", "any"]), st.lists(inner, max_size=4)).map(
        lambda made: (
            {made[0]: [member for member, _ in made[1]]},
            (all if made[0] == "all" else any)(truth for _, truth in made[1]),
        )
    ),
)


@given(GROUPS)
def test_nested_groups_are_the_boolean_expression_they_spell(case):
    """An empty all holds, an empty any does not; Python's own all and any are the model."""
    group, truth = case
    assert matches(group) is truth


def test_group_with_both_keys_wants_both():
    assert matches({"all": [TRUE], "any": [FALSE, TRUE]})
    assert not matches({"all": [TRUE], "any": [FALSE]})
    assert matches({})


@for_each(
    ("document", "steps", "result"),
    [
        ({"a": 1}, [{"op": "add", "path": "/b", "value": 2}], {"a": 1, "b": 2}),
        ({"a": [1, 3]}, [{"op": "add", "path": "/a/1", "value": 2}], {"a": [1, 2, 3]}),
        ({"a": [1]}, [{"op": "add", "path": "/a/-", "value": 2}], {"a": [1, 2]}),
        ({"a": 1}, [{"op": "remove", "path": "/a"}], {}),
        ({"a": [1, 2]}, [{"op": "remove", "path": "/a/0"}], {"a": [2]}),
        ({"a": 1}, [{"op": "replace", "path": "/a", "value": None}], {"a": None}),
        ({"a": 1}, [{"op": "replace", "path": "", "value": {}}], {}),
        ({"a": {"b": 1}}, [{"op": "move", "from": "/a/b", "path": "/c"}], {"a": {}, "c": 1}),
        (
            {"a": [1]},
            [{"op": "copy", "from": "/a", "path": "/b"}, {"op": "remove", "path": "/a/0"}],
            {"a": [], "b": [1]},
        ),
        (
            {"a/b": 1, "~": 2},
            [{"op": "test", "path": "/a~1b", "value": 1}, {"op": "remove", "path": "/~0"}],
            {"a/b": 1},
        ),
    ],
)
def test_patch_steps_follow_the_rfc(document, steps, result):
    assert patched(document, steps) == result


@for_each(
    "step",
    [
        {"op": "remove", "path": "/b"},
        {"op": "add", "path": "/l/3", "value": 1},
        {"op": "add", "path": "/l/x", "value": 1},
        {"op": "add", "path": "a", "value": 1},
        {"op": "add", "path": "/a/b", "value": 1},
        {"op": "add", "path": "/c"},
        {"op": "test", "path": "/a", "value": 2},
        {"op": "nothing", "path": "/a"},
        {"path": 3, "op": "remove"},
        7,
    ],
)
def test_patch_that_fails_changes_nothing(step):
    document = {"a": 1, "l": [1, 2]}
    with pytest.raises(Refusal) as refused:
        patched(document, [{"op": "replace", "path": "/a", "value": 1}, step])
    assert refused.value.status == 400
    assert document == {"a": 1, "l": [1, 2]}


@for_each(
    ("host", "path", "service", "segments"),
    [
        ("127.0.0.1:80", "/rolodex/contacts/t", "rolodex", ("contacts", "t")),
        ("rolodex.api.rhythmsoftware.com", "/contacts/t", "rolodex", ("contacts", "t")),
        ("x.us.auth0.com:443", "/oauth/token", AUTH, ("oauth", "token")),
        ("localhost", "/auth0/oauth/token", AUTH, ("oauth", "token")),
        (None, "/s3/t/q/data.json", FILES, ("t", "q", "data.json")),
        (None, "/rolodex/contacts/a%2Fb", "rolodex", ("contacts", "a/b")),
        (None, "/", "", ()),
    ],
)
def test_service_is_the_host_or_the_first_segment(host, path, service, segments):
    where = target(host, path)
    assert (where.service, where.segments) == (service, segments)


@for_each(
    ("method", "path", "operation"),
    [
        ("GET", "/rolodex/contacts/current", "getCurrentContact"),
        ("GET", "/rolodex/contacts/t", "listContacts"),
        ("GET", "/rolodex/contacts/t/current", "getCurrentContactForTenant"),
        ("GET", "/rolodex/contacts/t/search", "getContact"),
        ("POST", "/rolodex/contacts/t/search", "searchForContacts"),
        ("GET", "/events/events/t/upcoming", "getUpcomingEvents"),
        ("GET", "/rolodex/contacts/t/", None),
        ("GET", "/rolodex/contacts//x", None),
        ("GET", "/rolodex/contacts", None),
        ("PUT", "/rolodex/contacts/t", None),
    ],
)
def test_path_with_fewer_parameters_wins_and_an_empty_segment_is_none(method, path, operation):
    found = find(target(None, path), method)
    assert (found and found.id) == operation


@for_each(
    ("criteria", "says"),
    [
        ([], "must be an object"),
        ({"all": {}}, "all must be an array"),
        ({"some": []}, "have no some"),
        ({"all": [5]}, "must be an object"),
        ({"field": "unknown", "operator": "eq"}, "no field 'unknown'"),
        ({"field": 5, "operator": "eq"}, "no field 5"),
        ({"field": "name", "operator": "like"}, "no operator 'like'"),
        ({"field": "name"}, "no operator None"),
        ({"field": "name", "operator": "in", "value": "a"}, "wants an array"),
        ({"field": "number", "operator": "between", "value": [1]}, "wants an array of two"),
    ],
)
def test_criteria_that_mean_nothing_are_refused_with_what_is_wrong(criteria, says):
    with pytest.raises(Refusal, match=says):
        compile_group(criteria, RhythmSettings(), RECORD.__contains__)


def test_text_that_only_looks_like_a_moment_is_compared_as_text():
    assert matches({"field": "x", "operator": "eq", "value": "2024-XX-01 or so"}, {"x": "2024-xx-01 or so"})
