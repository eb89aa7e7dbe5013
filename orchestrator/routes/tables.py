"""Tables in the answers to requests: getRegion for pixels, reduceRegions page by page for shapes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import ee
import shapely

from orchestrator.clients.earthengine import deserialise
from orchestrator.clients.interactive import AnswerReceipt
from orchestrator.clients.region import RegionClient, RegionReply, points, rectangle
from orchestrator.clients.tables import TableClient
from orchestrator.core.errors import IntegrityError
from orchestrator.model.ports import Stop
from orchestrator.model.table import Images, ReduceRequest, SampleRequest, TableLimits, TableReply
from orchestrator.routes.region import inset
from orchestrator.routes.region_rows import places_in

_TEXTS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_SHAPE, _IMAGE = "orchestrator_shape", "orchestrator_image"  # properties that no band is called


class Tables:
    """See `model.table.TableRoute`."""

    def __init__(self, regions: RegionClient, tables: TableClient, limits: TableLimits | None = None) -> None:
        self._regions, self._tables = regions, tables
        self.limits = limits or TableLimits()

    def sample(self, request: SampleRequest, stop: Stop) -> TableReply:
        """See `TableRoute`."""
        grid = request.grid
        window = request.window or grid.window
        geometry = rectangle(inset(grid, window), grid.crs) if request.window else _centres(request)
        asked = _collection(request.images, request.bands)
        reply = self._regions.rows(asked, geometry, stop, crs=grid.crs, transform=grid.transform)
        places = asked_places(reply, request)
        columns = {band: _numbers(reply.column(band)) for band in request.bands}
        return _reply(places, _images(reply.column("id"), request.images), columns, reply.receipt)

    def reduce(self, request: ReduceRequest, stop: Stop) -> TableReply:
        """See `TableRoute`."""
        reply = self._tables.features(_reduced(request), stop)
        places = [_count(each.get(_SHAPE), len(request.shapes)) for each in reply.properties]
        images = [_count(each.get(_IMAGE), len(request.images)) for each in reply.properties]
        if len(places) != len(request.shapes) * len(request.images):
            raise IntegrityError(
                f"asked for {len(request.shapes)} shapes of {len(request.images)} images, Earth Engine sent "
                f"{len(places)} rows"
            )
        columns = {name: _numbers([_of(each, names) for each in reply.properties]) for name, names in _names(request)}
        return _reply(places, images, columns, reply.receipt)

    def close(self) -> None:
        """Give up idle connections."""
        self._tables.close()


def _reply(
    places: Sequence[int], images: Sequence[int], columns: Mapping[str, Sequence[float | None]], receipt: AnswerReceipt
) -> TableReply:
    return TableReply(
        places, images, columns, receipt.request_sha256, receipt.reply_sha256, receipt.reply_bytes, receipt.at
    )


def _collection(images: Images, bands: Sequence[str]) -> Any:
    """
    Return the `ee.ImageCollection` of images, each of which says where it stands.

    A collection that is made of a list keeps the ids of its images, or counts them, it is not documented which: ids
    that are the numbers come out the same.
    """
    listed = [deserialise(images.expression)] if images.expression else [ee.Image(each) for each in images.assets]
    told = [image.set({"system:index": str(at), _IMAGE: at}) for at, image in enumerate(listed)]
    return ee.ImageCollection(told).select(list(bands))


def _centres(request: SampleRequest) -> Any:
    a, _b, c, _d, e, f = request.grid.transform
    return points([(c + (col + 0.5) * a, f + (row + 0.5) * e) for row, col in request.pixels], request.grid.crs)


def asked_places(reply: RegionReply, request: SampleRequest) -> list[int]:
    """
    Return which of the pixels that were asked for each row of a table is of, whatever the order of rows.

    Raises:
        IntegrityError: One is of none.
    """
    window = request.window or request.grid.window
    row, col = (each.tolist() for each in places_in(reply, request.grid, window))
    if request.window:
        return [r * window.width + c for r, c in zip(row, col, strict=True)]
    asked = {pixel: at for at, pixel in enumerate(request.pixels)}
    found = [asked.get(pixel, -1) for pixel in zip(row, col, strict=True)]
    if -1 in found:
        at = found.index(-1)
        raise IntegrityError(f"Earth Engine sent the pixel at row {row[at]}, column {col[at]}, which was not asked for")
    return found


def _images(ids: Sequence[Any], images: Images) -> list[int]:
    counted = {str(at): at for at in range(len(images))}
    found = [counted.get(str(each), -1) for each in ids]
    if -1 in found:
        raise IntegrityError(f"Earth Engine sent a row of image {ids[found.index(-1)]!r}, which was not asked for")
    return found


def _numbers(values: Sequence[Any]) -> list[float | None]:
    found: list[float | None] = []
    for value in values:
        number = _TEXTS.get(value, value) if isinstance(value, str) else value
        if isinstance(number, bool) or not isinstance(number, int | float | None):
            raise IntegrityError(f"Earth Engine sent {value!r} for a number")
        found.append(number)
    return found


def _count(value: Any, most: int) -> int:
    if not isinstance(value, int | float) or not 0 <= value < most or value != int(value):
        raise IntegrityError(f"Earth Engine sent a row of number {value!r}, of {most} that were asked for")
    return int(value)


# ------------------------------------------------------------------------ shapes


def _reduced(request: ReduceRequest) -> Any:
    """Return a collection of features without geometry: for each image and each shape what the reducers make."""
    crs = request.crs or request.grid.crs
    shapes = ee.FeatureCollection([_feature(wkb, at, crs) for at, wkb in enumerate(request.shapes)])
    reducer = _reducer(request.reducers)

    def of_image(image: Any) -> Any:
        found = image.reduceRegions(shapes, reducer, crs=request.grid.crs, crsTransform=list(request.grid.transform))
        return found.map(lambda feature: ee.Feature(feature).setGeometry(None).set(_IMAGE, image.get(_IMAGE)))

    return ee.FeatureCollection(_collection(request.images, request.bands).map(of_image)).flatten()


def _feature(wkb: bytes, at: int, crs: str) -> Any:
    shape = shapely.from_wkb(wkb)
    parts = [[list(map(list, ring.coords)) for ring in (part.exterior, *part.interiors)]
             for part in shapely.get_parts(shape)]  # fmt: skip
    geometry = ee.Geometry.MultiPolygon(parts, proj=crs, geodesic=False)
    return ee.Feature(geometry, {_SHAPE: at})


def _reducer(names: Sequence[str]) -> Any:
    one, *others = [_one(name) for name in names]
    for other in others:
        one = one.combine(other, sharedInputs=True)
    return one


def _one(name: str) -> Any:
    if name[:1] == "p" and name[1:].isdigit():
        return ee.Reducer.percentile([int(name[1:])], [name])
    return getattr(ee.Reducer, name)()


def _names(request: ReduceRequest) -> list[tuple[str, tuple[str, ...]]]:
    """
    Return each column, and what the service may call it.

    A single output of several bands is called like the band; of one band alone, like the reducer; several like both.
    """
    pairs = [(band, reducer) for band in request.bands for reducer in request.reducers]
    alone = len(request.bands) == 1
    return [
        (column, (column, f"{band}_{reducer}", *((reducer,) if alone else ())))
        for column, (band, reducer) in zip(request.columns, pairs, strict=True)
    ]


def _of(properties: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((properties[name] for name in names if name in properties), None)
