"""Which files a cube is."""

from __future__ import annotations

from pathlib import Path

from orchestrator.model.job import Job

PROOF, PICTURE = ".json", ".png"
FOLDERS = {"zarr": ".zarr", "cog": ".cogs"}


def main_path(job: Job) -> Path:
    """Return where the cube goes: a Zarr store, or a folder with a GeoTIFF of each date."""
    return Path(job.output) / f"{job.base_name}_cube{FOLDERS[job.keys.get('format', 'zarr')]}"


def reduced_path(job: Job, reducer: str) -> Path:
    """Return where a reduction over time goes."""
    return Path(job.output) / f"{job.base_name}_cube_{reducer}.tif"


def date_name(job: Job, solar_day: str, satellite: str) -> str:
    """Return the name of the file of one date."""
    plain = "".join(letter for letter in satellite if letter.isalnum())
    return f"{job.base_name}_{solar_day.replace('-', '')}" + (f"_{plain}.tif" if plain else ".tif")


def cube_files(job: Job) -> tuple[Path, ...]:
    """Return every path that the result of a job may take, the cube last."""
    main = main_path(job)
    reduced = [reduced_path(job, name) for name in job.keys.get("reduce", ())]
    return (main.with_suffix(PICTURE), main.with_suffix(PROOF), *reduced, main)
