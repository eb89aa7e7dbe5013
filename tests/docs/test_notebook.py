"""The notebook of the documents runs from its first cell to its last."""

from __future__ import annotations

import os

import nbformat
from nbclient import NotebookClient
from reading import ROOT

NOTEBOOK = ROOT / "docs" / "python.ipynb"


def test_every_cell_runs(tmp_path, monkeypatch):
    """In a kernel of its own, against a sandbox, without any network but loopback."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)

    NotebookClient(
        notebook, timeout=200, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()

    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pages = [output["data"]["text/html"] for output in shown if "text/html" in output.get("data", {})]
    assert any("<svg" in page for page in pages)
    assert any("data:image/png" in page for page in pages)


def test_it_is_kept_without_outputs_and_light():
    """What a reader sees depends on the reader's machine; a page opens quickly."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)

    assert [cell for cell in notebook.cells if cell.get("outputs")] == []
    assert NOTEBOOK.stat().st_size < 200_000
