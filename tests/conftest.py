"""What every test leaves as it found it, and how long Hypothesis searches."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

# A busy machine is slow, not wrong. For a night's search, HYPOTHESIS_PROFILE=thorough: tests whose single example is a
# whole run take their number from the profile's.
settings.register_profile("unhurried", deadline=None)
settings.register_profile("thorough", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "unhurried"))


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What is collected stays: to look through it for garbage, now and at each test, takes a fifth of collecting."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items):
    """Begin with what takes longest and mostly waits, so that others are under way beside it."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def loaded(tmp_path_factory):
    """Where processes of tests find the program with all its imports; None where each has its own."""
    path = tmp_path_factory.getbasetemp().parent / "program.sock"
    # A socket's name has 104 bytes at least, its end among them.
    return path if "PYTEST_XDIST_WORKER" in os.environ and len(os.fsencode(path)) < 104 else None


@pytest.fixture(scope="session")
def program(loaded):
    """The program, ready to be started: one for all rooms, since to load it takes seconds."""
    sys.path.append(str(Path(__file__).parent / "journey"))
    import journey_kit  # noqa: PLC0415  after the line that finds it

    with journey_kit.Program(loaded) as program:
        yield program


@pytest.fixture(scope="module")
def forked_sandboxes(program):
    """Sandboxes that the tests of a file begin by the Python API are forks, too."""
    import forked_sandbox  # noqa: PLC0415  found as `program` is

    with forked_sandbox.forking(program):
        yield


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server for this process's tests; each makes databases of its own in it."""
    sys.path.append(str(Path(__file__).parent))
    import postgres_kit  # noqa: PLC0415  after the line that finds it; most tests need none

    if postgres_kit.programs() is None and os.environ.get("ORCHESTRATOR_TEST_POSTGRES") != "needed":
        pytest.skip("no PostgreSQL here: install it (Debian: apt-get install postgresql)")
    server = postgres_kit.PostgresServer(**postgres_kit.QUICK)
    yield server
    server.close()


DATABASES = ("sqlite", "postgresql")


@pytest.fixture(params=DATABASES)
def store_url(request, tmp_path):
    """The address of a new database, once of each kind there is."""
    yield from _new_database(request, tmp_path)


@pytest.fixture(scope="module", params=DATABASES)
def shared_store_url(request, tmp_path_factory):
    """As `store_url`, one for all tests of a file."""
    yield from _new_database(request, tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="session")
def blank(tmp_path_factory):
    """An SQLite database of the present schema, of which each test has a copy; migrations take longer than most."""
    from orchestrator.core.clock import SystemClock  # noqa: PLC0415  most tests need neither
    from orchestrator.engine.stores.sql import SqlStore  # noqa: PLC0415

    path = tmp_path_factory.mktemp("blank") / "state.db"
    SqlStore(f"sqlite:///{path}", SystemClock()).close()
    return path


def _new_database(request, folder):
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("blank"), folder)
        yield f"sqlite:///{path}"
        return
    server = request.getfixturevalue("postgres")
    url = server.new()
    yield url
    server.drop(url)


@pytest.fixture(autouse=True)
def _log_goes_nowhere_later():
    """Whoever sets up the log of the process does so with a stream that ends with the test."""
    yield
    structlog.reset_defaults()
