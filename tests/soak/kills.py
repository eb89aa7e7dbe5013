"""
Kills every product at every crash point, and at random moments, and counts what was lost.

    PYTHONPATH=. .venv/bin/python tests/soak/kills.py                       every pass of every point, once
    PYTHONPATH=. .venv/bin/python tests/soak/kills.py --runs 500 --seed 7   so many of them, drawn
    PYTHONPATH=. .venv/bin/python tests/soak/kills.py --random 1000         SIGKILL at random moments
    PYTHONPATH=. .venv/bin/python tests/soak/kills.py --play cube --play table
    PYTHONPATH=. .venv/bin/python tests/soak/kills.py --reach               writes reached.csv: the plays of each point

Each run has a folder of its own: killed once, continued by the same commands, compared with one that was left alone.
Prints a table for each play, and whatever went wrong; the exit code is 1 then.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import plays
from plays import HOLIDAY, Play, kit
from points import crash_points
from troubles import TROUBLES

POINTS_TO, SYNCS_TO = "ORCHESTRATOR_TEST_POINTS_TO", "ORCHESTRATOR_TEST_SYNCS_TO"
# A command is given again so often: what is held for a moment is looked at once more.
MOST_TRIES = 4
PLAYS = {**plays.PLAYS, **TROUBLES}
REACHED = Path(__file__).with_name("reached.csv")


@dataclass(frozen=True, order=True)
class Kill:
    """One moment of a play: a crash point of one of its commands, and which pass of it."""

    step: int
    point: str
    number: int


@dataclass
class Undisturbed:
    """What a play comes to when it is left alone."""

    digests: dict[str, str]
    exports: int
    asked: int
    files: frozenset[str]
    kills: list[Kill]
    seconds: list[float]


@dataclass
class Tally:
    """What came of the runs of a play."""

    runs: int = 0
    points: set[str] = field(default_factory=set)
    missed: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    asked_again: int = 0
    wrong: list[str] = field(default_factory=list)

    def row(self, name: str) -> str:
        found = "".join(f"{self.counts[what]:>9}" for what in ("lost", "doubled", "leaked", "foreign"))
        return f"{name:<30}{self.runs:>7}{len(self.points):>8}{found}{self.asked_again:>12}"


HEAD = f"{'play':<30}{'kills':>7}{'points':>8}{'lost':>9}{'doubled':>9}{'leaked':>9}{'foreign':>9}{'asked again':>12}"


class Theatre:
    """One play, as often as one likes, always in the same folder: what a job is called depends on its paths."""

    def __init__(
        self, name: str, folder: Path, program: kit.Program, service: kit.Service, results: Path | None = None
    ) -> None:
        self._name, self._program, self._service, self._results = name, program, service, results
        self._folder = folder / "life"
        self.tally = Tally()
        self.undisturbed = self._left_alone()

    def _begin(self) -> Play:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        return self._play()

    def _play(self) -> Play:
        """Return the play in its empty folder, before an empty bucket."""
        self._service.delete("/sandbox/faults")
        for name in self._service.objects():
            self._service.remove(name)
        play = PLAYS[self._name](self._folder, self._program, self._service)
        (self._folder / HOLIDAY).write_bytes(b"beach")
        return play

    def _left_alone(self) -> Undisturbed:
        synced = self._folder.parent / "synced"
        synced.parent.mkdir(parents=True, exist_ok=True)
        synced.unlink(missing_ok=True)
        self._program.everywhere = {SYNCS_TO: str(synced)}
        play = self._begin()
        exports, asked, seconds, kills = play.exports(), play.asked(), [], []
        for number, step in enumerate(play.steps):
            passed, begun = self._folder.parent / f"passed-{number}", time.monotonic()
            passed.unlink(missing_ok=True)
            self._program.everywhere = {POINTS_TO: str(passed), SYNCS_TO: str(synced)}
            ended = step()
            assert ended.code == 0, f"{self._name}, left alone: {ended}"
            seconds.append(time.monotonic() - begun)
            counted = Counter(passed.read_text().split())
            kills += [Kill(number, point, n + 1) for point, count in counted.items() for n in range(count)]
        self._program.everywhere = {}
        careless, found = names_not_durable(synced), dict(play.digests())
        assert play.objects() == [], play.objects()
        assert careless == [], f"{self._name} gives names to what is not durable: {careless}"
        assert found
        return Undisturbed(found, play.exports() - exports, play.asked() - asked, play.files(), sorted(kills), seconds)

    # ------------------------------------------------------------------ kills

    def kill(self, kill: Kill) -> None:
        """Kill once, go on, and look."""
        play, what = self._begin(), f"{kill.point}:{kill.number} of command {kill.step}"
        before = play.exports(), play.asked()
        for step in play.steps[: kill.step]:
            self._until_done(step)
        self._program.everywhere = {kit.CRASH_AT: f"{kill.point}:{kill.number}"}
        ended = play.steps[kill.step]()
        self._program.everywhere = {}
        if ended.code != kit.KILLED:
            self.tally.missed += 1  # threads passed it less often this time
            return
        self.tally.runs += 1
        self.tally.points.add(kill.point)
        foreign = play.put_foreign()
        codes = [self._until_done(step) for step in play.steps[kill.step :]]
        self._look(play, what, codes, foreign, before)

    def kill_at_random(self, chance: random.Random, kills: int) -> None:
        """Kill up to so many times at moments that nobody chose, go on, and look."""
        play = self._begin()
        before, foreign = (play.exports(), play.asked()), ""
        for number, step in enumerate(play.steps):
            for _ in range(kills):
                self._program.die_after = chance.uniform(0.0, self.undisturbed.seconds[number] * 1.05)
                ended = step()
                self._program.die_after = None
                if ended.code != kit.KILLED:
                    break
                self.tally.runs += 1
                foreign = foreign or play.put_foreign()
        codes = [self._until_done(step) for step in play.steps]
        self._look(play, "random moments", codes, foreign, before)

    def _until_done(self, step: object) -> int:
        for _ in range(MOST_TRIES):
            ended = step()
            if ended.code == 0:
                return 0
        self.last = ended
        return int(ended.code)

    def _look(self, play: Play, what: str, codes: list[int], foreign: str, before: tuple[int, int]) -> None:
        good, there = self.undisturbed, play.objects()
        lost = any(codes) or dict(play.digests()) != good.digests
        self._count("lost", lost, what, f"{codes} {dict(play.digests())} {getattr(self, 'last', '')}" if lost else "")
        exports = play.exports() - before[0]
        self._count("doubled", exports > good.exports, what, f"{exports} exports, {good.exports} wanted")
        left = sorted(play.files() - good.files) + [name for name in there if name != foreign]
        self._count("leaked", bool(left), what, f"{left[:5]}")
        intact = (self._folder / HOLIDAY).read_bytes() == b"beach" and (not foreign or foreign in there)
        self._count("foreign", not intact, what, foreign)
        again = max(0, play.asked() - before[1] - good.asked)
        self.tally.asked_again += again
        if self._results:
            told = {"play": self._name, "kill": what, "kills": self.tally.runs, "asked_again": again}
            with self._results.open("a") as file:
                file.write(json.dumps(told | {"wrong": dict(self.tally.counts)}) + "\n")

    def _count(self, name: str, happened: bool, what: str, facts: str) -> None:
        if happened:
            self.tally.counts[name] += 1
            self.tally.wrong.append(f"{self._name}: {name} after {what}: {facts}")
            print(self.tally.wrong[-1], flush=True)  # noqa: T201


def names_not_durable(told: Path) -> list[str]:
    """
    Return the final names that were given to what was not synced before, or whose folder was not synced after.

    What lies in a working folder, or is state, may be anything: nobody reads it but the run that goes on.
    """
    events = [json.loads(line) for line in told.read_text().splitlines()]
    synced: set[tuple[int, ...]] = set()
    careless = []
    for at, (kind, *facts) in enumerate(events):
        if kind == "sync":
            synced.add(tuple(facts[0]))
            continue
        target, contents, folder = facts
        if "/.orchestrator/" in target or "/state/" in target:
            continue
        if not synced.issuperset(map(tuple, contents)):
            careless.append(f"{target} before its bytes")
        if not any(kind == "sync" and facts[0][0] == folder for kind, *facts in events[at + 1 :]):
            careless.append(f"{target} without its folder")
    return careless


def chosen(kills: list[Kill], passes: int) -> Iterator[Kill]:
    """Yield the first, the last and some passes between of every point; all with 0."""
    counts: Counter[tuple[int, str]] = Counter((kill.step, kill.point) for kill in kills)
    for kill in kills:
        count = counts[kill.step, kill.point]
        spread = {1 + round(i * (count - 1) / max(1, passes - 1)) for i in range(passes)} if passes else {kill.number}
        if kill.number in spread:
            yield kill


def write_reached(reached: dict[str, dict[str, None]], played: list[str]) -> None:
    """Write down which plays pass each point; those that were not played now stay as they are."""
    for point, names in plays_of_points().items():
        reached.setdefault(point, {}).update(dict.fromkeys(name for name in names if name not in played))
    lines = [f"{point},{'; '.join(sorted(names))}" for point, names in sorted(reached.items()) if names]
    REACHED.write_text("\n".join(["point,plays", *lines]) + "\n", encoding="utf-8")
    print("not reached:", *sorted(crash_points() - {p for p, names in reached.items() if names}), sep="\n")  # noqa: T201


def plays_of_points() -> dict[str, list[str]]:
    """Return the plays that pass each point, as they were last written down."""
    _, *lines = REACHED.read_text(encoding="utf-8").splitlines()
    return {point: names.split("; ") for point, _, names in (line.partition(",") for line in lines)}


def main() -> int:
    about = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    about.add_argument("--play", action="append", choices=sorted(PLAYS), help="default: all")
    about.add_argument("--passes", type=int, default=0, help="so many passes of each point; 0: all of them")
    about.add_argument("--runs", type=int, help="at most so many kills of each play, drawn")
    about.add_argument("--random", type=int, default=0, help="so many kills of each play at random moments instead")
    about.add_argument("--minutes", type=float, help="begin no run later")
    about.add_argument("--reach", action="store_true", help="kill nothing; write down which points each play passes")
    about.add_argument("--seed", type=int, default=0)
    about.add_argument("--results", type=Path, help="append a line of JSON for each kill")
    given = about.parse_args()
    chance = random.Random(given.seed)  # noqa: S311  moments, no secrets
    end = time.monotonic() + 60 * (given.minutes or 1e9)
    wrong: list[str] = []
    reached: dict[str, dict[str, None]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kills-")))
        program = stack.enter_context(kit.Program())
        print(HEAD, flush=True)  # noqa: T201
        for name in given.play or PLAYS:
            with kit.Service(program, folder / f"sandbox-{name}", *plays.served(name, folder)) as service:
                theatre = Theatre(name, folder / "plays", program, service, given.results)
                kills = list(chosen(theatre.undisturbed.kills, given.passes)) if not given.reach else []
                for kill in theatre.undisturbed.kills if given.reach else ():
                    reached.setdefault(kill.point, {})[name] = None
                chance.shuffle(kills)
                while given.random and theatre.tally.runs < given.random and time.monotonic() < end:
                    theatre.kill_at_random(chance, 5)
                for kill in () if given.random else kills[: given.runs]:
                    if time.monotonic() < end:
                        theatre.kill(kill)
            print(theatre.tally.row(name), flush=True)  # noqa: T201
            wrong += theatre.tally.wrong
    if given.reach:
        write_reached(reached, given.play or list(PLAYS))
    return 1 if wrong else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
