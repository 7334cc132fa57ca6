"""The calls that faults hit."""

from typing import get_args

import pytest

from tonicdm.sandbox import FaultName, Faults, SandboxSettings
from tonicdm.sandbox.faults import SUMMARY


def injected(faults, calls, method="GET", path="/a"):
    return [faults.inject(method, path).label for _ in range(calls)]


def test_every_fault_says_what_it_does():
    assert set(SUMMARY) == set(get_args(FaultName))


def test_switch_strikes_until_it_is_off():
    faults = Faults()
    faults.on("slow")
    assert injected(faults, 2) == ["slow", "slow"]
    faults.off("slow")
    assert injected(faults, 1) == [None]


def test_script_is_followed_in_order_one_entry_a_call():
    faults = Faults()
    faults.next("slow", skip=1)
    faults.next("gzip", times=2)
    assert injected(faults, 5) == [None, "slow", "gzip", "gzip", None]


def test_script_entry_waits_for_its_call():
    faults = Faults()
    faults.next("gzip", method="POST", path="/b")
    assert injected(faults, 2) == [None, None]
    assert injected(faults, 1, "POST", "/b") == ["gzip"]


def test_script_and_switches_strike_together():
    faults = Faults()
    faults.on("skew")
    faults.next("gzip")
    assert injected(faults, 2) == ["skew+gzip", "skew"]


def test_rate_is_seeded():
    runs = []
    for _ in range(2):
        faults = Faults(seed=7)
        faults.on("gzip", rate=0.5)
        runs.append(injected(faults, 50))
    assert runs[0] == runs[1]
    assert 10 < runs[0].count("gzip") < 40


def test_unknown_names_and_details_are_refused():
    faults = Faults()
    with pytest.raises(ValueError, match="drop_before"):
        faults.on("dorp")
    with pytest.raises(ValueError, match="seconds"):
        faults.on("slow", second=1)


def test_settings_are_checked_when_set():
    settings = SandboxSettings()
    with pytest.raises(ValueError):
        settings.cost_mode = "free"
    with pytest.raises(ValueError):
        settings.update({"limit": 5, "order": "other"})
    assert settings.limit == 3600
    with pytest.raises(ValueError, match="no_such"):
        settings.update({"no_such": 1})
    settings.update({"limit": 5, "latency_seconds": [0, 1], "uncharged_statuses": [401]})
    assert (settings.limit, settings.latency_seconds, settings.uncharged_statuses) == (5, (0.0, 1.0), {401})
