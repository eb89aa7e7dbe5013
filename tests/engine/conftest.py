"""Lets the tests of this folder import its model of the world, and gives them a story and a house."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def story():
    """A machine that is driven by hand; what is left of its run need not end well."""
    from run_machine import Machine  # noqa: PLC0415  many tests here need none

    machine = Machine()
    machine.admit(heavy=False, keep_parts=True, split="square")
    yield machine
    machine.run_id = ""  # no demand on how it ends
    machine.process.execution.close()
    machine.store.close()
    machine.teardown()


@pytest.fixture
def house(tmp_path):
    """A store, and a service over it whose executions a test names."""
    from house import House  # noqa: PLC0415  many tests here need none

    house = House(tmp_path)
    yield house
    house.store.close()


@pytest.fixture
def path(tmp_path):
    """The database of a state."""
    return tmp_path / "state.db"


@pytest.fixture
def clock():
    """A time of day that a test sets."""
    from care_kit import Clock  # noqa: PLC0415  likewise

    return Clock()


@pytest.fixture
def store(path, clock):
    """The store over that database; many files have one of their own."""
    from orchestrator.engine.stores.sql import SqlStore  # noqa: PLC0415  likewise

    opened = SqlStore(f"sqlite:///{path}", clock)
    yield opened
    opened.close()
