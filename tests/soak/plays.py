"""
What is killed: a job of every product on a grid of a few pixels, and what else a run may go through, as commands.

A play is a series of commands that lead to a result. Whichever of them is killed is given again, and then the others.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
ROOMS = ("journey", "products", "products/scenes", "products/preprocess", "patches", "assemble")
sys.path[:0] = [str(TESTS / room) for room in ROOMS]

import journey_kit as kit  # noqa: E402  after the line that finds it, as what follows
import preprocess_kit  # noqa: E402
from chips_kit import ChipsHome  # noqa: E402
from contract import digest  # noqa: E402
from cube_kit import CubeHome  # noqa: E402
from pixels_stage import ONE_AT_A_TIME  # noqa: E402
from scenes_kit import product_name, write_product  # noqa: E402
from test_chip_contract import ChipStage  # noqa: E402
from test_cube_contract import CubeStage  # noqa: E402
from test_mosaic_contract import MosaicStage  # noqa: E402
from test_patches_contract import PatchStage  # noqa: E402
from test_preprocess_contract import PreprocessStage  # noqa: E402
from test_scene_contract import SceneStage  # noqa: E402
from test_table_contract import TableStage  # noqa: E402

HOLIDAY = "holiday.txt"  # a file, and an object, of somebody else


@dataclass
class Play:
    """
    One life of a job, in a folder of its own.

    Attributes:
        folder: Of the user; nothing else lies in it.
        steps: The commands, in order. Each may be given again after it was killed; its exit code is 0 then.
        results: Of what the result consists: files and folders.
        service: The sandbox; None where the job asks nobody.
        asked: Counts requests for pixels, or transfers of files, since the sandbox began.
    """

    folder: Path
    steps: Sequence[Callable[[], Any]]
    results: Callable[[], Sequence[Path]]
    service: kit.Service | None = None
    asked: Callable[[], int] = lambda: 0

    def exports(self) -> int:
        return self.service.exports if self.service else 0

    def digests(self) -> Mapping[str, str]:
        """Return the checksum of each file and folder of the result, by its name."""
        return {path.name: digest(path) for path in self.results() if path.exists()}

    def objects(self) -> list[str]:
        """Return what lies in the bucket and in Drive."""
        if self.service is None:
            return []
        return [*self.service.objects(), *["a file in Drive"] * self.service.state()["drive"]["files"]]

    def files(self) -> frozenset[str]:
        """
        Return every file of the folder, but for what commands wrote to their streams and SQLite's own.

        A lock is named after a run, whose id is drawn: locks are numbered.
        """
        found = [path.relative_to(self.folder) for path in self.folder.rglob("*") if not path.is_dir()]
        locks = [path for path in found if path.parent == Path("state/locks")]
        names = {path.as_posix() for path in found if path not in locks}
        names |= {f"state/locks/{number}" for number, _ in enumerate(locks)}
        return frozenset(name for name in names if not name.endswith((".log", ".db-wal", ".db-shm")))

    def put_foreign(self) -> str:
        """Put an object of somebody else beside what the run has exported so far; return its name."""
        database = self.folder / "state" / "state.db"
        if self.service is None or not database.exists():
            return ""
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as state:
            try:
                row = state.execute("SELECT prefix FROM attempts LIMIT 1").fetchone()
            except sqlite3.OperationalError:  # killed before there were tables
                return ""
        if row is None or "/" not in row[0]:  # or of Drive, whose folder is no prefix
            return ""
        name = f"{row[0].rsplit('/', 1)[0]}/{HOLIDAY}"
        self.service.put(name, b"beach")
        return name


def of_stage(stage: Any, folder: Path, service: kit.Service | None, more: Callable[[], Sequence[Path]] = list) -> Play:
    """Return the play of a stage of the contract of products."""
    return Play(folder, [stage.run], lambda: [stage.files()[-1], *more()], service, stage.effects)


def mosaic(folder: Path, program: kit.Program, service: kit.Service, route: str) -> Play:
    environment = dict(ONE_AT_A_TIME) if route == "pixels" else {}
    return of_stage(MosaicStage(kit.Home(folder, program, service, environment), route), folder, service)


def cube(folder: Path, program: kit.Program, service: kit.Service) -> Play:
    return of_stage(CubeStage(CubeHome(folder, program, service, ONE_AT_A_TIME)), folder, service)


def chips(folder: Path, program: kit.Program, service: kit.Service) -> Play:
    return of_stage(ChipStage(ChipsHome(folder, program, service, ONE_AT_A_TIME)), folder, service)


def table(folder: Path, program: kit.Program, service: kit.Service) -> Play:
    return of_stage(TableStage(folder, program, service), folder, service)


def scenes(folder: Path, program: kit.Program, service: kit.Service) -> Play:
    raw = folder / "out" / "raw"
    return of_stage(SceneStage(folder, program, service), folder, service, lambda: [raw])


@cache
def scenes_to_prepare() -> list[Path]:
    return list(preprocess_kit.synthetic(Path(mkdtemp(prefix="safe-"))))


def preprocess(folder: Path, program: kit.Program, _service: kit.Service) -> Play:
    index = preprocess_kit.laid(folder / "raw", scenes_to_prepare())
    made = folder / "out" / "processed"
    return of_stage(PreprocessStage(folder, program, index), folder, None, lambda: [made])


def patches(folder: Path, program: kit.Program, _service: kit.Service) -> Play:
    return of_stage(PatchStage(folder, program), folder, None)


Make = Callable[[Path, kit.Program, kit.Service], Play]
PLAYS: Mapping[str, Make] = {
    "mosaic by Cloud Storage": lambda *where: mosaic(*where, route="gcs"),
    "mosaic by Drive": lambda *where: mosaic(*where, route="drive"),
    "mosaic by requests": lambda *where: mosaic(*where, route="pixels"),
    "cube": cube,
    "chips": chips,
    "table": table,
    "scenes": scenes,
    "preprocess": preprocess,
    "patches": patches,
}


def served(name: str, folder: Path) -> list[str]:
    """Return the options of the sandbox of a play."""
    if not name.startswith("scenes"):
        return []
    shelf = folder / f"served-{name}"
    for level in ("L1C", "L2A"):
        for day in (10, 13):
            write_product(shelf, product_name(level, day), size=200_000)
        if name == "scenes anew":
            write_product(shelf, product_name(level, baseline="0512", made="20251230T000000"), size=200_000)
    return ["--copernicus", str(shelf)]
