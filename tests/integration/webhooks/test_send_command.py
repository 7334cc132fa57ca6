"""``tonicdm webhooks send``, and what ``serve`` says at its start."""

from __future__ import annotations

import asyncio
import json

import pytest
from click.testing import CliRunner

from tonicdm.cli.app import tonicdm
from tonicdm.store import Store
from tonicdm.webhooks import Inbox

from .processes import serving

SECRET = "a-key-of-the-tests-of-webhooks"


def send(url, *options, secret=SECRET):
    return CliRunner(env={"WEBHOOK_SECRET": secret}).invoke(
        tonicdm, ["webhooks", "send", url, "--secret-env", "WEBHOOK_SECRET", *options]
    )


@pytest.fixture
def served(tmp_path):
    with serving(tmp_path / "firm.db", "--public-url", "https://hooks.example.com/") as (process, url):
        yield process, url, tmp_path / "firm.db"


def listed(file):
    async def run():
        async with Store(file) as store:
            return await Inbox(store).find()

    return asyncio.run(run())


def test_a_test_event_is_signed_taken_and_shown_to_be_done(served):
    process, url, file = served
    assert process.stdout.readline() == "Register this URL with the sender: https://hooks.example.com/webhooks\n"
    line = process.stdout.readline()
    assert line.endswith("tonicdm webhooks send https://hooks.example.com/webhooks --secret-env WEBHOOK_SECRET\n")
    ended = send(url, "--json")
    document = json.loads(ended.stdout)
    assert (ended.exit_code, document["status"], document["taken"]) == (0, 200, True)
    (entry,) = listed(file)
    assert (entry.key, entry.type, entry.signed) == (document["event_id"], "webhook.test", True)
    assert send(url, "--event-id", document["event_id"]).exit_code == 0
    named = send(url, "--type", "persons.updated", "--id", "a" * 32, "--format", "table")
    assert "on the receiver's disk" in named.stdout
    assert {entry.id: entry.copies for entry in listed(file)} == {"": 1, "a" * 32: 0}


def test_a_wrong_secret_is_said_with_what_to_do(served):
    _, url, _ = served
    ended = send(url, "--format", "table", secret="another secret of 24 bytes or more".replace(" ", "-"))
    assert ended.exit_code == 1
    assert "401" in ended.stdout
    assert "the signature is wrong" in ended.stdout
    assert "another secret" in ended.stdout  # the hint, not the secret
    assert "another-secret" not in ended.output


def test_nobody_there_is_the_network_and_no_url_is_a_setting():
    ended = send("http://127.0.0.1:9/webhooks")
    assert ended.exit_code == 5
    assert "gives no answer" in ended.output
    assert send("ftp://x").exit_code == 2
    assert "--id needs --type" in send("http://127.0.0.1:9/", "--id", "a" * 32).output
