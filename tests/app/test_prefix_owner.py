"""Two copies of one state on one bucket: only one works, and it says which. Real clients, a sandbox."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from datetime import timedelta

import ee
import pytest

from orchestrator.app.application import Application
from orchestrator.config import load
from orchestrator.core.clock import SystemClock
from orchestrator.core.machine import kernel
from orchestrator.core.process import process_name
from orchestrator.engine.prefix_owner import SECONDS, PrefixOwner
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.work import HoldError
from orchestrator.model.job import AreaSource, Job
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


def claim_of_another(app, **told):
    """Put the claim of another copy of a state into the bucket, heard of just now unless told."""
    content = {"host": "elsewhere", "pid": 7, "state": "/copy", "word": "theirs", "beat": joined_now(app)} | told
    app.bucket().create(f"orchestrator/{app.owner}/.owner", json.dumps(content).encode())


def joined_now(app):
    return app.clock.now().timestamp()


def a_run(app):
    """Return a run of an installation that has begun to export."""
    job = Job("night", "/out", AreaSource("6.1,49.6,6.2,49.7"), "2024-05-01", "2024-06-01", service="sandbox")
    return app.store.runs.admit(Admission("night", "", job.fingerprints(), job.to_json(), base_name="night")).id


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
        killed._words.intend("a word that was never written")

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


def test_a_process_that_ends_leaves_the_claim_to_another_of_its_state_that_works(joined):
    """Also where the other one has renewed it; the last that works takes it away."""
    works, ends = joined("state"), joined("state")
    with works.lock(a_run(works)):
        works.prefix_owner.check()
        ends.prefix_owner.check()
        ends.leave_prefix()
        assert len(claims(works)) == 1

        joined.clock.seconds += SECONDS / 2
        ends.prefix_owner.check()
        works.prefix_owner.check()
        ends.leave_prefix()
        assert len(claims(works)) == 1

    assert claims(works) == []


def test_what_a_process_that_ends_leaves_is_known_to_its_state(joined):
    """The other one is killed a moment later: its word was not forgotten, and nobody waits ten minutes."""
    ends, works = joined("state"), joined("state")
    ends.prefix_owner.check()
    works.prefix_owner.check()
    ends.prefix_owner.end(lambda: True)

    joined("state").prefix_owner.check()


def test_a_renewed_claim_is_taken_away_by_the_last_to_end_who_did_not_renew_it(joined):
    """It holds an older generation, and looks again."""
    one, two = joined("state"), joined("state")
    one.prefix_owner.check()
    two.prefix_owner.check()

    one.prefix_owner.end()

    assert claims(one) == []


@pytest.mark.parametrize(("of", "waits"), [("dead", False), ("living", True), ("copy", True), ("kernel", True)])
def test_a_dead_process_of_this_state_and_machine_is_not_waited_for(joined, of, waits):
    """Though its word is not known; one that lives is, and whoever worked for another folder or on another machine."""
    app = joined("state")
    asks = [sys.executable, "-c", "from orchestrator.core.process import process_name; print(process_name())"]
    name = process_name() if of == "living" else subprocess.run(asks, capture_output=True, text=True, check=True).stdout
    state = "/copy" if of == "copy" else str(app.settings.state_dir)
    where = "another" if of == "kernel" else kernel()
    claim_of_another(app, process=name.strip(), kernel=where, state=state)

    if waits:
        with pytest.raises(HoldError, match="another copy of this state"):
            app.prefix_owner.check()
    else:
        app.prefix_owner.check()


def test_a_beat_in_the_future_is_as_old_as_its_object(joined):
    """A machine whose clock is an hour ahead is waited for ten minutes after its death, as any other."""
    app = joined("state")
    claim_of_another(app, beat=joined_now(app) + 3600)
    joined.clock.seconds += SECONDS - 60
    with pytest.raises(HoldError, match="another copy of this state"):
        app.prefix_owner.check()
    joined.clock.seconds += 120

    app.prefix_owner.check()


def test_who_waits_for_another_copy_says_the_same_at_each_look(joined):
    """Whoever is told of a run that waits is told once."""
    app = joined("state")
    claim_of_another(app)
    said = set()
    for _ in range(2):
        with pytest.raises(HoldError) as held:
            app.prefix_owner.check()
        said.add(str(held.value))
        joined.clock.seconds += 60

    assert len(said) == 1


def test_a_beat_in_the_past_is_as_young_as_its_object(joined):
    """A machine whose clock is an hour behind works all the same."""
    app = joined("state")
    claim_of_another(app, beat=joined_now(app) - 3600)

    with pytest.raises(HoldError, match="another copy of this state"):
        app.prefix_owner.check()


@pytest.mark.parametrize("beat", [None, "soon", [], float("nan"), float("inf"), 10**400])
def test_a_claim_that_says_no_time_is_taken_over_with_a_word(joined, beat):
    """Nobody of ours wrote it."""
    app = joined("state")
    claim_of_another(app, beat=beat)

    app.prefix_owner.check()

    assert [event for event, _ in app.told] == ["prefix.taken_over"]
