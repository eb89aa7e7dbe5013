"""Copernicus on loopback, for the client of it and the route by it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cdse_kit import BAND, NAME, World, content_of, write_safe

from orchestrator.sandbox.cdse.settings import Copernicus
from orchestrator.sandbox.server import Options, Sandbox


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """A folder with one product: a band, its metadata, and a file without a byte."""
    folder = tmp_path_factory.mktemp("served")
    files = {BAND: content_of(BAND), "MTD_MSIL1C.xml": b"<a/>", "INSPIRE.xml": b""}
    write_safe(folder, NAME, files, "MD5", upper=True)
    return folder


@pytest.fixture
def world(served, tmp_path):
    with Sandbox(None, Options(copernicus=Copernicus(folder=served)), evaluator=object()) as running:
        world = World(running, tmp_path / "state")
        yield world
        world.close()
