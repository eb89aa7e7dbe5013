"""From a finished cube to the files of a result: how much of each date holds data, picture, proof."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import IntegrityError, OrchestratorError
from orchestrator.core.files import sha256_of, write_whole
from orchestrator.core.trees import digest_of_files, file_digests, size_of
from orchestrator.model.grid import Window
from orchestrator.model.plan_json import grid_json, pixels_json
from orchestrator.model.product import Brought, Evidence, Finishing, Made, MadeFile, RunSnapshot
from orchestrator.model.unit import Cell
from orchestrator.products.cube.assets import assets_of
from orchestrator.products.cube.document import CubePlan
from orchestrator.products.cube.files import ITEM, PICTURE, PROOF, main_path, reduced_path
from orchestrator.products.cube.item import cube_item
from orchestrator.products.cube.picture import draw_dates
from orchestrator.products.cube.reduced import reduced_raster
from orchestrator.products.cube.sink import CubeSink
from orchestrator.products.demand import demand
from orchestrator.products.mosaic.covering import cover_once
from orchestrator.products.proof import part_json, proof_head
from orchestrator.products.terms import tags_of

SCHEMA = "orchestrator.cube/1"


def make_cube_result(
    about: Finishing, plan: CubePlan, sink: CubeSink, evidence: Evidence, *, threads: int, version: str
) -> Made:
    """
    Complete the cube and make what goes with it, in the working folder.

    Raises:
        OutputLostError: The unfinished cube is not what it was.
        DecisionError: It holds less data than was asked for.
    """
    prove_cells(plan, [brought.cell for brought in evidence.brought])
    about.say("completing the cube")
    made, final = sink.seal(about.stop), main_path(about.run.job)
    counts = sink.valid()
    shares = _shares(plan, counts)
    waits = f"the finished cube waits as {made}. Publish it as it is"
    demand(shares, about, "the area's pixels, over all dates,", waits)
    about.say("reading the cube for its checksum")
    digests = file_digests(made, about.stop)
    sha256 = digest_of_files(digests)
    output = {"bytes": size_of(made), "sha256": sha256, "file": final.name}
    proved = cube_proof(about.run, plan, evidence, output, counts, version)
    about.say("drawing the quicklook")
    files = [_written(about.folder, "proof", proved, final.with_suffix(PROOF))]
    if picture := _drawn(about, plan, sink, counts, final):
        files.append(MadeFile("picture", picture, final.with_suffix(PICTURE), sha256_of(picture)))
    for name in about.run.job.keys.get("reduce", ()):
        about.say(f"reducing over time: {name}")
        folder, tags = about.folder / f"reduced_{name}", tags_of(about.run, version)
        raster = reduced_raster(plan, sink, name, folder, about.stop, threads, tags)
        files.append(MadeFile("reduced", raster, reduced_path(about.run.job, name), sha256_of(raster, about.stop)))
    files.append(MadeFile("data", made, final, sha256))
    assets = assets_of(about.run.job, plan, files, digests)
    described = cube_item(about.run, plan, final.stem, assets, version)
    files.insert(1, _written(about.folder, "item", described, final.with_suffix(ITEM)))
    return Made(tuple(files), {"valid": shares, "dates": len(plan.moments)}, {"valid": shares})


def _written(folder: Path, role: str, content: bytes, final: Path) -> MadeFile:
    made = folder / f"made.{role}.json"
    write_whole(made, content)
    return MadeFile(role, made, final, hashlib.sha256(content).hexdigest())


def prove_cells(plan: CubePlan, brought: Sequence[Cell]) -> None:
    """
    Make sure that cells cover every window of every date exactly once, but those that no scene of it touches.

    Raises:
        IntegrityError: One is missing or doubled, or reaches beyond what was planned.
    """
    found: dict[int, list[Window]] = {time: [] for time in range(len(plan.moments))}
    for cell in brought:
        if cell.time not in found or cell.grid or cell.group:
            raise IntegrityError(f"{cell} is not of this cube")
        found[cell.time].append(cell.window)
    for time, windows in found.items():
        cover_once(plan.asked(time), windows)


def _shares(plan: CubePlan, counts: NDArray[np.int64]) -> dict[str, float]:
    """Return for each band the share of the area's pixels, over all dates, that hold data."""
    pixels = plan.area_pixels * len(plan.moments)
    return {band: int(count) / pixels for band, count in zip(plan.labels, counts.sum(axis=0), strict=True)}


def _drawn(about: Finishing, plan: CubePlan, sink: CubeSink, counts: NDArray[np.int64], final: Path) -> Path | None:
    """Draw the dates; a missing picture is no reason to lose a night's work."""
    made = about.folder / "quicklook.png"
    try:
        draw_dates(made, about.run.job.base_name, plan, sink.thumbs, counts)
    except (OrchestratorError, OSError, ValueError, RuntimeError) as error:
        about.record("quicklook.failed", {"path": str(final.with_suffix(PICTURE)), "error": str(error)})
    return made if made.is_file() else None


def cube_proof(
    run: RunSnapshot,
    plan: CubePlan,
    evidence: Evidence,
    output: Mapping[str, Any],
    counts: NDArray[np.int64],
    version: str,
) -> bytes:
    """Return what stands behind a cube, as JSON: every cell once with its origin, and how good each date is."""
    content = proof_head(run, SCHEMA, version) | {
        "facts": dict(run.facts),
        "route": run.job.route,
        "grid": grid_json(plan.grid),
        "pixels": pixels_json(plan.pixels),
        "bands": list(plan.labels),
        "area_pixels": plan.area_pixels,
        "notes": list(plan.notes),
        "output": dict(output),
        "cover": {
            "windows": len(list(plan.cells())),
            "windows_without_a_scene": sum(len(moment.untouched) for moment in plan.moments),
            "each_window_once": True,  # `prove_cells` raised otherwise
        },
        "dates": [_date(plan, time, counts[time]) for time in range(len(plan.moments))],
        "parts": [_part(brought) for brought in sorted(evidence.brought, key=lambda each: _place(each.cell))],
    }
    return json.dumps(content, indent=1, sort_keys=True).encode()


def _date(plan: CubePlan, time: int, counts: NDArray[np.int64]) -> dict[str, Any]:
    moment = plan.moments[time]
    return {
        "time": moment.at,
        "satellite": moment.satellite,
        "solar_day": moment.solar_day,
        "images": list(moment.images),
        "windows_without_a_scene": len(moment.untouched),
        "expression_sha256": hashlib.sha256(moment.expression.encode()).hexdigest(),
        "valid": {band: int(count) / plan.area_pixels for band, count in zip(plan.labels, counts, strict=True)},
    }


def _place(cell: Cell) -> tuple[int, int, int]:
    return cell.time, cell.window.row, cell.window.col


def _part(brought: Brought) -> dict[str, Any]:
    return {"time": brought.cell.time} | part_json(brought)
