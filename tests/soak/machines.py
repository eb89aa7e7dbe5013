"""
Lets several machines work on one state while they are killed, and counts what was lost.

    PYTHONPATH=. .venv/bin/python tests/soak/machines.py               ten minutes, 2 % faults, a blow every ten seconds
    PYTHONPATH=. .venv/bin/python tests/soak/machines.py --minutes 60          the long form
    PYTHONPATH=. .venv/bin/python tests/soak/machines.py --minutes 2 --jobs 2

A leader (`serve`, whose units go to Dask), another one that stands by with a state folder of its own, three
`orchestrator worker`, a Dask scheduler and a worker of it, processes over one PostgreSQL, against a sandbox whose calls
go wrong now and then. In turn one of them is killed and begun again: a worker, the leader, Dask's worker, its
scheduler; the leader is ended in order; the database crashes and comes back; a worker, and the leader, is stopped for
longer than its lease and goes on. Whenever it is the leader the other one has to take over; the one that was killed or
ended is begun again as the standby. Before that each job is done once without any of it. In the end everything is
finished without faults: the result of each run must have the bytes of its job's quiet run, no export may have been
begun twice, nothing may be left in the bucket or beside the results. The exit code is 1 where that is not so.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "executors")]

import psycopg  # noqa: E402  after the lines that find what follows
from dask_kit import Cluster  # noqa: E402
from drawn import drawn  # noqa: E402
from machines_config import CONFIG, ENVIRONMENT, JOB  # noqa: E402
from plays import kit  # noqa: E402
from postgres_kit import PostgresServer  # noqa: E402

from orchestrator.model.job import Job  # noqa: E402
from orchestrator.model.result import Result  # noqa: E402

LEASE_SECONDS = 3.0  # of a unit
STOPPED_SECONDS = 2.5 * LEASE_SECONDS
LEADER_LEASE_SECONDS = 10.0
# How long it takes is a figure that is printed; this is for one that never comes, on whatever busy machine.
MOST_SECONDS = 600.0
ORDERED = 120
MOST_TRIES = 5
# Of an answer with pixels: so that each run has dozens of units.
QUOTA_BYTES = 60_000
_RESULTS = "SELECT job, content FROM runs JOIN documents ON run_id = id WHERE state = 'CLEANED' AND name = 'result'"


@dataclass
class Machines:
    """
    All processes, and what is done to them.

    Attributes:
        home: The folder that all of them see.
        server: The database.
        cluster: Dask's scheduler and worker.
        database: Its address.
        chance: Draws faults and who is struck.
        blows: How often each kind of blow was struck.
        back: Seconds until the other one led, after each kind of blow to the leader.
        faults: Which faults the sandbox made.
        ended: What a process said that ended by itself.
    """

    home: kit.Home
    server: PostgresServer
    cluster: Cluster
    database: str
    chance: random.Random
    blows: Counter[str] = field(default_factory=Counter)
    back: dict[str, list[float]] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    ended: list[str] = field(default_factory=list)
    leaders: dict[str, kit.Running] = field(default_factory=dict)  # by their state folders
    workers: list[kit.Running] = field(default_factory=list)

    def write(self, jobs: Sequence[str]) -> None:
        """Declare jobs by these routes, each once a minute."""
        folder = self.home.folder
        told = {"url": self.home.service.url, "project": kit.PROJECT, "bucket": kit.BUCKET, "database": self.database}
        told |= {"lease": LEASE_SECONDS, "leader_lease": LEADER_LEASE_SECONDS}
        text = CONFIG.format(**told, folder=folder, scheduler=self.cluster.file)
        for n, route in enumerate(jobs):
            text += JOB.format(name=f"job{n}", route=route, folder=folder, scale=10 + n // 2)
        (folder / "config.toml").write_text(text)

    # ------------------------------------------------------------------ processes

    def start(self, *words: str, **environment: str) -> kit.Running:
        return self.home.program.start([*words], self.home.folder, **ENVIRONMENT, **environment)

    def stand_by(self, name: str) -> None:
        """Begin a daemon of a machine, which leads when the other one does not."""
        where = {"ORCHESTRATOR_LOCAL__STATE_DIR": str(self.home.folder / name)}
        self.leaders[name] = self.start("serve", "--standby", **where)

    @contextmanager
    def led(self) -> Iterator[None]:
        """Have a leader and a standby."""
        for name in ("state", "other"):
            self.stand_by(name)
        self.home.wait_until(lambda: self.leading() != "" and self.is_standing_by(), 120)
        try:
            yield
        finally:
            for running in self.leaders.values():
                running.signal(signal.SIGTERM)
            for running in self.leaders.values():
                self.wait_for(running, signal.SIGTERM)  # a second signal would end it at once

    def leading(self) -> str:
        """Return which of the two leads now, empty where neither has said so yet."""
        pids = [pid for (pid,) in self.rows("SELECT pid FROM processes WHERE name = 'daemon'")]
        return next((name for name, running in self.leaders.items() if running.pid in pids), "")

    def is_standing_by(self) -> bool:
        """Tell whether the one of the two that does not lead waits for it."""
        pids = [pid for (pid,) in self.rows("SELECT pid FROM processes WHERE split_part(name, ' ', 1) = 'standby'")]
        leading = self.leading()
        return any(running.pid in pids for name, running in self.leaders.items() if name != leading)

    def taken_over(self, from_: str, blow: str, began: float) -> None:
        """Wait until the other one leads, and note how long it took."""
        self.home.wait_until(lambda: self.leading() not in ("", from_), MOST_SECONDS)
        self.back.setdefault(blow, []).append(time.monotonic() - began)

    def stop(self, running: kit.Running, number: int) -> kit.Outcome:
        running.signal(number)
        return self.wait_for(running, number)

    def wait_for(self, running: kit.Running, number: int) -> kit.Outcome:
        """Wait for the end of a process that got a signal."""
        outcome = running.wait()
        if outcome.code not in (0, -number, 130):
            self.ended.append(f"exit code {outcome.code}: {outcome.err[-1500:]}")
        return outcome

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Have everything but the leader there."""
        self.cluster.scheduler()
        self.cluster.worker()
        self.workers = [self.start("worker") for _ in range(3)]
        try:
            yield
        finally:
            for worker in self.workers:
                self.stop(worker, signal.SIGTERM)
            self.cluster.end()

    def until_idle(self) -> list[int]:
        """Finish what is due, without faults; return the exit codes until there was nothing left to do."""
        self.count_faults()
        codes = [1]
        while codes[-1] and len(codes) <= MOST_TRIES:
            codes.append(self.start("serve", "--until-idle").wait().code)
        return codes[1:]

    # ------------------------------------------------------------------ blows

    def live(self, seconds: float, every: float, share: float) -> None:
        """Serve for so long, and strike."""
        strikes = self.strikes()
        end, pause = time.monotonic() + seconds, threading.Event()
        with self.led():
            while time.monotonic() < end:
                self.count_faults()
                self.home.service.order(*drawn(self.chance, share, ORDERED))
                pause.wait(self.chance.uniform(0.5, 1.5) * every)
                name, strike = next(strikes)
                began = time.monotonic()
                strike()
                self.blows[name] += 1
                left, took = end - time.monotonic(), time.monotonic() - began
                told = f"{name}: {took:.1f} s; {left / 60:.1f} minutes left; runs {dict(self.runs())}"
                print(told, file=sys.stderr, flush=True)  # noqa: T201

    def strike_each(self) -> None:
        """Serve, and strike each blow once while a run has units; answers with pixels take their time until then."""
        slow = {"api": "image.computePixels", "action": "stall", "seconds": 0.5, "count": None}
        self.home.service.order(slow)
        strikes = self.strikes()
        with self.led():
            for _ in KINDS:
                self.home.wait_until(lambda: self.rows("SELECT 1 FROM units WHERE state = 'CLAIMED'") != [], 120)
                name, strike = next(strikes)
                strike()
                self.blows[name] += 1
            self.count_faults()

    def strikes(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """Yield every kind of blow, in orders that are drawn."""
        kinds = list(KINDS)
        while True:
            self.chance.shuffle(kinds)
            for name in kinds:
                yield name, partial(KINDS[name], self)

    def kill_worker(self) -> None:
        at = self.chance.randrange(len(self.workers))
        self.stop(self.workers[at], signal.SIGKILL)
        self.workers[at] = self.start("worker")

    def led_by(self) -> str:
        """Return who leads, once the other one stands by."""
        self.home.wait_until(lambda: self.leading() != "" and self.is_standing_by(), MOST_SECONDS)
        return self.leading()

    def kill_leader(self) -> None:
        name, began = self.led_by(), time.monotonic()
        self.stop(self.leaders[name], signal.SIGKILL)
        self.taken_over(name, "killed", began)
        self.stand_by(name)

    def end_leader(self) -> None:
        name, began = self.led_by(), time.monotonic()
        self.leaders[name].signal(signal.SIGTERM)
        self.taken_over(name, "ended", began)
        self.wait_for(self.leaders[name], signal.SIGTERM)
        self.stand_by(name)

    def stop_leader(self) -> None:
        name, began = self.led_by(), time.monotonic()
        self.leaders[name].signal(signal.SIGSTOP)
        try:
            self.taken_over(name, "stopped", began)
        finally:
            self.leaders[name].signal(signal.SIGCONT)

    def kill_dask_worker(self) -> None:
        self._end(self.cluster.processes.pop())
        self.cluster.worker()

    def kill_scheduler(self) -> None:
        """Its worker ends without it; both are begun again."""
        for process in (self.cluster.processes.pop(0), *self.cluster.processes):
            self._end(process)
        self.cluster.processes.clear()
        self.cluster.scheduler()
        self.cluster.worker()

    @staticmethod
    def _end(process: Any) -> None:
        process.kill()
        process.wait()

    def stop_worker(self) -> None:
        worker = self.chance.choice(self.workers)
        worker.signal(signal.SIGSTOP)
        threading.Event().wait(STOPPED_SECONDS)
        worker.signal(signal.SIGCONT)

    def count_faults(self) -> None:
        for each in self.home.service.get("/sandbox/faults")["faults"]:
            rule = each["rule"]
            self.faults[f"{rule['status']}" if rule["action"] == "http" else rule["action"]] += each["consumed"]
        self.home.service.delete("/sandbox/faults")

    # ------------------------------------------------------------------ figures

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database) as state:
            return state.execute(statement, values).fetchall()  # type: ignore[arg-type]

    def runs(self) -> Counter[str]:
        return Counter(dict(self.rows("SELECT state, count(*) FROM runs GROUP BY state")))

    def tasks(self) -> int:
        return int(self.rows("SELECT count(*) FROM tasks")[0][0])

    def units(self) -> Counter[str]:
        """Count units by who had them last: the leader's threads, a worker, Dask."""
        named = self.rows("SELECT worker, count(*) FROM units GROUP BY worker")
        found: Counter[str] = Counter()
        for name, count in named:
            found["workers" if name.startswith("worker ") else "dask"] += count
        return found

    def digests(self) -> dict[str, set[str]]:
        """Return the checksums of all results that each job has had, and of what lies there now."""
        found: dict[str, set[str]] = {}
        for job, result in self.rows(_RESULTS):
            name = Job.from_json(job).base_name
            found.setdefault(name, set()).add(Result.from_json(result).main.sha256)
        for path in self.home.out.glob("*.tif"):
            name = path.stem.removesuffix("_clipped")
            found.setdefault(name, set()).add(hashlib.sha256(path.read_bytes()).hexdigest())
        return found

    def left(self) -> list[str]:
        """Return the objects and files that nobody needs."""
        return self.home.service.objects() + self.home.leftovers()


