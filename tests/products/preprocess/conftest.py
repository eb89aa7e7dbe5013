"""Scenes to be preprocessed: synthetic ones of 216 pixels, made once, and real ones where they are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent.parent / "journey")]

import preprocess_kit as kit  # noqa: E402  after the line that finds it


@pytest.fixture(scope="session")
def products(tmp_path_factory):
    """Level-1C and 2A of two days of one place, half of it outside of the swath, as SAFE folders."""
    return kit.synthetic(tmp_path_factory.mktemp("products"))


@pytest.fixture
def index(tmp_path, products):
    """The index of a folder that holds both days."""
    return kit.laid(tmp_path / "raw", products)
