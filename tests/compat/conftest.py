"""A Copernicus on loopback with small products of the invented Earth, and a folder to work in."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import orchestrator as orc
from orchestrator.sandbox.cdse.settings import Copernicus
from orchestrator.sandbox.safe import default_products
from orchestrator.sandbox.scenes.world import WorldCatalogue
from orchestrator.sandbox.server import Options, Sandbox

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory):
    """Products that show 24 x 24 pixels of 60 m of their tile: a few tenths of a second each."""
    products = default_products(0, tmp_path_factory.mktemp("products"), "820,820,24,24")
    with Sandbox(WorldCatalogue(), Options(copernicus=Copernicus(products=products))) as running:
        yield running


@pytest.fixture(scope="module")
def there(sandbox, tmp_path_factory):
    """A folder, and a connection to the sandbox; the folder is the current one."""
    folder = tmp_path_factory.mktemp("there")
    with (
        pytest.MonkeyPatch.context() as patched,
        orc.connect(sandbox_url=sandbox.url, state_dir=folder / "state"),
    ):
        patched.chdir(folder)
        yield folder
