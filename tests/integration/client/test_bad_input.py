"""Wrong input is a clear error before any byte is sent and any unit is charged."""

from __future__ import annotations

import datetime

import pytest

from tests.cases import for_each
from tonicdm import ConfigError, InvalidIDError, InvalidOptionError, TonicDM
from tonicdm.sandbox import Sandbox

NAIVE = datetime.datetime(2026, 1, 1)  # noqa: DTZ001 - that it is naive is the point


@pytest.fixture(autouse=True)
async def nothing_is_sent_or_charged(tonic: TonicDM, box: Sandbox):
    yield
    assert box.journal.calls() == []
    seen = tonic.budget.snapshot()
    assert (seen.remaining, seen.reserved) == (3600, 0)


@for_each(
    "wrong",
    ["", "x" * 32, "a" * 31, "a" * 33, "0f8fad5b-d9cb-469f-a165-70867728950e", "a" * 32 + "\n", 5, None, b"a" * 32],
)
async def test_wrong_ids_are_refused(tonic: TonicDM, wrong) -> None:
    with pytest.raises(InvalidIDError, match="Nothing was sent") as caught:
        await tonic.offices.get(wrong)
    assert isinstance(caught.value, ValueError)
    with pytest.raises(InvalidIDError):
        await tonic.offices.get_many(["a" * 32, wrong])
    with pytest.raises(InvalidIDError):
        await tonic.offices.update(wrong, name="x")
    with pytest.raises(InvalidIDError):
        tonic.offices.list(filter_ids=[wrong])


@for_each(
    "options",
    [
        {"filter_nothing": "x"},
        {"page_size": 0},
        {"page_size": 1001},
        {"page_size": "10"},
        {"page_size": True},
        {"start_page": 0},
        {"prefetch": -1},
        {"updated_after": NAIVE},
        {"updated_after": "2026-01-01"},
        {"sort_by": "name\r\nAuthorization: Bearer x"},
        {"sort_by": "näme"},
        {"sort_by": " "},
        {"sort_by": 5},
        {"filter_statuses": "active"},
        {"filter_statuses": []},
        {"filter_statuses": ["a,b"]},
        {"filter_ids": "a" * 32},
        {"search_query": {"x": float("nan")}},
        {"data_quantity": "everything"},
    ],
    ids=str,
)
async def test_wrong_options_are_refused_when_written_down(tonic: TonicDM, options) -> None:
    with pytest.raises(InvalidOptionError, match="Nothing was sent"):
        await tonic.offices.list(**options).all()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"nonsense": 1},
        {"name": 5},
        {"phone_number": "12"},
        {"status": {"a set is no JSON": {1}}},
        {"extra": {"when": NAIVE}},
        {"extra": {"x": float("inf")}},
    ],
    ids=str,
)
async def test_wrong_fields_are_refused(tonic: TonicDM, fields) -> None:
    with pytest.raises(InvalidOptionError, match="Nothing was sent"):
        await tonic.offices.update("a" * 32, **fields)


@pytest.mark.parametrize("path", ["core/offices", "/../x", "//host/x", "/a?b=c", "/a#b", "/a\r\nX: y", "/a/./b"])
async def test_wrong_paths_are_refused(tonic: TonicDM, path: str) -> None:
    with pytest.raises(ConfigError):
        await tonic.request("GET", path)


async def test_wrong_settings_are_refused(box: Sandbox, monkeypatch) -> None:
    for name in ("TONICDM_TOKEN", "TONICDM_ZONE", "TONICDM_BASE_URL", "TONICDM_BUDGET"):
        monkeypatch.delenv(name, raising=False)
    wrong = [
        {"token": None, "zone": "us"},
        {"token": "a b", "zone": "us"},
        {"token": "a\r\nb", "zone": "us"},
        {"token": "x"},
        {"token": "x", "zone": "fr"},
        {"token": "x", "zone": "us", "base_url": box.url},
        {"token": "x", "base_url": "ftp://x"},
        {"token": "x", "base_url": "https://u:p@x"},
        {"token": "x", "base_url": "https://x/path"},
        {"token": "x", "zone": "us", "option_placement": "body"},
        {"token": "x", "zone": "us", "max_wait": -1},
        {"token": "x", "zone": "us", "timeout": 0},
        {"token": "x", "zone": "us", "priority": "vip"},
        {"token": "x", "zone": "us", "max_concurrency": 0},
        {"token": "x", "zone": "us", "path_prefix": "/a/../b"},
    ]
    for settings in wrong:
        with pytest.raises(ConfigError):
            TonicDM(**settings)


async def test_a_closed_client_says_so(make) -> None:
    from tonicdm import ClientClosedError

    tonic = make()
    await tonic.close()
    await tonic.close()
    with pytest.raises(ClientClosedError, match="closed"):
        await tonic.offices.list().first()
