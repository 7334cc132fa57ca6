"""Settings of the documentation."""

import pathlib
import sys

import tonicdm
import tonicdm.client
import tonicdm.store

# Imported for type checkers alone, so that a client without a copy does not wait for it.
tonicdm.client.Store = tonicdm.store.Store  # type: ignore[attr-defined]

sys.path.insert(0, str(pathlib.Path(__file__).parent / "_ext"))

project = "tonicdm"
author = "The tonicdm maintainers"
copyright = "2026, the tonicdm maintainers"  # noqa: A001 - Sphinx's name
release = version = tonicdm.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "from_code",
    "measured",
    "pictures",
]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
# The notebook is kept without what it shows, and run when the pages are built.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
exclude_patterns = ["_build", "_ext"]
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True
linkcheck_timeout = 20
linkcheck_anchors = False
html_theme = "furo"
html_title = f"tonicdm {release}"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
default_role = "code"
suppress_warnings = ["ref.python"]
# Other projects' names, type variables, and insides that no page describes.
nitpick_ignore_regex = [
    ("py:.*", r"(aiohttp|asyncio|collections\.abc|datetime|os|pathlib|sqlite3|ssl|uuid)\..*"),
    ("py:.*", r"tonicdm\..*\.[A-Z]"),
    ("py:class", r"(dlt\.extract\.source\.)?DltSource|(pd|pandas)\.DataFrame|(tonicdm\.types\.)?(ListOf|CollectionOf)"),
    # Names in signatures of classes that are written where they are inherited.
    ("py:class", r"TokenSource|Zone|Clock|Location|ssl_module\.SSLContext|tonicdm\.store\.database\.\w+"),
    ("py:.*", r"tonicdm\.(clock\.Clock|budget\.ledgers\.Ledger|sync\.report\.Meter)"),
    ("py:.*", r"tonicdm\.sandbox\..*\.(Snapshot|World|Rule|InjectedFaults|Webhooks)"),
    ("py:class", r"tonicdm\.(budget\.headers\.Report|tokens\.TokenReference|rhythm\.jobs\.JobNote)"),
    ("py:class", r"tonicdm\.http\.messages\._NamingErrors"),
]
