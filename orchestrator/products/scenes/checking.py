"""Whether a folder of scenes holds what its index and its manifests say, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.core.digests import ALGORITHMS, digests_of
from orchestrator.core.errors import UserError
from orchestrator.core.files import StopFlag
from orchestrator.products.scenes.index import SceneIndex, listed_scenes, read_scenes
from orchestrator.products.scenes.listing import SHA256
from orchestrator.products.scenes.roles import INDEX, MANIFEST, RUNS, STEP
from orchestrator.products.scenes.scene import LEVELS, IndexedScene, SceneFile
from orchestrator.safe.jp2 import damage_of

RAW = "raw"
PART = ".part"


@dataclass(frozen=True, slots=True)
class FolderFault:
    """
    Something that is not as it is said.

    Attributes:
        kind: "missing", "size", "checksum", "damaged" (an image without a checksum, and not whole), "stranger" (a file
            that nobody knows) or "unfinished" (of a transfer).
        path: From the folder, with slashes.
        what: In words.
    """

    kind: str
    path: str
    what: str


@dataclass(frozen=True, slots=True)
class FolderReport:
    """
    What was found.

    Attributes:
        scenes: How many there are by the index.
        files: How many files were compared.
        bytes: What they weigh.
        unproved: How many have no checksum of the service's: they were compared with what was written down of them.
        faults: In the order of their paths.
    """

    scenes: int
    files: int
    bytes: int
    unproved: int
    faults: tuple[FolderFault, ...]


def check_folder(folder: Path, stop: StopFlag, say: Callable[[str], None] = lambda _what: None) -> FolderReport:
    """
    Compare every file of a folder with its index and with the manifests of its runs.

    Raises:
        UserError: There is no index.
        Stopped: `stop` was set.
    """
    index = read_scenes(folder / STEP / INDEX)
    wanted = {item.path: item for scene in scenes_of_runs(folder) for item in _valid(scene, index)}
    wanted |= {item.path: item for scene in index.scenes for item in scene.items}
    faults, size = list(_strangers(folder, wanted.keys())), 0
    for number, path in enumerate(sorted(wanted), 1):
        say(f"comparing {number:,} of {len(wanted):,} files")
        fault = _fault_of(folder, wanted[path], stop)
        faults += [fault] if fault else []
        size += (folder / path).stat().st_size if (folder / path).is_file() else 0
    unproved = sum(not item.checksum for item in wanted.values())
    ordered = tuple(sorted(faults, key=lambda fault: (fault.path, fault.kind)))
    return FolderReport(len(index.scenes), len(wanted), size, unproved, ordered)


def _valid(scene: IndexedScene, index: SceneIndex) -> Iterator[SceneFile]:
    """Yield the files of a scene of a run, but for those of a product that another took the place of."""
    now = index.find(scene.key)
    for level in LEVELS:
        mine, later = scene.product(level), now.product(level) if now else None
        if mine is None or later is None or mine.name == later.name:
            yield from scene.of_level(level)


def scenes_of_runs(folder: Path) -> Iterator[IndexedScene]:
    """
    Yield the scenes of the manifests of all runs of a folder.

    Raises:
        UserError: A manifest is none; a line that names it.
    """
    for path in sorted((folder / STEP / RUNS).glob(f"*/{MANIFEST}")):
        try:
            told = json.loads(path.read_bytes())
        except ValueError as error:
            raise UserError(f"{path} is no manifest of scenes ({error}); move it away, or bring them anew") from None
        if not isinstance(told, dict):
            raise UserError(f"{path} is no manifest of scenes; move it away, or bring them anew")
        yield from listed_scenes(told, folder, path)


def _fault_of(folder: Path, item: SceneFile, stop: StopFlag) -> FolderFault | None:
    path = folder / item.path
    if not path.is_file():
        return FolderFault("missing", item.path, f"{item.role} is not there")
    size = path.stat().st_size
    if item.size not in (None, size):
        return FolderFault("size", item.path, f"{size:,} bytes, expected {item.size:,}")
    stated = item.checksum or (f"{SHA256}:{item.sha256}" if item.sha256 else "")
    algorithm, _, value = stated.partition(":")
    if algorithm not in ALGORITHMS:  # of an index of others: there is nothing to compare with
        damage = damage_of(path)
        return FolderFault("damaged", item.path, damage) if damage else None
    (found,) = digests_of(path, (algorithm,), stop)
    return None if found == value else FolderFault("checksum", item.path, f"{algorithm} {found}, expected {value}")


def _strangers(folder: Path, known: Collection[str]) -> Iterator[FolderFault]:
    for path in sorted((folder / RAW).rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() or name in known:
            continue
        if path.name.startswith(".") and path.name.endswith(PART):
            yield FolderFault("unfinished", name, "a transfer that was broken off; the same download goes on with it")
        else:
            yield FolderFault("stranger", name, "no manifest knows it")
