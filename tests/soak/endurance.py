"""
Lets a daemon work for hours while services fail and it is killed, and tells what grows.

    PYTHONPATH=. .venv/bin/python tests/soak/endurance.py                  two hours, 2 % faults, SIGKILL once a minute
    PYTHONPATH=. .venv/bin/python tests/soak/endurance.py --minutes 25 --jobs 4      shorter, with fewer jobs
    PYTHONPATH=. .venv/bin/python tests/soak/endurance.py --kill-every 0   never killed: what one process gathers

`serve` over a sandbox in a process of its own, with several small jobs that come again every minute. Of all calls to
the services, drawn, 2 % are answered with 503 or 429, with a broken connection or a body that ends too early. It begins
with a quiet life of one run of each job, whose database, pruned, is the floor. The end is as quiet, and then `prune`,
now and two months later, since what this and the last month have cost is not forgotten. Prints what was sampled, as
medians of the first and the last quarter and as a slope, of memory where a process has done a run; the exit code is 1
where something was lost or left, or the daemon ended by itself.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import astuple, dataclass, field, fields
from datetime import datetime, timedelta
from pathlib import Path
from statistics import linear_regression, median

from drawn import drawn
from plays import kit

from orchestrator.app.records import Records
from orchestrator.app.verbs.pruning import prune
from orchestrator.config.sections import LocalSettings, Settings
from orchestrator.core.clock import SystemClock
from orchestrator.engine.stores.retention import Retention

SAMPLE_SECONDS = 15.0
# A process that has used so much has done a run; one that was just begun is a hundred MiB lighter. Over both, a slope
# of memory tells how their share changed, and nothing else.
WORKED_SECONDS = 2.0
# Of fewer samples no slope is told.
FEWEST = 3
# So many faults are ordered at a time; more than a sample's calls can use up.
ORDERED = 120
# What is held for a moment is looked at once more.
MOST_TRIES = 4
CONFIG = """
[gcs]
bucket = "{bucket}"
"""
JOB = """
[jobs.{name}]
area = "area.geojson"
output = "out"
base_name = "{name}"
start_date = "2024-05-01"
end_date = "2024-06-01"
recipe = "image-code"
params = {{ file = "{folder}/image.py" }}
bands = ["x", "y", "mixed"]
grid = {{ crs = "EPSG:32633", scale = {scale} }}
max_part_size = "1.25 MiB"
every = "1m"
overlap = "skip"
"""
PATIENT = {"ORCHESTRATOR_EE__POLL_MIN": "0.5", "ORCHESTRATOR_LOG__LEVEL": "error", "ORCHESTRATOR_SERVE__PATIENCE": "2m"}
# Runs that ended are forgotten after a second, but for those whose result is there.
PRUNE = ("prune", "--runs", "1s", "--details", "1s", "--events", "1s", "--keep", "0", "--yes")


@dataclass(frozen=True)
class Sample:
    """What the daemon is at one moment, and what it has done."""

    minutes: float
    parts: int  # that are done since the beginning
    rss_mib: float
    descriptors: int
    threads: int
    connections: int
    database_kib: float  # its pages
    disk_kib: float  # its files, the log of its last changes among them
    kib_a_part: float  # of the parts that the database knows
    cpu_seconds: float = 0.0  # that it has used


@dataclass
class Counts:
    """What happened to the daemon and to its calls."""

    kills: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    ended: list[str] = field(default_factory=list)  # what it said when it ended by itself


class TwoMonthsLater(SystemClock):
    """Time as it will be."""

    def now(self) -> datetime:
        return super().now() + timedelta(days=63)


class Endurance:
    """A daemon that is killed and begun again, and the sandbox it works against."""

    def __init__(self, home: kit.Home, jobs: int, share: float, seed: int) -> None:
        self._home, self._share = home, share
        self._chance = random.Random(seed)  # noqa: S311  faults to be drawn, nothing to guard
        self.counts = Counts()
        tables = [JOB.format(name=f"job{n}", folder=home.folder, scale=10 + n) for n in range(jobs)]
        (home.folder / "config.toml").write_text(CONFIG.format(bucket=kit.BUCKET) + "".join(tables))

    # ------------------------------------------------------------------ the daemon

    def _serve(self, *more: str) -> kit.Running:
        words = ["serve", "--sandbox-url", self._home.service.url, "--bucket", kit.BUCKET, "--state-dir", "state"]
        return self._home.program.start([*words, *more], self._home.folder, **PATIENT)

    def _end(self, daemon: kit.Running, number: int) -> kit.Outcome:
        daemon.signal(number)
        ended = daemon.wait()
        for path in (daemon.out, daemon.err):
            path.unlink()
        return ended

    def quietly(self) -> list[int]:
        """Finish what is due, without faults; return the exit codes until there was nothing left to do."""
        self._count_faults()
        codes = [1]
        while codes[-1] and len(codes) <= MOST_TRIES:
            codes.append(self._serve("--until-idle").wait().code)
        return codes[1:]

    def live(self, seconds: float, kill_every: float) -> list[Sample]:
        """Serve for so long; return what was sampled."""
        began = time.monotonic()
        end, next_kill, samples = began + seconds, began + (kill_every or seconds * 2), list[Sample]()
        daemon = self._serve()
        next_sample = began + SAMPLE_SECONDS
        while time.monotonic() < end:
            time.sleep(max(0.0, min(next_sample, next_kill, end) - time.monotonic()))
            if _ended(daemon.pid):
                self.counts.ended.append(daemon.said()[-2000:])
                daemon.wait()
                daemon = self._serve()
            if time.monotonic() >= next_sample:
                self._order_faults()
                with suppress(KeyError, OSError):  # it ended just now
                    samples.append(self._sample(daemon.pid, (time.monotonic() - began) / 60))
                next_sample += self._chance.uniform(0.5, 1.5) * SAMPLE_SECONDS  # jobs come at full minutes
            if time.monotonic() >= next_kill:
                self.counts.kills += self._end(daemon, signal.SIGKILL).code == kit.KILLED
                daemon = self._serve()
                next_kill += self._chance.uniform(0.5, 1.5) * kill_every
        self._end(daemon, signal.SIGTERM)
        return samples

    def prune(self) -> float:
        """Forget what has ended; return the size of the database, KiB."""
        time.sleep(2)  # what ended within the last second stays
        self._home.command(*PRUNE).expect(0)
        return self.disk_kib()

    def prune_later(self) -> float:
        """The same when what these runs have cost is not counted any more: two months later."""
        app = Records(Settings(local=LocalSettings(state_dir=str(self._state.parent))))
        app.clock = TwoMonthsLater()
        prune(app, Retention(1, 1, 1, 0), really=True)
        app.store.close()
        return self.disk_kib()

    # ------------------------------------------------------------------ faults

    def _order_faults(self) -> None:
        """Draw which of the next calls go wrong; what was drawn before and did not act is as good as this."""
        self._count_faults()
        self._home.service.order(*drawn(self._chance, self._share, ORDERED))

    def _count_faults(self) -> None:
        for each in self._home.service.get("/sandbox/faults")["faults"]:
            rule = each["rule"]
            self.counts.faults[f"{rule['status']}" if rule["action"] == "http" else rule["action"]] += each["consumed"]
        self._home.service.delete("/sandbox/faults")

    # ------------------------------------------------------------------ figures

    def _sample(self, pid: int, minutes: float) -> Sample:
        done, known, size = self._parts()
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        links = _descriptors(pid)
        return Sample(
            minutes,
            done,
            int(status["VmRSS"].split()[0]) / 1024,
            len(links),
            int(status["Threads"]),
            len(_tcp(pid) & set(links)),
            size,
            self.disk_kib(),
            size / max(1, known),
            _cpu_seconds(pid),
        )

    def _parts(self) -> tuple[int, int, float]:
        """Return how many parts of published runs there are, how many in all, and the size of the database, KiB."""
        with closing(sqlite3.connect(f"file:{self._state}?mode=ro", uri=True, timeout=30)) as database:
            (known,) = database.execute("SELECT count(*) FROM parts").fetchone()
            done = "SELECT count(*) FROM parts JOIN runs ON runs.id = parts.run_id WHERE runs.state = 'CLEANED'"
            pages, size = (database.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_count", "page_size"))
            return int(database.execute(done).fetchone()[0]), int(known), pages * size / 1024

    @property
    def _state(self) -> Path:
        return self._home.folder / "state" / "state.db"

    def disk_kib(self) -> float:
        """Return the size of the database's files, KiB."""
        return sum(p.stat().st_size for p in self._state.parent.glob("state.db*")) / 1024

    def runs(self) -> Counter[str]:
        with closing(sqlite3.connect(self._state)) as database:
            return Counter(dict(database.execute("SELECT state, count(*) FROM runs GROUP BY state").fetchall()))

    def tasks(self) -> int:
        with closing(sqlite3.connect(self._state)) as database:
            return int(database.execute("SELECT count(*) FROM tasks").fetchone()[0])

    def digests(self) -> dict[str, str]:
        return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(self._home.out.glob("*.tif"))}

    def left(self) -> list[str]:
        """Return the objects and files that nobody needs."""
        return self._home.service.objects() + self._home.leftovers()


