"""Names of modules that are loaded when they are first read."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def late_names(
    package: str, names: Mapping[str, Iterable[str]], submodules: Iterable[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and the ``__dir__`` of a module that has names of other modules.

    A name that was read once is one of the module's own. Several threads may read it at once: each waits until the
    other module is whole, and all get the same value.

    Args:
        package: The full name of the module.
        names: The names that it has of each other module, by the full name of that.
        submodules: Modules below it that are there as attributes without an import of their own.
    """
    namespace = vars(sys.modules[package])
    modules = {name: module for module, its_names in names.items() for name in its_names}
    packages = frozenset(submodules)

    def load(name: str) -> Any:
        """Load what *name* names."""
        if name in modules:
            value = getattr(importlib.import_module(modules[name]), name)
        elif name in packages:
            value = importlib.import_module(f"{package}.{name}")
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=sys.modules[package])
        namespace[name] = value
        return value

    def listed() -> list[str]:
        """List what is there, and what can be."""
        return sorted({*namespace, *modules, *packages})

    return load, listed


class LateModule:
    """A module that is loaded when something of it is first read.

    It stands in annotations, ``views.Snapshot`` for instance: who reads these at run time needs a name that is there.
    For type checkers the module itself is imported under the same name.

    Args:
        name: The module's full name.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self._name), name)

    def __repr__(self) -> str:
        return f"<late module {self._name!r}>"
