"""Lets the tests of this folder import the contract of products and the kit of the journeys; the program for them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "products"), str(HERE.parent / "journey")]

pytest.register_assert_rewrite("contract")
import journey_kit as kit  # noqa: E402  after the line that shows what its asserts compared


@pytest.fixture(scope="session")
def program():
    """The program, ready to be started."""
    with kit.Program() as program:
        yield program
