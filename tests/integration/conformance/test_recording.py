"""A first contact, written down as shapes, and read as a test of what is assumed."""

from __future__ import annotations

import pathlib
import re
from typing import Any

import pytest

from tests.contract.reference import document
from tests.hostile import Hostile, answer
from tonicdm import ConfigError, RetryPolicy, TonicDM, UnitBudget
from tonicdm.clock import SystemClock
from tonicdm.conformance import ASSUMPTIONS, MAX_RECORDED_UNITS, Exchange, Recording, check, contradictions
from tonicdm.sandbox import Sandbox
from tonicdm.testing import sandbox_from

from .test_command import invoke


async def recorded(box: Sandbox, tmp_path: pathlib.Path, *, allowance: int = MAX_RECORDED_UNITS) -> Recording:
    exchanges: list[Exchange] = []
    async with TonicDM(
        token=box.token,
        base_url=box.url.removesuffix(box.settings.path_prefix),
        budget=UnitBudget.memory(),
        retry=RetryPolicy(attempts=1),
    ) as tonic:
        state = await check(tonic, allowance=allowance, record=exchanges.append)
    Recording.of(state, exchanges).write(tmp_path / "first.json")
    return Recording.read(tmp_path / "first.json")


async def test_a_recording_shows_nothing_of_the_firm(tmp_path: pathlib.Path) -> None:
    """No token, no name, no ID, no address, no time of anything; and no more units than allowed."""
    async with sandbox_from(SystemClock(), records=4_000) as box:
        result = await recorded(box, tmp_path)
        text = (tmp_path / "first.json").read_text(encoding="utf-8")
        assert box.units() <= MAX_RECORDED_UNITS
        assert box.token not in text
        assert not re.search(r"[0-9a-fA-F]{32}", text)
        assert not re.search(r"\w@\w", text)
        assert not re.search(r"\d{4}-\d\d-\d\d", text)
        assert "127.0.0.1" not in text
        lowered = text.lower()
        for record_type in ("persons", "organizations", "brands", "projects", "offices"):
            for rank in range(40):
                record = box.world.firm.record(record_type, rank)
                for field in ("name", "nameLong", "projectNameLegal", "title", "address", "emailAddress"):
                    value = str(record.get(field) or "")
                    assert len(value) < 4 or value.lower() not in lowered, field
    asked = {item.path for item in result.exchanges}
    assert {"/core/me", "/core/brands", "/core/organizations/me/staff", "/workflow/rfis", "/fileset/files"} <= asked
    assert len(asked) > 20


async def test_a_server_as_it_is_assumed_contradicts_nothing(tmp_path: pathlib.Path) -> None:
    """The sandbox at its defaults is what is assumed, but for fields that its records do not have."""
    async with sandbox_from(SystemClock(), records=4_000) as box:
        result = contradictions(await recorded(box, tmp_path))
    assert [str(item) for item in result] == []


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"option_source": "query", "path_prefix": "/v1.0"}, {"option_source", "path_prefix"}),
        ({"page_base": 0, "page_size_default": 20, "limit": 7200}, {"page_base", "page_size_default", "limit"}),
        ({"page_size_max": 500, "me_shape": "array"}, {"page_size_max", "me_shape"}),
        ({"updated_after_supported": False}, {"UpdatedAfter"}),
        ({"id_only_timestamps": False}, {"datetimeUpdated"}),
        ({"advanced_contacts": False}, set()),
    ],
)
async def test_each_contradiction_is_named_by_its_place(
    tmp_path: pathlib.Path, settings: dict[str, Any], names: set[str]
) -> None:
    """Whatever the server does otherwise, the recording says which assumption is wrong, and no other."""
    async with sandbox_from(SystemClock(), records=4_000, **settings) as box:
        result = contradictions(await recorded(box, tmp_path))
    assert {item.place.replace("/", " ").split()[-1] for item in result} == names


