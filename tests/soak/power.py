"""
Cuts the power at crash points: the disk is copied as it is on its device, and the run goes on from the copy.

    sudo PYTHONPATH=. .venv/bin/python tests/soak/power.py --images 100
    sudo PYTHONPATH=. .venv/bin/python tests/soak/power.py --point file.renamed --play patches

The user's folder, with state and results, is an ext4 file system in a file. What was written there, but not synced, is
in the memory of the kernel alone: a copy of the file, made while it is mounted, is what a power cut leaves. Every other
image is mounted with noauto_da_alloc, without which ext4 itself hides a rename that no sync came before. Needs root and
loop devices.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from kills import HEAD, PLAYS, Kill, Theatre, chosen
from plays import Play, kit, served

IMAGE_BYTES = 96 << 20
SMALL = {"ORCHESTRATOR_LIMITS__DISK_STOP": "1MiB", "ORCHESTRATOR_LIMITS__DISK_RESUME": "2MiB"}
# Nothing is written behind our back: the journal is committed when somebody syncs, not after five seconds.
OPTIONS = "loop,commit=600"


def why_not() -> str:
    """Say why no image can be mounted here; empty where one can."""
    with tempfile.TemporaryDirectory(prefix="power-") as folder:
        try:
            disk = Disk(Path(folder))
            disk.mount()
            disk.unmount()
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            return f"no file system in a file can be mounted here: {error}"
    return ""


class Disk:
    """An ext4 file system in a file, mounted at `folder / "life"`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "life"
        self._image, self._empty, self._copy = (folder / f"{name}.ext4" for name in ("image", "empty", "copy"))
        self.path.mkdir(parents=True, exist_ok=True)
        with self._empty.open("wb") as file:
            file.truncate(IMAGE_BYTES)
        subprocess.run(["mkfs.ext4", "-q", "-E", "lazy_itable_init=0", self._empty], check=True, capture_output=True)
        self._mounted = False

    def renew(self) -> None:
        """Mount an empty one."""
        self.unmount()
        _copy_file(self._empty, self._image)

    def mount(self, options: str = OPTIONS) -> None:
        if not self._image.exists():
            _copy_file(self._empty, self._image)
        subprocess.run(["mount", "-o", options, self._image, self.path], check=True, capture_output=True)
        self._mounted = True

    def unmount(self) -> None:
        if self._mounted:
            subprocess.run(["umount", self.path], check=True, capture_output=True)
            self._mounted = False

    def sync(self) -> None:
        """Make durable what is there so far."""
        subprocess.run(["sync", "-f", self.path], check=True)

    def cut_power(self, options: str) -> None:
        """Forget what was not synced."""
        _copy_file(self._image, self._copy)
        self.unmount()
        self._copy.replace(self._image)
        self.mount(options)


def _copy_file(source: Path, target: Path) -> None:
    subprocess.run(["cp", "--sparse=always", source, target], check=True)


class PowerTheatre(Theatre):
    """A play on a disk whose power is cut."""

    def __init__(self, name: str, folder: Path, program: kit.Program, service: kit.Service) -> None:
        folder.mkdir()
        self._disk, self._options = Disk(folder), OPTIONS
        super().__init__(name, folder, program, service)

    def _begin(self) -> Play:
        self._disk.renew()
        self._disk.mount(self._options)
        shutil.rmtree(self._folder / "lost+found")
        play = self._play()
        self._disk.sync()
        return play

    def cut(self, kill: Kill, *, bare: bool) -> None:
        """Cut the power once, go on, and look; `bare` is without what ext4 does for careless programs."""
        self.cut_often([kill], bare=bare)

    def cut_often(self, kills: list[Kill], *, bare: bool) -> None:
        """The same, at several moments of one life, in the order in which a run passes them."""
        self._options = f"{OPTIONS},noauto_da_alloc" if bare else OPTIONS
        play, foreign = self._begin(), ""
        what = f"{', '.join(f'{k.point}:{k.number}' for k in kills)}{' without auto_da_alloc' if bare else ''}"
        before = play.exports(), play.asked()
        for step in play.steps[: kills[0].step]:
            self._until_done(step)
        for kill in kills:
            self._program.everywhere = {kit.CRASH_AT: f"{kill.point}:{kill.number}"}
            ended = play.steps[kill.step]()
            self._program.everywhere = {}
            if ended.code != kit.KILLED:
                self.tally.missed += 1
                continue
            self._disk.cut_power(self._options)
            self.tally.runs += 1
            self.tally.points.add(kill.point)
            foreign = foreign or play.put_foreign()
        if self.tally.runs:
            codes = [self._until_done(step) for step in play.steps]
            self._look(play, what, codes, foreign, before)

    def close(self) -> None:
        self._disk.unmount()


def main() -> int:
    about = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    about.add_argument("--play", action="append", choices=sorted(PLAYS))
    about.add_argument("--point", action="append", help="default: drawn among all that the play passes")
    about.add_argument("--images", type=int, default=100, help="in all")
    about.add_argument("--seed", type=int, default=0)
    given = about.parse_args()
    if reason := why_not():
        sys.exit(reason)
    chance, wrong = random.Random(given.seed), False  # noqa: S311  moments, no secrets
    names = given.play or ["mosaic by Cloud Storage", "cube", "chips", "table", "scenes", "preprocess", "patches"]
    print(HEAD, flush=True)  # noqa: T201
    with tempfile.TemporaryDirectory(prefix="power-") as folder, kit.Program(**SMALL) as program:
        for name in names:
            place = Path(folder)
            with kit.Service(program, place / f"sandbox-{name}", *served(name, place)) as service:
                theatre = PowerTheatre(name, place / name, program, service)
                try:
                    kills = [k for k in chosen(theatre.undisturbed.kills, 2) if k.point in (given.point or [k.point])]
                    chance.shuffle(kills)
                    for number, kill in enumerate(kills[: -(-given.images // len(names))]):
                        theatre.cut(kill, bare=bool(number % 2))
                finally:
                    theatre.close()
            print(theatre.tally.row(name), flush=True)  # noqa: T201
            wrong = wrong or bool(theatre.tally.wrong)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
