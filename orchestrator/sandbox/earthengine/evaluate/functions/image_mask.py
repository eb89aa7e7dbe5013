"""Masks: reading them, narrowing them, filling them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import rasterio.features
import rasterio.transform
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.fractions import together
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.images import (
    common_support,
    constant_image,
    default_band,
    paired,
)
from orchestrator.sandbox.earthengine.evaluate.nodes import Node, PointwiseNode, Pull
from orchestrator.sandbox.earthengine.evaluate.outlines import outline
from orchestrator.sandbox.earthengine.evaluate.pixels import coverage
from orchestrator.sandbox.earthengine.evaluate.projection import WGS84, Grid
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.support import Support
from orchestrator.sandbox.earthengine.evaluate.tiles import Mask, Tile, Weights, both, empty, lightened, thin, uniform
from orchestrator.sandbox.earthengine.evaluate.values import Collection, Feature, Image, ImageBand


@function("Image.updateMask")
def update_mask(image: Image, mask: Image) -> Image:
    bands = []
    for band, other, _ in paired("Image.updateMask", image, mask):
        bands.append(replace(band, node=MaskedNode(band.node, other.node)))
    return image.with_bands(bands)


class MaskedNode(Node):
    """A band under a mask. The mask is asked first: under clouds, the band need not be read at all."""

    __slots__ = ()

    def __init__(self, source: Node, mask: Node) -> None:
        """Keep the band and its mask."""
        super().__init__((source, mask), common_support(source, mask))

    def compute(self, pull: Pull, grid: Grid) -> Tile:
        mask = pull.read(self.inputs[1], grid)
        kept = both(mask.valid, np.broadcast_to(thin(mask.values) != 0, grid.shape))
        weight = _fractions(mask)
        if kept is not None and not thin(kept).any() and weight is None:
            return empty(grid.shape, np.dtype(np.float32))
        tile = pull.read(self.inputs[0], grid)
        if weight is None and tile.weight is None:
            return Tile(tile.values, both(tile.valid, kept))
        seen = tile.seen()
        new = thin(np.asarray(kept, np.float32)) if weight is None else weight
        replaced = np.broadcast_to(new if seen is None else np.where(seen, new, np.float32(0)), grid.shape)
        return Tile(tile.values, both(tile.valid, kept), replaced)


def _fractions(mask: Tile) -> Weights | None:
    """
    Give the mask that the values of an image make, unless they all are yes or no.

    Raises:
        EvaluationError: If a value is negative, which the documentation leaves open.
    """
    values = thin(mask.values)
    if values.dtype.kind in "ub" and mask.weight is None:
        return None
    seen = thin(mask.weights()) > 0
    if (seen & (values < 0)).any():
        raise not_imitated("A mask of negative values")
    held = np.where(seen, np.clip(np.nan_to_num(values), 0, 1), 0).astype(np.float32)
    if mask.weight is not None:
        return together(held, np.where(held > 0, mask.weight, np.float32(0)))
    return np.broadcast_to(held, mask.values.shape) if ((held > 0) & (held < 1)).any() else None


@function("Image.mask")
def mask(image: Image, new: Image | None) -> Image:
    if new is not None:
        return image.with_bands(
            replace(band, node=_remasked_node(band, other.node)) for band, other, _ in paired("Image.mask", image, new)
        )
    # The mask itself is valid everywhere: 0 outside the footprint, too.
    bands = [
        default_band(band.name, PointwiseNode(_mask_of, (band.node,), None, fractions=True), pixel_types.BOOLEAN, band)
        for band in image.bands
    ]
    return image.with_bands(bands)


def _remasked_node(band: ImageBand, mask: Node) -> Node:
    low, high = pixel_types.bounds(band.type) if band.type.precision == "int" else (0.0, 0.0)
    fill = min(max(0.0, low), high)
    return PointwiseNode(partial(_remasked, fill=fill), (band.node, mask), None, fractions=True)


def _mask_of(tile: Tile) -> Tile:
    if tile.weight is not None:
        return Tile(tile.weight)
    if tile.valid is None:
        return Tile(uniform(1, tile.values.shape, np.dtype(np.uint8)))
    return Tile(np.broadcast_to(thin(tile.valid).view(np.uint8), tile.values.shape))


def _remasked(tile: Tile, mask: Tile, *, fill: float) -> Tile:
    """Give pixels another mask; one that was masked before is zero, or what its type has closest to it."""
    kept = np.broadcast_to(thin(mask.values) != 0, tile.values.shape)
    seen = tile.seen()
    values = tile.values if seen is None else np.where(seen, tile.values, tile.values.dtype.type(fill))
    return Tile(values, both(mask.valid, kept), _fractions(mask))


@function("Image.selfMask")
def self_mask(image: Image) -> Image:
    return update_mask(image, image)


@function("Image.unmask")
def unmask(image: Image, value: Image | None, same_footprint: bool) -> Image:
    filling = constant_image(0) if value is None else value
    bands = []
    for band, other, name in paired("Image.unmask", image, filling):
        kind = pixel_types.union((band.type, other.type))
        apply = partial(_filled, dtype=pixel_types.dtype_of(kind))
        node: Node = PointwiseNode(apply, (band.node, other.node), None, fractions=True)
        if same_footprint and image.footprint is not None:
            node = ClippedNode(node, image.footprint, band.node.support, whole=True)
        bands.append(default_band(name, node, kind, band))
    return image.with_bands(bands)


def _filled(tile: Tile, filling: Tile, *, dtype: np.dtype[Any]) -> Tile:
    """Take value and mask of the filling wherever the mask is zero."""
    seen = tile.seen()
    if seen is None:
        return tile
    dtype = np.result_type(dtype, tile.values.dtype) if tile.values.dtype.kind == "f" else dtype
    values = np.where(thin(seen), tile.values, thin(filling.values)).astype(dtype, copy=False)
    valid = None if filling.valid is None and tile.weight is None else np.where(seen, tile.mask(), filling.mask())
    weight = None
    if tile.weight is not None or filling.weight is not None:
        weight = np.where(seen, tile.weights(), filling.weights()).astype(np.float32)
    return Tile(np.broadcast_to(values, tile.values.shape), valid, weight)


class ClippedNode(Node):
    """
    A band that is masked where a geometry does not cover the centre of the pixel.

    Where masks are wanted as fractions, a pixel weighs as much as the geometry covers of it.
    """

    __slots__ = ("_shapes", "geometry", "whole")

    def __init__(self, source: Node, geometry: Geometry, support: Support | None, *, whole: bool = False) -> None:
        """Keep the geometry, carried into the CRS it is asked in once; with `whole`, pixels never weigh in part."""
        super().__init__((source,), support)
        self.geometry = geometry
        self.whole = whole
        self._shapes: dict[str, BaseGeometry] = {}

    def compute(self, pull: Pull, grid: Grid) -> Tile:
        inside = self._inside(grid)
        if inside is False:
            return empty(grid.shape, np.dtype(np.float32))
        tile = pull.read(self.inputs[0], grid)
        if inside is True:
            return tile
        valid = both(tile.valid, inside)
        if self.whole or not pull.weighted:
            return Tile(tile.values, valid, lightened(tile.weight, inside))
        return Tile(tile.values, valid, together(tile.weights(), coverage(self._shape_in(grid.crs), grid)))

    def _inside(self, grid: Grid) -> Mask | bool:
        shape = self._shape_in(grid.crs)
        outline = grid.outline()
        if not shape.intersects(outline):
            return False
        if shape.contains(outline):
            return True
        transform = rasterio.Affine(*grid.transform)
        # The window's own frame and nothing wider: a country's border has far more corners outside than inside.
        x0, y0, x1, y1 = grid.bounds()
        margin = (x1 - x0) / grid.width + (y1 - y0) / grid.height
        near = shapely.clip_by_rect(shape, x0 - margin, y0 - margin, x1 + margin, y1 + margin)
        if near.is_empty:
            return False
        covered: Mask = rasterio.features.geometry_mask([near], grid.shape, transform, invert=True)
        return covered

    def _shape_in(self, crs: str) -> BaseGeometry:
        if crs not in self._shapes:
            # Not prepared: prepared shapes build their index at first use, which two threads must not do at once.
            self._shapes[crs] = outline(self.geometry, crs)
        return self._shapes[crs]


@function("Image.clip")
def clip(image: Image, region: Any) -> Image:
    geometry = _region(region)
    outline = Support(geometry.in_crs(WGS84))
    bands = [replace(band, node=ClippedNode(band.node, geometry, band.node.support or outline)) for band in image.bands]
    return replace(image.with_bands(bands), footprint=geometry, asset_id=None)


@function("Image.clipToCollection")
def clip_to_collection(image: Image, collection: Collection) -> Image:
    return clip(image, collection)


def _region(region: Any) -> Geometry:
    if isinstance(region, Geometry):
        return region
    if isinstance(region, Feature) and region.geometry is not None:
        return region.geometry
    if isinstance(region, Image) and region.footprint is not None:
        return region.footprint
    if isinstance(region, Collection):
        shapes = [_region(element).in_crs(WGS84) for element in region.elements()]
        return Geometry(shapely.union_all(shapes))
    raise EvaluationError("Image.clip: The geometry for image clipping must not be empty.")
