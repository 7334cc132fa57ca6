"""Arguments win over variables, and no zone is ever assumed."""

from __future__ import annotations

import pytest

from tonicdm import ConfigError, Secret
from tonicdm.config import ZONES, Settings


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
