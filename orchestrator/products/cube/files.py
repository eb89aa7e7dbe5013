"""Which files a cube is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.model.job import Job

if TYPE_CHECKING:
    from orchestrator.products.cube.document import CubePlan

PROOF, PICTURE, ITEM = ".json", ".png", ".stac.json"
FOLDERS = {"zarr": ".zarr", "cog": ".cogs"}


def main_path(job: Job) -> Path:
    """Return where the cube goes: a Zarr store, or a folder with a GeoTIFF of each date."""
    return Path(job.output) / f"{job.base_name}_cube{FOLDERS[job.keys.get('format', 'zarr')]}"


def reduced_path(job: Job, reducer: str) -> Path:
    """Return where a reduction over time goes."""
    return Path(job.output) / f"{job.base_name}_cube_{reducer}.tif"


def date_names(job: Job, plan: CubePlan) -> tuple[str, ...]:
    """Return the names of the files of each date; where two would have the same, all but the first are numbered."""
    seen: Counter[str] = Counter()
    names: list[str] = []
    for moment in plan.moments:
        plain = "".join(letter for letter in moment.satellite if letter.isalnum())
        stem = f"{job.base_name}_{moment.solar_day.replace('-', '')}" + (f"_{plain}" if plain else "")
        seen[stem] += 1
        names.append(f"{stem}.tif" if seen[stem] == 1 else f"{stem}-{seen[stem]}.tif")
    return tuple(names)


def cube_files(job: Job) -> tuple[Path, ...]:
    """Return every path that the result of a job may take, the cube last."""
    main = main_path(job)
    reduced = [reduced_path(job, name) for name in job.keys.get("reduce", ())]
    return (*(main.with_suffix(suffix) for suffix in (PICTURE, PROOF, ITEM)), *reduced, main)
