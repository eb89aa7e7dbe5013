"""What becomes of an image or a table that is exported as an asset."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj import Transformer

from orchestrator.sandbox.earthengine import raster
from orchestrator.sandbox.earthengine.evaluate.edges import planar
from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.evaluator import RequestedBand, RequestedImage
from orchestrator.sandbox.earthengine.evaluate.requested_table import RequestedTable
from orchestrator.sandbox.earthengine.exports import DEFAULT_SHARD_SIZE
from orchestrator.sandbox.earthengine.order import AssetDestination
from orchestrator.sandbox.scenes import owned

_UNKEPT = frozenset({"system:footprint", "system:index"})  # they follow from the asset
_STEPS = 16  # pieces into which each side of an outline is cut before it is bent to degrees


def write_image(
    image: RequestedImage, place: AssetDestination, folder: Path, note: Callable[[int], None]
) -> dict[str, Any]:
    """
    Write the pixels of an image into a folder; `note` is called with the number of pixels after each window.

    Returns:
        The asset's record.
    """
    shape = (image.grid.height, image.grid.width)
    memory = np.lib.format.open_memmap
    values = [memory(folder / f"{n}.values.npy", "w+", band.dtype, shape) for n, band in enumerate(image.bands)]
    valid = [memory(folder / f"{n}.valid.npy", "w+", np.bool_, shape) for n, _ in enumerate(image.bands)]
    for row, col, height, width in raster.windows(*shape, len(image.bands), DEFAULT_SHARD_SIZE):
        part = (slice(row, row + height), slice(col, col + width))
        found, mask = image.read(row, col, height, width)
        for number, _ in enumerate(image.bands):
            values[number][part], valid[number][part] = found[number], mask[number]
        note(height * width)
    for each in (*values, *valid):
        each.flush()
    return {
        "type": owned.IMAGE,
        "name": place.name,
        "properties": _kept(image.properties),
        "bands": [_band(band, image, place) for band in image.bands],
        "footprint": json.loads(shapely.to_geojson(_outline(image))),
    }


def _band(band: RequestedBand, image: RequestedImage, place: AssetDestination) -> dict[str, Any]:
    kind = np.dtype(band.dtype)
    limits = np.iinfo(kind) if kind.kind in "iu" else None
    return {
        "name": band.name,
        "precision": "int" if limits else "float" if kind.itemsize == 4 else "double",
        "minimum": None if limits is None else int(limits.min),
        "maximum": None if limits is None else int(limits.max),
        "crs": image.grid.crs,
        "transform": list(image.grid.transform),
        "height": image.grid.height,
        "width": image.grid.width,
        "pyramid": place.pyramids.get(band.name, place.pyramid),
    }


def _outline(image: RequestedImage) -> Any:
    """Give the image's border in degrees."""
    a, b, c, d, e, f = image.grid.transform
    box = shapely.box(0, 0, image.grid.width, image.grid.height)
    ring = shapely.get_coordinates(shapely.segmentize(box, max(image.grid.width, image.grid.height) / _STEPS))
    x, y = a * ring[:, 0] + b * ring[:, 1] + c, d * ring[:, 0] + e * ring[:, 1] + f
    lon, lat = Transformer.from_crs(image.grid.crs, 4326, always_xy=True).transform(x, y)
    return shapely.Polygon(np.column_stack([lon, lat]))


def _kept(properties: Mapping[str, Any]) -> dict[str, Any]:
    """
    Give the properties that an asset keeps.

    Raises:
        EvaluationError: For values that are neither texts nor numbers nor lists of them.
    """
    kept = {name: value for name, value in properties.items() if name not in _UNKEPT and value is not None}
    for name, value in kept.items():
        several = value if isinstance(value, list) else [value]
        if not all(isinstance(each, (str, int, float)) for each in several):
            raise not_imitated(f"An asset's property '{name}' that is neither text nor number")
    return kept


def write_table(table: RequestedTable, place: AssetDestination, folder: Path) -> dict[str, Any]:
    """
    Write the features of a table into a folder.

    Returns:
        The asset's record.
    """
    rows = []
    for number, each in enumerate(table.features):
        shape = None if each.geometry is None else shapely.to_wkt(planar(each.geometry), rounding_precision=-1)
        rows.append((each.index or str(number), shape, _kept(each.properties)))
    (folder / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    columns: dict[str, str] = {}
    for _, _, values in rows:
        columns |= {name: _column(value) for name, value in values.items()}
    return {"type": owned.TABLE, "name": place.name, "properties": {}, "columns": columns, "rows": len(rows)}


def _column(value: Any) -> str:
    return "STRING" if isinstance(value, (str, list)) else "INT" if isinstance(value, int) else "DOUBLE"
