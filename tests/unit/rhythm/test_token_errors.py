"""The errors of tokens survive pickle and copies, and have their places in the tree of all errors."""

from __future__ import annotations

import copy
import datetime
import pickle

from tests.cases import for_each
from tonicdm import errors as tonicdm_errors
from tonicdm.rhythm import errors

OPENS = datetime.datetime(2026, 9, 1, tzinfo=datetime.UTC)
EXAMPLES = [
    (errors.MintRefusedError("x", opens_at=OPENS), tonicdm_errors.BudgetError),
    (errors.TokenLimitError("x", opens_at=OPENS, minted=900, limit=900), tonicdm_errors.BudgetError),
    (errors.TokenPauseError("x", opens_at=OPENS), tonicdm_errors.BudgetError),
    (
        errors.TokenRefusedError(status=401, path="i/oauth/token", code="c", opens_at=OPENS),
        tonicdm_errors.AuthenticationError,
    ),
    (errors.InvalidTokenError("x"), ValueError),
    (errors.WrongAudienceError("x", expected="a", actual=["b"]), tonicdm_errors.ConfigError),
    (errors.WrongTenantError(expected="a", actual="b"), tonicdm_errors.ConfigError),
    (errors.NoContactError("x"), tonicdm_errors.TonicDMError),
    (errors.LoginError("x"), tonicdm_errors.TonicDMError),
    (errors.SessionExpiredError("x"), tonicdm_errors.TonicDMError),
    (errors.UserScopeError("x"), RuntimeError),
]


@for_each(("error", "kind"), EXAMPLES, ids=lambda value: getattr(value, "__name__", type(value).__name__))
@for_each("copied", [lambda e: pickle.loads(pickle.dumps(e)), copy.deepcopy, copy.copy])
def test_an_error_survives_pickle_and_copies_with_all_it_holds(error, kind, copied) -> None:
    again = copied(error)
    assert type(again) is type(error)
    assert isinstance(again, kind)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
