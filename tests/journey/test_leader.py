"""One daemon leads and another stands by, as processes: whatever becomes of the first, the second goes on."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, field

import journey_kit as kit
import pytest
from stopped_kit import is_stopped, stop_outside_a_transaction
from test_serve import configure

LEASE_SECONDS = 2.0
LEASE = {"ORCHESTRATOR_SERVE__LEASE": f"{LEASE_SECONDS}s"}
# Of a server's database: statements that it works on, and who has it, or waits for it.
_UNDER_WAY = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' "
    "AND wait_event_type IS DISTINCT FROM 'Lock' AND pid <> pg_backend_pid()"
)
_LOCKED = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
PROCESSES = "SELECT name, pid, facts FROM processes"


@dataclass
class Pair:
    """
    Two machines of one state: folders of their own where the database is a server's, else the same one.

    Attributes:
        home: Where results go.
        url: Of the server's database; empty: SQLite's file.
        environment: Of both.
    """

    home: kit.Home
    url: str = ""
    environment: dict[str, str] = field(default_factory=lambda: dict(LEASE))
    started: list[kit.Running] = field(default_factory=list)

    def serve(self, machine, *words, **environment):
        """Start a daemon of a machine."""
        told = self.environment | ({"ORCHESTRATOR_STORE__URL": self.url} if self.url else {}) | environment
        folder = machine if self.url else "state"
        words = [*words, "--sandbox-url", self.home.service.url, "--bucket", kit.BUCKET, "--state-dir", folder]
        self.started.append(self.home.program.start(["serve", *words], self.home.folder, **told))
        return self.started[-1]

    def rows(self, statement):
        if not self.url:
            with closing(sqlite3.connect(self.home.folder / "state" / "state.db")) as state:
                return state.execute(statement).fetchall()
        import psycopg  # noqa: PLC0415  an extra

        with psycopg.connect(self.url) as state:
            return state.execute(statement).fetchall()

    def is_(self, running, kind):
        """Tell whether a process leads (`daemon`), or stands by (`standby`)."""
        with suppress(Exception):  # there are no tables yet
            return any(name.split()[0] == kind and pid == running.pid for name, pid, _ in self.rows(PROCESSES))
        return False

    def both(self, **environment):
        """Start a leader that has begun an export which does not end, and another that stands by; return them."""
        before = self.home.service.exports
        self.home.service.order({"action": "task_hold", "after": 0.2, "count": None})
        leader = self.serve("a", "--standby", **environment)
        self.home.wait_until(lambda: self.is_(leader, "daemon") and self.home.service.exports > before)
        standby = self.serve("b", "--standby")
        self.home.wait_until(lambda: self.is_(standby, "standby"))
        return leader, standby

    def stop(self, running):
        """Stop a process where it does not hold the database: whoever holds it is waited for."""
        if not self.url:
            stop_outside_a_transaction(self.home, running)
            return
        while True:
            running.signal(signal.SIGSTOP)
            self.home.wait_until(lambda: is_stopped(running.pid) and self.rows(_UNDER_WAY) == [(0,)])
            if self.rows(_LOCKED) == [(0,)]:
                return
            running.signal(signal.SIGCONT)

    def release(self):
        """Let exports end."""
        self.home.service.delete("/sandbox/faults")
        self.home.service.post("/sandbox/release", {})

    def wait_for_result(self):
        self.home.wait_until(lambda: self.rows("SELECT state FROM runs") == [("CLEANED",)])

    def end(self):
        """End all, and return their exit codes."""
        for running in self.started:
            with suppress(ProcessLookupError):
                running.signal(signal.SIGCONT)
                running.signal(signal.SIGTERM)
        outcomes = [running.wait() for running in self.started]
        self.started.clear()
        return [outcome.code for outcome in outcomes]


@pytest.fixture(params=["sqlite", "postgresql"])
def pair(request, home):
    """Two machines, on each kind of database."""
    configure(home)
    url = request.getfixturevalue("postgres").empty() if request.param == "postgresql" else ""
    made = Pair(home, url)
    yield made
    for running in made.started:
        with suppress(ProcessLookupError):
            running.signal(signal.SIGKILL)
        running.wait()
    if url:
        request.getfixturevalue("postgres").drop(url)


def check_result(pair, undisturbed, before):
    """Nothing lost, nothing doubled, nothing left."""
    tasks = pair.rows("SELECT attempt FROM tasks")
    assert pair.home.service.exports - before == len(tasks)
    assert {attempt for (attempt,) in tasks} == {1}
    assert pair.rows("SELECT count(*) FROM runs") == [(1,)]
    assert pair.home.proof()["output"]["sha256"] == undisturbed.sha256
    assert (pair.home.service.objects(), pair.home.leftovers()) == ([], [])


def test_the_standby_goes_on_when_the_leader_is_killed(pair, undisturbed):
    """In the middle of placing parts: the same bytes, nothing exported twice, nothing left."""
    before = pair.home.service.exports
    _leader, standby = pair.both(**{kit.CRASH_AT: "part.placed"})

    pair.release()
    pair.wait_for_result()

    assert pair.is_(standby, "daemon")
    assert pair.end() == [kit.KILLED, 0]
    check_result(pair, undisturbed, before)


@pytest.mark.parametrize("pair", ["postgresql"], indirect=True)
def test_the_standby_leads_at_once_when_the_leader_ends_in_order(pair, undisturbed):
    """Long before the lease is over; it has the leader's run, too."""
    before = pair.home.service.exports
    pair.environment = {}
    leader, standby = pair.both()

    leader.signal(signal.SIGTERM)
    pair.home.wait_until(lambda: pair.is_(standby, "daemon"), 20)
    pair.release()
    pair.wait_for_result()

    assert pair.end() == [0, 0]
    check_result(pair, undisturbed, before)


