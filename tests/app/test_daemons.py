"""Which daemons may work on one state: one, or several that all say that they share it."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.app.application import Application
from orchestrator.app.daemons import enter, lock_state, working
from orchestrator.app.heartbeat import (
    BEAT_SECONDS,
    DAEMON,
    FRESH_SECONDS,
    STANDBY,
    Heartbeat,
    find_daemon,
    health_here,
)
from orchestrator.app.verbs.daemon import serve
from orchestrator.config import load
from orchestrator.core.errors import ClosedStateError, ConfigError, Stopped, TransientError
from orchestrator.core.locks import LockedError, exclusive
from orchestrator.core.machine import kernel
from orchestrator.engine.stores.records import ProcessRow


class Clock:
    """Time that passes while somebody waits; `meanwhile` is done then."""

    def __init__(self):
        self.seconds = 0.0
        self.meanwhile = lambda: None

    def now(self):
        return datetime(2026, 11, 26, 3, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self):
        return self.seconds


class Waiting(threading.Event):
    def __init__(self, clock):
        super().__init__()
        self.clock = clock

    def wait(self, timeout=None):
        self.clock.seconds += timeout
        self.clock.meanwhile()
        return self.is_set()


@pytest.fixture
def stack():
    with ExitStack() as opened:
        yield opened


def application(folder, *, share=False):
    clock = Clock()
    settings = load(None, overrides={"local": {"state_dir": str(folder)}, "serve": {"share": share}}).settings
    app = Application(settings, stop=Waiting(clock))
    app.clock = clock
    app.told = []
    app.notify = lambda name, _run, facts: app.told.append((name, dict(facts)))
    return app


@pytest.fixture
def app(tmp_path):
    made = application(tmp_path)
    yield made
    made.store.close()


def row(app, *, host="there", age=0.0, of_kernel="another", share=False, name=DAEMON):
    at = app.clock.now().timestamp() - age
    return ProcessRow(name, host, 7, "2026-11-26T00:00:00+00:00", at, {"kernel": of_kernel, "share": share})


def test_a_second_daemon_is_told_who_the_first_is(app, tmp_path):
    """Process, host, since when, and when it was heard of last; and how the two could share."""
    app.store.processes.beat(row(app, age=3))
    second = application(tmp_path)

    with lock_state(app), pytest.raises(LockedError) as refused, lock_state(second):
        pass

    second.store.close()
    assert str(refused.value) == (
        "the daemon (process 7 on there, since 2026-11-26T00:00:00 UTC) was heard of 3 s ago: 0 runs in slots; end it, "
        "let this one stand by (`--standby`), or let both share the work with `share = true` under [serve]"
    )


def test_a_daemon_of_another_machine_that_lives_is_not_joined(app):
    """A lock file tells nothing of another machine: it is waited for until it is heard of again."""
    app.store.processes.beat(row(app, age=5))
    app.clock.meanwhile = lambda: app.store.processes.beat(row(app))

    with pytest.raises(LockedError, match=r"process 7 on there.*share = true"):
        enter(app, locked=True)

    assert app.told == [("serve.waiting", {"pid": 7, "host": "there"})]
    assert app.store.processes.at(DAEMON).host == "there"


def test_a_daemon_of_another_machine_that_died_is_waited_for(app):
    """Until it has not been heard of for so long that it hangs or is gone; no longer."""
    app.store.processes.beat(row(app, age=20))

    enter(app, locked=True)

    assert FRESH_SECONDS - 20 < app.clock.seconds < FRESH_SECONDS - 15
    assert app.store.processes.at(DAEMON).host != "there"


def test_a_killed_daemon_of_this_machine_is_not_waited_for(app):
    """The kernel has freed its lock file."""
    app.store.processes.beat(row(app, age=1, of_kernel=kernel()))

    enter(app, locked=True)

    assert app.clock.seconds == 0


def test_a_daemon_that_waits_for_another_heeds_a_stop(app):
    """Within a look."""
    app.store.processes.beat(row(app))
    app.clock.meanwhile = app.stop.set

    with pytest.raises(Stopped):
        enter(app, locked=True)


@pytest.mark.parametrize(
    ("first", "second", "together"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_daemons_share_where_both_say_so(tmp_path, stack, first, second, together):
    """Each under a name of its own; the one that has the lock file, and the one that works without."""
    one, two = application(tmp_path, share=first), application(tmp_path, share=second)
    stack.callback(one.store.close)
    stack.callback(two.store.close)
    stack.enter_context(lock_state(one))
    one.store.processes.beat(row(one, share=first, of_kernel=kernel(), name=f"{DAEMON} there 7" if first else DAEMON))

    if not together:
        with pytest.raises(LockedError, match="share = true"):
            stack.enter_context(lock_state(two))
        return
    locked = stack.enter_context(lock_state(two))
    name = enter(two, locked=locked)

    assert not locked
    assert {found.name for found in one.store.processes.of(DAEMON)} == {f"{DAEMON} there 7", name}


def test_one_that_does_not_share_is_refused_while_another_that_shares_lives(app):
    """Also where the one with the lock file has ended."""
    name = f"{DAEMON} there 7"
    app.store.processes.beat(row(app, share=True, of_kernel=kernel(), name=name))
    app.clock.meanwhile = lambda: app.store.processes.beat(row(app, share=True, of_kernel=kernel(), name=name))

    with pytest.raises(LockedError, match="process 7 on there"):
        enter(app, locked=True)


def test_a_daemon_whose_place_was_taken_ends(app):
    """Stopped for so long that another has begun: it says so, and leaves the other's heartbeat as it is."""
    enter(app, locked=True)
    heart = Heartbeat(app.store, app.clock, dict)
    app.store.processes.beat(row(app))
    app.clock.seconds += BEAT_SECONDS

    with pytest.raises(LockedError, match="process 7 on there has become the daemon"):
        heart.beat()

    assert app.store.processes.at(DAEMON).host == "there"


