"""An image that costs a sandbox nearly nothing, and an area: what a job is made of that is done in seconds."""

from __future__ import annotations

import json
from pathlib import Path

# Every pixel's value follows from its place; a fifth of them is masked. Costs the sandbox nearly nothing.
CHEAP_IMAGE = """
import ee


def get_ee_image():
    place = ee.Image.pixelCoordinates(ee.Projection("EPSG:32633").atScale(10))
    x, y = place.select("x"), place.select("y")
    mixed = x.multiply(31).add(y.multiply(17)).mod(1009)
    return x.addBands(y).addBands(mixed.rename("mixed")).updateMask(mixed.mod(5).neq(0))
"""
# Slanted quadrilaterals near Ljubljana, in metres of UTM zone 33 north. The first is 3 km across: a block of 256 pixels
# and some more, either way, so that the job has four parts. The second is 5 km across.
CORNERS = ((500_050, 5_100_050), (502_950, 5_100_250), (503_150, 5_103_100), (500_560, 5_103_180))
LARGER = ((500_050, 5_100_050), (504_900, 5_100_900), (505_050, 5_105_000), (500_900, 5_105_080))


def write_area(path: Path, corners: tuple[tuple[float, float], ...] = CORNERS) -> Path:
    """Write a polygon in EPSG:32633 as GeoJSON with a CRS member."""
    feature = {
        "type": "Feature",
        "properties": {},
        "geometry": {"type": "Polygon", "coordinates": [[*corners, corners[0]]]},
    }
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}}
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature]}))
    return path