def test_a_leader_that_was_stopped_for_too_long_stands_by_when_it_wakes(pair, undisturbed):
    """The other has taken the run over and ended it; nothing is done twice, and the first waits for its turn."""
    before = pair.home.service.exports
    leader, standby = pair.both()

    pair.stop(leader)
    pair.release()
    pair.wait_for_result()
    leader.signal(signal.SIGCONT)
    pair.home.wait_until(lambda: pair.is_(leader, "standby"))

    assert pair.is_(standby, "daemon")
    assert "serve.deposed" in leader.said()
    assert pair.end() == [0, 0]
    check_result(pair, undisturbed, before)


def test_a_leader_that_was_stopped_while_its_state_was_moved_does_nothing_more(home, undisturbed, postgres):
    """Another daemon goes on in the new place; the first one, back in the old one, submits nothing and says where."""
    configure(home)
    pair, before = Pair(home, postgres.empty()), home.service.exports
    home.service.order({"action": "task_hold", "after": 0.2, "count": None})
    old = pair.serve("a", "--standby")
    home.wait_until(lambda: pair.is_(old, "daemon") and home.service.exports > before)
    pair.stop(old)
    name = pair.url.rpartition("/")[2]
    postgres.execute("UPDATE processes SET beat = 1", name)  # as after a minute
    postgres.execute("UPDATE runs SET lease_until = 1 WHERE lease_until > 0", name)

    home.program.start(["db", "move", "--from", pair.url, "--state-dir", "state"], home.folder).wait().expect(0)
    moved, old_url = Pair(home), pair.url
    new = moved.serve("state")
    old.signal(signal.SIGCONT)
    outcome = old.wait()
    moved.release()
    moved.wait_for_result()

    assert (outcome.code, "was moved to the file" in outcome.err) == (4, True)
    assert moved.is_(new, "daemon")
    assert moved.end() == [0]
    check_result(moved, undisturbed, before)
    postgres.drop(old_url)
