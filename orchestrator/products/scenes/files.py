"""Which files the result of a job of scenes is: the manifest of its run, and tables beside it."""

from __future__ import annotations

import json
from pathlib import Path

from orchestrator.model.job import Job
from orchestrator.products.scenes.roles import INDEX, MANIFEST, RUNS, STEP

TABLE = "manifest_table"
LEVELS = ("l1c", "l2a")  # of the names in a manifest


def run_folder(job: Job) -> Path:
    """Return the folder of a run's manifest."""
    return Path(job.output) / STEP / RUNS / job.base_name


def plan_path(job: Job) -> Path:
    """Return where the manifest of a dry run lies, beside that of the run itself."""
    return run_folder(job) / "dry_run.json"


def index_path(job: Job) -> Path:
    """Return the index of the folder that a job brings scenes to."""
    return Path(job.output) / STEP / INDEX


def scene_files(job: Job) -> tuple[Path, ...]:
    """Return every path that the result of a job may take, the manifest last."""
    folder = run_folder(job)
    return (*(folder / f"{TABLE}.{kind}" for kind in job.keys.get("table", ())), folder / MANIFEST)


def all_there(job: Job) -> bool:
    """Tell whether every file that a run brought still lies there in its size; none is read."""
    root = Path(job.output)
    try:
        scenes = json.loads((run_folder(job) / MANIFEST).read_bytes())["scenes"]
        items = [item for scene in scenes for level in LEVELS for item in (scene[f"files_{level}"] or {})["items"]]
        return all((root / item["path"]).stat().st_size == item["size"] for item in items)
    except (OSError, ValueError, KeyError, TypeError):
        return False
