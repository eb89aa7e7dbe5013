"""A child under limits, a listener that must hear nothing, and a folder beyond which nothing may be written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import hostile_kit as kit


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """A home, a place for temporary files, a network on which nobody speaks, and a child that may be broken."""
    with kit.World(tmp_path_factory.mktemp("world")) as world:
        yield world
