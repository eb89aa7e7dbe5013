"""Units are done by processes of this machine: one that dies is another's, none outlives us, none keeps its memory."""

from __future__ import annotations

import io
import json
import os
import queue
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from dask_kit import wait_until
from unit_doing import HOPELESS_SECONDS, claim, done_in

from orchestrator.app.unit_processes import UnitProcesses, UnitProcessSettings
from orchestrator.config.sections import Settings
from orchestrator.core import log
from orchestrator.core.errors import StateError

ORPHAN = """
import sys, threading
from pathlib import Path
from unit_doing import claim
from orchestrator.app.unit_processes import UnitProcesses, UnitProcessSettings
from orchestrator.config.sections import Settings

pool = UnitProcesses(UnitProcessSettings(Settings(), Path.cwd(), "unit_doing:begin"), 1)
pool.begin(claim(sys.argv[1], "wait"), print)
threading.Event().wait(100)
"""


@pytest.fixture
def ended():
    """What was told of units, in order."""
    return queue.SimpleQueue()


@pytest.fixture
def make():
    """Make pools, which end with the test."""
    made = []

    def pool(processes=1, threads=1, doer="unit_doing:begin", **more):
        made.append(UnitProcesses(UnitProcessSettings(Settings(), Path.cwd(), doer, threads), processes, **more))
        return made[-1]

    yield pool
    for each in made:
        each.close()


def do_all(pool, folder, keys, ended):
    """Have units done, one after the other where there is room for one; return what was told of each."""
    told = {}
    for key in keys:
        pool.begin(claim(folder, key), lambda unanswered, key=key: ended.put((key, unanswered)))
        if not pool.room():
            told.update([ended.get(timeout=HOPELESS_SECONDS)])
    while len(told) < len(keys):
        told.update([ended.get(timeout=HOPELESS_SECONDS)])
    return told


def is_there(pid):
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_a_process_that_dies_is_told_and_replaced_and_one_fault_of_a_unit_ends_none(make, tmp_path, ended):
    """The unit that killed it is unanswered and counts; what comes after is done, by a process that then stays."""
    told = do_all(make(), tmp_path, ["one", "die", "fail", "two"], ended)

    assert (told["one"], told["two"]) == (None, None)
    assert "killed" in told["die"].why
    assert told["die"].counted
    assert "ValueError: no number" in told["fail"].why
    pids = {key: pid for pid, key in done_in(tmp_path)}
    assert pids["one"] == pids["die"] != pids["fail"] == pids["two"]
    assert os.getpid() not in pids.values()


def test_a_process_that_is_being_begun_is_said_until_it_is_there(make, tmp_path, ended, monkeypatch):
    """For who watches a run that does nothing yet: an interpreter takes a while on a busy machine."""
    monkeypatch.setenv("UNIT_DOING_GO", str(tmp_path / "go"))
    pool = make(doer="unit_doing:begin_when_allowed")
    before = pool.beginning()
    pool.begin(claim(tmp_path, "one"), ended.put)
    during = pool.beginning()
    (tmp_path / "go").touch()
    ended.get(timeout=HOPELESS_SECONDS)

    assert (before, during, pool.beginning()) == ("", "1 process for it begins", "")


def test_no_process_outlives_the_one_that_began_it(tmp_path):
    """That one is killed in the middle of a unit, and can tidy up nothing."""
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", ""), str(Path.cwd())])
    parent = subprocess.Popen([sys.executable, "-c", ORPHAN, str(tmp_path)], env=os.environ | {"PYTHONPATH": path})
    wait_until(lambda: done_in(tmp_path))

    parent.send_signal(signal.SIGKILL)
    parent.wait()

    wait_until(lambda: not is_there(done_in(tmp_path)[0][0]))


def test_a_process_that_has_done_many_units_gives_its_memory_back(make, tmp_path, ended):
    """After two units another takes its place."""
    pool = make(most_units=2)

    do_all(pool, tmp_path, ["one", "two", "three"], ended)

    first, second, third = (pid for pid, _key in done_in(tmp_path))
    assert first == second != third
    wait_until(lambda: pool.pids() == [third])
    assert not is_there(first)


def test_what_a_process_logs_is_written_by_ours_with_the_facts_of_whoever_asked(make, tmp_path, ended):
    """One line of JSON, masked, with the run that this thread works on, and the time and process of the other."""
    written = io.StringIO()
    log.configure("info", "json", written)

    with log.correlated(run="r1"):
        do_all(make(), tmp_path, ["log"], ended)

    (line,) = (json.loads(text) for text in written.getvalue().splitlines())
    assert (line["event"], line["run"], line["room"], line["token"]) == ("unit.said", "r1", "unit", log.MASK)
    assert line["pid"] == done_in(tmp_path)[0][0] != os.getpid()


def test_what_is_under_way_is_left_when_the_pool_ends(make, tmp_path, ended):
    """Two at once in one process: both are asked to stop, and tell how they ended; no process is left."""
    pool = make(threads=2)
    for key in ("wait-1", "wait-2"):
        pool.begin(claim(tmp_path, key), lambda unanswered, key=key: ended.put((key, unanswered)))
    wait_until(lambda: len(done_in(tmp_path)) == 2)
    (pid,), room = pool.pids(), pool.room()

    pool.close()

    left = {path.name: path.read_text() for path in tmp_path.glob("ended-*")}
    assert (room, left) == (0, {"ended-wait-1": "left", "ended-wait-2": "left"})
    assert not is_there(pid)


def test_processes_that_cannot_begin_are_no_fault_of_units_for_ever(make, tmp_path, ended):
    """After three in turn it is said so, with the way out; nothing is tried meanwhile."""
    pool = make(doer="nowhere_at_all:nothing")

    told = do_all(pool, tmp_path, ["one", "two", "three"], ended)

    assert all(unanswered.why for unanswered in told.values())
    with pytest.raises(StateError, match='executor = "threads"'):
        pool.begin(claim(tmp_path, "four"), ended.put)
