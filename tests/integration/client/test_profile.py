"""What a profile says of a server, the client acts on from the first call."""

from __future__ import annotations

import pathlib

import pytest

from tonicdm import ConfigError
from tonicdm.sandbox import Sandbox

PROFILE = "[profile]\nversion = 1\n\n[answers]\n{}\n"


def written(folder: pathlib.Path, answers: str) -> pathlib.Path:
    path = folder / "profile.toml"
    path.write_text(PROFILE.format(answers))
    return path


async def test_pages_are_no_larger_than_the_server_allows(make, box: Sandbox, tmp_path) -> None:
    box.settings.page_size_max = 40
    for number in range(130):
        box.world.create("offices", name=f"Branch {number}")
    tonic = make(profile=written(tmp_path, "page_size_max = 40"))
    active = {record["id"] for record in box.world.records("offices") if record["status"] == "active"}
    assert {office.id for office in await tonic.offices.list().all()} == active
    assert {call.status for call in box.journal.calls()} == {200}


@pytest.mark.parametrize(("answers", "said"), [('cost_mode = "record"', "overdraw"), ("page_base = 0", "begin at 0")])
async def test_a_server_that_this_client_would_misread_is_refused(make, tmp_path, answers: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make(profile=written(tmp_path, answers))
