"""Sources of tokens: a file, a command, or the system's keyring, read again when the token was rotated."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import re
import shlex
import sys
import time
from collections.abc import Sequence
from typing import Final

import attrs

from tonicdm import checks
from tonicdm.errors import ConfigError
from tonicdm.types import Secret
from tonicdm.values import Value

MAX_TOKEN_BYTES: Final = 65_536
"""Bytes of a file or of a command's output; what is longer is no token."""


class TokenFile:
    """A token in a file, such as a mounted secret.

    It is read again when the file has changed, and when the server refuses the token.

    Args:
        path: The file; nothing but the token, with or without a line end. ``~`` is replaced.

    Raises:
        ConfigError: *path* is empty.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if not os.fspath(path):
            raise ConfigError("a token's file needs a path")
        self.path: pathlib.Path = pathlib.Path(path).expanduser().absolute()
        self._read_at: tuple[int, int, int] | None = None

    def __repr__(self) -> str:
        return f"TokenFile({os.fspath(self.path)!r})"

    @property
    def identity(self) -> str:
        """The path."""
        return f"file {self.path}"

    def is_stale(self) -> bool:
        """Tell whether the file was changed or replaced since it was read."""
        return self._stamp() != self._read_at

    async def __call__(self) -> str:
        """Read the token.

        Raises:
            ConfigError: The file can't be read, or holds no token.
        """
        self._read_at = self._stamp()  # before it is read: what is written meanwhile is seen at the next call
        return await asyncio.to_thread(self._read)

    def _stamp(self) -> tuple[int, int, int] | None:
        with contextlib.suppress(OSError):
            status = self.path.stat()
            return status.st_ino, status.st_mtime_ns, status.st_size
        return None

    def _read(self) -> str:
        try:
            with self.path.open("rb") as file:
                return _token(file.read(MAX_TOKEN_BYTES + 1), f"the token's file {self.path}")
        except OSError as error:
            raise ConfigError(f"the token's file {self.path} can't be read: {error.strerror}") from None


class TokenCommand:
    """A token that a command prints, such as that of a secret store. No shell reads it.

    It is run for the first call, again when the server refuses the token, and when the token is *max_age* old.

    Args:
        command: The program and its arguments.
        timeout: Seconds that it may take.
        max_age: Seconds after which it is run anew, before the server refuses the token; None for never.

    Raises:
        ConfigError: *command* is one text, or empty.
    """

    def __init__(self, command: Sequence[str], *, timeout: float = 30.0, max_age: float | None = None) -> None:
        if isinstance(command, (str, bytes)) or not command:
            raise ConfigError('a token\'s command is a list of texts, such as ["pass", "show", "tonicdm"]')
        self.command: tuple[str, ...] = tuple(map(str, command))
        self._timeout = checks.seconds("timeout", timeout, positive=True)
        self._max_age = None if max_age is None else checks.seconds("max_age", max_age, positive=True)
        self._run_at: float | None = None

    def __repr__(self) -> str:
        return f"TokenCommand([{self.command[0]!r}, ...])"

    @property
    def identity(self) -> str:
        """The command."""
        return f"command {shlex.join(self.command)}"

    def is_stale(self) -> bool:
        """Tell whether the token is older than it may be."""
        return self._max_age is not None and (self._run_at is None or time.monotonic() - self._run_at > self._max_age)

    async def __call__(self) -> str:
        """Run the command and return what it prints.

        Raises:
            ConfigError: It can't be run, failed, took too long, or printed no token. What it printed is not repeated.
        """
        self._run_at = time.monotonic()
        name = f"the token's command {self.command[0]!r}"
        try:
            transport, printed = await asyncio.get_running_loop().subprocess_exec(
                _Printed,
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except (OSError, ValueError) as error:
            raise ConfigError(f"{name} can't be run: {error}") from None
        try:
            async with asyncio.timeout(self._timeout):
                await printed.over.wait()
        except TimeoutError:
            raise ConfigError(f"{name} took longer than {self._timeout:g} s") from None
        finally:
            # Also ends what still runs. What it has begun itself may hold its output open, and is not waited for.
            transport.close()
            await printed.exited.wait()
        returncode = transport.get_returncode()
        if returncode and not printed.is_too_long:
            raise ConfigError(f"{name} failed with exit code {returncode}; run it in a shell to see why")
        return _token(bytes(printed.content), name)


class _Printed(asyncio.SubprocessProtocol):
    """What a command prints, as far as it can be a token; the rest is not read."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.over = asyncio.Event()
        self.exited = asyncio.Event()
        self._is_closed = False

    @property
    def is_too_long(self) -> bool:
        return len(self.content) > MAX_TOKEN_BYTES

    def pipe_data_received(self, fd: int, data: bytes) -> None:  # noqa: ARG002 - asyncio's; there is one pipe
        if not self.is_too_long:
            self.content += data
        self._look()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        self._is_closed = True
        self._look()

    def process_exited(self) -> None:
        self.exited.set()
        self._look()

    def _look(self) -> None:
        if self.is_too_long or (self._is_closed and self.exited.is_set()):
            self.over.set()


