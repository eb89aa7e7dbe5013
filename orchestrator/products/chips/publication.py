"""From whole chips to the folder of a result: a table of every tile, what the dataset is, and what proves it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.core.errors import IntegrityError, PermanentError
from orchestrator.core.files import write_whole
from orchestrator.core.trees import digest_of_files, file_digests, size_of
from orchestrator.model.plan_json import grid_json, pixels_json
from orchestrator.model.product import Brought, Evidence, Finishing, Made, MadeFile, RunSnapshot
from orchestrator.model.states import UnitState
from orchestrator.products.chips.document import ChipPlan
from orchestrator.products.chips.fetch import UNWANTED
from orchestrator.products.chips.files import PROOF, chips_folder
from orchestrator.products.chips.sink import ChipSink
from orchestrator.products.demand import demand
from orchestrator.products.enduring import WHY
from orchestrator.products.mosaic.covering import cover_once
from orchestrator.products.proof import part_json, proof_head
from orchestrator.products.table.pieces import parquet
from orchestrator.products.terms import notice_of, terms_of
from orchestrator.tiling.chip_folder import ABOUT, CODE, DONE, EMPTY, FAILED, MANIFEST

VERSION = 1
SCHEMA = "orchestrator.chips/1"
# Reasons that the facts of a run tell, by how often they come.
_MOST_REASONS = 5


@dataclass(frozen=True, slots=True)
class ChipRow:
    """What became of one tile; see the columns of `chips.parquet`."""

    state: str
    file: str
    sha256: str
    valid: tuple[float, ...]
    why: str = ""


def make_chips_result(about: Finishing, plan: ChipPlan, sink: ChipSink, evidence: Evidence, version: str) -> Made:
    """
    Complete the folder of chips and make its proof.

    Raises:
        OutputLostError: The unfinished folder is not what it was.
        PermanentError: There is not one chip.
        DecisionError: The chips hold less data than was asked for.
    """
    final = chips_folder(about.run.job)
    whys = _whys(evidence)
    rows = tuple(_row(plan, sink, number, whys) for number in range(len(plan.chips)))
    counts = {state: sum(row.state == state for row in rows) for state in (DONE, EMPTY, FAILED)}
    if counts[FAILED] == len(rows):
        ((why, _), *_) = Counter(row.why for row in rows).most_common(1)
        raise PermanentError(f"not one of {len(rows)} chips could be had: {why}")
    _prove(plan, sink, evidence)
    valid = _shares(plan, rows)
    waits = f"the finished chips wait in {sink.made}. Publish them as they are"
    demand(valid, about, "the chips' pixels", waits)
    about.say("completing the folder of chips")
    made = sink.seal()
    write_whole(made / MANIFEST, _table(plan, rows), within=about.folder)
    write_whole(made / ABOUT, _described(about.run, plan, counts), within=about.folder)
    if plan.code:
        write_whole(made / CODE, plan.code.encode(), within=about.folder)
    digests = {**file_digests(made, about.stop)}
    sha256 = digest_of_files(digests)
    output = {"folder": final.name, "bytes": size_of(made), "sha256": sha256, "files": len(digests)}
    proof = about.folder / "made.proof.json"
    content = _proof(about.run, plan, evidence, rows, output, version)
    write_whole(proof, content)
    files = (
        MadeFile("proof", proof, final.with_name(f"{final.name}{PROOF}"), hashlib.sha256(content).hexdigest()),
        MadeFile("data", made, final, sha256),
    )
    facts = {"chips": len(rows), "states": counts, "missing": counts[FAILED], "valid": valid}
    facts |= {"reasons": _reasons(rows)} if counts[FAILED] else {}
    return Made(files, facts, {"chips": len(rows), "missing": counts[FAILED]})


def _whys(evidence: Evidence) -> Mapping[int, Mapping[str, Any]]:
    """Return what was said of chips that are not there, by their places in the plan."""
    empty = [unit for unit in evidence.units if unit.state is UnitState.EMPTY]
    return {unit.plan.cell.time: unit.result for unit in empty if unit.plan.cell is not None}


def _row(plan: ChipPlan, sink: ChipSink, number: int, whys: Mapping[int, Mapping[str, Any]]) -> ChipRow:
    chip = sink.chips.get(number)
    if chip is None:
        if number not in whys:
            raise IntegrityError(f"chip {plan.chips[number].identifier} is not there, and nothing says why")
        state = EMPTY if whys[number].get(UNWANTED) else FAILED
        return ChipRow(state, "", "", (0.0,) * len(plan.pixels.bands), str(whys[number].get(WHY, "")))
    if not chip.sha256:
        return ChipRow(EMPTY, "", "", chip.valid, chip.why)
    return ChipRow(DONE, sink.path(number).name, chip.sha256, chip.valid)


def _prove(plan: ChipPlan, sink: ChipSink, evidence: Evidence) -> None:
    """Make sure that what was brought covers every chip that is there exactly once, for each group of bands."""
    found: dict[tuple[int, int], list[Any]] = {}
    for brought in evidence.brought:
        found.setdefault((brought.cell.time, brought.cell.group), []).append(brought.cell.window)
    for number in range(len(plan.chips)):
        if number not in sink.chips:
            continue
        for group in range(len(plan.groups)):
            if number not in plan.carried or group == 0:
                cover_once((plan.chips[number].window,), found.get((number, group), ()))


def _shares(plan: ChipPlan, rows: Sequence[ChipRow]) -> dict[str, float]:
    """Return for each band the share of the pixels of all chips that are there that hold data."""
    there = [(row.valid, plan.chips[n].window.pixels) for n, row in enumerate(rows) if row.state != FAILED]
    pixels = sum(weight for _, weight in there)
    return {
        band: sum(valid[at] * weight for valid, weight in there) / pixels for at, band in enumerate(plan.pixels.bands)
    }


def _reasons(rows: Sequence[ChipRow]) -> list[str]:
    counted = Counter(row.why for row in rows if row.state == FAILED).most_common(_MOST_REASONS)
    return [why if count == 1 else f"{count} times: {why}" for why, count in counted]


def _table(plan: ChipPlan, rows: Sequence[ChipRow]) -> bytes:
    """Return `chips.parquet`: a row for every tile, in their order; the same bytes for the same rows."""
    arrow, tables = parquet("a table of chips")
    grids = [plan.grid_of(number) for number in range(len(rows))]
    columns = {
        "identifier": arrow.array([chip.identifier for chip in plan.chips], arrow.string()),
        "state": arrow.array([row.state for row in rows], arrow.string()),
        "file": arrow.array([row.file for row in rows], arrow.string()),
        "sha256": arrow.array([row.sha256 for row in rows], arrow.string()),
        "crs": arrow.array([grid.crs for grid in grids], arrow.string()),
        "transform": arrow.array([list(grid.transform) for grid in grids], arrow.list_(arrow.float64())),
        "height": arrow.array([grid.height for grid in grids], arrow.int32()),
        "width": arrow.array([grid.width for grid in grids], arrow.int32()),
        "bands": arrow.array([list(plan.pixels.bands)] * len(rows), arrow.list_(arrow.string())),
        "dtype": arrow.array([plan.pixels.dtype] * len(rows), arrow.string()),
        "nodata": arrow.array([float(plan.pixels.nodata)] * len(rows), arrow.float64()),
        "valid": arrow.array([list(row.valid) for row in rows], arrow.list_(arrow.float64())),
        "why": arrow.array([row.why for row in rows], arrow.string()),
    }
    sink = arrow.BufferOutputStream()
    tables.write_table(arrow.table(columns), sink, compression="zstd")
    return bytes(sink.getvalue())


def _described(run: RunSnapshot, plan: ChipPlan, counts: Mapping[str, int]) -> bytes:
    """Return `dataset.json`: what the pixels are and whose; nothing that changes from run to run."""
    job, facts, pixels = run.job, run.facts, pixels_json(plan.pixels)
    content = {
        "version": VERSION,
        "dataset": job.base_name,
        "tiles": facts.get("tiles", ""),
        "recipe": job.recipe,
        "parameters": dict(facts.get("parameters", job.params)),
        "sources": list(facts.get("sources", ())),
        "attribution": notice_of(run),
        "licence": terms_of(run),
        "classes": {
            str(one["value"]): {k: v for k, v in one.items() if k != "value"} for one in facts.get("classes", ())
        },
        "value_map": dict(facts.get("value_map", {})),
        "dates": [] if job.undated else [job.start_date, job.end_date],
        "scale": facts.get("scale"),
        "crs": [zone.crs for zone in plan.zones],
        "outside": plan.outside,
        "bands": list(plan.pixels.bands),
        "dtype": plan.pixels.dtype,
        **({"image_dtype": facts["image_dtype"]} if "image_dtype" in facts else {}),  # stored in a wider one
        "nodata": pixels["nodata"],
        "value_scale": plan.pixels.scale,
        "value_offset": plan.pixels.offset,
        "counts": dict(counts),
        "service": job.service,
        "expression_sha256": hashlib.sha256(run.image.encode()).hexdigest(),
        "made_by": plan.made_by,
        **({"code": CODE, "code_sha256": hashlib.sha256(plan.code.encode()).hexdigest()} if plan.code else {}),
    }
    return json.dumps(content, indent=1, sort_keys=True).encode()


def _proof(
    run: RunSnapshot,
    plan: ChipPlan,
    evidence: Evidence,
    rows: Sequence[ChipRow],
    output: Mapping[str, Any],
    version: str,
) -> bytes:
    there = [brought for brought in evidence.brought if rows[brought.cell.time].state != FAILED]
    content = proof_head(run, SCHEMA, version) | {
        "facts": dict(run.facts),
        "expression_sha256": hashlib.sha256(run.image.encode()).hexdigest(),
        "route": run.job.route,
        "grids": [grid_json(zone) for zone in plan.zones],
        "pixels": pixels_json(plan.pixels),
        "notes": list(plan.notes),
        "output": dict(output),
        "cover": {"chips": len(rows), "each_pixel_once": True},  # `_prove` raised otherwise
        "parts": [_part(plan, brought) for brought in sorted(there, key=_place)],
    }
    return json.dumps(content, indent=1, sort_keys=True).encode()


def _place(brought: Brought) -> tuple[int, int, int, int]:
    cell = brought.cell
    return cell.time, cell.group, cell.window.row, cell.window.col


def _part(plan: ChipPlan, brought: Brought) -> dict[str, Any]:
    cell = brought.cell
    address = {"chip": plan.chips[cell.time].identifier, "grid": cell.grid}
    return address | ({"group": cell.group} if cell.group else {}) | part_json(brought)
