"""A new database of a PostgreSQL server, a store over it, and a run in it; files of tests take them by their names."""

from __future__ import annotations

from contextlib import closing

import pytest
from unit_kit import opened

from orchestrator.engine.stores.records import Admission


@pytest.fixture
def url(postgres):
    """The address of a new database."""
    made = postgres.new()
    yield made
    postgres.drop(made)


@pytest.fixture
def store(url):
    with closing(opened(url)) as store:
        yield store


@pytest.fixture
def run(store) -> str:
    return store.runs.admit(Admission("night", "", ("f" * 64,), "{}")).id
