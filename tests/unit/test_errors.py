"""Every error survives pickle and deepcopy, and none shows a secret."""

from __future__ import annotations

import copy
import datetime
import pickle

from tests.cases import for_each
from tonicdm import errors
from tonicdm.types import RateLimit

UTC = datetime.UTC
RATE = RateLimit(3600, 7, 1_800_000_000.0)
CALL = {"method": "GET", "path": "/core/projects"}

EXAMPLES = [
    errors.TonicDMError("x"),
    errors.ConfigError("x"),
    errors.InvalidOptionError("x"),
    errors.InvalidIDError("id", "zzz"),
    errors.ClientClosedError("x"),
    errors.TransportError("x", **CALL),
    errors.ConnectError("x", **CALL, sent=False),
    errors.RequestTimeoutError("x", **CALL, attempts=3),
    errors.ProtocolError("x", **CALL),
    errors.BudgetError("x", cost=5, reset_at=datetime.datetime(2027, 1, 1, tzinfo=UTC)),
    errors.BudgetTimeoutError("x", cost=5, wait=1912.0, max_wait=60.0),
    errors.LedgerUnavailableError("x", ledger="budget.db", cost=5),
    errors.APIError(status=418, **CALL, body="teapot"),
    errors.BadRequestError(status=400, **CALL, rate_limit=RATE),
    errors.AuthenticationError(status=401, **CALL),
    errors.PermissionDeniedError(status=403, **CALL),
    errors.EndpointNotFoundError(status=404, **CALL),
    errors.ServerError(status=502, **CALL, attempts=3),
    errors.MayExistError("x"),
    errors.MayExistProtocolError("x", **CALL),
    errors.MayExistTimeoutError("x", **CALL),
    errors.MayExistServerError(status=503, **CALL),
    errors.SeveralFoundError(["a", "b"], path="/core/offices"),
    errors.RateLimitedError(**CALL, rate_limit=RATE, cost=5, reset_at=datetime.datetime(2027, 1, 1, tzinfo=UTC)),
    errors.OptionIgnoredError("filterIDs", "7 records came that were not asked for", [{"id": "a"}]),
    errors.RecordNotFoundError("a" * 32, path="/core/projects"),
    errors.DecodeError(["$[3].name: expected string, found number"]),
    errors.EndlessListError("GET /core/projects: page 7 showed nothing new", 7),
    errors.StoreError("firm.db", "is locked"),
    errors.OwnerError("firm.db", "organization a", "b"),
    errors.DownloadError("the link ended early", path="plan.pdf", status=206, kept=1000),
    errors.UnsafeLinkError("the link leads to a private address"),
    errors.IntegrityError("the file has another digest", path="plan.pdf"),
    errors.ExportError("firm.duckdb", "is locked"),
    errors.EndlessListError("/core/offices answered page 3 again", 3),
    errors.OwnerError("firm.db", "another organization", "yours"),
    errors.DownloadError("x", path="plan.pdf", status=404, kept=5),
    errors.UnsafeLinkError("x"),
    errors.IntegrityError("x"),
    errors.WebhookError("x"),
    errors.MalformedEventError("the body of 3 bytes is no JSON"),
    errors.SignatureError("no signature"),
    errors.BulkError({0: "a"}, {1: errors.ConnectError("x")}),
]


def test_every_class_of_the_tree_has_an_example() -> None:
    def below(kind: type) -> set[type]:
        return {kind}.union(*(below(child) for child in kind.__subclasses__()))

    ours = {kind for kind in below(errors.TonicDMError) if kind.__module__ == "tonicdm.errors"}
    assert {type(example) for example in EXAMPLES} == ours


@for_each("error", EXAMPLES, ids=lambda error: type(error).__name__)
@for_each("copied", [lambda e: pickle.loads(pickle.dumps(e)), copy.deepcopy, copy.copy])
def test_an_error_survives_pickle_and_copies_with_all_it_holds(error, copied) -> None:
    again = copied(error)
    assert type(again) is type(error)
    assert str(again) == str(error)
    simple = {name: value for name, value in vars(error).items() if name != "failed"}
    assert {name: value for name, value in vars(again).items() if name != "failed"} == simple


@for_each("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_timeouts_and_lookups_are_what_python_calls_them(error) -> None:
    timeouts = (errors.RequestTimeoutError, errors.BudgetTimeoutError)
    assert isinstance(error, TimeoutError) == isinstance(error, timeouts)
    assert isinstance(error, LookupError) == isinstance(error, (errors.RecordNotFoundError, errors.SeveralFoundError))


def test_an_invalid_id_is_not_repeated() -> None:
    """The value may be anything that was pasted by mistake, a token for one."""
    assert "secret" not in str(errors.InvalidIDError("record", "secret-token"))


def test_a_long_body_is_cut() -> None:
    error = errors.ServerError(status=500, **CALL, body="x" * 5000)
    assert len(error.body) == errors.BODY_SHOWN
    assert len(str(error)) < 2 * errors.BODY_SHOWN


@for_each(
    ("status", "kind"),
    [
        (400, errors.BadRequestError),
        (401, errors.AuthenticationError),
        (403, errors.PermissionDeniedError),
        (404, errors.EndpointNotFoundError),
        (500, errors.ServerError),
        (503, errors.ServerError),
        (302, errors.APIError),
        (418, errors.APIError),
    ],
)
def test_every_status_has_its_class(status: int, kind: type) -> None:
    assert errors.api_error_class(status) is kind
