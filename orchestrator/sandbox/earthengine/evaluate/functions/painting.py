"""Features as pixels: painted into an image, reduced to one, and the distance to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.earthengine.evaluate import pixel_types, sphere
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated, shown
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.nodes import Group, GroupedNode, Node, Pull
from orchestrator.sandbox.earthengine.evaluate.pixels import coverage, lonlat
from orchestrator.sandbox.earthengine.evaluate.projection import Grid
from orchestrator.sandbox.earthengine.evaluate.reducing import Reducer
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.shapes import Shapes, filled, stroked
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile, empty, uniform
from orchestrator.sandbox.earthengine.evaluate.untold import told
from orchestrator.sandbox.earthengine.evaluate.values import Collection, Image, ImageBand, geometry_of

_SPHERE_METRES = 6_378_137.0  # the radius of the sphere; the reference names none
_FLAT_DEGREES = 1.0  # within a window of this side, and around it, distances are measured in a plane


def placed(name: str, collection: Collection) -> list[tuple[Any, Geometry]]:
    """
    Give the elements with their geometries.

    Raises:
        EvaluationError: If one has none.
    """
    found = [(element, geometry_of(element)) for element in collection.elements()]
    if any(geometry is None for _, geometry in found):
        raise not_imitated(f"{name}: a feature without a geometry")
    return [(element, geometry) for element, geometry in found if geometry is not None]


def _number(name: str, value: Any, element: Any) -> float:
    """
    Give a number, or the property of an element that has one.

    Raises:
        EvaluationError: If it is none.
    """
    found = element.properties.get(value) if isinstance(value, str) else value
    if not isinstance(found, (int, float)) or isinstance(found, bool):
        raise EvaluationError(f"{name}: The value of '{value}' is not a number: {shown(found)}.")
    return float(found)


@dataclass(frozen=True, slots=True)
class _Brush:
    """What a feature is painted with: a value, and the width of its outline in pixels; None fills it."""

    value: float
    width: float | None


@function("Image.paint")
def paint(image: Image, collection: Collection, color: Any, width: Any) -> Image:
    """Replace the values of each band where a feature is, or its outline; what is painted is not masked."""
    name = "Image.paint"
    found = placed(name, collection)
    brushes = [
        _Brush(_number(name, color, element), None if width is None else _number(name, width, element))
        for element, _ in found
    ]
    if any(brush.width is not None and brush.width <= 0 for brush in brushes):
        raise not_imitated(f"{name}: a width that is not positive")
    shapes = Shapes([geometry for _, geometry in found])
    return image.with_bands(replace(band, node=PaintedNode(band, shapes, brushes)) for band in image.bands)


class PaintedNode(Node):
    """A band with features painted over it, the later over the earlier; values are held in the type of the band."""

    __slots__ = ("_brushes", "_shapes", "_values", "_widest")

    def __init__(self, band: ImageBand, shapes: Shapes, brushes: Sequence[_Brush]) -> None:
        """Keep the features and what they are painted with."""
        super().__init__((band.node,), None)
        self._shapes = shapes
        self._brushes = brushes
        self._values = [_held(brush.value, band) for brush in brushes]
        self._widest = max((brush.width or 0.0 for brush in brushes), default=0.0)

    def compute(self, pull: Pull, grid: Grid) -> Tile:
        tile = pull.read(self.inputs[0], grid)
        values = valid = weight = None
        for number, shape in self._shapes.near(grid, self._widest):
            width = self._brushes[number].width
            where = filled("Image.paint", shape, grid) if width is None else stroked("Image.paint", shape, grid, width)
            if not where.any():
                continue
            if values is None or valid is None:
                values, valid = np.array(tile.values), np.array(tile.mask())
                values = values.astype(np.result_type(values.dtype, self._values[number].dtype), copy=False)
                weight = None if tile.weight is None else np.array(tile.weight)
            values[where], valid[where] = self._values[number], True
            if weight is not None:
                weight[where] = 1
        return tile if values is None else Tile(values, valid, weight)


def _held(value: float, band: ImageBand) -> Any:
    """Hold a value in the type of a band, as the guide says of constants: they stay what they are."""
    dtype = pixel_types.dtype_of(band.type)
    if band.type.precision != "int":
        return dtype.type(value)
    low, high = pixel_types.bounds(band.type)
    return dtype.type(min(max(np.trunc(value), low), high))


@function("Collection.reduceToImage")
def reduce_to_image(collection: Collection, properties: list[Any], reducer: Reducer) -> Image:
    """Reduce properties of all features that a pixel has a part of; bands are named as the reducer's outputs."""
    name = "Collection.reduceToImage"
    if reducer.inputs != len(properties):
        raise EvaluationError(
            f"{name}: The reducer has {reducer.inputs} inputs, but {len(properties)} properties are selected."
        )
    found = placed(name, collection)
    values = [[_number(name, str(each), element) for each in properties] for element, _ in found]
    group = _ReducedShapes(Shapes([geometry for _, geometry in found]), values, reducer)
    kinds = reducer.kinds(pixel_types.DOUBLE, max(len(values), 1))
    bands = (
        ImageBand(output, GroupedNode(group, at, (), None), kind)
        for at, (output, kind) in enumerate(zip(reducer.outputs, kinds, strict=True))
    )
    return Image(tuple(bands))


