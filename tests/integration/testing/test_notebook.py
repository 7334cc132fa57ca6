"""The notebook of the documentation runs from top to bottom, and shows tables."""

from __future__ import annotations

import asyncio
import pathlib

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

DOCS = pathlib.Path(__file__).parents[3] / "docs"


def executed(path: pathlib.Path, folder: pathlib.Path, *, again: bool = True):
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=120, startup_timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    try:
        asyncio.run(client.async_execute())
    except RuntimeError as error:
        # Ports are chosen for a kernel, and another process may take one of them before it does.
        if not again or "Kernel died before" not in str(error):
            raise
        return executed(path, folder, again=False)
    return notebook


@pytest.mark.filterwarnings("ignore::DeprecationWarning:(jupyter_client|zmq|nbclient|nbformat|ipykernel).*")
def test_the_notebook_runs_and_shows_tables(tmp_path, monkeypatch):
    """A cell that fails ends the run with its traceback; what is shown is HTML without the sandbox's token."""
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("PYTHONWARNINGS", "error::ResourceWarning")
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))  # a home may be read-only, or have settings of its own
    (path,) = DOCS.rglob("*.ipynb")
    notebook = executed(path, tmp_path)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    html = [
        output.data["text/html"]
        for cell in cells
        for output in cell.outputs
        if output.output_type == "execute_result" and "text/html" in output.data
    ]
    assert len(html) >= 6
    assert all("<table" in shown for shown in html)
    streams = [output for cell in cells for output in cell.outputs if output.output_type == "stream"]
    assert not [output for output in streams if output.name == "stderr"]
    assert any(".all()" in output.text for output in streams)
    assert "sandbox-token" not in nbformat.writes(nbformat.from_dict({**notebook, "cells": cells}))


def test_the_notebook_is_kept_without_what_it_has_shown():
    for path in DOCS.rglob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            assert not cell.get("outputs")
            assert cell.get("execution_count") is None
