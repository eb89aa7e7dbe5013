"""The mosaic as a catalogue knows it: a STAC 1.1 item, with the extensions file, projection, raster and processing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from orchestrator.model.expression import subject_of
from orchestrator.model.job import Job
from orchestrator.model.plan import Plan
from orchestrator.model.product import RunSnapshot
from orchestrator.products.stac import RASTER, ItemFile, described, item_json, number
from orchestrator.products.terms import facility_of


@dataclass(frozen=True, slots=True)
class BandNumbers:
    """
    What is known of a band's values.

    Attributes:
        valid: Pixels of the raster that hold data.
        statistics: GDAL's, as the file has them: STATISTICS_MINIMUM and so on; empty where it has none.
    """

    valid: int
    statistics: Mapping[str, str]


def item(
    run: RunSnapshot, plan: Plan, files: Sequence[ItemFile], bands: Sequence[BandNumbers], version: str, today: date
) -> bytes:
    """
    Return the item as JSON; equal arguments give equal bytes.

    Args:
        run: What was asked for, and what the recipe found out.
        plan: The grid and the area.
        files: Of the result, the raster first.
        bands: Of the raster, in order.
        version: Of the program.
        today: What stands for the dates of an image whose dates only its author knows.
    """
    raster = files[0]
    fields = {"bands": _bands(plan, bands), "raster:spatial_resolution": abs(plan.grid.transform[0])}
    return item_json(
        run,
        raster.name.removesuffix(".tif"),
        plan.grid,
        plan.area_wkb,
        _moments(run.job, today),
        described(run, _lineage(run), version),
        [replace(raster, fields=fields), *files[1:]],
        [RASTER],
    )


def _moments(job: Job, today: date) -> dict[str, Any]:
    """Return the first and the last moment of the days that were used; `end_date` is the day after the last."""
    if job.undated:
        return {"datetime": datetime.combine(today, time(), UTC)}
    last = datetime.combine(date.fromisoformat(job.end_date), time(), UTC) - timedelta(seconds=1)
    first = datetime.combine(date.fromisoformat(job.start_date), time(), UTC)
    return {"datetime": None, "start_datetime": first, "end_datetime": last}


def _lineage(run: RunSnapshot) -> str:
    return (
        f"Recipe {run.job.recipe}{_days(run.job)}, computed by {facility_of(run.job)} from the expression "
        f"{subject_of(run.image)}, brought in parts by {run.job.route}, joined and cut to the area pixel by pixel."
    )


def _days(job: Job) -> str:
    return f" for {job.start_date} to {job.end_date} (the day after the last one used)" if not job.undated else ""


def _bands(plan: Plan, numbers: Sequence[BandNumbers]) -> list[dict[str, Any]]:
    pixels, total = plan.pixels, plan.grid.height * plan.grid.width
    told = []
    for name, band in zip(pixels.bands, numbers, strict=True):
        known = {"nodata": number(pixels.nodata), "statistics": _statistics(band, total)}
        scaled = {"raster:scale": pixels.scale, "raster:offset": pixels.offset}
        told.append({"name": name, "data_type": pixels.dtype, **known, **scaled})
    return told


def _statistics(band: BandNumbers, total: int) -> dict[str, float]:
    names = {"minimum": "MINIMUM", "maximum": "MAXIMUM", "mean": "MEAN", "stddev": "STDDEV"}
    found = {key: band.statistics.get(f"STATISTICS_{word}") for key, word in names.items()}
    known = {key: float(text) for key, text in found.items() if text is not None}
    return known | {"valid_percent": round(100 * band.valid / total, 4)}
