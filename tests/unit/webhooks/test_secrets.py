"""Secrets with something around them are read, and what looks wrong is said without any part of them."""

from __future__ import annotations

import base64
import logging

import pytest

from tonicdm.errors import ConfigError
from tonicdm.webhooks.receiver import Receiver
from tonicdm.webhooks.secrets import clean_secret, shared_value, signing_key, split_secrets
from tonicdm.webhooks.verify import SharedSecret, StandardWebhooks

KEY = bytes(range(100, 132))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"\ufeff{SECRET}",
        f"{SECRET}\n",
        f"{SECRET}\r\n",
        f"  {SECRET}\t",
        f'"{SECRET}"',
        f"'{SECRET}'\r\n",
        f"`{SECRET}`",
        f"\u201c{SECRET}\u201d",
        f"v1,{SECRET}",
        f"v1, {SECRET}",
        f'"v1,{SECRET}"\n',
        f'v1,"{SECRET}"',
        f'WEBHOOK_SECRET="{SECRET}"',
        f"WEBHOOK_SECRET={SECRET}",
        f"{SECRET},",
        SECRET.replace("whsec_", "WHSEC_"),
        SECRET.rstrip("="),
        SECRET.replace("+", "-").replace("/", "_"),
    ],
)
def test_what_surrounds_a_secret_is_taken_off(text) -> None:
    assert signing_key(text).content == KEY


@pytest.mark.parametrize(
    "content",
    [
        f"{SECRET}\n",
        f"{SECRET}\r\n",
        b"\xef\xbb\xbf" + SECRET.encode(),
        f"{SECRET}\r\n".encode("utf-16"),
        f"# the secret of the sender\n{SECRET}\n",
        f'\n"{SECRET}"\n\n',
        f"v1,{SECRET}",
        f"export WEBHOOK_SECRET={SECRET}",
    ],
)
def test_a_file_with_one_secret_is_read_as_one(content) -> None:
    (secret,) = split_secrets(content)
    assert signing_key(secret).content == KEY


def test_several_secrets_stand_in_lines_or_between_blanks() -> None:
    assert split_secrets("a\r\nb\n\n c  d \n") == ["a", "b", "c", "d"]
    assert split_secrets("\"one with blanks\"\n'another one' third") == ['"one with blanks"', "'another one'", "third"]
    assert split_secrets(" \n") == []


def test_a_plain_text_keeps_what_is_within_it() -> None:
    text = "a secret that both sides know, 'quoted'"
    assert signing_key(text).content == text.encode()
    assert signing_key(text.encode() + b"\n").content == text.encode() + b"\n"


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        (f'"{SECRET}"', "quotation marks"),
        (f"v1,{SECRET}", "v1, in front"),
        (f"X={SECRET}", "name of a variable"),
        (base64.b64encode(KEY).decode(), "looks like base64"),
        (SECRET.rstrip("="), "lacks the ="),
        ("whsec_" + base64.b64encode(bytes(24)).decode(), "placeholder"),
        ("a secret that both sides\u200b know", "can't be seen"),
        (b"a secret that both sides know\n", "can't be seen"),
        (bytes(range(80)), "at most 64"),
    ],
)
def test_what_looks_wrong_is_said_without_the_secret(secret, words) -> None:
    verifier = StandardWebhooks(secret)
    (line,) = [line for line in verifier.remarks if words in line]
    assert line.startswith("secret 1 of 1 ")
    assert all(str(part) not in line for part in (secret, SECRET[6:20], "both sides"))


def test_nothing_is_said_of_a_secret_as_it_should_be() -> None:
    assert StandardWebhooks(f"{SECRET}\r\n", KEY[::-1]).remarks == []
    assert StandardWebhooks(SECRET, KEY).remarks == ["two of the secrets are the same"]


def test_a_short_header_value_is_read_and_said_to_be_short() -> None:
    assert shared_value('"letmein123"').content == b"letmein123"
    assert any("can be guessed" in line for line in SharedSecret("X-Key", "letmein123").remarks)


@pytest.mark.parametrize("size", [1, 8, 23])
def test_a_key_under_24_bytes_is_refused_whatever_its_form(size) -> None:
    key = bytes(range(1, size + 1))
    for secret in (key, "whsec_" + base64.b64encode(key).decode(), "k" * size):
        with pytest.raises(ConfigError, match=f"{size} bytes.*at least 24"):
            signing_key(secret)
    assert signing_key(bytes(range(24))).content == bytes(range(24))


async def test_a_receiver_says_at_its_start_what_looks_wrong(caplog) -> None:
    class Sink:
        async def receive(self, events):
            return [True for _ in events]

    with caplog.at_level(logging.WARNING, "tonicdm.webhooks"):
        async with Receiver(Sink(), StandardWebhooks(f'"{SECRET}"')):
            pass
    assert "quotation marks" in caplog.text
    assert SECRET not in caplog.text


def test_a_cleaned_secret_has_no_repr_of_its_text() -> None:
    assert SECRET not in repr(clean_secret(SECRET)) + repr(signing_key(SECRET))