def test_of_daemons_that_share_the_one_heard_of_last_is_told(app):
    """So `health` is well while one of them lives."""
    app.store.processes.beat(row(app, age=3, share=True, name=f"{DAEMON} a 1"))
    app.store.processes.beat(row(app, age=900, share=True, name=f"{DAEMON} b 2", host="gone"))

    found, sentence = find_daemon(app.store, app.clock)

    assert found.name == f"{DAEMON} a 1"
    assert "heard of 3 s ago" in sentence


LEADER = "there 7 2026-11-26T00:00:00+00:00 another"  # of another machine


def led_elsewhere(app, seconds=30.0):
    """Let a daemon of another machine lead for so long."""
    return app.store.leadership.claim(LEADER, seconds, lambda _worker: True)


def standing_by(app):
    """Be a daemon of the state, that stands by first, for as long as the block."""
    return working(app, locked=True, standby=True)


def test_a_standby_leads_when_the_lease_is_over(app):
    """Not sooner; until then it says that it stands by, and then no more."""
    led_elsewhere(app)
    seen = []
    app.clock.meanwhile = lambda: seen.append([row.name.split()[0] for row in app.store.processes.of(STANDBY)])

    with standing_by(app) as name:
        waited, leads = app.clock.seconds, app.store.leadership.at()
        left = app.store.processes.of(STANDBY)

    assert (name, 30 <= waited < 32) == (DAEMON, True)
    assert leads.worker == str(app.leases.worker)
    assert (seen[0], left) == ([STANDBY], [])
    assert [told for told, _ in app.told] == ["serve.standing_by", "serve.took_over"]
    assert app.leases.deposed == LEADER


def test_a_standby_leads_at_once_when_the_leader_ends_in_order(app):
    """A look later; nobody was deposed."""
    claimed = led_elsewhere(app, 3600)
    app.clock.meanwhile = lambda: app.store.leadership.release(claimed.fence)

    with standing_by(app):
        assert app.clock.seconds == 1

    assert app.leases.deposed == ""


def test_whoever_ends_gives_the_leadership_back(app):
    """So that nobody waits for it."""
    with standing_by(app):
        kept = app.store.leadership.at().is_kept

    assert (kept, app.store.leadership.at().is_kept) == (True, False)


def test_a_standby_that_is_to_end_does(app):
    """Within a look, and it is a standby no more."""
    led_elsewhere(app, 3600)
    app.clock.meanwhile = app.stop.set

    with pytest.raises(Stopped), standing_by(app):
        pass

    assert app.store.processes.of(STANDBY) == []
    assert app.store.leadership.at().worker == LEADER


