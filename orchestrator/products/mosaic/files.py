"""Which files a mosaic is."""

from __future__ import annotations

from pathlib import Path

from orchestrator.model.job import Job

PROOF, PICTURE, ITEM = ".json", ".png", ".stac.json"


def raster_path(job: Job) -> Path:
    """Return where the raster goes."""
    return Path(job.output) / f"{job.base_name}_clipped.tif"


def beside(raster: Path, suffix: str) -> Path:
    """Return the file that accompanies a raster: PROOF, PICTURE or ITEM."""
    return raster.with_suffix(suffix)


def files(job: Job) -> tuple[Path, ...]:
    """Return every path that the result of a job may take, the raster last."""
    raster = raster_path(job)
    return (*(beside(raster, suffix) for suffix in (PICTURE, PROOF, ITEM)), raster)
