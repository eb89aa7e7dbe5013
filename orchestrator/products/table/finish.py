"""From pieces to the one file: every pair of a place and an image once, in order, a few rows in memory at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from orchestrator.core.errors import IntegrityError, Stopped
from orchestrator.core.files import sha256_of, write_whole
from orchestrator.core.units import format_count
from orchestrator.model.expression import subject_of
from orchestrator.model.grid import Window
from orchestrator.model.plan_json import grid_json
from orchestrator.model.product import Brought, Evidence, Finishing, Made, MadeFile, OutputLostError
from orchestrator.products.mosaic.covering import cover_once
from orchestrator.products.proof import part_json, proof_head
from orchestrator.products.table.batches import KIND
from orchestrator.products.table.document import StoredImage, TablePlan
from orchestrator.products.table.files import proof_path, table_path
from orchestrator.products.table.pieces import IMAGE, PLACE, inside_of, parquet
from orchestrator.products.table.sink import TableSink
from orchestrator.products.table.writing import Describer, schema_of, writing
from orchestrator.raster.arrays import Ints

SCHEMA = "orchestrator.table/1"
# Rows that are put in order at once.
_ROWS_AT_ONCE = 1 << 18


def finish_table(about: Finishing, plan: TablePlan, sink: TableSink, evidence: Evidence, version: str) -> Made:
    """
    Put the table together in the working folder, with what proves it.

    Raises:
        IntegrityError: A pair of a place and an image is missing, or there twice.
        OutputLostError: A piece is not what it was.
    """
    job, final = about.run.job, table_path(about.run.job)
    _prove(plan, evidence)
    for brought in evidence.brought:
        _check(sink.path(brought.cell), str(brought.origin.get("piece_sha256", "")))
    made = about.folder / f"made{final.suffix}"
    schema = schema_of(plan, job)
    kind = str(job.keys.get("format", "csv"))
    nulls: dict[str, int] = dict.fromkeys((column.name for column in plan.columns), 0)
    rows = 0
    describer = Describer(plan, schema)
    with writing(made, kind, schema) as writer:
        for chunk in _ordered(plan, sink, evidence):
            if about.stop.is_set():
                raise Stopped("stopped while the table was being written; the same command continues")
            table = describer.table(chunk)
            writer.write_table(table)
            rows += table.num_rows
            nulls = {name: count + table[name].null_count for name, count in nulls.items()}
            about.say(f"writing the table, {format_count(rows, 'row')}")
    expected = sum(int(brought.origin["rows"]) for brought in evidence.brought)
    if rows != expected:
        raise IntegrityError(f"the table has {rows} rows, but {expected} arrived")
    sha256 = sha256_of(made, about.stop)
    pairs = sum(int(brought.origin["pairs"]) for brought in evidence.brought)
    facts = {"rows": rows, "pairs": pairs, "without_value": pairs - rows, "nulls": nulls, "notes": list(plan.notes)}
    output = {"file": final.name, "bytes": made.stat().st_size, "sha256": sha256, "format": kind}
    proof = about.folder / "made.proof.json"
    content = _proof(about, plan, evidence, output | {"columns": _columns(schema)}, facts, version)
    write_whole(proof, content)
    files = (
        MadeFile("proof", proof, proof_path(job), hashlib.sha256(content).hexdigest()),
        MadeFile("data", made, final, sha256),
    )
    return Made(files, facts, {"rows": rows})


def _prove(plan: TablePlan, evidence: Evidence) -> None:
    """Make sure that every pair was brought once."""
    planned = bool(plan.places and plan.pictures and plan.columns)
    whole = [Window(0, 0, plan.places, plan.pictures)] if planned else []
    cover_once(whole, (brought.cell.window for brought in evidence.brought))


def _check(piece: Path, sha256: str) -> None:
    if not piece.is_file() or sha256_of(piece) != sha256:
        raise OutputLostError(f"{piece.name} is not what it was when it arrived")


def _ordered(plan: TablePlan, sink: TableSink, evidence: Evidence) -> Iterator[Any]:
    """Yield the rows of all pieces in the order of the table: by place, as they stand in their file, then by time."""
    arrow, tables = parquet()
    at = np.argsort(plan.order, kind="stable") if plan.at != "pixels" else np.arange(plan.places)
    step = max(1, _ROWS_AT_ONCE // max(1, plan.pictures))
    moment = _moments(plan)
    for first in range(0, plan.places if evidence.brought else 0, step):
        chosen = np.sort(at[first : first + step])
        found = []
        for low, high in _runs(chosen):
            near = [each.cell for each in evidence.brought if _meets(each, low, high)]
            between = [(PLACE, ">=", int(low)), (PLACE, "<=", int(high))]
            found += [tables.read_table(sink.path(cell), filters=between, use_threads=False) for cell in near]
        rows = arrow.concat_tables(found)
        place = rows[PLACE].to_numpy()
        position = place if plan.at == "pixels" else plan.order[place]
        yield rows.take(np.lexsort((moment[rows[IMAGE].to_numpy()], position)))


def _moments(plan: TablePlan) -> Ints:
    """Return for each image where it stands in the order of time."""
    found = np.zeros(plan.pictures, np.int64)
    for moment, at in enumerate(sorted(range(len(plan.images)), key=lambda at: _when(plan.images[at]))):
        found[at] = moment
    return found


def _when(image: StoredImage) -> tuple[int, str]:
    return image.time_ms, image.asset


def _runs(places: Ints) -> list[tuple[int, int]]:
    """Return (first, last) of each run of places that follow each other."""
    breaks = np.flatnonzero(np.diff(places) > 1)
    return list(zip(places[[0, *(breaks + 1)]].tolist(), places[[*breaks, -1]].tolist(), strict=True))


def _meets(brought: Brought, low: int, high: int) -> bool:
    window = brought.cell.window
    return window.row <= high and low < window.bottom


def _columns(schema: Any) -> list[dict[str, str]]:
    return [{"name": field.name, "type": str(field.type)} for field in schema]


def _proof(
    about: Finishing,
    plan: TablePlan,
    evidence: Evidence,
    output: Mapping[str, Any],
    facts: Mapping[str, Any],
    version: str,
) -> bytes:
    run = about.run
    split = sum(unit.kind == KIND for unit in evidence.units) - len(evidence.brought)
    inside = inside_of(plan)
    content = proof_head(run, SCHEMA, version) | {
        "sources": dict(run.facts),
        "expression_sha256": subject_of(run.image) if run.image else "",
        "of": plan.at,
        "places": len(plan.ids) if inside is None else int(inside.sum()),
        "images": [asdict(image) for image in plan.images],
        "bands": list(plan.bands),
        "reducers": list(plan.reducers),
        "grids": [grid_json(grid) for grid in plan.grids],
        "output": dict(output),
        **facts,
        "cover": {
            "planned_pairs": plan.places * plan.pictures,
            "requests": len(evidence.brought),
            "cut": split,
            "each_planned_pair_once": True,  # `_prove` raised otherwise
        },
        "parts": [_part(brought) for brought in evidence.brought],
    }
    return json.dumps(content, indent=1, sort_keys=True).encode()


def _part(brought: Brought) -> dict[str, Any]:
    return {"grid": brought.cell.grid} | part_json(brought)
