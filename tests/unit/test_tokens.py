"""Tokens from a file, a command and a keyring: what is read, when it is read again, and what errors never repeat."""

import asyncio
import os
import sys
import time
import types

import pytest

from tonicdm import ConfigError, TokenCommand, TokenFile, TokenKeyring, TonicDM
from tonicdm.config import Settings
from tonicdm.http.auth import Auth
from tonicdm.tokens import token_source


def rewrite(path, text: str) -> None:
    """Replace a file as an orchestrator does: another one takes its name."""
    beside = path.with_name("next")
    beside.write_text(text)
    beside.replace(path)


def printing(text: str) -> list[str]:
    return [sys.executable, "-c", f"print({text!r})"]


@pytest.mark.parametrize("content", [b"abc", b"abc\n", b"\xef\xbb\xbfabc\r\n", b"  abc \n\n"])
async def test_a_file_holds_the_token_and_may_end_as_editors_end_it(tmp_path, content):
    (tmp_path / "token").write_bytes(content)
    assert await TokenFile(tmp_path / "token")() == "abc"


@pytest.mark.parametrize("content", [b"", b"\n", b"secret one", b"secret=\n1", b"\xff\xfesecret", b"secret" * 20_000])
async def test_what_is_no_token_is_refused_and_not_repeated(tmp_path, content):
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        await TokenFile(tmp_path / "token")()
    assert "secret" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


async def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        await TokenFile(tmp_path / "token")()


async def test_a_file_that_changes_is_read_again_before_the_next_call(tmp_path):
    """Without a 401 first, and only then."""
    path = tmp_path / "token"
    path.write_text("first")
    auth = Auth(source=TokenFile(path))
    token = await auth.token()
    assert await auth.token() is token
    rewrite(path, "second")
    assert (await auth.token()).reveal() == "second"


async def test_a_file_that_is_touched_keeps_its_token(tmp_path):
    path = tmp_path / "token"
    path.write_text("first")
    auth = Auth(source=TokenFile(path))
    token = await auth.token()
    os.utime(path, ns=(1, 1))
    assert await auth.token() is token


async def test_a_file_that_is_being_replaced_leaves_the_last_token_in_use(tmp_path, caplog):
    path = tmp_path / "token"
    path.write_text("first")
    auth = Auth(source=TokenFile(path))
    await auth.token()
    path.write_text("")
    assert (await auth.token()).reveal() == "first"
    assert "stays in use" in caplog.text
    path.unlink()
    assert (await auth.token()).reveal() == "first"
    path.write_text("second")
    assert (await auth.token()).reveal() == "second"


async def test_a_command_prints_the_token_and_no_shell_reads_it():
    assert await TokenCommand(printing("abc"))() == "abc"
    assert await TokenCommand(printing("$HOME;id"))() == "$HOME;id"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ([sys.executable, "-c", "print('secret'); raise SystemExit(3)"], "exit code 3"),
        ([sys.executable, "-c", "pass"], "no words"),
        (["/nowhere/such-a-program"], "can't be run"),
    ],
)
async def test_a_command_that_fails_says_how_and_not_what_it_printed(command, reason):
    with pytest.raises(ConfigError, match=reason) as caught:
        await TokenCommand(command)()
    assert "secret" not in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")
async def test_a_command_that_leaves_somebody_with_its_output_is_waited_for_no_longer_than_said():
    """It was ended, and yet waited for until that one had ended, too."""
    began = time.monotonic()
    with pytest.raises(ConfigError, match=r"longer than 0\.3 s"):
        await TokenCommand(["sh", "-c", "sleep 30 & sleep 30"], timeout=0.3)()
    assert time.monotonic() - began < 25


async def test_a_command_that_never_stops_printing_is_ended_at_the_length_of_a_token():
    """All that it printed within its time was once held in memory."""
    endless = "import sys\nwhile True: sys.stdout.buffer.write(b'x' * 65536)"
    with pytest.raises(ConfigError, match="65,536 bytes"):
        await TokenCommand([sys.executable, "-c", endless], timeout=30.0)()


