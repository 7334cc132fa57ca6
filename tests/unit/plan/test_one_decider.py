"""Which calls are made is decided in one package."""

from __future__ import annotations

import ast
import pathlib

import tonicdm
from tests.cases import for_each

ROOT = pathlib.Path(tonicdm.__file__).parent
MODULES = sorted(path for name in ("sync", "webhooks", "store") for path in (ROOT / name).rglob("*.py"))
FORMULAS = {"tonicdm.plan.arithmetic", "tonicdm.plan.stale_records"}


def reasons(path: pathlib.Path) -> list[str]:
    """Return what a module knows of prices."""
    knows = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module in FORMULAS:
            knows += [f"imports {alias.name}" for alias in node.names if not alias.name.isupper()]
        # DataQuantity.BASIC.units, quality.units: the price of a call. A report's or a meter's units were spent.
        if isinstance(node, ast.Attribute) and node.attr == "units":
            owner = ast.unparse(node.value)
            if "DataQuantity" in owner or "quality" in owner or "quantity" in owner:
                knows.append(f"reads {owner}.units")
    return knows


@for_each("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_but_the_plan_decides_by_price(path: pathlib.Path) -> None:
    """The sync, the webhooks and the cached reads ask the plan; else what is planned and what is done differ."""
    assert reasons(path) == []
