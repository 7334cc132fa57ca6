"""`tonicdm whoami` reads fields, and guesses none."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from tonicdm.cli.app import tonicdm
from tonicdm.endpoints.me import Myself
from tonicdm.models import CODEC, Me


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"homeZone": "de"}, "Home zone de"),
        ({"workZone": "de", "zoneOffset": "+01:00", "timezone": "+01:00"}, "Home zone not named by the server"),
    ],
)
def test_the_home_zone_is_that_field_and_no_other_that_sounds_like_it(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], shown: str
):
    async def get(self: Myself, **_: Any) -> Me:
        addresses = [{"emailAddress": "mel@x.test"}]
        return CODEC.read({"id": "0" * 32, "name": "Mel", "emailAddresses": addresses, **fields}, Me)

    monkeypatch.setattr(Myself, "get", get)
    environment = {"TONICDM_TOKEN": "t", "TONICDM_BASE_URL": "http://127.0.0.1:9", "TONICDM_BUDGET": "memory"}
    result = CliRunner().invoke(tonicdm, ["whoami"], env=environment)
    assert result.exit_code == 0, result.output
    assert "User      Mel" in result.output
    assert "Addresses mel@x.test" in result.output
    assert shown in result.output
