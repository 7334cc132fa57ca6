"""Editors and ``help()`` show what each option and field means."""

from __future__ import annotations

import inspect
import re

import pytest

from tonicdm.endpoints.options import Reading
from tonicdm.endpoints.registry import RECORD_TYPES, endpoint_class
from tonicdm.endpoints.rfis import Rfis

from . import docstrings


def test_docstrings_say_what_the_dictionaries_of_options_and_fields_say():
    """Run ``python -m tests.unit.endpoints.docstrings`` to write them anew."""
    assert [path.name for path, _ in docstrings.differing()] == []


@pytest.mark.parametrize("name", RECORD_TYPES)
def test_the_docstring_of_a_list_has_every_option(name: str):
    endpoint = endpoint_class(name)
    if not hasattr(endpoint, "_listing") or not hasattr(endpoint, "list"):
        return
    text = inspect.getdoc(endpoint.list) or ""
    named = set(re.findall(r"^    (\w+): ", text, re.MULTILINE))
    options = set(endpoint._listing.operation.options) - {"page_number"}
    assert options | set(Reading.__annotations__) | {"data_quantity"} <= named


def test_a_changed_description_is_noticed():
    known = {"RfiOptions": docstrings.Dictionary({"sort_by": "Something else."}, [])}
    text = (docstrings.FOLDER / "rfis.py").read_text(encoding="utf-8")
    assert "            sort_by: Something else.\n" in docstrings.rewritten(text, known)
    assert "Field to sort by, for example" in (Rfis.list.__doc__ or "")
