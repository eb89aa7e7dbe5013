"""The ASSEMBLING state: complete the file, draw it, prove it, give it its name."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from orchestrator.core import crash
from orchestrator.core.errors import IntegrityError, OrchestratorError
from orchestrator.core.files import publish, sha256_of, write_whole
from orchestrator.core.units import format_bytes
from orchestrator.engine.batch.exports import subject_of
from orchestrator.engine.context import Clients, ProcessContext
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import Part, Run
from orchestrator.engine.work import HoldError
from orchestrator.model.grid import Window
from orchestrator.model.job import Job
from orchestrator.model.mosaic import MosaicReport
from orchestrator.model.plan import Plan
from orchestrator.model.plan_json import grid_json, pixels_json
from orchestrator.model.ports import Mosaic, Stop
from orchestrator.model.states import PART_DONE, PartState
from orchestrator.model.validity import percent, valid_json, valid_words, validity

# What a result consists of: the raster, its proof, its picture.
SUFFIXES = (".tif", ".json", ".png")
SCHEMA = "orchestrator.provenance/1"
MIN_VALID = "min_valid"


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


def prove_result(run: Run, stop: Stop | None = None, say: Callable[[str], None] = lambda _text: None) -> None:
    """
    Read the published file once more, before what it was made from is deleted; `say` is told how far that is.

    Raises:
        IntegrityError: It is not what was published.
        Stopped: `stop` was set; the file is read again at the next start.
    """
    result: dict[str, Any] = json.loads(run.result)
    final = Path(result["path"])
    if not is_result(final, result, stop, say):
        raise IntegrityError(
            f"{final} is not the file that was published (sha256 {result['sha256']}); what it was made from is kept: "
            f"put the file back, or `orchestrator cancel {run.id}` and begin anew"
        )


def is_result(
    final: Path, result: Mapping[str, Any], stop: Stop | None = None, say: Callable[[str], None] = lambda _text: None
) -> bool:
    """Tell whether a file is the one that `result`, as a run keeps it, speaks of; it is read to its end."""
    if not final.is_file() or final.stat().st_size != result["bytes"]:
        return False
    reading = _Reading(result["bytes"], "reading the result once more", say)
    return bool(sha256_of(final, stop, reading.on_bytes) == result["sha256"])


class _Reading:
    """Says how far the reading of a file is, a percent at a time."""

    def __init__(self, size: int, what: str, say: Callable[[str], None]) -> None:
        self._size, self._what, self.say = size, what, say
        self._read, self._told = 0, -1

    def on_bytes(self, count: int) -> None:
        self._read += count
        percent = 100 * self._read // max(1, self._size)
        if percent > self._told:
            self._told = percent
            self.say(f"{self._what}: {percent} % of {format_bytes(self._size)}")


def set_min_valid(store: Store, run_id: str, share: float) -> None:
    """Let a run be published from this share of valid pixels on, whatever its job said."""
    store.lessons.learn(run_id, MIN_VALID, share)


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


class _Either:
    """A wish to stop of the process, or of this piece of work alone."""

    def __init__(self, other: Stop) -> None:
        self._other, self._own = other, threading.Event()

    def set(self) -> None:
        self._own.set()

    def is_set(self) -> bool:
        return self._own.is_set() or self._other.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        return self._own.is_set() or self._other.wait(timeout)


class _Counted:
    """Says how far the counting is, a percent at a time."""

    def __init__(self, size: int, say: Callable[[str], None]) -> None:
        self._size, self._say, self._told = size, say, -1

    def on_blocks(self, done: int, blocks: int) -> None:
        share = 100 * done // max(1, blocks)
        if share > self._told:
            self._told = share
            self._say(f"counting valid pixels: {share} % of {format_bytes(self._size)}")


def _picture_of(raster: Path) -> Path:
    """Return where the picture of an unfinished result lies."""
    return raster.with_name("quicklook.png")


class Publication:
    """Finishes one run's output."""

    def __init__(
        self,
        run: Run,
        plan: Plan,
        *,
        store: Store,
        clients: Clients,
        process: ProcessContext,
        record: Callable[[str, Mapping[str, Any]], None],
        check: Callable[[], None],
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """
        Take what the run is made of.

        `check` raises where the final path is somebody else's by now; `say` is told what is being done.
        """
        self._check = check
        self._say = say
        self._run = run
        self._job = Job.from_json(run.job)
        self._plan = plan
        self._store = store
        self._clients = clients
        self._process = process
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
        parts = self._store.parts.of(self._run.id)
        prove_cover(self._plan, parts)
        if (done := self._already_published()) is not None:
            return done
        if lacking := not_placed(mosaic, parts):
            raise OutputLostError(f"{len(lacking)} parts are not in the unfinished file any more")
        self._check()
        self._say("completing the file")
        report = mosaic.finish(self._process.stop)
        if not report.path.is_file():
            raise OutputLostError(f"{report.path} was complete, but is gone")
        sha256, counts = self._hashed_and_counted(mosaic, report)
        valid = validity(self._plan.pixels.bands, counts, self._plan.area_pixels)
        self._demand(valid, report.path)
        self._check()
        self._draw(report.path, valid)
        result = self._result(report, sha256, valid)
        self._store.runs.save_result(self._run.id, json.dumps(result))
        crash.point("output.finished")
        proof = self._provenance(parts, result) | {"valid": valid_json(valid, counts, self._plan.area_pixels)}
        self._check()
        content = json.dumps(proof, indent=1, sort_keys=True).encode()
        write_whole(beside(self._final, ".json"), content, within=report.path.parent)
        # The picture too only now: what is given up before here must leave nothing beside an earlier result.
        if (made := _picture_of(report.path)).is_file():
            publish(made, beside(self._final, ".png"))
        publish(report.path, self._final)
        crash.point("output.published")
        facts = {key: result[key] for key in ("path", "bytes", "sha256", "valid")} | {"method": report.method}
        self._record("output.published", facts)
        return result

    def _hashed_and_counted(self, mosaic: Mosaic, report: MosaicReport) -> tuple[str, tuple[int, ...]]:
        """Read the file for its SHA-256, while the pixels that hold data are counted; the first is returned first."""
        stop = _Either(self._process.stop)
        reading = _Reading(report.size, "reading the result for its checksum", lambda _text: None)
        with ThreadPoolExecutor(1, "sha256") as thread:
            digest = thread.submit(sha256_of, report.path, stop, reading.on_bytes)
            try:
                counts = mosaic.valid(stop, _Counted(report.size, self._say).on_blocks)
            except BaseException:
                stop.set()  # nobody waits for the checksum any more
                raise
            reading.say = self._say  # from now on nothing else is being done
            return digest.result(), counts

    def _demand(self, valid: Mapping[str, float], raster: Path) -> None:
        """
        Ask a person before a result is published that holds less than was asked for.

        Raises:
            HoldError: It does.
        """
        learned = self._store.lessons.get(self._run.id, MIN_VALID)
        wanted = self._job.min_valid if learned is None else learned
        band, share = min(valid.items(), key=lambda each: each[1])
        if share < wanted:
            lower = math.floor(share * 1e4) / 1e4
            raise HoldError(
                f"only {percent(share)} of the area's pixels hold data in band {band}, less than the "
                f"{percent(wanted)} asked for; the finished file waits as {raster}. Start a job with wider dates, "
                f"or publish it as it is: `orchestrator retry {self._run.id} --min-valid {lower:g}`",
                alone=False,
            )

    def _already_published(self) -> dict[str, Any] | None:
        """Return the result when a crash fell between the rename and its commit."""
        if not self._run.result or not self._final.is_file():
            return None
        result: dict[str, Any] = json.loads(self._run.result)
        return result if is_result(self._final, result, self._process.stop, self._say) else None

    def _result(self, report: MosaicReport, sha256: str, valid: Mapping[str, float]) -> dict[str, Any]:
        method = {k: v for k, v in asdict(report).items() if k not in ("path", "size")}
        facts = {"path": str(self._final), "bytes": report.size, "sha256": sha256, "assembly": method}
        return facts | {"valid": dict(valid)}

    def _draw(self, raster: Path, valid: Mapping[str, float]) -> None:
        """A missing picture is no reason to lose a night's work; it is said and the run goes on."""
        self._say("drawing the quicklook")
        picture, made = beside(self._final, ".png"), _picture_of(raster)
        try:
            self._clients.illustrator.draw(raster, made, f"{self._job.base_name}: {valid_words(valid)}")
        except (OrchestratorError, OSError, ValueError, RuntimeError) as error:
            self._record("quicklook.failed", {"path": str(picture), "error": str(error)})

    def _provenance(self, parts: list[Part], result: Mapping[str, Any]) -> dict[str, Any]:
        # By prefix: a part that outlived the cutting of its task was written by an attempt of another.
        wrote = {attempt.prefix: attempt for attempt in self._store.tasks.attempts(self._run.id)}
        facts = json.loads(self._run.facts or "{}")
        origins = {p.window: wrote.get(self._clients.route.prefix_of(p.source.name)) for p in parts if p.source}
        return {
            "schema": SCHEMA,
            "program": f"orchestrator {self._clients.version}",
            "run": self._run.id,
            "job": json.loads(self._run.job),
            "logical_date": self._run.logical_date,
            "recipe": facts,
            "attribution": facts.get("attribution", ""),
            "licence": facts.get("licence", ""),
            "expression_sha256": subject_of(self._run.image),
            "route": self._clients.route.name,
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
