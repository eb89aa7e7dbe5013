"""The mosaic as a catalogue knows it: a STAC 1.1 item, with the extensions file, projection, raster and processing."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from orchestrator.model.expression import subject_of
from orchestrator.model.grid import Grid
from orchestrator.model.job import Job
from orchestrator.model.plan import Plan
from orchestrator.model.product import RunSnapshot
from orchestrator.products.mosaic.tags import FACILITIES, GOOGLE

FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
RASTER = "https://stac-extensions.github.io/raster/v2.0.0/schema.json"
PROCESSING = "https://stac-extensions.github.io/processing/v1.2.0/schema.json"
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
SHA256 = "1220"  # what a multihash of 32 bytes of SHA-256 begins with


@dataclass(frozen=True, slots=True)
class ItemFile:
    """
    A file that the item speaks of; all lie in the item's own folder.

    Attributes:
        key: Of the asset.
        name: Of the file.
        kind: Media type.
        roles: What it is for.
        title: In words.
        size: Bytes.
        sha256: Of its content.
    """

    key: str
    name: str
    kind: str
    roles: tuple[str, ...]
    title: str
    size: int
    sha256: str


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
    import pystac  # noqa: PLC0415  only where a result is made

    from orchestrator.products.mosaic.footprint import footprint  # noqa: PLC0415

    geometry, bbox = footprint(plan.area_wkb, plan.grid.crs)
    raster = files[0]
    made = pystac.Item(
        id=raster.name.removesuffix(".tif"),
        geometry=geometry,
        bbox=bbox,
        **_moments(run.job, today),
        properties=_properties(run, version) | _projection(plan.grid),
        stac_extensions=[FILE, PROJECTION, RASTER, PROCESSING],
    )
    for file in files:
        fields = checked(file.size, file.sha256)
        if file is raster:
            fields |= {"bands": _bands(plan, bands), "raster:spatial_resolution": abs(plan.grid.transform[0])}
        asset = pystac.Asset(f"./{file.name}", file.title, media_type=file.kind, roles=list(file.roles))
        asset.extra_fields = fields
        made.add_asset(file.key, asset)
    if (licence := str(run.facts.get("licence", ""))).startswith(("https://", "http://")):
        made.add_link(pystac.Link("license", licence, title="Terms of the sources"))
    content = made.to_dict(include_self_link=False, transform_hrefs=False)
    return json.dumps(content, indent=1, sort_keys=True, allow_nan=False).encode()


def checked(size: int, sha256: str) -> dict[str, Any]:
    """Return what an asset says of the bytes of its file."""
    return {"file:size": size, "file:checksum": SHA256 + sha256}


def _moments(job: Job, today: date) -> dict[str, Any]:
    """Return the first and the last moment of the days that were used; `end_date` is the day after the last."""
    if job.undated:
        return {"datetime": datetime.combine(today, time(), UTC)}
    last = datetime.combine(date.fromisoformat(job.end_date), time(), UTC) - timedelta(seconds=1)
    first = datetime.combine(date.fromisoformat(job.start_date), time(), UTC)
    return {"datetime": None, "start_datetime": first, "end_datetime": last}


def _properties(run: RunSnapshot, version: str) -> dict[str, Any]:
    notice, licence = str(run.facts.get("attribution", "")), str(run.facts.get("licence", ""))
    facility = FACILITIES.get(run.job.service, run.job.service)
    lineage = (
        f"Recipe {run.job.recipe}{_days(run.job)}, computed by {facility} from the expression "
        f"{subject_of(run.image)}, brought in parts by {run.job.route}, joined and cut to the area pixel by pixel."
    )
    told: dict[str, Any] = {
        "title": run.job.base_name,
        "license": "other",
        "providers": _providers(run.job, notice, licence),
        "processing:lineage": f"{lineage} {notice}." if notice else lineage,
        "processing:software": {"orchestrator": version},
        "processing:facility": facility,
    }
    return told | ({"attribution": notice} if notice else {})


def _days(job: Job) -> str:
    return f" for {job.start_date} to {job.end_date} (the day after the last one used)" if not job.undated else ""


def _providers(job: Job, notice: str, licence: str) -> list[dict[str, Any]]:
    """Return who made the pixels; those of a sandbox are nobody's but its own, whatever they imitate."""
    if job.service != GOOGLE:
        return [{"name": FACILITIES.get(job.service, job.service), "roles": ["processor"]}]
    providers = [{"name": FACILITIES[GOOGLE], "roles": ["processor"], "url": "https://earthengine.google.com"}]
    if "Copernicus Sentinel data" in notice:  # the words that the legal notice on these data asks for
        url = {"url": licence} if licence.startswith("https://") else {}
        who = {"name": "European Union, Copernicus Programme", "roles": ["producer", "licensor"], "description": notice}
        return [who | url, *providers]
    return providers


def _projection(grid: Grid) -> dict[str, Any]:
    left, bottom, right, top = grid.bounds()
    known = {"proj:code": grid.crs} if grid.crs.startswith(("EPSG:", "ESRI:")) else _wkt(grid.crs)
    return known | {
        "proj:shape": [grid.height, grid.width],
        "proj:transform": list(grid.transform),
        "proj:bbox": [min(left, right), min(bottom, top), max(left, right), max(bottom, top)],
    }


def _wkt(crs: str) -> dict[str, Any]:
    from orchestrator.plan.reproject import parse_crs  # noqa: PLC0415

    return {"proj:code": None, "proj:wkt2": parse_crs(crs).to_wkt("WKT2_2019")}


def _bands(plan: Plan, numbers: Sequence[BandNumbers]) -> list[dict[str, Any]]:
    pixels, total = plan.pixels, plan.grid.height * plan.grid.width
    told = []
    for name, band in zip(pixels.bands, numbers, strict=True):
        known = {"nodata": _number(pixels.nodata), "statistics": _statistics(band, total)}
        scaled = {"raster:scale": pixels.scale, "raster:offset": pixels.offset}
        told.append({"name": name, "data_type": pixels.dtype, **known, **scaled})
    return told


def _statistics(band: BandNumbers, total: int) -> dict[str, float]:
    names = {"minimum": "MINIMUM", "maximum": "MAXIMUM", "mean": "MEAN", "stddev": "STDDEV"}
    found = {key: band.statistics.get(f"STATISTICS_{word}") for key, word in names.items()}
    known = {key: float(text) for key, text in found.items() if text is not None}
    return known | {"valid_percent": round(100 * band.valid / total, 4)}


def _number(value: float) -> float | int | str:
    """Return a number as the specification writes it: those that JSON lacks are words."""
    if not math.isfinite(value):
        return {math.inf: "inf", -math.inf: "-inf"}.get(value, "nan")
    return int(value) if value == int(value) else value
