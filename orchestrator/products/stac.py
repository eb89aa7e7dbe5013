"""What the catalogue items of all products have in common: STAC 1.1, extensions file, projection, processing."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from orchestrator.model.grid import Grid
from orchestrator.model.product import RunSnapshot
from orchestrator.products.terms import addresses_of, facility_of, notice_of, providers_of

FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
PROCESSING = "https://stac-extensions.github.io/processing/v1.2.0/schema.json"
RASTER = "https://stac-extensions.github.io/raster/v2.0.0/schema.json"
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
_SHA256 = "1220"  # what a multihash of 32 bytes of SHA-256 begins with


@dataclass(frozen=True, slots=True)
class ItemFile:
    """
    A file that an item speaks of.

    Attributes:
        key: Of the asset.
        name: Of the file, from the item's folder.
        kind: Media type.
        roles: What it is for.
        title: In words.
        size: Bytes.
        sha256: Of its content; empty where it is not known.
        fields: What else is said of it.
    """

    key: str
    name: str
    kind: str
    roles: tuple[str, ...]
    title: str
    size: int
    sha256: str
    fields: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


def item_json(
    run: RunSnapshot,
    name: str,
    grid: Grid,
    area_wkb: bytes,
    when: Mapping[str, Any],
    properties: Mapping[str, Any],
    files: Sequence[ItemFile],
    extensions: Sequence[str],
) -> bytes:
    """
    Return an item as JSON; equal arguments give equal bytes.

    Args:
        run: What was asked for, and what is known of its sources.
        name: Of the item.
        grid: Of the pixels.
        area_wkb: Where they are, in the grid's CRS.
        when: `datetime`, or None in its place with `start_datetime` and `end_datetime`.
        properties: What is said of the whole.
        files: Its assets, in order.
        extensions: Those beside file, projection and processing.
    """
    import pystac  # noqa: PLC0415  only where a result is made

    from orchestrator.products.footprint import footprint  # noqa: PLC0415

    geometry, bbox = footprint(area_wkb, grid.crs)
    made = pystac.Item(
        id=name,
        geometry=geometry,
        bbox=bbox,
        **when,
        properties={**properties, **projection(grid)},
        stac_extensions=[FILE, PROJECTION, *extensions, PROCESSING],
    )
    for file in files:
        asset = pystac.Asset(f"./{file.name}", file.title, media_type=file.kind, roles=list(file.roles))
        asset.extra_fields = checked(file.size, file.sha256) | dict(file.fields)
        made.add_asset(file.key, asset)
    for address in addresses_of(run):
        made.add_link(pystac.Link("license", address, title="Terms of the sources"))
    content = made.to_dict(include_self_link=False, transform_hrefs=False)
    return json.dumps(content, indent=1, sort_keys=True, allow_nan=False).encode()


def checked(size: int, sha256: str) -> dict[str, Any]:
    """Return what an asset says of the bytes of its file; of one that nobody has read, its size alone."""
    return {"file:size": size} | ({"file:checksum": _SHA256 + sha256} if sha256 else {})


def described(run: RunSnapshot, lineage: str, version: str) -> dict[str, Any]:
    """Return the properties that say what a result is, whose its sources are, and what made it."""
    notice = notice_of(run)
    told: dict[str, Any] = {
        "title": run.job.base_name,
        "license": "other",
        "providers": providers_of(run),
        "processing:lineage": f"{lineage} {notice}." if notice else lineage,
        "processing:software": {"orchestrator": version},
        "processing:facility": facility_of(run.job),
    }
    return told | ({"attribution": notice} if notice else {})


def projection(grid: Grid) -> dict[str, Any]:
    """Return the properties of the extension projection."""
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


def number(value: float) -> float | int | str:
    """Return a number as the specification writes it: those that JSON lacks are words."""
    if not math.isfinite(value):
        return {math.inf: "inf", -math.inf: "-inf"}.get(value, "nan")
    return int(value) if value == int(value) else value
