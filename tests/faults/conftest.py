"""What tests of the matrix share: the program as processes, a sandbox, and how a run met what was ordered."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(Path(__file__).parent), *(str(TESTS / room) for room in ("journey", "clients_storage", "engine"))]

import journey_kit as kit  # noqa: E402  after the line that finds it


@pytest.fixture(scope="session")
def program():
    """The program, ready to be started."""
    with kit.Program() as program:
        yield program


@pytest.fixture(scope="module")
def service(tmp_path_factory, program):
    """One sandbox for the tests of a file."""
    with kit.Service(program, tmp_path_factory.mktemp("sandbox")) as service:
        yield service