async def test_fields_and_paths_of_the_reference_are_held_against_what_came(tmp_path: pathlib.Path) -> None:
    """Another name, another kind of value, a path that is none, an error of another form."""
    me = {"id": "0" * 32, "division2": "x"}

    def reply(request: Any) -> bytes:
        path = request.target.partition("?")[0]
        if path == "/core/me":
            return answer(body=me, remaining=3599)
        if path == "/core/emailaddresses":
            rows = [{"id": "1" * 32, "emailAddress": 5, "dateActive": "2020-01-01", "isPrime": True, "kind": "x"}]
            return answer(body=rows, remaining=3599)
        if path == "/core/certification-definitions":
            return answer(404, {"error": "no such path"}, remaining=3599)
        if path == "/core/persons" and (request.header("filterIDs") or "0" * 32) != "0" * 32:
            return answer(body=[], remaining=3599)
        return answer(body=[{"id": "0" * 32, "datetimeUpdated": "2020-01-01T00:00:00Z"}], remaining=3599)

    exchanges: list[Exchange] = []
    async with (
        Hostile(otherwise=reply) as server,
        TonicDM(
            token="t",
            base_url=server.url,
            budget=UnitBudget.memory(max_calls_per_second=None),
            retry=RetryPolicy(attempts=1),
        ) as tonic,
    ):
        state = await check(tonic, allowance=400, known={"cost_mode": "call"}, record=exchanges.append)
    result = {item.place: item.actual for item in contradictions(Recording.of(state, exchanges))}
    schema = "components/schemas/EmailAddress/properties"
    assert result[f"{schema}/emailAddress"] == "emailAddress in /core/emailaddresses is integer"
    assert result[f"{schema}/type"] == "none of 1 records of /core/emailaddresses has type"
    assert f"{schema}/isPrime" not in result
    assert result["paths/~1core~1certification-definitions/get"].endswith("answered 404")
    assert "components/schemas/ErrorMessage" in result


def places(node: Any, path: tuple[str, ...] = ()) -> list[str]:
    result = ["/".join(path)] if isinstance(node, dict) and node.get("x-assumed") else []
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        result += places(value, (*path, str(key).replace("/", "~1")))
    return result


def test_every_assumption_of_the_reference_is_in_the_list() -> None:
    """Each x-assumed has its line, also those that only a write could show; and no line has a place that is none."""
    listed = [item.place for item in ASSUMPTIONS if not item.place.startswith("decisions: ")]
    assert sorted(listed) == sorted(places(document()))


async def test_the_command_records_and_replays(tmp_path: pathlib.Path) -> None:
    """It asks with the larger price first; the replay calls nothing, and ends with 1 for a contradiction."""
    path = tmp_path / "first.json"
    async with sandbox_from(SystemClock(), records=4_000, page_base=0) as box:
        done = await invoke(box, "--record", str(path), answer="y\n")
        assert done.exit_code == 0, done.output
        assert f"at most {MAX_RECORDED_UNITS} units" in done.output
        box.journal.clear()
        again = await invoke(box, "--replay", str(path))
        assert not box.journal
    assert again.exit_code == 1
    assert "decisions: page_base: Pages begin at 1. But it is 0." in again.output


def test_what_is_no_recording_is_said(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "x.json"
    for text in ("", "[]", "{}", '{"version": 99}', '{"version": 1, "exchanges": [{}], "answers": {}}'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match="recording"):
            Recording.read(path)
    with pytest.raises(ConfigError):
        Recording.read(tmp_path / "absent.json")


def test_a_reset_is_written_by_its_form_alone(tmp_path: pathlib.Path) -> None:
    """Seconds, milliseconds or a delta can be told; when the recording was made cannot."""
    from tonicdm.conformance.recording import _header

    now = 1_800_000_000.0
    assert _header("x-rate-limit-reset", str(int(now) + 3600), now) == "unix seconds, 3,600 s ahead"
    assert _header("x-rate-limit-reset", str((int(now) + 60) * 1000), now) == "unix milliseconds, 60 s ahead"
    assert _header("x-rate-limit-reset", "60", now) == "seconds from now, 60 s ahead"
    assert _header("set-cookie", "session=abc", now) == "text"
