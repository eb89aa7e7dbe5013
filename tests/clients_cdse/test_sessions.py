"""Never more transfers at once than the account may have, whichever process they are in."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestrator.core.errors import Stopped
from orchestrator.core.slots import Slots

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
        print(what, flush=True)

world = World(SimpleNamespace(url=sys.argv[2]), Path(sys.argv[3]), said=Told())
route = world.route()
asset = world.asset(route)
with ThreadPoolExecutor(5) as pool:
    for piece in pool.map(lambda n: world.fetch(route, asset, Path(sys.argv[4]) / str(n)), range(5)):
        assert piece.size == 700_000
"""


def start(world, folder: Path) -> subprocess.Popen[str]:
    folder.mkdir()
    arguments = [str(Path(__file__).parent), world.sandbox.url, str(world.state_dir), str(folder)]
    return subprocess.Popen([sys.executable, "-c", PROCESS, *arguments], stdout=subprocess.PIPE, text=True)


def test_two_processes_together_have_four_sessions(world, tmp_path):
    """The service counts: of ten that want one, four have one while nothing moves, and nobody is refused."""
    world.order(api="cdse.nodes.value", action="stall", bytes=1000, path="jp2", count=None)
    processes = [start(world, tmp_path / name) for name in ("one", "other")]

    said = [process.stdout.readline() for process in processes]

    assert all(one.startswith("all 4 sessions of Copernicus are taken, by processes ") for one in said)
    assert until(lambda: world.state()["underWay"] == 4)
    assert (world.state()["mostAtOnce"], world.state()["refused"]) == (4, 0)
    world.call("DELETE", "/sandbox/faults")
    assert [process.wait(120) for process in processes] == [0, 0]
    for process in processes:
        process.stdout.close()


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


def test_whoever_waits_for_a_session_says_so_and_says_for_whom(tmp_path):
    said: list[str] = []
    stop = threading.Event()

    def hear(what: str) -> None:
        said.append(what)
        stop.set()

    taken = Slots(tmp_path, 1, "sessions of Copernicus").hold(threading.Event())
    mine = Slots(tmp_path, 1, "sessions of Copernicus").hold(stop, hear)

    with taken, pytest.raises(Stopped), mine:
        pass

    assert len(said) == 1
    assert said[0].startswith("all 1 sessions of Copernicus are taken, by processes ")


def test_a_place_is_free_again_behind_its_block(tmp_path):
    slots = Slots(tmp_path, 1, "places")

    for _ in range(2):
        with slots.hold(threading.Event(), lambda _: pytest.fail("it was free")):
            pass