KINDS: dict[str, Callable[[Machines], None]] = {
    "a worker killed": Machines.kill_worker,
    "the leader killed": Machines.kill_leader,
    "the leader ended": Machines.end_leader,
    "the leader stopped past its lease": Machines.stop_leader,
    "Dask's worker killed": Machines.kill_dask_worker,
    "Dask's scheduler killed": Machines.kill_scheduler,
    "the database crashed": lambda machines: machines.server.restart("immediate"),
    "a worker stopped past its lease": Machines.stop_worker,
}


def torment(machines: Machines, jobs: Sequence[str], strike: Callable[[], None]) -> list[str]:
    """Do jobs by these routes quietly, then while they are struck; return what is wrong in the end."""
    machines.write(jobs)
    with machines.standing():
        assert machines.until_idle()[-1] == 0
        good, exports, tasks = machines.digests(), machines.home.service.exports, machines.tasks()
        strike()
        codes = machines.until_idle()
        units = machines.units()
    exports, tasks = machines.home.service.exports - exports, machines.tasks() - tasks
    runs, found = machines.runs(), machines.digests()
    print(f"blows {dict(machines.blows)}; faults {dict(machines.faults)}")  # noqa: T201
    print(f"runs {dict(runs)}; tasks {tasks}, exports {exports}; units {dict(units)}; quiet end {codes}")  # noqa: T201
    for blow, seconds in machines.back.items():
        told = (
            f"{len(seconds)} times, after {sum(seconds) / len(seconds):.1f} s on average, {max(seconds):.1f} s at most"
        )
        print(f"the other one led when the leader was {blow}: {told} (lease {LEADER_LEASE_SECONDS:.0f} s)")  # noqa: T201
    wrong = [f"left: {each}" for each in machines.left()] + [f"ended by itself: {each}" for each in machines.ended]
    wrong += [f"{name} differs: {found.get(name)}" for name in sorted(good) if good[name] != found.get(name)]
    wrong += [f"{exports} exports for {tasks} tasks"] if exports > tasks else []
    wrong += [] if set(runs) == {"CLEANED"} else [f"runs did not come to their end: {dict(runs)}"]
    wrong += [] if len(good) == len(jobs) else [f"{len(good)} results of {len(jobs)} jobs"]
    return wrong


