"""Lets the tests of this folder import the plays and the points that are killed in them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from plays import kit
from power import SMALL


@pytest.fixture(scope="session")
def program(loaded):
    """The program, ready to be started."""
    with kit.Program(loaded, **SMALL) as program:
        yield program
