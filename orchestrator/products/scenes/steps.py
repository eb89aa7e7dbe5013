"""The steps of scenes: each product is asked for its list of files, the disk is looked at, each file is brought."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from orchestrator.core.errors import NotFoundError, UserError
from orchestrator.core.files import make_folder, write_whole
from orchestrator.core.units import format_bytes, format_count
from orchestrator.model.files import FileRoute
from orchestrator.model.ports import Stop
from orchestrator.model.product import StepContext
from orchestrator.model.unit import Done, Unit, UnitPlan
from orchestrator.products.scenes.checking import scenes_of_runs
from orchestrator.products.scenes.document import DownloadPlan
from orchestrator.products.scenes.index import SceneIndex, is_brought, read_scenes
from orchestrator.products.scenes.listing import Listing, WantedFile, is_of_size, is_whole, known, listing_of, wanted_of
from orchestrator.products.scenes.roles import INDEX, STEP

LIST, ROOM, FILE = "list", "room", "file"
_LISTED = "listed"  # folder of the run's own
# The index, the manifests, and what file systems keep for themselves.
_SPARE_BYTES = 64 << 20


def list_key(scene: int, level: str) -> str:
    """Return the name of the unit that asks a product for its files."""
    return f"{scene:06}-{level}"


@dataclass(slots=True)
class Steps:
    """
    What is done to the units of a run.

    Attributes:
        plan: Of the run.
        root: The output folder.
        route: Where files come from.
        free_bytes: Returns what can still be written on the disk of a folder.
        overwrite: Whether files that no run of ours brought may be replaced.
    """

    plan: DownloadPlan
    root: Path
    route: FileRoute
    free_bytes: Callable[[str], int]
    overwrite: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _index: SceneIndex | None = None
    _folder: Path | None = None
    _told: bool = False

    def has_listed(self) -> bool:
        """Tell whether some product has told of its files, in whichever process."""
        return self._folder is not None and any((self._folder / _LISTED).glob("*.json"))

    def list(self, context: StepContext, unit: Unit) -> Done:
        """Find out which files a product has of those that are wanted."""
        self._folder = context.folder
        number, level = int(unit.plan.spec["scene"]), str(unit.plan.spec["level"])
        scene, roles = self.plan.scenes[number], self._roles(number, level)
        listing = known(self.index().find(scene.key), scene, level, roles, self.root)
        if listing is None:
            listing = listing_of(scene, level, roles, self.route, context.stop)
        if not listing.files:
            raise NotFoundError(f"{level} of {scene.name} has none of the files that are wanted: {', '.join(roles)}")
        make_folder(context.folder / _LISTED)
        write_whole(context.folder / _LISTED / f"{unit.key}.json", listing.to_json().encode())
        return Done({"files": len(listing.files), "missing": list(listing.missing)})

    def _roles(self, number: int, level: str) -> tuple[str, ...]:
        """Return which roles are brought: where another baseline is there, all that it has come anew, never mixed."""
        scene = self.plan.scenes[number]
        product, before = scene.product(level), self.index().find(scene.key)
        earlier = before.product(level) if before else None
        wanted = set(self.plan.roles[level])
        if before and product and earlier and earlier.name != product.name:
            wanted |= {item.role for item in before.of_level(level)}
        return tuple(sorted(wanted))

    def room(self, context: StepContext, _unit: Unit) -> Done:
        """
        Look, before the first byte, whether everything has room, and whether something of the user's is in its place.

        Raises:
            UserError: The disk is too small, or a file lies there that is not ours and not what is wanted.
        """
        wanted = [(number, level, file) for number, level, listing in self._listings(context) for file in listing.files]
        if not self.overwrite:
            self._refuse_foreign([file for _, _, file in wanted], context)
        lacking = [file for _, _, file in wanted if not is_of_size(self.root / file.final, file.size)]
        check_disk(self.root, lacking, self.free_bytes)
        units = tuple(_file_unit(number, level, file) for number, level, file in wanted)
        return Done({"files": len(units), "to_fetch": len(lacking)}, units)

    def _listings(self, context: StepContext) -> Sequence[tuple[int, str, Listing]]:
        found = []
        for path in sorted((context.folder / _LISTED).glob("*.json")):
            number, _, level = path.stem.partition("-")
            found.append((int(number), level, Listing.from_json(path.read_text())))
        return found

    def _refuse_foreign(self, files: Sequence[WantedFile], context: StepContext) -> None:
        ours = {item.path for scene in self.index().scenes for item in scene.items}
        for file in files:
            path = self.root / file.final
            if file.final in ours or not path.exists() or is_whole(path, file, context.stop):
                continue
            if not self._is_of_earlier_run(file.final, context.stop):
                raise UserError(
                    f"{path} exists already, and is not what the service has under that name ({file.stated}), nor "
                    "did an earlier download bring it; move it away, or let it be replaced with --overwrite"
                )

    def _is_of_earlier_run(self, final: str, stop: Stop) -> bool:
        """Tell whether a file is one that a run brought, of a product that another took the place of."""
        items = (item for scene in scenes_of_runs(self.root) for item in scene.items if item.path == final)
        return any(item.sha256 and is_brought(self.root / final, item, stop) for item in items)

    def file(self, context: StepContext, unit: Unit) -> Done:
        """Bring a file, unless it is there already as its size and checksum say."""
        self._tell(context)
        file, path = wanted_of(unit.plan.spec), self.root / unit.plan.spec["file"]["final"]
        if sha256 := is_whole(path, file, context.stop):
            return Done(self._result(unit, path.stat().st_size, sha256, file.stated))
        product = self.plan.scenes[int(unit.plan.spec["scene"])].product(str(unit.plan.spec["level"]))
        assert product is not None  # noqa: S101  units are made for products that are there
        if not file.source:
            return self._asked_again(context, unit)
        make_folder(path.parent)
        piece = self.route.fetch(file.asset(product), path, context.stop, context.received)
        stated = f"{piece.checksum.algorithm}:{piece.checksum.value}" if piece.checksum else ""
        return Done(self._result(unit, piece.size, piece.sha256, stated))

    def _tell(self, context: StepContext) -> None:
        """Say, once in a process, how many bytes are to come."""
        with self._lock:
            told, self._told = self._told, True
        if not told:
            files = [file for _, _, listing in self._listings(context) for file in listing.files]
            context.expect(sum(file.size or 0 for file in files if not is_of_size(self.root / file.final, file.size)))

    def _asked_again(self, context: StepContext, unit: Unit) -> Done:
        """Bring a file that the folder's index knew, and that is damaged: the product says what it has."""
        spec = unit.plan.spec
        scene, level = self.plan.scenes[int(spec["scene"])], str(spec["level"])
        (file,) = listing_of(scene, level, (spec["file"]["role"],), self.route, context.stop).files
        return Done({"again": True}, (_file_unit(int(spec["scene"]), level, file, suffix="-again"),))

    def _result(self, unit: Unit, size: int, sha256: str, checksum: str) -> dict[str, Any]:
        spec = unit.plan.spec
        told = {"scene": spec["scene"], "level": spec["level"], "role": spec["file"]["role"]}
        return told | {"path": spec["file"]["final"], "size": size, "sha256": sha256, "checksum": checksum}

    def index(self) -> SceneIndex:
        """Return what the folder had when this process began with it."""
        with self._lock:
            if self._index is None:
                path = self.root / STEP / INDEX
                self._index = read_scenes(path) if path.exists() else SceneIndex(self.root)
            return self._index


def _file_unit(number: int, level: str, file: WantedFile, suffix: str = "") -> UnitPlan:
    spec = MappingProxyType({"scene": number, "level": level, "file": file.to_json()})
    return UnitPlan(FILE, f"{number:06}-{level}-{file.role}{suffix}", spec=spec)


def check_disk(root: Path, files: Sequence[WantedFile], free_bytes: Callable[[str], int]) -> None:
    """
    Make sure that the files that are to come have room.

    Raises:
        UserError: They have not.
    """
    make_folder(root)
    needed, free = sum(file.size or 0 for file in files), free_bytes(str(root))
    if files and needed + _SPARE_BYTES > free:
        raise UserError(
            f"{root} has {format_bytes(free)} free, and {format_count(len(files), 'file')} of {format_bytes(needed)} "
            "are to come; free some space, ask for fewer bands or scenes, or choose another --output"
        )
