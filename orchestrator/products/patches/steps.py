"""The steps of patches: each scene is measured, it is decided what becomes of every window, each shard is cut."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from orchestrator.core.errors import IntegrityError, SpaceError, Stopped
from orchestrator.core.files import write_whole
from orchestrator.core.trees import as_it_is
from orchestrator.core.units import format_bytes
from orchestrator.model.product import StepContext
from orchestrator.model.unit import Done, Lost, Outcome, Unit, UnitPlan
from orchestrator.products.patches.arrange import Arranged, Candidates, arrange
from orchestrator.products.patches.cut import ShardStatistics, sample_bytes, samples_of
from orchestrator.products.patches.document import PatchPlan
from orchestrator.products.patches.measure import Measured, measure
from orchestrator.products.patches.samples import WRITERS
from orchestrator.products.patches.sink import PatchPaths, shard_cell, write_facts

MEASURE, ARRANGE, SHARD = "measure", "arrange", "shard"
EVERYTHING = "all"  # the key of the one unit that decides
_MEASURE_BYTES = 32 << 20
_MOST_AT_ONCE = 16  # patches of a shard in memory, about: with their bytes and arrays


def first_units(plan: PatchPlan) -> tuple[UnitPlan, ...]:
    """Return a unit for each scene, and the one that waits for them all."""
    scenes = [
        UnitPlan(MEASURE, scene.key, spec={"scene": number, "bytes": _MEASURE_BYTES})
        for number, scene in enumerate(plan.scenes)
    ]
    return (*scenes, UnitPlan(ARRANGE, EVERYTHING, needs=tuple((MEASURE, unit.key) for unit in scenes)))


class Patching:
    """What the steps of a run share; used by several threads."""

    def __init__(self, plan: PatchPlan, free_bytes: Callable[[str], int]) -> None:
        """Take what is cut, and what tells the room on the disk of a folder."""
        self.plan, self._free_bytes = plan, free_bytes
        self._lock = threading.Lock()
        self._known: tuple[object, tuple[list[Measured], Candidates, Arranged]] | None = None

    def measure(self, context: StepContext, unit: Unit) -> Outcome:
        """Count what the windows of a scene hold."""
        number = int(unit.plan.spec["scene"])
        scene = self.plan.scenes[number]
        scene.check_stamps()
        found = measure(scene, self.plan.lattice_of(number), self.plan.clouds_of(number), context.stop)
        scene.check_stamps()
        write_whole(PatchPaths(context.sink_folder).measured(scene.key), found.to_bytes())
        return Done({"windows": len(found.valid), "valid": int(found.valid.sum())})

    def arrange(self, context: StepContext, unit: Unit) -> Outcome:  # noqa: ARG002  a step
        """Decide what becomes of every window; each shard is a unit then."""
        paths = PatchPaths(context.sink_folder)
        lacking = [scene.key for scene in self.plan.scenes if not paths.measured(scene.key).is_file()]
        if lacking:
            return Lost(tuple((MEASURE, key) for key in lacking), f"what scene {lacking[0]} holds is gone")
        found = arrange(self.plan, self.measured(paths), sample_bytes(self.plan))
        self._check_room(context.folder, int((found.sample >= 0).sum()) * sample_bytes(self.plan))
        write_whole(paths.arranged, found.to_bytes())
        return Done({"samples": len(found.split)}, shard_units(self.plan, found))

    def _check_room(self, folder: Path, wanted: int) -> None:
        """
        Make sure that what is about to be cut fits on the disk; npz may take less.

        Raises:
            SpaceError: It does not.
        """
        free = self._free_bytes(str(folder))
        if self.plan.keys.format == "webdataset" and free < wanted:
            raise SpaceError(
                f"the patches take {format_bytes(wanted)}, and {folder} has {format_bytes(free)} free; make room, or "
                "cut fewer: a greater --stride, a higher --min-valid",
                wanted,
            )

    def shard(self, context: StepContext, unit: Unit) -> Outcome:
        """Cut a shard and put it in its place."""
        cell = unit.plan.cell
        assert cell is not None  # noqa: S101  every shard has one
        if context.is_placed(cell):
            return Done(unit.result)
        paths = PatchPaths(context.sink_folder)
        if not paths.arranged.is_file():
            return Lost(((ARRANGE, EVERYTHING),), "what was decided of every window is gone")
        measured, found, arranged = self.known(paths)
        number = cell.window.row
        split, own, samples = arranged.shards()[number]
        members = [arranged.members_of(int(sample)) for sample in samples]
        scenes = {int(found.scene[one]) for candidates in members for one in candidates}
        for scene in scenes:
            self.plan.scenes[scene].check_stamps()
        folder = paths.piece(number, unit.fence)
        statistics, places = ShardStatistics(self.plan.scenes[0].bands), []
        with closing(WRITERS[self.plan.keys.format](folder, split, own)) as writer:
            for sample in samples_of(self.plan, found, measured, members):
                if context.stop.is_set():
                    raise Stopped("stopped while a shard was cut; the same command continues")
                places.append(writer.add(sample.key, sample.members()))
                statistics.add(sample.arrays["x"])
        for scene in scenes:
            self.plan.scenes[scene].check_stamps()
        told = [[place.file, place.offset, place.size, place.sha256] for place in places]
        facts = {"split": split, "samples": samples.tolist(), "places": told, "bands": statistics.bands.to_json()}
        write_facts(folder, facts)
        result = {"split": split, "samples": len(samples), "scenes": sorted(self.plan.scenes[s].key for s in scenes)}
        context.place(cell, folder)
        return Done(result)

    def known(self, paths: PatchPaths) -> tuple[list[Measured], Candidates, Arranged]:
        """Return what was measured, every candidate, and what becomes of each; read once for each decision."""
        with self._lock:
            stamp = as_it_is(paths.arranged)
            if self._known is None or self._known[0] != stamp:
                measured = self.measured(paths)
                arranged = Arranged.from_bytes(paths.arranged.read_bytes())
                arranged.shards()
                arranged.members_of(0)  # both are kept: several threads ask
                self._known = stamp, (measured, Candidates.of(self.plan, measured), arranged)
            return self._known[1]

    def measured(self, paths: PatchPaths) -> list[Measured]:
        """Return what the windows of each scene hold."""
        return [read_measured(paths.measured(scene.key)) for scene in self.plan.scenes]


def read_measured(path: Path) -> Measured:
    """
    Return what was measured.

    Raises:
        IntegrityError: It cannot be read.
    """
    try:
        return Measured.from_bytes(path.read_bytes())
    except (OSError, ValueError, KeyError) as error:
        raise IntegrityError(f"{path} cannot be read: {error}") from None


def shard_units(plan: PatchPlan, found: Arranged) -> tuple[UnitPlan, ...]:
    """Return a unit for each shard, in order."""
    weight = sample_bytes(plan) * _MOST_AT_ONCE
    made: list[UnitPlan] = []
    for number, (split, own, samples) in enumerate(found.shards()):
        key = f"{number:06d}-{split}-{own:06d}"
        cell = shard_cell(number, len(samples))
        made.append(UnitPlan(SHARD, key, cell, ((ARRANGE, EVERYTHING),), {"bytes": weight}))
    return tuple(made)
