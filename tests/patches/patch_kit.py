"""Scenes that are ready to be cut, written with rasterio: what is in them follows from row, column and number."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import Affine

BANDS = ("B02", "B04")
TILE, WEST, NORTH = "T33UWQ", 499_980, 5_500_020


@dataclass(frozen=True)
class Scene:
    """One scene as it is written: what x.tif, y.tif hold, and where."""

    folder: Path
    x: np.ndarray
    y: np.ndarray | None
    transform: Affine


def pixels(height, width, seed=0, wedge=0):
    """Return bands and validity, (band, row, col): a wedge of `wedge` columns at the top left is invalid, and 0."""
    row, col = np.mgrid[:height, :width]
    valid = (row + col >= wedge).astype(np.float32)
    data = np.stack([(row * 7 + col * 3 + 1000 * band + 50 * seed) / 10_000 for band in range(len(BANDS))])
    return np.concatenate([data * valid, valid[None]]).astype(np.float32)


def classes(height, width, seed=0, ignore=255):
    """Return labels of the scene classification, (row, col): stripes of classes, with no label in a corner."""
    row, col = np.mgrid[:height, :width]
    made = np.array([4, 5, 6, 8, 9, 3], np.uint8)[(row // 9 + col // 7 + seed) % 6]
    made[:5, :5] = ignore
    return made


def write_scene(
    out,
    tile=TILE,
    when="2025-12-10T10:03:19Z",
    *,
    x=None,
    y=None,
    west=WEST,
    north=NORTH,
    step=60,
    crs="EPSG:32633",
    bands=(*BANDS, "valid"),
    mapping=None,
    angles=None,
    labels=True,
):
    """Write a scene as preprocessing does: x.tif, y.tif, meta.json, perhaps angles.tif."""
    x = pixels(64, 64) if x is None else x
    y = classes(*x.shape[1:]) if y is None and labels else y
    folder = Path(out) / "processed" / f"tile={tile}" / f"sensing={when[:10]}T{when[11:].replace(':', '')}"
    folder.mkdir(parents=True, exist_ok=True)
    transform = Affine(step, 0, west, 0, -step, north)
    _write(folder / "x.tif", x, transform, crs, bands)
    if y is not None:
        _write(folder / "y.tif", y[None], transform, crs, ("label",), nodata=255)
    if angles is not None:
        _write(folder / "angles.tif", angles, transform, crs, ("sun_zen_sin", "sun_zen_cos"), nodata=np.nan)
    told = {"enabled": y is not None, "backend": "scl", "stats": {"ignore_index": 255, "mapping": mapping}}
    key = {"tile_id": tile, "sensing_start_utc": when}
    (folder / "meta.json").write_text(json.dumps({"key": key, "labels": told}))
    return Scene(folder, x, y, transform)


def _write(path, values, transform, crs, names, nodata=None):
    count, height, width = values.shape
    block = 64 if min(height, width) >= 64 else 16
    shape = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": values.dtype}
    tiled = {"tiled": True, "blockxsize": block, "blockysize": block, "compress": "deflate"}
    with rasterio.open(path, "w", **shape, **tiled, transform=transform, crs=crs, nodata=nodata) as file:
        file.write(values)
        file.descriptions = names


def write_index(out, *scenes):
    """Write the register that preprocessing leaves beside its scenes; return its path."""
    samples = []
    for scene in scenes:
        key = json.loads((scene.folder / "meta.json").read_text())["key"]
        files = {name.partition(".")[0]: scene.folder / name for name in ("x.tif", "y.tif", "angles.tif", "meta.json")}
        paths = {name: str(path.relative_to(out)) for name, path in files.items() if path.exists()}
        samples.append({"key": key, "run_id": "r", "status": "ok", "paths": paths})
    told = {"schema": "s2pipe.step2.index.v2", "output": {"out_dir": str(out), "last_run_id": "r"}, "samples": samples}
    path = Path(out) / "meta" / "step2" / "index.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told))
    return path
