"""Which files the chips of one dataset are: a folder beside the file of tiles, and a proof beside the folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from orchestrator.core.errors import UserError
from orchestrator.model.job import Job

PROOF = ".proof.json"


def chips_folder(job: Job) -> Path:
    """
    Return the folder of the chips, called like their dataset.

    Raises:
        UserError: The dataset's name has a `.`: it tells files and folders apart.
    """
    if "." in job.base_name:
        plain = job.base_name.replace(".", "-")
        raise UserError(f"the dataset would lie in a folder {job.base_name!r}; call it without '.': --name {plain}")
    return Path(job.output) / job.base_name


def chip_files(job: Job) -> tuple[Path, ...]:
    """Return every path that the result of a job may take, the chips last."""
    folder = chips_folder(job)
    return folder.with_name(f"{folder.name}{PROOF}"), folder


def placed_beside(keys: BaseModel, content: Mapping[str, Any]) -> dict[str, str]:
    """Return folder and name of a job that does not say them: beside the tiles, called like what the pixels are."""
    params = content.get("params")
    name = params.get("name") if isinstance(params, Mapping) else None
    if not name and isinstance(params, Mapping) and params.get("file"):
        name = Path(str(params["file"])).stem
    tiles = str(getattr(keys, "tiles", ""))
    return {
        "output": str(Path(tiles).with_suffix("")),
        "base_name": str(name or content.get("recipe", "")).replace(".", "-"),
    }
