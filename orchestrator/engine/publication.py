"""The ASSEMBLING state: whatever was made gets its names, in order, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator.core import crash
from orchestrator.core.errors import IntegrityError
from orchestrator.core.mended import forget_mended
from orchestrator.core.percent import Percent
from orchestrator.core.trees import digest_of, is_there, publish_tree, size_of
from orchestrator.engine.context import RunContext
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import Run
from orchestrator.engine.stores.work_records import Attempt, Part
from orchestrator.engine.work import HoldError
from orchestrator.model.grid import Window
from orchestrator.model.ports import Stop
from orchestrator.model.product import (
    Brought,
    DecisionError,
    Evidence,
    Made,
    MadeFile,
    OutputLostError,
    RunSnapshot,
    Sink,
)
from orchestrator.model.result import Result, ResultFile
from orchestrator.model.states import PART_DONE, UNIT_DONE, PartState, UnitState
from orchestrator.model.unit import Cell, Unit

MIN_VALID, AUDIT, AUDIT_ACCEPTED = "min_valid", "audit", "audit_accepted"
Say = Callable[[str], None]


def _unheard(_what: str) -> None:
    pass


def prove_result(run: Run, stop: Stop | None = None, say: Say = _unheard) -> None:
    """
    Read the published file once more, before what it was made from is deleted; `say` is told how far that is.

    Raises:
        IntegrityError: It is not what was published.
        Stopped: `stop` was set; the file is read again at the next start.
    """
    main = Result.from_json(run.result).main
    if not is_file(main, stop, say):
        raise IntegrityError(
            f"{main.path} is not the file that was published (sha256 {main.sha256}); what it was made from is kept: "
            f"put the file back, or `orchestrator cancel {run.id}` and begin anew"
        )


def is_file(file: ResultFile, stop: Stop | None = None, say: Say = _unheard) -> bool:
    """Tell whether what lies at a file's path is that file; it is read to its end."""
    if not is_there(file.path) or size_of(file.path) != file.bytes:
        return False
    reading = Percent("reading the result once more", file.bytes, say)
    return digest_of(file.path, stop, reading.add) == file.sha256


def set_min_valid(store: Store, run_id: str, share: float) -> None:
    """Let a run be published from this share of valid pixels on, whatever its job said."""
    store.lessons.learn(run_id, MIN_VALID, share)


def set_audit(store: Store, run_id: str, windows: int) -> None:
    """Let so many windows of a run's result be compared before it is published, whatever its job said."""
    store.lessons.learn(run_id, AUDIT, windows)


def accept_audit(store: Store, run_id: str) -> None:
    """Let a run be published whatever its audit finds."""
    store.lessons.learn(run_id, AUDIT_ACCEPTED, 1)


def not_placed(sink: Sink, parts: Sequence[Part], units: Sequence[Unit]) -> list[Cell]:
    """Return the cells that count as placed, but that the unfinished output does not hold."""
    placed = sink.placed()
    brought = [Cell(part.window) for part in parts if part.state is PartState.MERGED]
    brought += [unit.plan.cell for unit in units if unit.plan.cell and unit.state is UnitState.DONE]
    return [cell for cell in brought if cell not in placed]


