"""Arguments win over variables, and no zone is ever assumed."""

from __future__ import annotations

import pathlib

import pytest

from tests.cases import for_each
from tonicdm import ConfigError, Secret
from tonicdm.config import ZONES, Settings, read_profile


def test_arguments_win_over_variables() -> None:
    env = {
        "TONICDM_TOKEN": "env",
        "TONICDM_ZONE": "de",
        "TONICDM_OPTION_PLACEMENT": "query",
        "TONICDM_BUDGET": "memory",
    }
    settings = Settings.resolve(token="arg", zone="ie", option_placement="header", budget="x.db", environ=env)
    assert settings.token is not None
    assert (settings.token.reveal(), settings.base_url) == ("arg", ZONES["ie"])
    assert (settings.option_placement, settings.budget) == ("header", "x.db")
    from_env = Settings.resolve(environ=env)
    assert from_env.token is not None
    assert (from_env.token.reveal(), from_env.base_url) == ("env", ZONES["de"])
    assert (from_env.option_placement, from_env.budget) == ("query", "memory")


def test_an_argument_for_the_server_hides_both_variables() -> None:
    env = {"TONICDM_TOKEN": "t", "TONICDM_ZONE": "de"}
    assert Settings.resolve(base_url="http://localhost:1", environ=env).base_url == "http://localhost:1"


def test_without_a_server_nothing_is_assumed() -> None:
    with pytest.raises(ConfigError, match="there is no default"):
        Settings.resolve(token="t", environ={})


def test_a_token_never_shows_in_settings_or_errors() -> None:
    assert "s3cret" not in repr(Settings.resolve(token="s3cret", zone="us", environ={}))
    assert "s3cret" not in repr(Settings.resolve(token=Secret("s3cret"), zone="us", environ={}))
    with pytest.raises(ConfigError) as caught:
        Settings.resolve(token="s3cret\n", zone="us", environ={})
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(("given", "expected"), [("", ""), ("v1.0", "/v1.0"), ("/a/b/", "/a/b")])
def test_a_prefix_has_one_leading_slash(given: str, expected: str) -> None:
    assert Settings.resolve(token="t", zone="us", path_prefix=given, environ={}).path_prefix == expected


@for_each(
    ("given", "why"),
    [
        ({"zone": "us", "base_url": "http://h"}, "not both"),
        ({"base_url": "http://h:port"}, "no URL"),
        ({"base_url": "ftp://h"}, "must look like"),
        ({"base_url": "https://h?a=1"}, "must look like"),
        ({"base_url": "https://me:abcdef@h"}, "credentials"),
        ({"base_url": "https://h/v1"}, "path_prefix= is put"),
        ({"zone": "us", "path_prefix": "/a/../b"}, "path_prefix must be"),
        ({"zone": "us", "path_prefix": "/a//b"}, "path_prefix must be"),
        ({"zone": "us", "option_placement": "body"}, "option_placement must be"),
    ],
)
def test_a_server_that_can_not_be_meant_is_refused_without_its_secrets(given: dict[str, str], why: str) -> None:
    with pytest.raises(ConfigError, match=why) as refused:
        Settings.resolve(token="t", environ={}, **given)  # type: ignore[arg-type]
    assert "abcdef" not in str(refused.value)


def test_the_host_is_that_of_the_base_url() -> None:
    assert Settings.resolve(token="t", base_url="https://api.example:8443", environ={}).host == "api.example"


@for_each(
    ("text", "why"),
    [
        ("[profile", "can't be read"),
        ("[answers]\n", "can't be read"),
        ("profile = 1\n[answers]\n", "can't be read"),
        ("[profile]\nversion = 99\n[answers]\n", "has version 99"),
        ("answers = [1]\n[profile]\nversion = 1\n", "must be texts"),
        ("[profile]\nversion = 1\n[answers]\na = 1.5\n", "must be texts"),
        ("[profile]\nversion = 1\n[answers]\npage_base = 0\n", "begin at 0"),
        ("[profile]\nversion = 1\n[answers]\ncost_mode = 'record'\n", "for each record"),
    ],
)
def test_a_profile_of_a_server_that_this_client_would_misread_is_refused(
    text: str, why: str, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "server.toml").write_text(text)
    with pytest.raises(ConfigError, match=why):
        read_profile(tmp_path / "server.toml")


def test_a_profile_that_is_not_there_is_named(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml"):
        read_profile(tmp_path / "none.toml")
