"""The ASSEMBLING state: complete the file, draw it, prove it, give it its name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from orchestrator.core import crash
from orchestrator.core.errors import IntegrityError, OrchestratorError
from orchestrator.core.files import publish, sha256_of, write_whole
from orchestrator.engine.ladder import subject_of
from orchestrator.engine.names import prefix_of
from orchestrator.engine.setting import Hands, Surroundings
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import Part, Run
from orchestrator.model.grid import Window
from orchestrator.model.job import Job
from orchestrator.model.mosaic import MosaicReport
from orchestrator.model.plan import Plan
from orchestrator.model.plan_json import grid_json, pixels_json
from orchestrator.model.ports import Mosaic
from orchestrator.model.states import PART_DONE, PartState

# What a result consists of: the raster, its proof, its picture.
SUFFIXES = (".tif", ".json", ".png")
SCHEMA = "orchestrator.provenance/1"


def final_path(job: Job) -> Path:
    """Return where the result of a job goes."""
    return Path(job.output) / f"{job.base_name}_clipped.tif"


def beside(final: Path, suffix: str) -> Path:
    """Return the file that accompanies a result: `.json` its proof, `.png` its quicklook."""
    return final.with_suffix(suffix)


def prove_cover(plan: Plan, parts: list[Part]) -> None:
    """
    Make sure that parts cover every planned rectangle exactly once.

    Raises:
        IntegrityError: A part is missing, not placed, doubled, or reaches into another.
    """
    if waiting := [part for part in parts if part.state not in PART_DONE]:
        raise IntegrityError(f"{len(waiting)} parts are not placed, the first at {waiting[0].window}")
    planned = sum(task.window.pixels for task in plan.tasks)
    covered = sum(part.window.pixels for part in parts)
    if planned != covered or _overlap(parts):
        raise IntegrityError(f"the parts cover {covered} pixels, but {planned} were planned, each once")


def prove_result(run: Run) -> None:
    """
    Read the published file once more, before what it was made from is deleted.

    Raises:
        IntegrityError: It is not what was published.
    """
    result: dict[str, Any] = json.loads(run.result)
    final = Path(result["path"])
    if not final.is_file() or final.stat().st_size != result["bytes"] or sha256_of(final) != result["sha256"]:
        raise IntegrityError(
            f"{final} is not the file that was published (sha256 {result['sha256']}); what it was made from is kept: "
            f"put the file back, or `orchestrator cancel {run.id}` and begin anew"
        )


class OutputLostError(IntegrityError):
    """The unfinished output lacks what was placed in it: its folder was taken away or damaged."""


def not_placed(mosaic: Mosaic, parts: list[Part]) -> list[Part]:
    """Return the parts that count as placed, but that the unfinished output does not hold."""
    placed = mosaic.placed()
    return [part for part in parts if part.state is PartState.MERGED and part.window not in placed]


def _overlap(parts: list[Part]) -> bool:
    """Tell whether two parts share a pixel, by a sweep down the rows."""
    active: list[Window] = []
    for part in sorted(parts, key=lambda p: p.window):
        window = part.window
        active = [other for other in active if other.bottom > window.row]
        if any(other.intersection(window) for other in active):
            return True
        active.append(window)
    return False


class Publication:
    """Finishes one run's output."""

    def __init__(
        self,
        run: Run,
        plan: Plan,
        *,
        store: Store,
        hands: Hands,
        around: Surroundings,
        record: Callable[[str, Mapping[str, Any]], None],
        check: Callable[[], None],
    ) -> None:
        """Take what the run is made of; `check` raises where the final path is somebody else's by now."""
        self._check = check
        self._run = run
        self._job = Job.from_json(run.job)
        self._plan = plan
        self._store = store
        self._hands = hands
        self._around = around
        self._record = record
        self._final = final_path(self._job)

    def work(self, mosaic: Mosaic) -> dict[str, Any]:
        """
        Publish the output and return its result; done before a crash, it is not done again.

        Order: the file is complete and fsynced, the picture lies beside it, its checksum is committed, the proof
        lies beside, then one rename. Readers of the final name see the previous file or the new one.

        Raises:
            OutputLostError: The unfinished output is not what it was; it must be built again from the parts.
        """
        parts = self._store.parts(self._run.id)
        prove_cover(self._plan, parts)
        if (done := self._already_published()) is not None:
            return done
        if lacking := not_placed(mosaic, parts):
            raise OutputLostError(f"{len(lacking)} parts are not in the unfinished file any more")
        self._check()
        report = mosaic.finish(self._around.stop)
        if not report.path.is_file():
            raise OutputLostError(f"{report.path} was complete, but is gone")
        result = self._result(report, self._drawn_and_hashed(report.path))
        self._store.save_result(self._run.id, json.dumps(result))
        crash.point("output.finished")
        proof = self._provenance(parts, result)
        self._check()
        write_whole(beside(self._final, ".json"), json.dumps(proof, indent=1, sort_keys=True).encode())
        publish(report.path, self._final)
        crash.point("output.published")
        facts = {key: result[key] for key in ("path", "bytes", "sha256")} | {"method": report.method}
        self._record("output.published", facts)
        return result

    def _drawn_and_hashed(self, raster: Path) -> str:
        """Draw the picture while the file is read for its SHA-256, which is returned."""
        with ThreadPoolExecutor(1, "sha256") as thread:
            digest = thread.submit(sha256_of, raster)
            self._draw(raster)
            return digest.result()

    def _already_published(self) -> dict[str, Any] | None:
        """Return the result when a crash fell between the rename and its commit."""
        if not self._run.result or not self._final.is_file():
            return None
        result: dict[str, Any] = json.loads(self._run.result)
        same_size = self._final.stat().st_size == result["bytes"]
        return result if same_size and sha256_of(self._final) == result["sha256"] else None

    def _result(self, report: MosaicReport, sha256: str) -> dict[str, Any]:
        method = {k: v for k, v in asdict(report).items() if k not in ("path", "size")}
        return {"path": str(self._final), "bytes": report.size, "sha256": sha256, "assembly": method}

    def _draw(self, raster: Path) -> None:
        """A missing picture is no reason to lose a night's work; it is said and the run goes on."""
        picture = beside(self._final, ".png")
        try:
            self._hands.illustrator.draw(raster, picture, self._job.base_name)
        except (OrchestratorError, OSError, ValueError, RuntimeError) as error:
            self._record("quicklook.failed", {"path": str(picture), "error": str(error)})

    def _provenance(self, parts: list[Part], result: Mapping[str, Any]) -> dict[str, Any]:
        # By prefix: a part that outlived the cutting of its task was written by an attempt of another.
        wrote = {attempt.prefix: attempt for attempt in self._store.attempts(self._run.id)}
        origins = {p.window: wrote.get(prefix_of(p.source.name)) for p in parts if p.source}
        return {
            "schema": SCHEMA,
            "program": f"orchestrator {self._hands.version}",
            "run": self._run.id,
            "job": json.loads(self._run.job),
            "logical_date": self._run.logical_date,
            "recipe": json.loads(self._run.facts or "{}"),
            "expression_sha256": subject_of(self._run.image),
            "route": self._hands.route.name,
            "grid": grid_json(self._plan.grid),
            "pixels": pixels_json(self._plan.pixels),
            "area_pixels": self._plan.area_pixels,
            "notes": list(self._plan.notes),
            "output": {k: v for k, v in result.items() if k != "path"} | {"file": self._final.name},
            "cover": {
                "planned_pixels": sum(task.window.pixels for task in self._plan.tasks),
                "parts": len(parts),
                "each_planned_pixel_once": True,  # `prove_cover` raised otherwise
            },
            "parts": [
                {
                    "window": [part.window.row, part.window.col, part.window.height, part.window.width],
                    "task": origin.task if origin else part.task,
                    "attempt": part.attempt,
                    "operation": origin.operation if origin else "",
                    "object": asdict(part.source) if part.source else None,
                }
                for part in parts
                for origin in [origins.get(part.window)]
            ],
        }
