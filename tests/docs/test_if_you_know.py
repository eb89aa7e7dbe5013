"""docs/howto/if-you-know.md: every call of ours on the page is executed."""

from __future__ import annotations

import re

import pytest
from reading import ROOT, blocks, rows, sections

import orchestrator as orc
from orchestrator.sandbox.scenes.world import WorldCatalogue
from orchestrator.sandbox.server import Options, Sandbox

PAGE = ROOT / "docs" / "howto" / "if-you-know.md"
LIBRARIES = ("georeader", "geedim", "geemap", "Xee")
pytestmark = [
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),  # in rasterio's own code
    pytest.mark.filterwarnings("ignore:Anonymous credentials:UserWarning"),
    pytest.mark.filterwarnings("ignore:Consolidated metadata:UserWarning"),
]


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """What the page begins with, in a sandbox."""
    folder = tmp_path_factory.mktemp("page")
    with Sandbox(WorldCatalogue(), Options()) as sandbox:
        how = {"project": sandbox.options.project, "state_dir": folder / "state"}
        with orc.connect(sandbox_url=sandbox.url, **how) as connection, connection.working():
            connection.shared.earth_engine()
            (beginning,) = blocks(PAGE, "python")
            known: dict = {}
            exec(beginning, known)  # noqa: S102  it is the page
            yield known | {"folder": str(folder / "results")}


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_call_of_ours_does_what_it_says(names, library):
    table = rows(sections(PAGE)[library])

    for task, _theirs, ours, _differs in table:
        (code,) = re.findall(r"`([^`]+)`", ours)
        exec(code, names)  # noqa: S102
        assert task
    assert len(table) >= 4
