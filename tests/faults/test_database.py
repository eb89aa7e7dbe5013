"""A state database that is busy, full, or cannot be written, at every step: nothing is lost, and nothing done twice."""

from __future__ import annotations

import resource
import sqlite3
from contextlib import contextmanager

import pytest
from moments import MOMENTS, fill, meet
from sqlalchemy import event
from story_kit import exports, finish

from orchestrator.core.errors import SpaceError, StateError, TransientError
from orchestrator.model.states import RunState


def impatient(story):
    """A connection waits half a minute for another process; here it does not."""

    @event.listens_for(story.store._db._engine, "checkout")
    def checkout(connection, _record, _proxy):
        connection.execute("PRAGMA busy_timeout=0").close()


@contextmanager
def busy(story):
    """Another process has the database."""
    other = sqlite3.connect(story.folder / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@contextmanager
def full(story):
    """The disk of the database has no room, not for a byte."""
    ballast = (story.folder / "state.db").resolve().with_name("ballast")
    fill(ballast)
    try:
        yield
    finally:
        ballast.unlink()


@contextmanager
def unwritable(_story):
    """The disk refuses to write: EFBIG at any place of any file, which SQLite takes for an input/output error."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


FAULTS = {
    "DB locked/busy": (busy, TransientError),
    "disk full (state DB)": (full, SpaceError),
    "EIO from disk": (unwritable, StateError),
}


@pytest.mark.parametrize("step", MOMENTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_database_in_trouble_loses_and_doubles_nothing(story, fault, step):
    """What could not be written down was said, and is done when it can be; no remote effect was without a row."""
    breaks, error = FAULTS[fault]
    impatient(story)

    met = meet(story, step, lambda: breaks(story), over=lambda met: bool(met.errors))

    assert [type(found) for found in met.errors] == [error]
    assert story._state() is not RunState.FAILED
    finish(story)
    assert exports(story) == 3