def _ended(pid: int) -> bool:
    return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()


def _descriptors(pid: int) -> list[str]:
    links = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            links.append(str(each.readlink()))
    return links


def _cpu_seconds(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")  # utime and stime, proc(5)


def _tcp(pid: int) -> set[str]:
    lines = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return {f"socket:[{words[9]}]" for words in lines}


def table(samples: list[Sample]) -> str:
    """Return medians of the first and the last quarter, and the slope an hour; of memory, where a run has been done."""
    lines = [f"{'':<14}{'first quarter':>15}{'last quarter':>15}{'least':>10}{'most':>10}{'an hour':>12}"]
    worked = [each for each in samples if each.cpu_seconds >= WORKED_SECONDS]
    for each in fields(Sample)[1:]:
        lines += _row(each.name, worked if each.name == "rss_mib" else samples)
    return "\n".join(lines)


def _row(name: str, samples: list[Sample]) -> list[str]:
    """Return the line of one figure; none where too few samples have it."""
    if len(samples) < FEWEST:
        return []
    quarter, hours = max(1, len(samples) // 4), [each.minutes / 60 for each in samples]
    found = [float(getattr(sample, name)) for sample in samples]
    first, last = median(found[:quarter]), median(found[-quarter:])
    slope = linear_regression(hours, found).slope
    return [f"{name:<14}{first:>15.1f}{last:>15.1f}{min(found):>10.1f}{max(found):>10.1f}{slope:>+12.1f}"]


def main() -> int:
    about = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    about.add_argument("--minutes", type=float, default=120)
    about.add_argument("--jobs", type=int, default=8)
    about.add_argument("--share", type=float, default=0.02, help="of the calls that go wrong")
    about.add_argument("--kill-every", type=float, default=60, help="seconds, on average; 0: never")
    about.add_argument("--seed", type=int, default=0)
    about.add_argument("--samples", type=Path, help="write each sample there, a line of JSON")
    given = about.parse_args()
    if given.minutes < 1:
        about.error("--minutes: at least 1, which are a few samples")
    with tempfile.TemporaryDirectory(prefix="endurance-") as folder, kit.Program() as program:
        place = Path(folder)
        (place / "home").mkdir()
        with kit.Service(program, place / "sandbox") as service:
            life = Endurance(kit.Home(place / "home", program, service), given.jobs, given.share, given.seed)
            return _live(life, service, given)


def _live(life: Endurance, service: kit.Service, given: argparse.Namespace) -> int:
    assert life.quietly() == [0]
    good, floor = life.digests(), life.prune()
    exports, known = service.exports, life.tasks()
    samples = life.live(given.minutes * 60, given.kill_every)
    if given.samples:
        given.samples.write_text("".join(json.dumps(astuple(each)) + "\n" for each in samples))
    codes = life.quietly()
    exports, tasks, runs = service.exports - exports, life.tasks() - known, life.runs()
    calls = sum(service.state()["requests"].values())
    print(f"{given.minutes:g} minutes, {life.counts.kills} kills; {calls} calls; faults {dict(life.counts.faults)}")  # noqa: T201
    print(table(samples))  # noqa: T201
    before, after = life.disk_kib(), life.prune()
    print(f"exit codes of the quiet end {codes}; runs {dict(runs)}; tasks {tasks}, exports {exports}")  # noqa: T201
    print(f"database: floor {floor:.0f} KiB, at the end {before:.0f} KiB, after prune {after:.0f} KiB")  # noqa: T201
    print(f"database two months later, pruned: {life.prune_later():.0f} KiB")  # noqa: T201
    wrong = [f"left: {each}" for each in life.left()] + [f"ended by itself: {each}" for each in life.counts.ended]
    wrong += [f"{name} differs" for name, digest in life.digests().items() if good.get(name) != digest]
    wrong += [] if set(runs) == {"CLEANED"} else ["a run did not come to its end"]
    print("\n".join(wrong) or "nothing lost, nothing left")  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
