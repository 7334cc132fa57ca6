"""Whatever a client sends, the server answers with one of the page's status codes and keeps its books."""

import json

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from tests.cases import for_each
from tonicdm.sandbox import SandboxSettings, World
from tonicdm.sandbox.handlers.bodies import FIELDS
from tonicdm.sandbox.messages import Request
from tonicdm.sandbox.routes import KNOWN_OPTIONS, OPERATIONS
from tonicdm.sandbox.service import Service

WORLD = World(600)
SERVICE = Service(WORLD, SandboxSettings(limit=10**9))
PRISTINE = WORLD.snapshot()
IDS = st.sampled_from([WORLD.ids(record_type)[0] for record_type in WORLD.types])
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), IDS)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["id", "emailAddress", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)
OPTIONS = st.dictionaries(
    st.sampled_from(sorted(KNOWN_OPTIONS)),
    st.one_of(IDS, st.sampled_from(["1", "0", "id_only", "basic", "complete", "egnyte", "a@b", "2024-01-01", "{", ""])),
    max_size=4,
)
STATUSES = {200, 201, 204, 400, 403, 404}
FEW = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def answer(method, path, options=(), body=b""):
    headers = (("Authorization", "Bearer sandbox-token"), *options)
    return SERVICE.handle(Request(method=method, path=path, headers=headers, body=body), 1_800_000_000.0)


@for_each("operation", [o for o in OPERATIONS if o.method in {"POST", "PATCH"}], ids=lambda o: o.name)
@FEW
@given(data=st.data())
def test_any_body_gets_an_answer_of_the_page(operation, data):
    names = sorted(FIELDS[operation.record_type])
    body = data.draw(
        st.one_of(
            VALUES,
            st.dictionaries(
                st.sampled_from(["id", "shoeSize", "discipline", *names]), st.one_of(VALUES, IDS), max_size=4
            ),
        )
    )
    options = [("projectId", WORLD.ids("projects")[0])] if operation.required else []
    found = answer(operation.method, operation.path, options, json.dumps(body).encode())
    assert found.status in STATUSES
    if found.body:
        json.loads(found.body)
    WORLD.restore(PRISTINE)


@for_each("operation", [o for o in OPERATIONS if o.method in {"GET", "DELETE"}], ids=lambda o: o.name)
@FEW
@given(options=OPTIONS)
def test_any_options_get_an_answer_of_the_page(operation, options):
    used = SERVICE.window("sandbox-token").state(1_800_000_000.0).used
    found = answer(operation.method, operation.path, list(options.items()))
    assert found.status in STATUSES
    assert SERVICE.window("sandbox-token").state(1_800_000_000.0).used - used == SERVICE.journal[-1].units > 0
    if operation.method == "DELETE":
        WORLD.restore(PRISTINE)
