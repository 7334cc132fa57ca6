"""Code that acts for a user, in which no machine token may be asked for."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Generator
from typing import Final, TypeVar

from tonicdm.rhythm.errors import UserScopeError

S = TypeVar("S")

_user: Final[contextvars.ContextVar[bool]] = contextvars.ContextVar("tonicdm_rhythm_user", default=False)


@contextlib.contextmanager
def as_user(session: S) -> Generator[S]:
    """Act for the user of *session* inside the block, tasks begun there included.

    Machine tokens are refused meanwhile, a cached one too: a call that forgot to use the session fails at its first
    run, and not on the day on which the cache is empty (concepts page, "Tokens": never a machine token for a login).

    Args:
        session: Given back, for ``with as_user(session) as user``.
    """
    before = _user.set(True)
    try:
        yield session
    finally:
        _user.reset(before)


def refuse_for_users() -> None:
    """Refuse where the code acts for a user.

    Raises:
        UserScopeError: It does.
    """
    if _user.get():
        raise UserScopeError(
            "a machine token was asked for inside as_user(...): this call must go with the user's own token. Nothing "
            "was sent and no token was spent. Use the client made for the session, or leave the block."
        )
