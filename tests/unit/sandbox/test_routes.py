"""The operation table, which was written by hand, against the reference file."""

from tests.cases import for_each
from tests.contract import reference
from tonicdm.sandbox.routes import BY_NAME, KNOWN_OPTIONS, OPERATIONS, PATHS, QUERY_NAMES

REFERENCE = reference.document()


def parameters(operation):
    for parameter in operation.get("parameters", ()):
        if "$ref" in parameter:
            yield REFERENCE["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
        else:
            yield parameter


def operations():
    return [(m.upper(), path, op) for path, methods in REFERENCE["paths"].items() for m, op in methods.items()]


def test_all_paths_and_operations_are_there():
    assert len(OPERATIONS) == len(BY_NAME)
    assert set(BY_NAME) == {(method, path) for method, path, _ in operations()}
    assert set(REFERENCE["paths"]) == PATHS


@for_each(("method", "path", "operation"), operations(), ids=lambda v: v if isinstance(v, str) else "")
def test_operation_lists_the_options_of_the_reference(method, path, operation):
    ours = BY_NAME[method, path]
    theirs = list(parameters(operation))
    assert set(ours.options) == {p["name"] for p in theirs}
    assert set(ours.required) == {p["name"] for p in theirs if p.get("required")}


def test_query_names_are_those_of_the_reference():
    theirs = {p["name"]: p.get("x-query-name", p["name"]) for _, _, op in operations() for p in parameters(op)}
    assert {name: QUERY_NAMES.get(name, name) for name in KNOWN_OPTIONS if name in theirs} == theirs
