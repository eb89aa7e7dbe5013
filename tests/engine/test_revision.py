"""The revision of a state: what tells a page that something is new."""

from __future__ import annotations

import pytest

from orchestrator.engine.stores.sql import SqlStore


@pytest.fixture
def store(store_url, clock):
    opened = SqlStore(store_url, clock)
    yield opened
    opened.close()


def test_a_state_that_nobody_changes_keeps_its_revision(store):
    """However often it is looked at, and whatever is read in between; only a new connection may count as a change."""
    store.revision()
    store.runs.latest()
    before = store.revision()

    store.runs.latest()
    store.lessons.get("nothing", "known")

    assert store.revision() == before


def test_what_this_store_writes_is_another_revision(store):
    """It looks through a connection that writes nothing."""
    before = store.revision()

    store.lessons.learn("a subject", "a name", 1.0)

    assert store.revision() != before


def test_what_another_process_writes_is_another_revision(store, store_url, clock):
    """Each store has connections of its own, as each process has."""
    before = store.revision()
    other = SqlStore(store_url, clock)

    other.lessons.learn("a subject", "a name", 1.0)
    other.close()

    assert store.revision() != before


def test_a_store_for_a_lease_sees_the_same_revision(store):
    """It is the same database."""
    assert store.under("nobody's", 0).revision() == store.revision()
