"""What a run is, as it is written down beside its objects before anything is exported: enough to rebuild its rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from orchestrator.core.errors import IntegrityError
from orchestrator.core.stored import read_stored
from orchestrator.model.grid import Window
from orchestrator.model.plan import TaskPlan
from orchestrator.model.unit import Cell, UnitPlan

# Of the JSON: grows when a key changes its meaning, never because one was added.
VERSION = 1
SCHEMA = "orchestrator.run/1"


@dataclass(frozen=True, slots=True)
class RunManifest:
    """
    A run as it was planned.

    Attributes:
        run_id: Of the run.
        installation: Whose run it is.
        program: Which version of the program wrote this.
        written: When, seconds since 1970: none of the run's operations is older.
        job_name: What people call it.
        base_name: What its files are called.
        product: What it delivers.
        logical_date: What it is for; empty where the dates of the job are fixed.
        scheduled: Whether a schedule named the date.
        turn: 1, and one more for each time the same thing was asked for again.
        fingerprint: Of the job.
        declaration: What stays the same of the job from date to date.
        overwrite: Whether files may be replaced that the job did not make.
        priority: The higher, the sooner.
        finish_by: Its deadline, seconds since 1970; 0 is none.
        created: When it was admitted, RFC 3339.
        job: The snapshot of the job, JSON.
        plan: The plan, JSON.
        image: The expression, JSON.
        facts: What the recipe found out, JSON.
        tasks: The exports by their keys, as they were when this was written.
        units: The units, likewise.
        bytes_per_pixel: What a pixel of this kind of job was known to weigh; 0 where nothing was known.
    """

    run_id: str
    installation: str
    program: str
    written: float
    job_name: str
    base_name: str
    product: str
    logical_date: str
    scheduled: bool
    turn: int
    fingerprint: str
    declaration: str
    overwrite: bool
    priority: int
    finish_by: float
    created: str
    job: str
    plan: str
    image: str
    facts: str
    tasks: Mapping[str, TaskPlan]
    units: tuple[UnitPlan, ...] = ()
    bytes_per_pixel: float = 0.0

    def to_json(self) -> str:
        """Return the content of the manifest: the same for the same run."""
        told = {f.name: getattr(self, f.name) for f in fields(self)}
        told |= {"tasks": {key: _task(plan) for key, plan in self.tasks.items()}}
        told |= {"units": [_unit(unit) for unit in self.units]}
        image = hashlib.sha256(self.image.encode()).hexdigest()
        return json.dumps({"schema": SCHEMA, "version": VERSION, "image_sha256": image, **told}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> RunManifest:
        """
        Read what `to_json` of this or an earlier version wrote.

        Raises:
            IntegrityError: It is something else, or a newer version wrote it.
        """
        try:
            told = read_stored(text, "run manifest", VERSION)
            if hashlib.sha256(told["image"].encode()).hexdigest() != told["image_sha256"]:
                raise IntegrityError("the expression of the run manifest is not what it was")
            known = {f.name: told[f.name] for f in fields(cls) if f.name in told}
            known["tasks"] = {key: TaskPlan(t[0], Window(*t[1:5]), t[5], t[6]) for key, t in told["tasks"].items()}
            known["units"] = tuple(_unit_from(unit) for unit in told["units"])
            return cls(**known)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise IntegrityError(f"it is no run manifest: {type(error).__name__}: {error}") from error


def _task(plan: TaskPlan) -> list[int]:
    window = plan.window
    shape = (plan.part_height, plan.part_width)
    return [plan.index, window.row, window.col, window.height, window.width, *shape]


def _unit(unit: UnitPlan) -> dict[str, Any]:
    needs = [list(need) for need in unit.needs]
    cell = asdict(unit.cell) if unit.cell else None
    return {"kind": unit.kind, "key": unit.key, "cell": cell, "needs": needs, "spec": dict(unit.spec)}


def _unit_from(told: Mapping[str, Any]) -> UnitPlan:
    cell = told["cell"]
    where = Cell(**{**cell, "window": Window(**cell["window"])}) if cell else None
    return UnitPlan(told["kind"], told["key"], where, tuple((k, n) for k, n in told["needs"]), told["spec"])
