"""
What every product promises, whatever it makes and whichever way its pixels come.

A test class inherits `ProductContract` and has a fixture `stage`. What is killed is a process, by SIGKILL.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class Ended:
    """
    How a process ended.

    Attributes:
        code: Its exit code; negative is the signal that ended it.
        said: All it wrote.
        manifest: The files of the result, where there is one: `path`, `bytes`, `sha256`, `role`, the main one last.
    """

    code: int
    said: str
    manifest: tuple[dict[str, Any], ...] = ()

    @property
    def main(self) -> dict[str, Any]:
        return self.manifest[-1]


class Stage(Protocol):
    """
    One job of a product, in a world of its own.

    Attributes:
        points: Where a process is killed, in the order in which a run passes them.
        killed: The exit code of a process that was.
    """

    points: tuple[str, ...]
    killed: int

    def run(self, *, kill_at: str = "", again: bool = False, wrong: bool = False) -> Ended:
        """Run the job to its end, or take it up where it was; `wrong` is one that cannot be done as declared."""

    def cancel(self) -> None:
        """End the unfinished run."""

    def files(self) -> tuple[Path, ...]:
        """Return every path that the result may take, the one that makes it last."""

    def effects(self) -> int:
        """Count what was begun elsewhere: exports, requests; for a product without any, 0."""

    def remains(self) -> list[str]:
        """Name what is left of runs in clouds and on disk, results apart."""

    def planned(self) -> list[tuple[int, int, int, int]]:
        """Return the planned rectangles, disjoint: row, column, height, width."""

    def brought(self) -> list[tuple[int, int, int, int]]:
        """Return the cells that the proof lists, likewise."""


def digest(path: Path) -> str:
    """Of a folder it is that of what `sha256sum` prints for its files, sorted by name."""
    if not path.is_dir():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    names = sorted(each.relative_to(path).as_posix().encode() for each in path.rglob("*") if each.is_file())
    lines = (digest(path / name.decode()).encode() + b"  " + name + b"\n" for name in names)
    return hashlib.sha256(b"".join(lines)).hexdigest()


def weight(path: Path) -> int:
    """Return the bytes of a file, or of all files of a folder."""
    return sum(each.stat().st_size for each in (path.rglob("*") if path.is_dir() else [path]) if each.is_file())


def remove(path: Path) -> None:
    """Take a file or a folder away, where there is one."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


class ProductContract:
    """The promises, a test each."""

    def test_a_kill_at_every_point_changes_no_byte_and_leaves_nothing(self, stage: Stage) -> None:
        """Killed at each point in turn, in one life, the run ends as if nothing had happened."""
        undisturbed = stage.run()
        assert undisturbed.code == 0, undisturbed.said
        first = stage.effects()
        for path in stage.files():  # what lies there already may be named already
            remove(path)

        ends = {point: stage.run(kill_at=point, again=point == stage.points[0]).code for point in stage.points}
        outcome = stage.run()

        assert [point for point, code in ends.items() if code != stage.killed] == []
        assert outcome.code == 0, outcome.said
        assert outcome.main["sha256"] == undisturbed.main["sha256"]
        assert stage.effects() == 2 * first
        assert stage.remains() == []

    def test_the_manifest_is_true(self, stage: Stage) -> None:
        """Every file of the result is listed, with its size and its checksum, and no other lies there."""
        manifest = stage.run().manifest

        assert {file["path"] for file in manifest} <= {str(path) for path in stage.files()}
        assert {file["path"] for file in manifest} == {str(path) for path in stage.files() if path.exists()}
        assert manifest[-1]["path"] == str(stage.files()[-1])
        for file in manifest:
            path = Path(file["path"])
            assert (file["bytes"], file["sha256"]) == (weight(path), digest(path))

    def test_the_proof_covers_each_cell_once(self, stage: Stage) -> None:
        """As many pixels as were planned, none of them twice."""
        assert stage.run().code == 0

        seen = {(r, c) for row, col, h, w in stage.brought() for r in range(row, row + h) for c in range(col, col + w)}
        wanted = {
            (r, c) for row, col, h, w in stage.planned() for r in range(row, row + h) for c in range(col, col + w)
        }

        assert seen == wanted
        assert sum(h * w for _, _, h, w in stage.brought()) == len(wanted)

    def test_no_file_of_the_users_is_replaced(self, stage: Stage) -> None:
        """Wherever a file of the result would go: it is refused, before anything is begun."""
        for path in stage.files():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"precious")

            refused = stage.run()

            assert refused.code not in (0, stage.killed)
            assert str(path) in refused.said
            assert path.read_bytes() == b"precious"
            path.unlink()
        assert stage.effects() == 0

    def test_bad_input_is_refused_before_anything_is_begun(self, stage: Stage) -> None:
        """In one line, without a trace of the program's insides."""
        refused = stage.run(wrong=True)

        assert refused.code not in (0, stage.killed)
        assert "Traceback" not in refused.said
        assert stage.effects() == 0
        assert not stage.files()[-1].exists()

    def test_a_cancelled_run_has_no_result(self, stage: Stage) -> None:
        """Cancelled in the middle of its work, it leaves no file of the result."""
        middle = stage.points[len(stage.points) // 2]
        assert stage.run(kill_at=middle).code == stage.killed

        stage.cancel()

        assert [path for path in stage.files() if path.exists()] == []


def parts_of(proof: Path) -> list[tuple[int, int, int, int]]:
    """Return the windows that a proof lists under `parts`."""
    return [tuple(part["window"]) for part in json.loads(proof.read_text())["parts"]]
