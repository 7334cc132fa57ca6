"""The pytest plugin: fixtures over a sandbox, for the test suites of those who use tonicdm.

It stands outside the package, because pytest imports plugins at every start: naming fixtures must not import the
client. All that costs time is loaded by the first fixture that a test asks for.
"""

from __future__ import annotations

import types
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tonicdm import TonicDM
    from tonicdm.clock import VirtualClock
    from tonicdm.sandbox import Sandbox
    from tonicdm.testing import Drive, FaultHelpers, Records, Units

_MARKER = "tonicdm(records=, seed=, zones=, **settings): the sandbox of this test, see tonicdm.testing"


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker, and the two fixtures that need an event loop."""
    config.addinivalue_line("markers", _MARKER)
    asynchronous = _async_fixtures(config) if config.pluginmanager.hasplugin("asyncio") else _refusing_fixtures()
    config.pluginmanager.register(asynchronous, "tonicdm-async-fixtures")


@pytest.fixture
def tonicdm_clock() -> VirtualClock:
    """The time of the sandbox and of the client: it stands still until a test or the driver moves it."""
    from tonicdm.clock import VirtualClock

    return VirtualClock()


@pytest.fixture
def tonicdm_drive(tonicdm_clock: VirtualClock, tonicdm_client: TonicDM) -> Drive:
    """Await work and move the clock over every wait."""
    from tonicdm.testing import Drive

    return Drive(tonicdm_clock, tonicdm_client)


@pytest.fixture
def assert_units(tonicdm_sandbox: Sandbox) -> Units:
    """Hold the calls of a ``with`` block to a price."""
    from tonicdm.testing import Units

    return Units(tonicdm_sandbox.journal)


@pytest.fixture
def tonicdm_faults(tonicdm_sandbox: Sandbox) -> FaultHelpers:
    """Make the sandbox fail, as in ``with tonicdm_faults.during("server_error"):``."""
    from tonicdm.testing import FaultHelpers

    return FaultHelpers(tonicdm_sandbox)


@pytest.fixture
def tonicdm_records(tonicdm_sandbox: Sandbox) -> Records:
    """Put records into the sandbox, as in ``tonicdm_records.make(Office, name="London")``."""
    from tonicdm.testing import Records

    return Records(tonicdm_sandbox.world)


@pytest.fixture
def tonicdm_environment(tonicdm_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let code that calls ``TonicDM()`` itself find the sandbox, through the TONICDM_* variables."""
    from tonicdm.testing import environment

    for name in ("TONICDM_ZONE", "TONICDM_OPTION_PLACEMENT", "TONICDM_BUDGET_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment(tonicdm_sandbox).items():
        monkeypatch.setenv(name, value)


def _async_fixtures(config: pytest.Config) -> types.ModuleType:
    import pytest_asyncio

    # Made by pytest-asyncio's own decorator, so that its strict mode runs them too, and on the loop of the tests.
    scope = _loop_scope(config)

    @pytest_asyncio.fixture(loop_scope=scope)
    async def tonicdm_sandbox(request: pytest.FixtureRequest, tonicdm_clock: VirtualClock) -> AsyncGenerator[Sandbox]:
        """A local TonicDM with some thousand records, fresh for each test, on the virtual clock."""
        from tonicdm.testing import sandbox_from

        marker = request.node.get_closest_marker("tonicdm")
        async with sandbox_from(tonicdm_clock, **(marker.kwargs if marker else {})) as box:
            yield box

    @pytest_asyncio.fixture(loop_scope=scope)
    async def tonicdm_client(tonicdm_sandbox: Sandbox, tonicdm_clock: VirtualClock) -> AsyncGenerator[TonicDM]:
        """A client of the sandbox, on the same clock, with a budget of its own."""
        from tonicdm.testing import client_of

        async with client_of(tonicdm_sandbox, tonicdm_clock) as tonic:
            yield tonic

    return _plugin(tonicdm_sandbox=tonicdm_sandbox, tonicdm_client=tonicdm_client)


def _loop_scope(config: pytest.Config) -> Any:
    try:
        return str(config.getini("asyncio_default_test_loop_scope") or "function")
    except (KeyError, ValueError):
        return "function"


def _refusing_fixtures() -> types.ModuleType:
    @pytest.fixture
    def tonicdm_sandbox() -> None:
        """Say what is missing: without an event loop there is no server."""
        pytest.fail(
            "tonicdm's fixtures need pytest-asyncio, from the extra testing: pip install pytest-asyncio", pytrace=False
        )

    return _plugin(tonicdm_sandbox=tonicdm_sandbox, tonicdm_client=tonicdm_sandbox)


def _plugin(**fixtures: Any) -> types.ModuleType:
    # pytest looks for fixtures in modules and in types, not in the attributes of other objects.
    plugin = types.ModuleType("tonicdm-async-fixtures")
    vars(plugin).update(fixtures)
    return plugin