def test_a_standby_waits_for_whoever_moves_the_state(app):
    """Another than the leader has the folder's lock file: a command that looks after the database, or moves it."""
    with exclusive(app.folder() / "serve.lock", "a command"):
        app.clock.meanwhile = lambda: app.clock.seconds > 20 and app.stop.set()

        with pytest.raises(Stopped), working(app, locked=False, standby=True):
            pass

    assert app.store.leadership.at().worker == ""


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(TransientError("the server is gone"), id="gone"),
        pytest.param(ClosedStateError("it may only be read"), id="only read"),
    ],
)
def test_a_standby_survives_a_database_that_is_away(app, monkeypatch, error):
    """It says so once, looks every few seconds, and leads when the database is back."""
    look, failures = app.store.leadership.at, [error] * 6

    def at():
        if failures:
            raise failures.pop()
        return look()

    monkeypatch.setattr(app.store.leadership, "at", at)
    with standing_by(app):
        assert 5 < app.clock.seconds <= 30

    assert [told for told, _ in app.told] == ["serve.trouble", "serve.recovered"]


def test_a_leader_begins_when_a_database_may_be_written_again(app, monkeypatch):
    """Also at the very first: a server that takes over may be written a moment later."""
    claim, failures = app.store.leadership.claim, [ClosedStateError("it may only be read")] * 3

    def claimed(*what):
        if failures:
            raise failures.pop()
        return claim(*what)

    monkeypatch.setattr(app.store.leadership, "claim", claimed)
    with working(app, locked=True):
        assert app.store.leadership.at().worker == str(app.leases.worker)

    assert [told for told, _ in app.told] == ["serve.trouble", "serve.recovered"]


def test_one_that_does_not_stand_by_ends_when_the_leader_is_heard_of_again(app):
    """It waits for one that may be dead, says so, and says what could be done instead."""
    claimed = led_elsewhere(app)
    app.clock.meanwhile = lambda: app.store.leadership.renew(claimed.fence, 30.0)

    with pytest.raises(LockedError, match="--standby"), working(app, locked=True):
        pass

    assert app.told == [("serve.waiting", {"pid": 7, "host": "there", "term": 1})]


def test_who_stands_by_is_named_beside_the_daemon(app):
    """Also where no daemon leads yet, or the one that did is gone."""
    app.store.processes.beat(row(app, host="b", name=f"{STANDBY} b 7"))
    alone = find_daemon(app.store, app.clock)[1]
    app.store.processes.beat(row(app, age=3))

    _, sentence = find_daemon(app.store, app.clock)

    assert alone == "no daemon leads this state yet; process 7 on b stands by"
    assert sentence.endswith("0 runs in slots; process 7 on b stands by")


@pytest.mark.parametrize(
    ("name", "host", "age", "alive", "says"),
    [
        pytest.param(STANDBY, "", 3, True, "stands by", id="a standby of this machine is well"),
        pytest.param(DAEMON, "", 3, True, "works", id="so is a leader"),
        pytest.param(DAEMON, "", 900, False, "hangs or is gone", id="one that hangs is not"),
        pytest.param(DAEMON, "there", 3, False, "no daemon works on", id="another machine's is not meant"),
    ],
)
def test_the_health_of_this_machine_s_daemon(app, name, host, age, alive, says):
    """Whoever begins it again is told nothing of the other one."""
    host = host or socket.gethostname()
    app.store.processes.beat(row(app, host=host, age=age, name=name if name == DAEMON else f"{name} {host} 7"))

    found = health_here(app.store, app.clock)

    assert (found.alive, says in found.because) == (alive, True)


@pytest.mark.parametrize(("share", "until_idle"), [(True, False), (False, True)], ids=["share", "until idle"])
def test_who_stands_by_neither_shares_nor_ends(tmp_path, share, until_idle):
    """Said before anything is begun."""
    app = application(tmp_path, share=share)

    with pytest.raises(ConfigError, match="stands by"):
        serve(app, standby=True, until_idle=until_idle)

    assert not app.database.exists()
