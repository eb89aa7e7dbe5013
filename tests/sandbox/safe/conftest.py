"""One sensing as both levels, and the scenes that it was made from."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from orchestrator.sandbox.safe.product import Options
from orchestrator.sandbox.safe.source import Source
from orchestrator.sandbox.safe.tree import write
from orchestrator.sandbox.scenes.world import WorldCatalogue

sys.path.insert(0, str(Path(__file__).parent))

from sandbox_safe_kit import CUT, Written, sensing


@pytest.fixture(scope="session")
def source():
    return Source()


@pytest.fixture(scope="session")
def earth():
    """The sandbox's Earth Engine."""
    return WorldCatalogue()


@pytest.fixture(scope="session")
def pair(source, earth, tmp_path_factory):
    """By level: `L1C` with the true colour image, and `L2A`, of the baseline of the day, 05.10."""
    folder = tmp_path_factory.mktemp("safe")
    found = {}
    for level, collection in (("L1C", "COPERNICUS/S2_HARMONIZED"), ("L2A", "COPERNICUS/S2_SR_HARMONIZED")):
        names = ("B02", "B03", "B04", "B05", "B8A", "B01", "B10", "TCI") if level == "L1C" else ()
        product = sensing(source, level, Options(CUT, bands=names))
        scene = earth.scene(f"{collection}/{product.scene.index}")
        found[level] = Written(product, write(product, folder), scene)
    return found


@pytest.fixture(params=["L1C", "L2A"])
def written(request, pair):
    """Each level of the pair."""
    return pair[request.param]
