"""The notebook of the documents runs from its first cell to its last."""

from __future__ import annotations

import os

import pytest
from reading import ROOT

NOTEBOOK = ROOT / "docs" / "python.ipynb"


@pytest.fixture
def notebook():
    """As it is kept."""
    import nbformat  # noqa: PLC0415  builds grammars for seconds, which every process that collects tests would pay

    return nbformat.read(NOTEBOOK, as_version=4)


def test_every_cell_runs(notebook, tmp_path, monkeypatch):
    """In a kernel of its own, against a sandbox, without any network but loopback."""
    from nbclient import NotebookClient  # noqa: PLC0415  likewise

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))

    NotebookClient(
        notebook, timeout=200, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()

    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pages = [output["data"]["text/html"] for output in shown if "text/html" in output.get("data", {})]
    assert any("<svg" in page for page in pages)
    assert any("data:image/png" in page for page in pages)


def test_it_is_kept_without_outputs_and_light(notebook):
    """What a reader sees depends on the reader's machine; a page opens quickly."""
    assert [cell for cell in notebook.cells if cell.get("outputs")] == []
    assert NOTEBOOK.stat().st_size < 200_000
