"""The errors of tokens survive pickle and copies, and are what the house's tree says they are."""

from __future__ import annotations

import copy
import datetime
import pickle

from tests.cases import for_each
from tonicdm import errors as house
from tonicdm.rhythm import errors

OPENS = datetime.datetime(2026, 9, 1, tzinfo=datetime.UTC)
EXAMPLES = [
    (errors.MintRefusedError("x", opens_at=OPENS), house.BudgetError),
    (errors.TokenLimitError("x", opens_at=OPENS, minted=900, limit=900), house.BudgetError),
    (errors.TokenPauseError("x", opens_at=OPENS), house.BudgetError),
    (errors.TokenRefusedError(status=401, path="i/oauth/token", code="c", opens_at=OPENS), house.AuthenticationError),
    (errors.InvalidTokenError("x"), ValueError),
    (errors.WrongAudienceError("x", expected="a", actual=["b"]), house.ConfigError),
    (errors.WrongTenantError(expected="a", actual="b"), house.ConfigError),
    (errors.NoContactError("x"), house.TonicDMError),
    (errors.LoginError("x"), house.TonicDMError),
    (errors.SessionExpiredError("x"), house.TonicDMError),
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