class TokenKeyring:
    """A token in the system's keyring; needs the extra ``keyring``.

    It is read for the first call, and again when the server refuses the token.

    Args:
        service: The name that it was stored under.
        user: The user that it was stored for.
    """

    def __init__(self, service: str, user: str) -> None:
        self.service = service
        self.user = user

    def __repr__(self) -> str:
        return f"TokenKeyring({self.service!r}, {self.user!r})"

    @property
    def identity(self) -> str:
        """Service and user."""
        return f"keyring {self.service} {self.user}"

    def is_stale(self) -> bool:
        """A keyring does not tell of changes."""
        return False

    async def __call__(self) -> str:
        """Read the token.

        Raises:
            ConfigError: The extra is not installed, the keyring can't be opened, or it holds no such token.
        """
        return await asyncio.to_thread(self._read)

    def _read(self) -> str:
        try:
            import keyring
            import keyring.errors
        except ImportError:
            raise ConfigError('TokenKeyring needs the extra keyring: pip install "tonicdm[keyring]"') from None
        try:
            token = keyring.get_password(self.service, self.user)
        except keyring.errors.KeyringError as error:
            raise ConfigError(f"the system's keyring can't be used: {type(error).__name__}") from None
        if token is None:
            raise ConfigError(
                f"the keyring holds no token of {self.user!r} for {self.service!r}; "
                f"store it with: keyring set {shlex.quote(self.service)} {shlex.quote(self.user)}"
            )
        return _token(token.encode(), "the keyring's token")


_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _place_of_secret(_instance: object, _attribute: attrs.Attribute[str], text: str) -> None:
    scheme, _, rest = text.partition(":")
    # What is no name of a variable is perhaps the secret itself.
    is_name = scheme != "env" or _VARIABLE.fullmatch(rest.strip())
    if scheme not in {"env", "file", "command"} or not rest.strip() or not is_name:
        raise ConfigError(
            "a secret is given by where it is: env:NAME, file:/path or command:program. Nothing was kept or sent."
        )


@attrs.frozen(eq=False, repr=False)
class TokenReference(Value):
    """Where a token or a key is, never the secret itself: so a database holds none.

    Args:
        text: ``env:NAME``, ``file:/path`` or ``command:program argument …``.

    Raises:
        ConfigError: It is none of them. The error does not repeat it, as it may be the secret itself.
    """

    text: str = attrs.field(validator=_place_of_secret)

    def check(self) -> None:
        """Refuse what can't be opened on any machine; whether it is there is not asked.

        Raises:
            ConfigError: A quotation mark of the command is open.
        """
        if not self.text.startswith("env:"):
            self.open()

    def open(self) -> Secret | TokenFile | TokenCommand:
        """Return the secret, or what reads it.

        Raises:
            ConfigError: The variable is not set on this machine, or a quotation mark of the command is open.
        """
        scheme, _, rest = self.text.partition(":")
        if scheme == "file":
            return TokenFile(rest)
        if scheme == "command":
            return _command(rest, "the command of a secret")
        secret = os.environ.get(rest.strip())
        if not secret:
            raise ConfigError(f"the variable {rest.strip()}, which is to hold a secret, is not set on this machine")
        return Secret(secret)


def token_source(file: str | None, command: str | None) -> TokenFile | TokenCommand | None:
    """Return the source that settings name; None where they name none.

    Args:
        file: A path.
        command: A command with its arguments, quoted as in a shell.

    Raises:
        ConfigError: The command is not quoted as it should be.
    """
    if file is not None:
        return TokenFile(file)
    if command is None:
        return None
    return _command(command, "TONICDM_TOKEN_COMMAND")


def _command(text: str, name: str) -> TokenCommand:
    try:
        return TokenCommand(split_command(text))
    except ValueError as error:
        raise ConfigError(f"{name} can't be split into words: {error}") from None


def split_command(text: str) -> list[str]:
    """Split a command line into its words, quoted as in the shell of this system.

    On Windows a backslash stands for itself: it is part of a path.

    Raises:
        ValueError: A quotation mark is left open.
    """
    if sys.platform != "win32":
        return shlex.split(text)
    words = shlex.split(text, posix=False)
    return [word[1:-1] if len(word) > 1 and word[0] == word[-1] and word[0] in "\"'" else word for word in words]


def _token(content: bytes, name: str) -> str:
    """Return the one word in *content*; the error repeats nothing of it."""
    if len(content) > MAX_TOKEN_BYTES:
        raise ConfigError(f"{name} holds more than {MAX_TOKEN_BYTES:,} bytes, which is no token")
    try:
        words = content.decode("utf-8-sig").split()
    except UnicodeDecodeError:
        raise ConfigError(f"{name} holds bytes that are no text") from None
    if len(words) != 1:
        raise ConfigError(f"{name} must hold the token and nothing else; it holds {len(words) or 'no'} words")
    return words[0]
