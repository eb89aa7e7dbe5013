"""Two copies of one state on one bucket: only one works, and it says which. Real clients, a sandbox."""

from __future__ import annotations

import json
import os
import shutil
import socket
import threading
from datetime import timedelta

import ee
import pytest

from orchestrator.app.application import Application
from orchestrator.config import load
from orchestrator.core.clock import SystemClock
from orchestrator.engine.prefix_owner import SECONDS, PrefixOwner
from orchestrator.engine.work import HoldError
from orchestrator.sandbox.scenes.synthetic import SyntheticCatalogue
from orchestrator.sandbox.server import DEFAULT_BUCKET, Options, Sandbox


class Later(SystemClock):
    """Time that is moved on."""

    seconds = 0.0

    def now(self):
        return super().now() + timedelta(seconds=self.seconds)

    def monotonic(self):
        return super().monotonic() + self.seconds


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(SyntheticCatalogue(), Options(slots=1)) as running:
        yield running
    ee.Reset()


@pytest.fixture
def joined(tmp_path, sandbox):
    """Makes the claim of another process of a state, in a folder of that name."""
    made, clock = [], Later()

    def join(name):
        url = sandbox.url
        there = {
            "ee": {"url": url, "project": sandbox.options.project},
            "gcs": {"url": url, "bucket": DEFAULT_BUCKET},
            "drive": {"url": url},
        }
        settings = load(None, environment={}, overrides=there | {"local": {"state_dir": str(tmp_path / name)}}).settings
        app = Application(settings, stop=threading.Event())
        app.clock, app.told = clock, []
        app.notify = lambda event, _run, facts: app.told.append((event, dict(facts)))
        made.append(app.prefix_owner)
        return app

    join.clock = clock
    yield join
    for owner in made:
        owner.end()


def claims(app):
    """Return what the owner's object of an installation says; nothing where there is none."""
    found = app.bucket().find(f"orchestrator/{app.owner}/.owner")
    return [json.loads(app.bucket().read_probe(source)) for source in found]


def copy_of(tmp_path):
    """Clone a state folder, as a machine is, or a backup put beside the original."""
    shutil.copytree(tmp_path / "state", tmp_path / "copy")


def test_whoever_works_says_so_until_it_ends(joined):
    """Host, process and state, in one object; nothing of it is left."""
    app = joined("state")

    app.prefix_owner.check()
    (told,) = claims(app)
    app.prefix_owner.end()

    assert (told["host"], told["pid"], told["state"]) == (
        socket.gethostname(),
        os.getpid(),
        str(app.settings.state_dir),
    )
    assert claims(app) == []


def test_a_copy_of_the_state_does_not_work_beside_it(joined, tmp_path):
    """It is held, and says who works there, since when it was not heard of, and what helps; the first goes on."""
    first = joined("state")
    first.prefix_owner.check()
    copy_of(tmp_path)
    joined.clock.seconds += SECONDS / 2  # in which the first has renewed its claim
    first.prefix_owner.check()

    with pytest.raises(HoldError, match=rf"process {os.getpid()} on {socket.gethostname()} \(state .*state\)") as held:
        joined("copy").prefix_owner.check()

    joined.clock.seconds += SECONDS / 2
    first.prefix_owner.check()
    assert held.value.alone
    assert held.value.until > joined.clock.now().timestamp() - SECONDS


def test_a_copy_takes_over_from_one_that_is_dead(joined, tmp_path):
    """Ten minutes after it was heard of last; it says so, and now the first would be refused."""
    first = joined("state")
    first.prefix_owner.check()
    copy_of(tmp_path)
    joined.clock.seconds += SECONDS / 2
    first.prefix_owner.check()
    joined.clock.seconds += SECONDS + 1
    copy = joined("copy")

    copy.prefix_owner.check()

    assert [event for event, _ in copy.told] == ["prefix.taken_over"]
    assert claims(copy)[0]["state"].endswith("copy")
    with pytest.raises(HoldError, match="copy of this state"):
        first.prefix_owner.check()


def test_a_killed_process_of_the_same_state_is_not_waited_for(joined):
    """Its word is known here, however often in a row it was killed before it wrote the object."""
    joined("state").prefix_owner.check()
    for _ in range(3):
        killed = joined("state").prefix_owner
        killed._remember("a word that was never written")

    joined("state").prefix_owner.check()


def test_processes_of_one_state_share_its_prefix(joined):
    """What one has renewed the other knows, in any order; the last one to end leaves nothing."""
    one, two = joined("state"), joined("state")
    for app in (one, two, one, two, two, one):
        joined.clock.seconds += SECONDS / 2
        app.prefix_owner.check()
    one.prefix_owner.end()
    joined.clock.seconds += SECONDS / 2
    two.prefix_owner.check()

    assert len(claims(two)) == 1
    two.prefix_owner.end()
    assert claims(two) == []


def test_the_bucket_is_asked_every_few_minutes_only(joined):
    """However often a run looks."""
    app, asked = joined("state"), []
    owner = app.prefix_owner
    connect, owner._connect = owner._connect, lambda: asked.append(True) or connect()

    for _ in range(100):
        owner.check()

    assert len(asked) == 1


def test_something_else_at_its_place_is_not_replaced_at_once(joined):
    """What nobody of ours wrote says no time: it is as old as can be, and is taken over with a word."""
    app = joined("state")
    app.bucket().create(f"orchestrator/{app.owner}/.owner", b"no claim")

    app.prefix_owner.check()

    assert [event for event, _ in app.told] == ["prefix.taken_over"]
    assert isinstance(app.prefix_owner, PrefixOwner)