@contextmanager
def machines_in(folder: Path, program: kit.Program, seed: int) -> Iterator[Machines]:
    """Have a database, a sandbox and a folder for them; each ends with the block."""
    (folder / "home").mkdir()
    (folder / "dask").mkdir()
    server = PostgresServer()  # what it says is durable is
    try:
        with kit.Service(program, folder / "sandbox") as service:
            cluster = Cluster(folder / "dask")
            home = kit.Home(folder / "home", program, service)
            service.post("/sandbox/quotas", {"bytes": QUOTA_BYTES})
            config = {"ORCHESTRATOR_CONFIG": str(home.folder / "config.toml")}
            cluster.environment = kit.IMPATIENT | ENVIRONMENT | config
            chance = random.Random(seed)  # noqa: S311  who is struck, nothing to guard
            yield Machines(home, server, cluster, server.empty(), chance)
    finally:
        server.close()


def main() -> int:
    about = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    about.add_argument("--minutes", type=float, default=10)
    about.add_argument("--jobs", type=int, default=4)
    about.add_argument("--every", type=float, default=10, help="seconds between two blows, on average")
    about.add_argument("--share", type=float, default=0.02, help="of the calls that go wrong")
    about.add_argument("--seed", type=int, default=0)
    given = about.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="machines-") as folder,
        kit.Program() as program,
        machines_in(Path(folder), program, given.seed) as machines,
    ):
        routes = [("gcs", "pixels")[n % 2] for n in range(given.jobs)]
        live = partial(machines.live, given.minutes * 60, given.every, given.share)
        wrong = torment(machines, routes, live)
    print("\n".join(wrong) or "nothing lost, nothing doubled, nothing left")  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
