"""Names that are loaded when they are first read, and the types of what is public."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys
import threading
import types

import pytest

from tests import processes
from tests.cases import for_each
from tests.unit.hints import faults
from tonicdm.endpoints import classes, registry
from tonicdm.http import events, hooks
from tonicdm.late import LateModule

PACKAGES = ["tonicdm", "tonicdm.budget", "tonicdm.models", "tonicdm.http.hooks"]
"""Modules with names that come late."""


def printed(code: str) -> str:
    """Return what *code* prints in a process of its own."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A package ``late_case`` with two names of its module ``slow``, which takes its time, and one module below it."""
    folder = tmp_path / "late_case"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from tonicdm.late import late_names\n"
        "__all__ = ['Thing', 'other', 'own']\n"
        "own = 1\n"
        "__getattr__, __dir__ = late_names(__name__, {'late_case.slow': ('Thing', 'other')}, ['below'])\n"
    )
    (folder / "below.py").write_text("")
    (folder / "slow.py").write_text(
        "import threading\n"
        "entered, may_go_on = threading.Event(), threading.Event()\n"
        "class Thing:\n    made = 0\n    def __init_subclass__(cls): Thing.made += 1\n"
        "class Child(Thing): pass\n"
        "import sys; gate = sys.modules.get('late_case_gate')\n"
        "if gate: gate.entered.set(); gate.may_go_on.wait(60)\n"
        "other = object()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("late_case")
    for name in [name for name in sys.modules if name.split(".")[0] == "late_case"]:
        del sys.modules[name]


def test_a_late_name_is_loaded_once_and_is_the_modules_own_then(module):
    assert "late_case.slow" not in sys.modules
    thing = module.Thing
    assert vars(module)["Thing"] is thing is sys.modules["late_case.slow"].Thing
    assert "other" not in vars(module)


def test_threads_that_read_a_late_name_at_once_get_the_same_whole_value(module, monkeypatch):
    """None of them sees a module that is half made, and none makes it a second time."""
    gate = types.ModuleType("late_case_gate")
    gate.entered, gate.may_go_on = threading.Event(), threading.Event()
    monkeypatch.setitem(sys.modules, "late_case_gate", gate)
    found = []
    threads = [threading.Thread(target=lambda: found.append((module.other, module.Thing))) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert gate.entered.wait(60)
    assert not found
    gate.may_go_on.set()
    for thread in threads:
        thread.join(60)
    assert len(found) == 8
    assert len({(id(other), id(thing)) for other, thing in found}) == 1
    assert module.Thing.made == 1


def test_a_star_import_takes_late_names_and_no_others(module):
    space: dict[str, object] = {}
    exec("from late_case import *", space)
    assert space.keys() - {"__builtins__"} == {"Thing", "other", "own"}


def test_a_module_below_is_there_by_its_name_and_by_import(module):
    below = module.below
    assert below is importlib.import_module("late_case.below")
    assert below is sys.modules["late_case.below"]
    importlib.import_module("late_case.slow")
    assert module.Thing is module.slow.Thing


def test_all_names_are_listed_before_they_are_loaded(module):
    assert {"Thing", "other", "own", "below", "__name__"} <= set(dir(module))
    assert "late_case.slow" not in sys.modules


def test_another_name_is_no_attribute(module):
    assert not hasattr(module, "Nothing")
    with pytest.raises(AttributeError, match="module 'late_case' has no attribute 'Thin'") as raised:
        module.Thin  # noqa: B018
    assert (raised.value.name, raised.value.obj) == ("Thin", module)  # from which Python makes its suggestions
    with pytest.raises(ImportError, match="cannot import name 'Thin'"):
        exec("from late_case import Thin")


@for_each("name", PACKAGES)
def test_names_that_come_late_are_listed_before(name: str) -> None:
    """For an interpreter's completion, say; a star import brings them all."""
    code = f"import sys, {name}; print(set({name}.__all__) - set(dir({name}))); from {name} import *"
    assert printed(f"{code}; print(set({name}.__all__) - set(globals()))").split() == ["set()", "set()"]


@for_each("name", PACKAGES)
def test_no_late_name_is_a_modules_too(name: str) -> None:
    """An import of a module below sets an attribute of its name, over whatever was there."""
    package = importlib.import_module(name)
    below = {full.rpartition(".")[2] for full in sys.modules if full.rpartition(".")[0] == name}
    assert not below & set(package.__all__)


def test_a_class_that_comes_late_is_unpickled_where_nobody_has_named_it() -> None:
    from tonicdm.models import Brand

    brand = pickle.dumps(Brand(id="0" * 32))
    assert printed(f"import pickle; print(type(pickle.loads({brand!r})).__name__)") == "Brand"
    code = "import pickle, sys, tonicdm.http.hooks as hooks; print(pickle.loads(pickle.dumps(hooks.RetryEvent)))"
    assert printed(code) == "<class 'tonicdm.http.events.RetryEvent'>"


def test_an_import_of_a_module_of_records_goes_beside_its_names() -> None:
    code = (
        "import tonicdm.models.persons; import tonicdm; print(tonicdm.models.Person is tonicdm.models.persons.Person)"
    )
    assert printed(code) == "True"


def test_the_names_of_events_are_where_they_were() -> None:
    """Users name them by the module of the hooks; their own is loaded when one is named."""
    assert hooks.RequestEvent is events.RequestEvent
    assert {name for name in dir(events) if name.endswith("Event") and name[0] != "_"} == set(hooks.__all__) - {"Hooks"}


def test_a_late_module_is_loaded_with_its_first_name() -> None:
    code = "import sys; from tonicdm.late import LateModule; late = LateModule('colorsys'); print(late, end=' ')"
    code += "; print('colorsys' in sys.modules, late.rgb_to_hsv.__name__)"
    assert printed(code) == "<late module 'colorsys'> False rgb_to_hsv"
    with pytest.raises(ModuleNotFoundError):
        LateModule("tonicdm.nowhere").thing  # noqa: B018


def test_the_endpoint_classes_are_those_of_the_registry() -> None:
    assert sorted(classes.__all__) == sorted(registry.RECORD_TYPES.values())
    assert all(
        getattr(classes, name) is registry.endpoint_class(type_) for type_, name in registry.RECORD_TYPES.items()
    )


EAGER = ["sync", "store", "webhooks", "rhythm", "sandbox", "testing", "export", "web", "jobs"]
"""Public packages without names that come late: one process asks them all."""


@pytest.mark.parametrize(
    "packages",
    [*([name] for name in [*PACKAGES, "tonicdm.endpoints.classes"]), [f"tonicdm.{name}" for name in EAGER]],
    ids=lambda names: names[0],
)
def test_the_types_of_public_names_can_be_read_at_run_time(packages: list[str]) -> None:
    """Of classes, functions and methods, whatever else was loaded before: nothing, in a process of its own."""
    command = [*processes.module("tests.unit.hints"), *packages]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ""


def test_a_type_that_cannot_be_read_is_noticed(monkeypatch) -> None:
    module = types.ModuleType("late_case_of_types")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    code = "def wrong(self) -> Nowhere: ...\nclass Thing:\n    do = wrong\n    made: Never | Nowhere"
    exec(f"from __future__ import annotations\n{code}", vars(module))
    module.Thing.__module__ = "tonicdm.elsewhere"
    module.__all__ = ["Thing", "wrong"]
    assert {label.partition(",")[0] for label in faults(module.__name__)} == {"wrong", "Thing", "Thing.do"}


LATE = {
    *("cattrs", "html.entities", "sqlite3", "tomllib"),
    *(
        "tonicdm.budget.views",
        "tonicdm.codec",
        "tonicdm.http.events",
        "tonicdm.models",
        "tonicdm.sandbox",
        "tonicdm.store",
    ),
}
"""What a client loads when it first needs it."""


def test_importing_the_client_loads_nothing_of_what_it_may_not_need() -> None:
    code = (
        "import aiohttp, sys; before = set(sys.modules); from tonicdm import TonicDM; "
        "print(*(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not LATE & set(done.stdout.split())
