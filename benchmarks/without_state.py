"""
The same job by a script without state and by ours, under the same faults and kills: lost, doubled, leaked.

    PYTHONPATH=. python benchmarks/without_state.py [--lives 12] [--kills 3] [--share 0.02] [--seed 0]

A life is the small job of the tests, 2 × 2 exports of about 250 × 250 pixels of which each takes 0.5 to 4 s, in a
folder of its own before an empty bucket. Of all calls, drawn, a share of `--share` is answered with 503 or 429, with
a broken connection or a body that ends too early. The process is killed at a moment drawn from how long it takes
undisturbed, `--kills` times unless it ends before, and begun again: the script from its start, as its users would;
ours by the same command. Whichever ends with an error is begun again, too, ten times at most. Faults and moments are
drawn from the same seeds for both; moments are shares of each one's own time.

Counted by the sandbox: exports begun beyond the four that are needed, objects that lie in the bucket when everything
has come to its end. By looking: results that are not there or not those of an undisturbed life (lost), a file of the
result's name that is no whole result right after a kill (half), files beside the result (files left).
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import rasterio

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests" / room) for room in ("journey", "soak")]

import journey_kit as kit  # noqa: E402  after the line that finds it, as what follows
from drawn import drawn  # noqa: E402

SIDE, MOST_STARTS, ORDERED = 2, 10, 60
MOST_EXPORTS = 200
Start = Callable[[kit.Home], kit.Running]


@dataclass
class Count:
    """What came of the lives of one way."""

    lives: int = 0
    starts: int = 0
    kills: int = 0
    errors: int = 0
    lost: int = 0
    half: int = 0
    exports: int = 0
    doubled: int = 0
    objects_left: int = 0
    files_left: int = 0


def script(home: kit.Home) -> kit.Running:
    program, words = HERE / "without_state_program.py", [home.service.url, kit.BUCKET, str(SIDE)]
    return home.program.start(words, home.folder, script=str(program))


def ours(home: kit.Home) -> kit.Running:
    return home.start("run", "--split", "square")


@dataclass
class Way:
    """One way to do the job: how it is begun, the name of its result, and how it does undisturbed."""

    name: str
    start: Start
    final: str
    seconds: float = 0.0
    pixels: str = ""
    exports: int = 0


class Lives:
    """Lives of both ways before one sandbox, one after the other."""

    def __init__(self, folder: Path, program: kit.Program, service: kit.Service) -> None:
        self._folder, self._program, self._service = folder, program, service

    def _begin(self) -> kit.Home:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self._service.delete("/sandbox/faults")
        for name in self._service.objects():
            self._service.remove(name)
        return kit.Home(self._folder, self._program, self._service)

    def undisturbed(self, way: Way) -> None:
        """Learn what the way comes to, and how long it takes."""
        home, before, began = self._begin(), self._service.exports, time.monotonic()
        self._service.order(*holds(random.Random(0)))  # noqa: S311  nothing to guard
        way.start(home).wait().expect(0)
        way.seconds, way.exports = time.monotonic() - began, self._service.exports - before
        way.pixels = pixels(self._folder / "out" / way.final)
        if not way.pixels or way.exports != SIDE * SIDE:
            sys.exit(f"{way.name}, undisturbed, began {way.exports} exports")

    def live(self, way: Way, kills: int, share: float, seed: int, count: Count) -> None:
        """Let the way do the job once, and count."""
        chance = random.Random(seed)  # noqa: S311  faults to be drawn, nothing to guard
        home, before, final = self._begin(), self._service.exports, self._folder / "out" / way.final
        self._service.order(*holds(chance), *drawn(chance, share, ORDERED))
        moments = [chance.uniform(0, 1.05) for _ in range(kills)]
        count.lives += 1
        for _ in range(MOST_STARTS):
            self._program.die_after = moments.pop() * way.seconds if moments else None
            count.starts += 1
            ended = way.start(home).wait()
            if ended.code == 0:
                break
            count.kills += ended.code == kit.KILLED
            count.errors += ended.code != kit.KILLED
            count.half += final.exists() and pixels(final) != way.pixels
        self._program.die_after = None
        count.lost += pixels(final) != way.pixels
        kit.Home.wait_until(lambda: all(each["done"] for each in self._operations()))
        count.exports += self._service.exports - before
        count.doubled += self._service.exports - before - way.exports
        count.objects_left += len(self._service.objects())
        count.files_left += len(self._left(final))

    def _operations(self) -> list[dict[str, object]]:
        return [{"done": False, **each} for each in self._service.state()["operations"]]

    def _left(self, final: Path) -> list[Path]:
        """Return the files of the result's folder beside the result and what describes it."""
        kept = {final, *(final.with_suffix(f".{ending}") for ending in ("json", "stac.json", "png"))}
        return [path for path in final.parent.rglob("*") if path.is_file() and path not in kept]


def holds(chance: random.Random) -> list[dict[str, object]]:
    """Return how long each export takes, drawn."""
    hold = {"action": "task_hold", "after": 0.5}
    return [{**hold, "seconds": chance.uniform(0.5, 4)} for _ in range(MOST_EXPORTS)]


def pixels(path: Path) -> str:
    """Return the checksum of a raster's pixels; empty where there is no whole raster."""
    try:
        with rasterio.open(path) as raster:
            return hashlib.sha256(raster.read().tobytes()).hexdigest()
    except rasterio.errors.RasterioError:
        return ""


def main() -> None:
    about = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    about.add_argument("--lives", type=int, default=12)
    about.add_argument("--kills", type=int, default=3)
    about.add_argument("--share", type=float, default=0.02)
    about.add_argument("--seed", type=int, default=0)
    given = about.parse_args()
    both = [
        Way("a script without state", script, "seed_clipped.tif"),
        Way("orchestrator run", ours, "small_clipped.tif"),
    ]
    counts = {way.name: Count() for way in both}
    with (
        tempfile.TemporaryDirectory(prefix="without-state-") as folder,
        kit.Program() as program,
        kit.Service(program, Path(folder) / "sandbox") as service,
    ):
        lives = Lives(Path(folder) / "life", program, service)
        for way in both:
            lives.undisturbed(way)
        for number in range(given.lives):
            for way in both:
                lives.live(way, given.kills, given.share, given.seed + number, counts[way.name])
    names = [each.name for each in fields(Count)]
    print("| way | s undisturbed | " + " | ".join(name.replace("_", " ") for name in names) + " |")
    print("|---" * (len(names) + 2) + "|")
    for way in both:
        found = " | ".join(str(getattr(counts[way.name], name)) for name in names)
        print(f"| {way.name} | {way.seconds:.1f} | {found} |")


if __name__ == "__main__":
    main()
