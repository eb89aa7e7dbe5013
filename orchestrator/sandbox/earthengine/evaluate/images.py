"""Making images: from numbers, from scenes of the catalogue, and band by band from other images."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.arrays import INT32, Array, shaped
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, shown
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.nodes import ConstantNode, Node, PointwiseNode, SceneBandNode, support_of
from orchestrator.sandbox.earthengine.evaluate.support import Support
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile, empty
from orchestrator.sandbox.earthengine.evaluate.values import Image, ImageBand
from orchestrator.sandbox.scenes.catalogue import PixelType, Scene

_MOST_OF_BYTE = 255


def constant_image(value: Any) -> Image:
    """Make an image of numbers: one band `constant`, or `constant_0`, `constant_1`... from a list."""
    if isinstance(value, list):
        return Image(tuple(_constant_band(f"constant_{at}", item) for at, item in enumerate(value)))
    if isinstance(value, dict):
        return Image(tuple(_constant_band(name, item) for name, item in value.items()))
    return Image((_constant_band("constant", value),))


def _constant_band(name: str, value: Any) -> ImageBand:
    if isinstance(value, Array):
        kind = shaped(_least_kind(value), value.dimensions)
        return ImageBand(name, ConstantNode(value.values, value.values.dtype), kind)
    if not isinstance(value, (int, float)):
        raise EvaluationError(f"Image.constant: '{shown(value)}' is not a number.")
    kind = pixel_types.of_number(value)
    if kind == pixel_types.DOUBLE and math.isfinite(value):
        kind = PixelType("double", value, value)
    return ImageBand(name, ConstantNode(value, pixel_types.dtype_of(kind)), kind)


def _least_kind(array: Array) -> PixelType:
    """Give the type of a constant array: the page of `ee.Image` shows whole numbers from 0 to 255 as bytes."""
    values = array.values
    bytes_only = array.kind == INT32 and values.size and values.min() >= 0 and values.max() <= _MOST_OF_BYTE
    return pixel_types.NAMED_TYPES["uint8"] if bytes_only else array.kind


def masked_node(kind: PixelType) -> Node:
    """Make a band that is nowhere valid."""
    dtype = pixel_types.dtype_of(kind)
    return PointwiseNode(lambda tile: empty(tile.values.shape, dtype), (ConstantNode(0, dtype),), None)


def scene_image(scene: Scene) -> Image:
    """Make an image of a scene of the catalogue."""
    bands = []
    supports: dict[Any, Support] = {}
    for band in scene.bands:
        raster = (band.crs, band.transform, band.height, band.width)
        if raster not in supports:
            supports[raster] = support_of(scene, band)
        node = SceneBandNode(scene, band, supports[raster])
        bands.append(ImageBand(band.name, node, band.type, node.lattice, (band.height, band.width)))
    return Image(tuple(bands), scene.properties, Geometry(scene.footprint), scene.asset_id)


def common_support(*nodes: Node) -> Support | None:
    """Where the intersection of masks can be valid: the first input that is bounded decides, which is safe."""
    return next((node.support for node in nodes if node.support is not None), None)


def pointwise(function: Callable[..., Tile], *nodes: Node) -> PointwiseNode:
    """Make a band from bands at one place, valid at most where all of them are."""
    return PointwiseNode(function, nodes, common_support(*nodes))


def mapped(image: Image, function: Callable[[Tile], Tile], kind: Callable[[PixelType], PixelType] | PixelType) -> Image:
    """Apply a function of one tile to each band, of numbers."""
    bands = (
        replace(
            band,
            node=pointwise(function, band.node),
            type=kind(band.type) if callable(kind) else kind,
        )
        for band in image.bands
    )
    return image.with_bands(bands)


def paired(function: str, left: Image, right: Image) -> Iterator[tuple[ImageBand, ImageBand, str]]:
    """
    Match the bands of two operands, with the name of the result.

    A single band meets every band of the other; equal names meet by name, others by order. Names come from the
    left operand, or from the right if the left has a single band and the right has more.

    Raises:
        EvaluationError: If the numbers of bands do not fit, or an operand has none.
    """
    for image in (left, right):
        if not image.bands:
            raise EvaluationError(f"{function}: If one image has no bands, the other must also have no bands.")
    if len(right.bands) == 1:
        return iter([(band, right.bands[0], band.name) for band in left.bands])
    if len(left.bands) == 1:
        return iter([(left.bands[0], band, band.name) for band in right.bands])
    if len(left.bands) != len(right.bands):
        raise EvaluationError(
            f"{function}: Images must contain the same number of bands, or one must have exactly one band. "
            f"Got {len(left.bands)} and {len(right.bands)}."
        )
    by_name = set(left.names) == set(right.names)
    partners = [right.band(name) for name in left.names] if by_name else right.bands
    return iter([(a, b, a.name) for a, b in zip(left.bands, partners, strict=True) if b is not None])


def default_band(name: str, node: Node, kind: PixelType, like: ImageBand | None = None) -> ImageBand:
    """Make a band, with the default projection of another where there is one."""
    band = ImageBand(name, node, kind)
    return band if like is None else replace(band, projection=like.projection, shape=like.shape)
