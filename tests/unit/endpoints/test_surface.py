"""What users see of the endpoints: names, signatures, descriptions."""

from __future__ import annotations

import ast
import importlib
import inspect
import pathlib
import re

import tonicdm.endpoints
from tests.cases import for_each
from tests.contract.calls import BASE, METHOD_OF, NOUNS, endpoint_class, methods
from tonicdm import TonicDM, UnitBudget
from tonicdm.endpoints.base import Endpoint

FILES = sorted(pathlib.Path(tonicdm.endpoints.__file__).parent.glob("*.py"))


def test_a_client_has_one_attribute_for_each_noun():
    tonic = TonicDM(token="t", base_url=BASE, budget=UnitBudget.memory())
    # A client without a copy says so when it is asked for one.
    public = {name for name in dir(tonic) if not name.startswith("_")} - {"store"}
    found = {name for name in public if isinstance(getattr(tonic, name), Endpoint)}
    assert found == set(NOUNS)


@for_each("noun", NOUNS)
def test_a_noun_stands_in_the_file_of_its_name(noun: str):
    kind = endpoint_class(noun)
    assert kind.__module__ == f"tonicdm.endpoints.{noun}"
    assert vars(importlib.import_module(kind.__module__))[kind.__name__] is kind


@for_each("name", methods())
def test_a_method_describes_itself_and_all_its_arguments(name: str):
    noun, _, method = name.partition(".")
    function = getattr(endpoint_class(noun), method)
    text = inspect.getdoc(function) or ""
    assert text
    for parameter in list(inspect.signature(function).parameters)[1:]:
        assert (
            re.search(rf"^    {parameter}: \S", text, re.MULTILINE)
            or f"*{parameter}*" in text
            or (method in {"soft_delete", "delete"} and parameter == "record")
        ), parameter


@for_each(("operation", "name"), METHOD_OF.items())
def test_a_method_names_its_source(operation: str, name: str):
    """The reference's operationId stands in the method's description, or in its class's."""
    noun, _, method = name.partition(".")
    kind = endpoint_class(noun)
    own, shared = (inspect.getdoc(getattr(kind, method)) or ""), (inspect.getdoc(kind) or "")
    assert operation in own or (method not in vars(kind) and operation in shared)


@for_each("file", FILES, ids=lambda one: one.stem)
def test_every_option_and_field_has_a_description(file: pathlib.Path):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ClassDef) and re.search(r"(Options|Fields|Changes|Option|Reading|Extra)$", node.name):
            assert ast.get_docstring(node), node.name
            for one, following in zip(node.body, [*node.body[1:], None], strict=True):
                if isinstance(one, ast.AnnAssign):
                    assert isinstance(following, ast.Expr), f"{node.name}: {ast.unparse(one)}"
