"""Folders of parts that somebody already has, and what is asked of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from assembly import Never, Scene
from rasterio.transform import Affine

from orchestrator.core.errors import UserError
from orchestrator.products.mosaic.parts.folder import assemble_folder
from orchestrator.products.mosaic.parts.request import Request

ROOT = Path(__file__).resolve().parents[2]
TILED = {"tiled": True, "blockxsize": 32, "blockysize": 32, "compress": "deflate"}
SCENE = Scene(height=200, width=260, side=64, bands=2, profile=TILED)
DASH, NO_DASH, PLAIN = "img-{0:010d}-{1:010d}.tif", "img{0:010d}-{1:010d}.tif", "part_{0}_{1}.TIFF"


def export(scene, folder, pattern=NO_DASH):
    """Write the parts of a scene under the names of `pattern`."""
    parts = scene.write(folder)
    return {w: path.rename(folder / pattern.format(w.row, w.col)) for w, path in parts.items()}


def write_area(path, geometry, crs="EPSG:32633"):
    """Write an area as GeoJSON that says its CRS."""
    feature = {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(geometry)}
    named = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{crs.split(':')[1]}"}}
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": named, "features": [feature]}))
    return str(path)


def request(tmp_path, **changes):
    wanted = {"folder": tmp_path / "parts", "output": tmp_path / "out", "base_name": "whole", "version": "1"}
    return Request(**wanted | changes)


def assembled(tmp_path, **changes):
    return assemble_folder(request(tmp_path, **changes), Never())


def refused(tmp_path, match, **changes):
    """Make sure that a request is refused before anything is written."""
    with pytest.raises(UserError, match=match) as refusal:
        assembled(tmp_path, **changes)
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "out").exists()


def two_parts(folder, second=None, **profile):
    """Write two neighbours of 64 × 64 pixels; `second` changes the profile of the other one."""
    folder.mkdir(parents=True)
    paths = []
    for number, changes in enumerate(({}, second or {})):
        transform = Affine(10, 0, 499980 + 640 * number, 0, -10, 5200020)
        told = {"count": 1, "dtype": "uint8", "crs": "EPSG:32633", "nodata": 0, "transform": transform, **TILED}
        told |= {"height": 64, "width": 64} | profile | changes
        path = folder / f"{number}.tif"
        with rasterio.open(path, "w", driver="GTiff", **told) as raster:
            raster.write(np.full((raster.count, 64, 64), number + 1, raster.dtypes[0]))
        paths.append(path)
    return paths
