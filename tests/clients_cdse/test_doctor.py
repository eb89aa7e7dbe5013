"""`doctor` looks at the catalogue and the login, and shows no secret."""

from __future__ import annotations

import pytest
from cdse_kit import NAME

from orchestrator.app import Application
from orchestrator.app.verbs.findings import findings
from orchestrator.config import load
from orchestrator.core.errors import Stopped

MARKER = "correct-horse-42"


def looked(world, name: str):
    """Return the finding of that name; nothing behind it is looked at."""
    app = Application(world.loaded(), stop=world.stop)
    return next(one for one in findings(app, offline=False, reload=lambda: load(environment={})) if one.name == name)


def test_the_catalogue_answers(world):
    found = looked(world, "copernicus catalogue")

    assert (found.verdict, NAME in found.seen) == ("ok", True)


def test_the_login_is_tried(world):
    found = looked(world, "copernicus login")

    assert (found.verdict, found.seen) == ("ok", "user user; at most 4 transfers at once")


@pytest.mark.parametrize(
    "name", [pytest.param("copernicus catalogue", id="catalogue"), pytest.param("copernicus login", id="login")]
)
def test_what_is_wrong_is_told_without_the_password(world, name):
    """Who it is, and what to set; never what was set."""
    world.settings = {"credentials": {"cdse": {"user": "ann@example.org", "password": MARKER}}}

    found = looked(world, name)

    assert MARKER not in repr(found)
    assert ("ann@example.org" in found.seen) == (name == "copernicus login")


def test_nobody_there_is_said_at_once(world):
    world.settings = {"copernicus": {"url": "http://127.0.0.1:9"}}

    found = looked(world, "copernicus catalogue")

    assert (found.verdict, "cannot be reached at http://127.0.0.1:9/" in found.seen) == ("error", True)


def test_who_asks_copernicus_nothing_is_not_troubled_with_it(world):
    world.settings = {"copernicus": {"url": ""}}

    assert looked(world, "copernicus").verdict == "ok"


def test_what_was_stopped_is_not_said_to_be_wrong(world):
    """A login that a signal ended says nothing of the account; neither is anything judged after it."""
    app = Application(world.loaded(), stop=world.stop)
    app.copernicus.way.sign_in = lambda stop: (stop.set(), _stopped())
    found = findings(app, offline=False, reload=lambda: load(environment={}))
    while next(found).name != "copernicus catalogue":
        pass

    with pytest.raises(Stopped):
        next(found)


def _stopped():
    raise Stopped("stopped before the answer was complete")
