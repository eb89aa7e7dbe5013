"""Features as a picture: lines and polygons in colours with opacity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.colours import Colour, colour
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated, shown
from orchestrator.sandbox.earthengine.evaluate.functions.painting import placed
from orchestrator.sandbox.earthengine.evaluate.nodes import Group, GroupedNode, Pull
from orchestrator.sandbox.earthengine.evaluate.projection import Grid
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.shapes import Shapes, filled, stroked
from orchestrator.sandbox.earthengine.evaluate.tiles import Mask, Tile
from orchestrator.sandbox.earthengine.evaluate.values import Collection, Image, ImageBand

_NAME = "Collection.style"
_FILL = 0.66  # opacity of a filling nobody chose
_BANDS = ("vis-red", "vis-green", "vis-blue")
_OPTIONS = frozenset({"color", "pointSize", "pointShape", "width", "fillColor", "lineType"})


@dataclass(frozen=True, slots=True)
class _Style:
    """How a feature is drawn: its lines, their width in pixels, and the inside of polygons."""

    line: Colour
    width: float
    fill: Colour


@function("Collection.style")
def style(
    collection: Collection,
    color: str,
    point_size: int,
    point_shape: str,
    width: float,
    fill: str | None,
    style_property: str | None,
    neighborhood: int,
    line_type: str,
) -> Image:
    """
    Draw polygons and lines, the later over the earlier; the mask of the picture is its opacity.

    A polygon is filled first, then outlined.
    """
    del point_size, point_shape, neighborhood
    given = {"color": color, "width": width, "fillColor": fill, "lineType": line_type}
    found = placed(_NAME, collection)
    styles = [_style(given, element.properties.get(style_property) if style_property else None) for element, _ in found]
    if any("Point" in part.geom_type for _, place in found for part in [place.shape, *shapely.get_parts(place.shape)]):
        raise not_imitated(f"{_NAME}: points, whose markers no page describes,")
    group = _Picture(Shapes([place for _, place in found]), styles)
    return Image(tuple(ImageBand(name, GroupedNode(group, name, (), None), pixel_types.BYTE) for name in _BANDS))


def _style(given: Mapping[str, Any], own: Any) -> _Style:
    """
    Read a style; what a feature says of its own comes before what was given for all.

    Raises:
        EvaluationError: If it is none, or asks for lines that are not solid.
    """
    if own is not None and not isinstance(own, Mapping):
        raise EvaluationError(f"{_NAME}: The style of a feature must be a dictionary, found: {shown(own)}.")
    if unknown := sorted(set(own or {}) - _OPTIONS):
        raise not_imitated(f"{_NAME}: the option '{unknown[0]}' of a feature")
    told = {**given, **(own or {})}
    if told["lineType"] != "solid":
        raise not_imitated(f"{_NAME}: lines that are {told['lineType']}")
    line = colour(_NAME, str(told["color"]))
    fill = line.at(_FILL) if told["fillColor"] is None else colour(_NAME, str(told["fillColor"]))
    return _Style(line, float(told["width"]), fill)


class _Picture(Group):
    """The bands of a picture of features."""

    def __init__(self, shapes: Shapes, styles: Sequence[_Style]) -> None:
        self._shapes = shapes
        self._styles = styles
        self._widest = max((style.width for style in styles), default=0.0)

    def compute_all(self, pull: Pull, grid: Grid, wanted: Sequence[Any]) -> dict[Any, Tile]:
        del pull, wanted
        canvas = _Canvas(grid)
        for number, shape in self._shapes.near(grid, self._widest):
            drawn = self._styles[number]
            if shape.area > 0:
                canvas.draw(filled(_NAME, shape, grid), drawn.fill)
            if drawn.width > 0:
                canvas.draw(stroked(_NAME, shape, grid, drawn.width), drawn.line)
        return canvas.tiles()


class _Canvas:
    """Colours over one another, as Porter and Duff's `over` mixes them (1984)."""

    def __init__(self, grid: Grid) -> None:
        self._colours = np.zeros((3, *grid.shape))  # multiplied by the opacity
        self._opacity = np.zeros(grid.shape)

    def draw(self, where: Mask, ink: Colour) -> None:
        """Lay a colour over what is there."""
        for plane, value in zip(self._colours, (ink.red, ink.green, ink.blue), strict=True):
            plane[where] = value * ink.opacity + plane[where] * (1 - ink.opacity)
        self._opacity[where] = ink.opacity + self._opacity[where] * (1 - ink.opacity)

    def tiles(self) -> dict[str, Tile]:
        """Give the bands, with the opacity as their mask."""
        seen = self._opacity > 0
        weight = self._opacity.astype(np.float32)
        fractions = None if ((weight == 0) | (weight == 1)).all() else weight
        plain = self._colours / np.where(seen, self._opacity, 1)
        values = np.floor(np.clip(plain, 0, 255) + 0.5).astype(np.uint8)
        return {name: Tile(plane, seen, fractions) for name, plane in zip(_BANDS, values, strict=True)}
