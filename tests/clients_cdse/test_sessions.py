"""Never more transfers at once than the account may have, whichever process they are in."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from orchestrator.core.errors import Stopped
from orchestrator.engine.request_limits import RequestLimits
from orchestrator.engine.stores.limit_records import Grant

# Brings the same file five times at once, as a process of its own, and tells when it must wait for a session.
PROCESS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
sys.path.insert(0, sys.argv[1])
from cdse_kit import World

class Told(list):
    def append(self, what):
        sys.stdout.write(what + "\\n")
        sys.stdout.flush()

world = World(SimpleNamespace(url=sys.argv[2]), Path(sys.argv[3]), said=Told())
route = world.route()
asset = world.asset(route)
with ThreadPoolExecutor(5) as pool:
    for piece in pool.map(lambda n: world.fetch(route, asset, Path(sys.argv[4]) / str(n)), range(5)):
        assert piece.size == 700_000
"""


@pytest.mark.long
def test_two_processes_together_have_four_sessions(world, tmp_path):
    """The service counts: of ten that want one, four have one while nothing moves, and nobody is refused."""
    world.order(api="cdse.nodes.value", action="stall", bytes=1000, path="jp2", count=None)
    arguments = [str(Path(__file__).parent), world.sandbox.url, str(world.state_dir), str(tmp_path)]
    command = [sys.executable, "-c", PROCESS, *arguments]
    route, mine = world.route(), [tmp_path / f"mine-{n}" for n in range(5)]
    asset = world.asset(route)

    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(world.fetch, route, asset, mine[0])  # so that either has some
        assert until(lambda: world.state()["underWay"] == 1)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            said = process.stdout.readline()
            others = [pool.submit(world.fetch, route, asset, path) for path in mine[1:]]
            assert until(lambda: world.said and world.state()["underWay"] == 4)
            most = world.state()["mostAtOnce"]
            world.call("DELETE", "/sandbox/faults")
            assert [one.result().size for one in (first, *others)] == [700_000] * 5
            assert process.wait(120) == 0

    taken = "all 4 sessions of Copernicus are taken, by process "
    assert said == f"{taken}{os.getpid()} and this one: waiting for one\n"
    assert set(world.said) == {f"{taken}{process.pid} and this one: waiting for one"}
    assert (most, world.state()["mostAtOnce"], world.state()["refused"]) == (4, 4, 0)


def until(holds) -> bool:
    """Tell whether something that is on its way has come."""
    event = threading.Event()
    return any(holds() or event.wait(0.05) for _ in range(200))


def test_one_session_is_one_transfer_after_the_other(world, tmp_path):
    world.settings = {"copernicus": {"sessions": 1}}
    route = world.route()
    asset = world.asset(route)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: world.fetch(route, asset, tmp_path / str(n)), range(4)))

    assert world.state()["mostAtOnce"] == 1


def waited(world, *holders: str) -> list[str]:
    """What is said where places are held by processes of these ids."""
    said: list[str] = []
    for number, holder in enumerate(holders):
        world.store.limits.hold(Grant("places", f"{holder}@{number}//", 1.0, 1.0, 1e11))
    limits = RequestLimits("places", len(holders), 1e9, store=world.store.limits, clock=world.clock, holder="1@here//")
    with pytest.raises(Stopped), limits.hold(Soon(world.clock), said.append):
        pass
    return said


class Soon(threading.Event):
    """A stop that comes at the sixth look, a second apart."""

    def __init__(self, clock) -> None:
        super().__init__()
        self.clock, self.looks = clock, 0

    def is_set(self) -> bool:
        self.looks += 1
        self.clock.ahead += 1.0
        return self.looks == 6


@pytest.mark.parametrize(
    ("holders", "by"), [(("7",), "process 7"), (("7", "9"), "processes 7, 9"), (("7", "9", "7"), "processes 7, 9")]
)
def test_whoever_waits_for_others_says_so_once_and_says_for_whom(world, holders, by):
    assert waited(world, *holders) == [f"all {len(holders)} places are taken, by {by}: waiting for one"]


def test_nothing_is_said_while_a_process_has_all_places_itself(world):
    """More files than sessions are every download; nobody is in its way."""
    limits, said = world.shared().sessions, []
    with ExitStack() as left:
        for _ in range(4):
            left.enter_context(limits.hold(threading.Event()))
        with pytest.raises(Stopped), limits.hold(Soon(world.clock), said.append):
            pass

    assert said == []


def test_a_place_is_free_again_behind_its_block(world):
    world.settings = {"copernicus": {"sessions": 1}}
    sessions = world.shared().sessions

    for _ in range(2):
        with sessions.hold(threading.Event(), lambda _: pytest.fail("it was free")):
            pass
