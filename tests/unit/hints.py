"""Asks the public names of a package for their types at run time, in a process that has read no other name before."""

from __future__ import annotations

import importlib
import inspect
import sys
import typing
from collections.abc import Callable, Iterator
from typing import Any


def functions(cls: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the public methods of a class, its own and inherited ones of this project, and its ``__init__``."""
    for base in cls.__mro__:
        if base.__module__.startswith("tonicdm"):
            for name, member in vars(base).items():
                found = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
                if inspect.isfunction(found) and (name == "__init__" or not name.startswith("_")):
                    yield f"{base.__qualname__}.{name}", found


def asked(what: Callable[[], object]) -> str:
    """Return what went wrong when types were asked for; empty where nothing did."""
    try:
        what()
    except (NameError, AttributeError, TypeError) as error:
        return f"{type(error).__name__}: {error}"
    except ValueError:  # a class that is made by a function of C has no signature
        return ""
    return ""


def faults(package: str) -> dict[str, str]:
    """Return what is wrong with the types of a package's public names."""
    module = importlib.import_module(package)
    late = [name for name in module.__all__ if name not in vars(module)]
    things = {name: getattr(module, name) for name in module.__all__}
    for name in late:
        del vars(module)[name]  # it must not be what another one's types are found by
    found: dict[str, str] = {}
    for name, thing in things.items():
        own = dict(functions(thing)) if isinstance(thing, type) else {}
        for label, each in {name: thing, **own}.items():
            if isinstance(each, type) or inspect.isfunction(each):
                found[f"{label}, hints"] = asked(lambda each=each: typing.get_type_hints(each))
                found[f"{label}, signature"] = asked(lambda each=each: inspect.signature(each, eval_str=True))
    return {label: fault for label, fault in found.items() if fault}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        for label, fault in faults(name).items():
            sys.stdout.write(f"{name}: {label}: {fault}\n")