class _ReducedShapes(Group):
    """The outputs of a reducer over the features at each pixel."""

    def __init__(self, shapes: Shapes, values: Sequence[Sequence[float]], reducer: Reducer) -> None:
        self._shapes = shapes
        self._values = values
        self._reducer = reducer

    def compute_all(self, pull: Pull, grid: Grid, wanted: Sequence[Any]) -> dict[Any, Tile]:
        del pull
        dtype = np.dtype(np.float64)
        records = [
            [Tile(uniform(value, grid.shape, dtype), where) for value in self._values[number]]
            for number, shape in self._shapes.near(grid)
            if (where := coverage(shape, grid) > 0).any()
        ]
        if not records:
            return {at: empty(grid.shape, dtype) for at in range(len(self._reducer.outputs))}
        found = self._reducer.reduce(records, dtype)
        return {at: told(found[at]) for at in wanted}


@function("Collection.distance")
def distance(collection: Collection, radius: float, margin: float) -> Image:
    """Give metres from each pixel's centre to the nearest point, line or outline, where that is in the radius."""
    name = "Collection.distance"
    if margin == 0:
        raise not_imitated(f"{name}: an error of 0")
    drawn = [sphere.drawn(name, geometry, margin) for _, geometry in placed(name, collection)]
    edges = [part for shape in drawn for part in _edges(shape)]
    return Image((ImageBand("distance", DistanceNode(edges, radius), pixel_types.DOUBLE),))


def _edges(shape: Any) -> list[BaseGeometry]:
    """Give the points, and each straight piece of lines and outlines."""
    if hasattr(shape, "geoms"):
        return [edge for part in shape.geoms for edge in _edges(part)]
    if shape.geom_type == "Point":
        return [] if shape.is_empty else [shape]
    rings = [shape.exterior, *shape.interiors] if shape.geom_type == "Polygon" else [shape]
    found: list[BaseGeometry] = []
    for ring in rings:
        points = shapely.get_coordinates(shapely.segmentize(ring, _FLAT_DEGREES))
        found += [shapely.LineString(ends) for ends in np.stack([points[:-1], points[1:]], axis=1)]
    return found


class DistanceNode(Node):
    """The distance to the nearest of many edges in longitude and latitude, on a sphere."""

    __slots__ = ("_edges", "_radius", "_tree")

    def __init__(self, edges: Sequence[BaseGeometry], radius: float) -> None:
        """Keep the edges; they are indexed once, by their place."""
        super().__init__((), None)
        self._edges = np.array(edges, dtype=object)
        self._tree = shapely.STRtree(edges)
        self._radius = radius

    def compute(self, pull: Pull, grid: Grid) -> Tile:
        del pull
        cols, rows = np.meshgrid(np.arange(grid.width) + 0.5, np.arange(grid.height) + 0.5)
        x, y = grid.projection.world(cols.ravel() + grid.col, rows.ravel() + grid.row)
        lon, lat = lonlat(grid, x, y)
        found = np.full(lon.shape, np.inf)
        blocks = np.stack([np.floor(lon / _FLAT_DEGREES), np.floor(lat / _FLAT_DEGREES)])
        for block in np.unique(blocks, axis=1).T:
            here = (blocks == block[:, None]).all(axis=0)
            found[here] = self._from(lon[here], lat[here])
        valid = found <= self._radius
        values = np.where(valid, found, 0.0)
        return Tile(values.reshape(grid.shape), valid.reshape(grid.shape))

    def _from(self, lon: Any, lat: Any) -> Any:
        """Measure from points close together to the edges that may be near enough."""
        middle_lon, middle_lat = float(lon.mean()), float(lat.mean())
        carry = _flat(middle_lon, middle_lat)
        reach = np.degrees(self._radius / _SPHERE_METRES) + 2 * _FLAT_DEGREES
        wide = reach / max(np.cos(np.radians(min(abs(middle_lat) + reach, 89.0))), 0.01)
        frame = shapely.box(middle_lon - wide, middle_lat - reach, middle_lon + wide, middle_lat + reach)
        near = self._edges[self._tree.query(frame)]
        if not near.size:
            return np.full(lon.shape, np.inf)
        tree = shapely.STRtree([shapely.transform(edge, carry) for edge in near])
        points = shapely.points(carry(np.column_stack([lon, lat])))
        index, lengths = tree.query_nearest(points, return_distance=True, all_matches=False)
        measured = np.full(lon.shape, np.inf)
        measured[index[0]] = lengths
        return measured


def _flat(lon0: float, lat0: float) -> Callable[[Any], Any]:
    """Give the azimuthal equidistant projection of the sphere around a point (Snyder 1987, equations 22-4 and 22-5)."""
    sin0, cos0 = np.sin(np.radians(lat0)), np.cos(np.radians(lat0))

    def carry(points: Any) -> Any:
        across, lat = np.radians(points[:, 0] - lon0), np.radians(points[:, 1])
        cosine = sin0 * np.sin(lat) + cos0 * np.cos(lat) * np.cos(across)
        angle = np.arccos(np.clip(cosine, -1, 1))
        sine = np.sin(angle)
        scale = _SPHERE_METRES * np.where(sine > 1e-9, angle / np.where(sine > 1e-9, sine, 1), 1)
        x = scale * np.cos(lat) * np.sin(across)
        y = scale * (cos0 * np.sin(lat) - sin0 * np.cos(lat) * np.cos(across))
        return np.column_stack([x, y])

    return carry
