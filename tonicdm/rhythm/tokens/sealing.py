"""Seals of machine tokens that leave this machine: Fernet, by a key that the database never has."""

from __future__ import annotations

import os
from types import ModuleType
from typing import Any, Final

from tonicdm.errors import ConfigError
from tonicdm.tokens import TokenCommand, TokenFile, TokenReference
from tonicdm.types import Secret

VARIABLE: Final = "RHYTHM_TOKENS_KEY"
"""The key; with ``_FILE`` or ``_COMMAND`` behind it, where it is."""
_MAKE: Final = 'python -c "from cryptography.fernet import Fernet as F; print(F.generate_key().decode())"'


class UnsealableError(Exception):
    """A text is not sealed with any of the keys. It never leaves the package."""


class Seal:
    """Seals texts and opens them.

    Args:
        keys: A Fernet key, or several with commas between them: the first one seals, all open.

    Raises:
        ConfigError: One of them is none, or cryptography is not installed.
    """

    def __init__(self, keys: Secret) -> None:
        fernet = _library()
        try:
            made = fernet.MultiFernet([fernet.Fernet(key.strip()) for key in keys.reveal().split(",")])
        except ValueError:
            made = None
        if made is None:
            # Outside of the except block: the error of a parser may repeat what it read.
            raise ConfigError(
                f"the key of the tokens is none: 32 bytes in URL-safe base64, as {_MAKE} prints. Nothing was sent."
            )
        self._fernet: Any = made

    def close(self, text: str) -> str:
        """Return *text* sealed."""
        return str(self._fernet.encrypt(text.encode()).decode())

    def open(self, sealed: str) -> str:
        """Return the text that was sealed.

        Raises:
            UnsealableError: It was sealed with another key, or changed since.
        """
        try:
            return str(self._fernet.decrypt(sealed).decode())
        except (_library().InvalidToken, ValueError):
            raise UnsealableError from None


class KeySource:
    """Reads the key, again when its file has changed.

    Args:
        reference: ``env:NAME``, ``file:/path`` or ``command:program``; else what RHYTHM_TOKENS_KEY, …_FILE or
            …_COMMAND says.

    Raises:
        ConfigError: There is no key, or it is not to be had.
    """

    def __init__(self, reference: str | TokenReference | None = None) -> None:
        _library()
        if isinstance(reference, str):
            reference = TokenReference(reference)
        self._source: Secret | TokenFile | TokenCommand = (reference or _from_environment()).open()
        self._seal: Seal | None = None

    async def seal(self) -> Seal:
        """Return the seal.

        Raises:
            ConfigError: The key can't be read, or is none.
        """
        source = self._source
        if self._seal is None or (not isinstance(source, Secret) and source.is_stale()):
            self._seal = Seal(source if isinstance(source, Secret) else Secret(await source()))
        return self._seal


def _from_environment() -> TokenReference:
    names = {VARIABLE: "env", f"{VARIABLE}_FILE": "file", f"{VARIABLE}_COMMAND": "command"}
    given = [name for name in names if os.environ.get(name)]
    if len(given) > 1:
        raise ConfigError(f"set one of {' and '.join(given)}, not both: which key is meant can't be told")
    if not given:
        raise ConfigError(
            f"machine tokens are sealed before they go into a database, and there is no key: give key=, or set "
            f"{VARIABLE}_FILE, {VARIABLE}_COMMAND or {VARIABLE}, the same for all hosts. {_MAKE} makes one. Nothing "
            "was sent."
        )
    scheme = names[given[0]]
    return TokenReference(f"env:{given[0]}" if scheme == "env" else f"{scheme}:{os.environ[given[0]]}")


def _library() -> ModuleType:
    try:
        from cryptography import fernet
    except ImportError as error:
        raise ConfigError(
            "machine tokens in a database are sealed by cryptography, of the extra postgres: pip install "
            "'tonicdm[postgres]'. Nothing was sent."
        ) from error
    return fernet
