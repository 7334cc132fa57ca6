"""The profile's file: written by hand, so read back by the standard library's reader under every value."""

from __future__ import annotations

import datetime
import pathlib
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonicdm import ConfigError, TonicDM, UnitBudget
from tonicdm.config import read_profile
from tonicdm.conformance import Profile, State
from tonicdm.sandbox import SandboxSettings

WHEN = datetime.datetime(2026, 3, 1, 12, 30, 15, tzinfo=datetime.UTC)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
scalars = st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), texts)


@given(st.dictionaries(texts, scalars), st.dictionaries(texts, texts), texts)
def test_what_is_written_is_read_back(answers, unsettled, server) -> None:
    """Quotes, backslashes, control characters, empty keys, booleans that are no numbers."""
    profile = Profile(server=server, checked_at=WHEN, calls=3, units=7, answers=answers, unsettled=unsettled)
    text = profile.to_toml()
    tomllib.loads(text)
    back = Profile.from_toml(text)
    assert back == profile
    assert {name: type(value) for name, value in back.answers.items()} == {k: type(v) for k, v in answers.items()}


@pytest.mark.parametrize(
    "text", ["", "x = 1", "[profile]\nversion = 2", "[profile", "profile = 3", "[profile]\nversion = 1"]
)
def test_a_file_that_is_no_profile_is_refused_by_all_who_read_it(text: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        Profile.read(path)
    with pytest.raises(ConfigError):
        read_profile(path)
    with pytest.raises(ValueError):
        SandboxSettings.from_profile(path)


def test_a_missing_file_is_a_clear_error(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml"):
        Profile.read(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match=r"none\.toml"):
        read_profile(tmp_path / "none.toml")


def test_a_client_refuses_a_server_whose_first_page_it_would_miss(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "x.toml"
    Profile(server="http://x", checked_at=WHEN, answers={"page_base": 0}).write(path)
    with pytest.raises(ConfigError, match="begin at 0"):
        TonicDM("t", base_url="http://x", profile=path, budget=UnitBudget.memory())


def test_arguments_and_variables_go_before_the_profile(tmp_path: pathlib.Path, monkeypatch) -> None:
    path = tmp_path / "x.toml"
    Profile(server="http://x", checked_at=WHEN, answers={"option_source": "query", "path_prefix": "/v9"}).write(path)

    def placement(**given) -> tuple[str, str]:
        tonic = TonicDM("t", base_url="http://x", profile=path, budget=UnitBudget.memory(), **given)
        return tonic.caller.placement, tonic.caller.path_prefix

    assert placement() == ("query", "/v9")
    assert placement(option_placement="header", path_prefix="/v1.0") == ("header", "/v1.0")
    monkeypatch.setenv("TONICDM_OPTION_PLACEMENT", "header")
    assert placement() == ("header", "/v9")


def test_a_state_becomes_a_profile_without_the_ids_it_worked_with() -> None:
    """Facts are records of the tenant; a profile may be shown to anybody."""
    state = State(answers={"order": "stable"}, unsettled={"limit": "why"}, facts={"me": "f" * 32}, spent=3, calls=2)
    text = Profile.of(state, server="http://x", checked_at=WHEN).to_toml()
    assert "f" * 32 not in text
    assert tomllib.loads(text)["answers"] == {"order": "stable"}
