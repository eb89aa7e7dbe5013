"""From files that arrived to the result: the folder's index, the manifest of the run, tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestrator.core.errors import OrchestratorError, PermanentError
from orchestrator.core.files import make_folder, sha256_of, write_whole
from orchestrator.model.credit import sandbox_notice
from orchestrator.model.product import Evidence, Finishing, Made, MadeFile
from orchestrator.model.states import UnitState
from orchestrator.model.unit import Unit
from orchestrator.products.enduring import WHY
from orchestrator.products.scenes.document import DownloadPlan
from orchestrator.products.scenes.files import SCHEMA, TABLE, index_path, run_folder
from orchestrator.products.scenes.index import merge_into, scene_json
from orchestrator.products.scenes.roles import LAYOUT, MANIFEST
from orchestrator.products.scenes.scene import IndexedScene, SceneFile
from orchestrator.products.scenes.steps import FILE, LIST
from orchestrator.products.scenes.tables import write_table
from orchestrator.products.terms import terms_of
from orchestrator.safe.tile import read_tile

_MOST_REASONS = 5


@dataclass(frozen=True, slots=True)
class Missing:
    """
    A file that is wanted and is not there.

    Attributes:
        scene: Place of its scene in the plan.
        level: "L1C" or "L2A".
        role: See `roles.role_of`.
        why: In a sentence.
    """

    scene: int
    level: str
    role: str
    why: str


def make_scenes_result(about: Finishing, plan: DownloadPlan, evidence: Evidence, version: str) -> Made:
    """
    Merge what arrived into the folder's index, and make the manifest of the run.

    Raises:
        PermanentError: Not one file arrived.
    """
    job, run = about.run.job, about.run
    missing = _missing(plan, evidence.units)
    scenes = _scenes(plan, evidence.units, Path(job.output))
    count = sum(len(scene.items) for scene in scenes)
    if not count:
        ((why, _), *_) = Counter(one.why for one in missing).most_common(1)
        raise PermanentError(f"not one of {len(missing)} files could be had: {why}")
    about.say("writing index and manifest")
    notice = notice_of_scenes(run.facts, job.service)
    make_folder(run_folder(job))
    merge_into(index_path(job), scenes, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), about.stop, notice)
    head = {
        "schema": SCHEMA,
        "program": f"orchestrator {version}",
        "run": job.base_name,
        "attribution": notice,
        "licence": terms_of(run),
        "service": job.service,
    }
    tables = []
    for kind in job.keys.get("table", ()):
        path = about.folder / f"made.table.{kind}"
        write_table(path, kind, scenes, head)
        tables.append(MadeFile("table", path, run_folder(job) / f"{TABLE}.{kind}"))
    content = head | _manifest(plan, scenes, missing, job.output)
    content |= {"tables": {one.made.suffix[1:]: sha256_of(one.made) for one in tables}} if tables else {}
    made = about.folder / "made.manifest.json"
    write_whole(made, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
    size = sum(item.size or 0 for scene in scenes for item in scene.items)
    facts = {"things": "files", "files_wanted": count + len(missing), "scenes": len(scenes), "arrived_bytes": size}
    facts |= {"missing": len(missing), "notes": list(plan.notes)}
    facts |= {"reasons": _reasons(plan, missing)} if missing else {}
    return Made(
        (*tables, MadeFile("data", made, run_folder(job) / MANIFEST)),
        facts,
        {"scenes": len(scenes), "files": count, "missing": len(missing)},
    )


def notice_of_scenes(facts: Mapping[str, Any], service: str) -> str:
    """Return the sentence that goes with the data; what a sandbox made must never pass for the Earth."""
    notice = str(facts.get("attribution", ""))
    return sandbox_notice(notice) if service == "sandbox" else notice


def _missing(plan: DownloadPlan, units: Sequence[Unit]) -> tuple[Missing, ...]:
    found = [
        Missing(number, level, role, f"the catalogue has no {level} of this sensing")
        for number, level in plan.lacking
        for role in plan.roles[level]
    ]
    for unit in units:
        number, level = unit.plan.spec.get("scene", -1), str(unit.plan.spec.get("level", ""))
        if unit.kind == LIST and unit.state is UnitState.EMPTY:
            found += [Missing(number, level, role, str(unit.result.get(WHY, ""))) for role in plan.roles[level]]
        elif unit.kind == LIST:
            name = _name(plan, number, level)
            found += [Missing(number, level, r, f"{name} has no such file") for r in unit.result.get("missing", ())]
        elif unit.kind == FILE and unit.state is UnitState.EMPTY:
            role = unit.plan.spec["file"]["role"]
            found.append(Missing(number, level, role, str(unit.result.get(WHY, ""))))
    return tuple(sorted(found, key=lambda one: (one.scene, one.role)))


def _name(plan: DownloadPlan, number: int, level: str) -> str:
    product = plan.scenes[number].product(level)
    return product.name if product else plan.scenes[number].name


def _scenes(plan: DownloadPlan, units: Sequence[Unit], root: Path) -> tuple[IndexedScene, ...]:
    items: dict[int, list[SceneFile]] = {}
    for unit in units:
        told = unit.result
        if unit.kind == FILE and unit.state is UnitState.DONE and "role" in told:
            file = SceneFile(told["role"], told["path"], True, told["size"], told["sha256"], told["checksum"])
            items.setdefault(told["scene"], []).append(file)
    return tuple(
        _with_percentages(replace(scene, items=tuple(sorted(items.get(n, ()), key=lambda i: i.path)), root=root))
        for n, scene in enumerate(plan.scenes)
    )


def _with_percentages(scene: IndexedScene) -> IndexedScene:
    """Return a scene with what the Level-2A metadata says of its classes, where that is there and can be read."""
    path = scene.files.get("l2a.tile_metadata")
    if scene.l2a is None or path is None:
        return scene
    try:
        found = read_tile(path.read_bytes(), str(path)).scl_percentages
    except (OrchestratorError, OSError):
        return scene  # the bytes are what the service has: whoever uses them is told what is wrong with them
    return replace(scene, l2a=replace(scene.l2a, scl=dict(found)))


def _reasons(plan: DownloadPlan, missing: Sequence[Missing]) -> list[str]:
    counted = Counter((one.why, plan.scenes[one.scene].name) for one in missing).most_common(_MOST_REASONS)
    return [f"{name}: {why}" if count == 1 else f"{name}, {count} files: {why}" for (why, name), count in counted]


def _manifest(
    plan: DownloadPlan, scenes: Sequence[IndexedScene], missing: Sequence[Missing], out_dir: str
) -> dict[str, Any]:
    return {
        "query": dict(plan.query),
        "output": {"out_dir": out_dir, "layout": LAYOUT},
        "notes": list(plan.notes),
        "scenes": [
            scene_json(scene) | ({"passed_over": list(plan.passed_over[n])} if n in plan.passed_over else {})
            for n, scene in enumerate(scenes)
        ],
        "missing": [
            {
                "tile_id": scenes[one.scene].key.tile,
                "sensing_start_utc": scenes[one.scene].key.sensing,
                "level": one.level,
                "role": one.role,
                "why": one.why,
            }
            for one in missing
        ],
    }