class Publication:
    """Finishes one run's output; it is the product's `Finishing`."""

    def __init__(
        self, row: Run, run: RunSnapshot, folder: Path, context: RunContext, check: Callable[[], None]
    ) -> None:
        """Take what the run is made of; `check` raises where the final path is somebody else's by now."""
        self._row = row
        self.run = run
        self.folder = folder
        self._context = context
        self._store = context.store
        self.stop = context.process.stop
        self._check = check

    @property
    def min_valid(self) -> float:
        learned = self._store.lessons.get(self.run.id, MIN_VALID)
        return self.run.job.min_valid if learned is None else learned

    @property
    def audit(self) -> int:
        learned = self._store.lessons.get(self.run.id, AUDIT)
        return self.run.job.audit if learned is None else int(learned)

    @property
    def audit_accepted(self) -> bool:
        return bool(self._store.lessons.get(self.run.id, AUDIT_ACCEPTED))

    def say(self, what: str) -> None:
        self._context.progress.set(detail=what)

    def record(self, name: str, facts: Mapping[str, Any]) -> None:
        self._context.record(name, facts)

    def work(self, sink: Sink | None) -> Result:
        """
        Publish the output and return its manifest; done before a crash, it is not done again.

        Order: every file is whole and durable in the working folder, the manifest is committed, then each gets its
        name by one rename, that which makes the result last. Readers of its name see the previous file or the new
        one; those beside it are the new ones from shortly before. See docs/decisions/0012-one-manifest.md.

        Raises:
            OutputLostError: The unfinished output is not what it was; it must be built again from the parts.
        """
        parts, units = self._placed_parts(), self._done_units()
        if (done := self._already_published()) is not None:
            return done
        if sink is not None and (lacking := not_placed(sink, parts, units)):
            raise OutputLostError(f"{len(lacking)} parts are not in the unfinished file any more")
        self._check()
        try:
            made = self._context.clients.product.finish(self, sink, self._evidence(parts, units))
        except DecisionError as error:
            raise HoldError(str(error), alone=False) from None
        result = self._manifest(made)
        self._check()
        self._store.runs.save_result(self.run.id, result.to_json())
        crash.point("output.finished")
        *beside, main = made.files
        for file in beside:
            self._name(file)
            crash.point("output.named")
        self._name(main)
        crash.point("output.published")
        forget_mended(main.final)
        told = {"path": str(main.final), "bytes": result.main.bytes, "sha256": result.main.sha256}
        self.record("output.published", told | dict(made.told))
        return result

    def begun(self) -> bool:
        """
        Tell whether some of the new files have got their names, and the one that makes the result has not.

        Then what lies beside an earlier result is not its own any more: the only way to order is on. The first file
        tells it; a product names one first that no two runs share.
        """
        return bool(self._row.result) and is_file(Result.from_json(self._row.result).files[0], self.stop, self.say)

    def _placed_parts(self) -> list[Part]:
        """
        Return every part.

        Raises:
            IntegrityError: One is not where it must be.
        """
        parts = self._store.parts.of(self.run.id)
        if waiting := [part for part in parts if part.state not in PART_DONE]:
            raise IntegrityError(f"{len(waiting)} parts are not placed, the first at {waiting[0].window}")
        return parts

    def _done_units(self) -> list[Unit]:
        """
        Return every unit.

        Raises:
            IntegrityError: One is not done.
        """
        units = self._store.units.of(self.run.id)
        if waiting := [unit for unit in units if unit.state not in UNIT_DONE]:
            raise IntegrityError(f"{len(waiting)} units are not done, the first is {waiting[0].kind} {waiting[0].key}")
        return units

    def _evidence(self, parts: Sequence[Part], units: Sequence[Unit]) -> Evidence:
        """Return what was brought, every cell with its origin."""
        # By prefix: a part that outlived the cutting of its task was written by an attempt of another.
        wrote = {attempt.prefix: attempt for attempt in self._store.tasks.attempts(self.run.id)}
        prefix_of = self._context.clients.route.prefix_of
        origins = {part.window: wrote.get(prefix_of(part.source.name)) for part in parts if part.source}
        brought = [Brought(Cell(part.window), _origin(part, origins)) for part in parts]
        final = [unit for unit in units if unit.state is not UnitState.SPLIT]
        brought += [Brought(unit.plan.cell, unit.result) for unit in final if unit.plan.cell]
        spent = self._store.usage.of([self.run.id]).get(self.run.id, 0.0)
        return Evidence(tuple(brought), tuple(units), spent)

    def _already_published(self) -> Result | None:
        """
        Return the result when a crash fell between the last rename and its commit.

        Every file must be there: an earlier result may have the same raster, and another proof.
        """
        if not self._row.result:
            return None
        result = Result.from_json(self._row.result)
        return result if all(self._is_made(file) for file in reversed(result.files)) else None

    def _is_made(self, file: ResultFile) -> bool:
        """Tell whether a file lies where it was published, or at its place as what it is made of there."""
        place = self._context.clients.place
        if file.placed is None or place is None:
            return is_file(file, self.stop, self.say)
        found = place.stat(file.placed.name)
        return found is not None and found.generation == file.placed.generation

    def _manifest(self, made: Made) -> Result:
        files = []
        for file in made.files:
            if file.placed is not None:
                files.append(ResultFile(file.final, file.placed.size, "", file.role, file.placed))
                continue
            sha256 = file.sha256 or digest_of(file.made, self.stop)
            files.append(ResultFile(file.final, size_of(file.made), sha256, file.role))
        return Result(tuple(files), made.facts, **self._delivered())

    def _delivered(self) -> dict[str, Any]:
        """Return what a result says of its place; also of what was on its way there when its scratch was lost."""
        job = self.run.job
        if not job.deliver:
            return {}
        before = Result.from_json(self._row.result) if self._row.result else None
        known = (*before.objects, *before.before) if before else ()
        return {"place": job.deliver, "made_in": job.output, "before": known}

    def _name(self, file: MadeFile) -> None:
        self._check()
        if file.placed is None:  # otherwise it gets its name at its place
            publish_tree(file.made, file.final)


def _origin(part: Part, origins: Mapping[Window, Attempt | None]) -> dict[str, Any]:
    origin = origins.get(part.window)
    return {
        "task": origin.task if origin else part.task,
        "attempt": part.attempt,
        "operation": origin.operation if origin else "",
        "object": part.source.facts() if part.source else None,
    }
