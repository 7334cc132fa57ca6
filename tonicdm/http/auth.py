"""Bearer tokens: a fixed one, or one from a source that can renew it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeAlias

from tonicdm.errors import ConfigError
from tonicdm.http.messages import Response
from tonicdm.singleflight import SingleFlight
from tonicdm.types import Secret

logger: Final = logging.getLogger("tonicdm")

TokenSource: TypeAlias = Callable[[], Awaitable[str]]
"""An async function that returns a token that is valid now."""


class Bearer(Protocol):
    """Whoever has the token: asked before each attempt, and once more when a call was refused."""

    async def token(self) -> Secret:
        """Return the token to send."""
        ...

    async def refresh(self, refused: Secret, answer: Response, /) -> bool:
        """Say whether there is another token, worth another try, in place of the one that a 401 refused."""
        ...


class Auth:
    """Hands out the token, and renews it once after a 401 if it has a source.

    Args:
        token: A token that never changes.
        source: Asked for the first token, and for another one when the server refuses the last, or when the source
            says by ``is_stale()`` that it has one.
    """

    def __init__(self, token: Secret | None = None, source: TokenSource | None = None) -> None:
        if token is None and source is None:
            raise ConfigError("no token: give token= or set TONICDM_TOKEN")
        self._token = token
        self._source = source
        self.fixed: Secret | None = token if source is None else None
        """The token, where it never changes."""
        self._is_stale: Callable[[], bool] | None = getattr(source, "is_stale", None)
        self._renewal: SingleFlight[None, Secret] = SingleFlight(name="tonicdm-token")

    async def token(self) -> Secret:
        """Return the token to send, read anew where its source has another one by now."""
        if self._token is not None and (self._is_stale is None or not self._is_stale()):
            return self._token
        try:
            return await self._renew()
        except ConfigError as error:
            if self._token is None:
                raise
            # A file that is just being replaced is empty for a moment; the token at hand is as good as before.
            logger.warning("the token could not be read again, the last one stays in use: %s", error)
            return self._token

    async def refresh(self, refused: Secret, _answer: Response | None = None, /) -> bool:
        """Get another token in place of the *refused* one.

        Calls that were refused together share one renewal; whoever comes later finds it done.

        Returns:
            Whether there is a token worth another try.
        """
        if self._source is None:
            return False
        if self._token is not None and self._token is not refused:
            return True
        renewed = await self._renew()
        return renewed.reveal() != refused.reveal()

    async def _renew(self) -> Secret:
        return await self._renewal.run(None, self._ask)

    async def _ask(self) -> Secret:
        assert self._source is not None
        # Sealed at once: tools that track errors show the variables of the frames that an error passes.
        token = Secret.of(await self._source())
        if not isinstance(token, Secret) or not token.reveal() or not token.fits_header:
            raise ConfigError("the token source returned no text that a header can carry")
        if self._token is not None and self._token.reveal() == token.reveal():
            return self._token  # others may wait with it
        self._token = token
        return token
