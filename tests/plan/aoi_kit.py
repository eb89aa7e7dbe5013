"""Two polygons, the files they are written to, and the one line of a refusal."""

from __future__ import annotations

import json

import geopandas
import pytest
import shapely

from orchestrator.core.errors import UserError
from orchestrator.plan.aoi import read_areas

HOLED = shapely.box(13, 45, 14, 46).difference(shapely.box(13.4, 45.4, 13.6, 45.6))
ISLAND = shapely.box(15, 45, 15.5, 45.5)
# Where GDAL does not infer the driver from the name.
DRIVER = {".json": "GeoJSON", ".kml": "KML"}


def frame(*geometries, crs="EPSG:4326"):
    names = [f"piece {number}" for number in range(len(geometries))]
    return geopandas.GeoDataFrame({"label": names}, geometry=list(geometries), crs=crs)


def refusal(source, **arguments):
    """Return the one line with which `source` is refused."""
    with pytest.raises(UserError) as raised:
        read_areas(str(source), **arguments)
    sentence = str(raised.value)
    assert "\n" not in sentence
    assert len(sentence) < 500
    return sentence


def write_geojson(path, geometry, **members):
    feature = {"type": "Feature", "properties": {}, "geometry": geometry}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature], **members}))
    return path


def assert_areas_or_sentence(source):
    """Read `source`: either every area is usable, or one printable line says why there is none."""
    sentence, areas = "", ()
    try:
        areas = read_areas(source)
    except UserError as error:
        sentence = str(error)
    assert sentence.isprintable()
    assert bool(areas) != bool(sentence)
    assert all(area.geometry.is_valid and area.geometry.area > 0 for area in areas)