@pytest.mark.realtime
async def test_a_command_that_hangs_is_ended():
    command = TokenCommand([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.3)
    with pytest.raises(ConfigError, match=r"longer than 0\.3 s"):
        await command()


async def test_a_command_whose_call_is_cancelled_leaves_no_process():
    task = asyncio.create_task(TokenCommand([sys.executable, "-c", "import time; time.sleep(60)"])())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_command_is_run_anew_when_its_token_is_old(monkeypatch):
    seconds = 1000.0
    monkeypatch.setattr("tonicdm.tokens.time", types.SimpleNamespace(monotonic=lambda: seconds))
    command = TokenCommand(printing("abc"), max_age=60)
    await command()
    assert not command.is_stale()
    seconds += 61
    assert command.is_stale()


@pytest.mark.parametrize("command", ["pass show tonicdm", [], b"x"])
def test_a_command_is_a_list(command):
    with pytest.raises(ConfigError, match="list of texts"):
        TokenCommand(command)


async def test_the_keyring_is_asked_by_service_and_user():
    keyring = pytest.importorskip("keyring")
    from keyring.backend import KeyringBackend

    class Backend(KeyringBackend):
        priority = 1.0

        def get_password(self, service: str, username: str) -> str | None:
            return "abc" if (service, username) == ("tonicdm", "me") else None

        def set_password(self, service: str, username: str, password: str) -> None: ...

    before = keyring.get_keyring()
    keyring.set_keyring(Backend())
    try:
        assert await TokenKeyring("tonicdm", "me")() == "abc"
        with pytest.raises(ConfigError, match="keyring set tonicdm you"):
            await TokenKeyring("tonicdm", "you")()
    finally:
        keyring.set_keyring(before)


async def test_a_keyring_that_is_locked_is_an_error_without_what_it_said():
    keyring = pytest.importorskip("keyring")
    from keyring.backend import KeyringBackend

    class Locked(KeyringBackend):
        priority = 1.0

        def get_password(self, service: str, username: str) -> str | None:
            raise keyring.errors.KeyringLocked("the phrase is secret")

        def set_password(self, service: str, username: str, password: str) -> None: ...

    before = keyring.get_keyring()
    keyring.set_keyring(Locked())
    try:
        with pytest.raises(ConfigError, match="can't be used: KeyringLocked") as refused:
            await TokenKeyring("tonicdm", "me")()
    finally:
        keyring.set_keyring(before)
    assert "secret" not in str(refused.value)


def test_each_source_says_where_it_reads():
    """By its identity the budget of a source is told from that of another one."""
    ring, command = TokenKeyring("tonicdm", "me"), TokenCommand(["vault", "read a"])
    assert (repr(ring), ring.identity, ring.is_stale()) == (
        "TokenKeyring('tonicdm', 'me')",
        "keyring tonicdm me",
        False,
    )
    assert command.identity == "command vault 'read a'"
    assert repr(TokenFile("/run/token")) == "TokenFile('/run/token')"
    with pytest.raises(ConfigError, match="needs a path"):
        TokenFile("")


async def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigError, match=r"tonicdm\[keyring\]"):
        await TokenKeyring("tonicdm", "me")()


def test_sources_show_no_arguments_of_a_command():
    assert repr(TokenCommand(["vault", "--password=secret"])) == "TokenCommand(['vault', ...])"
    assert "secret" not in repr(token_source(None, "vault --password=secret"))


class TestSettings:
    def test_variables_name_a_file_or_a_command(self):
        zone = {"TONICDM_ZONE": "us"}
        assert Settings.resolve(environ=zone | {"TONICDM_TOKEN_FILE": "/run/token"}).token_file == "/run/token"
        assert Settings.resolve(environ=zone | {"TONICDM_TOKEN_COMMAND": "pass t"}).token_command == "pass t"

    def test_one_of_them_is_enough(self):
        environ = {"TONICDM_ZONE": "us", "TONICDM_TOKEN": "secret", "TONICDM_TOKEN_FILE": "/run/token"}
        with pytest.raises(ConfigError, match="TONICDM_TOKEN and TONICDM_TOKEN_FILE"):
            Settings.resolve(environ=environ)

    def test_an_argument_goes_before_them(self):
        settings = Settings.resolve(token="a", environ={"TONICDM_ZONE": "us", "TONICDM_TOKEN_FILE": "/run/token"})
        assert settings.token_file is None

    def test_a_command_is_split_as_a_shell_would(self):
        assert token_source(None, "pass show 'my token'").command == ("pass", "show", "my token")
        with pytest.raises(ConfigError, match="split"):
            token_source(None, "pass 'show")

    def test_a_client_reads_the_file_that_the_variable_names(self, tmp_path, monkeypatch):
        monkeypatch.setenv("TONICDM_ZONE", "us")
        monkeypatch.setenv("TONICDM_TOKEN_FILE", str(tmp_path / "token"))
        monkeypatch.delenv("TONICDM_TOKEN", raising=False)
        monkeypatch.setenv("TONICDM_BUDGET", str(tmp_path / "budget.db"))
        one, same = TonicDM(), TonicDM(TokenFile(tmp_path / "token"))
        other = TonicDM(TokenFile(tmp_path / "other"))
        assert one.budget.ledger.key == same.budget.ledger.key
        assert one.budget.ledger.key != other.budget.ledger.key
