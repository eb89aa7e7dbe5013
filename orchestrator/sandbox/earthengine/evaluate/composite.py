"""
Images made of whole collections: reductions pixel by pixel, and mosaics.

Scenes are visited one after the other for all wanted bands, so that what a scene's bands share (its cloud mask) is
computed once and forgotten with the scene. Scenes that cannot touch the window are not visited.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.nodes import Group, GroupedNode, Node, Pull
from orchestrator.sandbox.earthengine.evaluate.projection import Grid
from orchestrator.sandbox.earthengine.evaluate.reducing import Reducer
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile, assembled, empty
from orchestrator.sandbox.earthengine.evaluate.untold import told
from orchestrator.sandbox.earthengine.evaluate.values import Image, ImageBand
from orchestrator.sandbox.scenes.catalogue import PixelType

Bands = Mapping[str, Node]
Output = tuple[str, int]  # band name, number of the reducer's output

_STACK_BYTES = 192 << 20  # of tiles kept at once for one reduction
_SMALLEST_SIDE = 64


def _touching(images: Sequence[Bands], names: Sequence[str], grid: Grid) -> list[Bands]:
    near = []
    for image in images:
        nodes = [image[name] for name in names if name in image]
        if any(node.support is None or node.support.touches(grid) for node in nodes):
            near.append(image)
    return near


class Reduction(Group):
    """Bands reduced over the images of a collection."""

    def __init__(self, images: Sequence[Bands], reducer: Reducer, kinds: Mapping[str, PixelType]) -> None:
        """
        Keep what is reduced.

        Args:
            images: Their bands by name.
            reducer: How.
            kinds: The union of the types of each band.
        """
        self._images = images
        self._reducer = reducer
        self._kinds = kinds

    def compute_all(self, pull: Pull, grid: Grid, wanted: Sequence[Output]) -> dict[Output, Tile]:
        """Reduce; a window whose stack would not fit into memory is cut."""
        names = list(dict.fromkeys(name for name, _ in wanted))
        images = _touching(self._images, names, grid)
        bytes_per_pixel = sum(pixel_types.dtype_of(self._kinds[name]).itemsize + 1 for name in names)
        heavy = len(images) * bytes_per_pixel * grid.height * grid.width > _STACK_BYTES
        if heavy and max(grid.shape) > _SMALLEST_SIDE:
            return _in_halves(self.compute_all, pull, grid, wanted)
        stacks = self._stacks(pull, grid, images, names)
        reduced = {name: self._reduce(name, stacks[name], grid) for name in names}
        return {(name, at): told(reduced[name][at]) for name, at in wanted}

    def _stacks(self, pull: Pull, grid: Grid, images: Sequence[Bands], names: Sequence[str]) -> dict[str, list[Tile]]:
        stacks: defaultdict[str, list[Tile]] = defaultdict(list)
        for image in images:
            scope = pull.scope()
            for name in names:
                if name not in image:
                    continue
                tile = scope.read(image[name], grid)
                if not tile.is_empty:
                    stacks[name].append(tile)
        return stacks

    def _reduce(self, name: str, stack: Sequence[Tile], grid: Grid) -> list[Tile]:
        dtype = pixel_types.dtype_of(self._kinds[name])
        if not stack:
            # A tile that is nowhere valid lets each reducer say what nothing reduces to.
            stack = [empty(grid.shape, dtype)]
        widest = np.result_type(dtype, *(tile.values.dtype for tile in stack if tile.values.dtype.kind == "f"))
        return self._reducer.reduce([[tile] for tile in stack], widest)


class JointReduction(Group):
    """Several bands reduced together over the images of a collection: one record for each image."""

    def __init__(self, images: Sequence[Bands], names: Sequence[str], reducer: Reducer) -> None:
        """Keep what is reduced: images, their bands in the order of the reducer's inputs, and how."""
        self._images = images
        self._names = names
        self._reducer = reducer

    def compute_all(self, pull: Pull, grid: Grid, wanted: Sequence[Output]) -> dict[Output, Tile]:
        """Reduce; a window whose stack would not fit into memory is cut."""
        names = self._names
        images = _touching(self._images, names, grid)
        heavy = len(images) * len(names) * grid.height * grid.width * 5 > _STACK_BYTES
        if heavy and max(grid.shape) > _SMALLEST_SIDE:
            return _in_halves(self.compute_all, pull, grid, wanted)
        scopes = [(image, pull.scope()) for image in images]
        records = [[scope.read(image[name], grid) for name in names] for image, scope in scopes]
        # A record that is nowhere valid lets each reducer say what nothing reduces to.
        records = [record for record in records if not any(tile.is_empty for tile in record)] or [
            [empty(grid.shape, np.dtype(np.float64)) for _ in names]
        ]
        found = self._reducer.reduce(records, np.dtype(np.float64))
        return {(name, at): told(found[at]) for name, at in wanted}


class Mosaic(Group):
    """The last image that is valid at a pixel, band by band."""

    def __init__(self, images: Sequence[Bands], kinds: Mapping[str, PixelType]) -> None:
        """Keep the images, the top one last."""
        self._images = images
        self._kinds = kinds

    def compute_all(self, pull: Pull, grid: Grid, wanted: Sequence[Output]) -> dict[Output, Tile]:
        """Lay images under each other from the top until nothing shows through."""
        names = list(dict.fromkeys(name for name, _ in wanted))
        values = {name: np.zeros(grid.shape, pixel_types.dtype_of(self._kinds[name])) for name in names}
        missing = {name: np.ones(grid.shape, np.bool_) for name in names}
        for image in reversed(_touching(self._images, names, grid)):
            scope = pull.scope()
            for name in names:
                if name in image and missing[name].any():
                    values[name] = _laid_under(scope.read(image[name], grid), values[name], missing[name])
        return {(name, at): Tile(values[name], ~missing[name]) for name, at in wanted}


def _laid_under(tile: Tile, values: Any, missing: Any) -> Any:
    """Fill missing pixels from a tile; `missing` is updated in place."""
    new = missing if tile.valid is None else missing & tile.valid
    if tile.values.dtype.kind == "f" and values.dtype.kind != "f":
        values = values.astype(tile.values.dtype)  # means of a pyramid are fractions
    np.copyto(values, tile.values, where=new, casting="unsafe")
    missing &= ~new
    return values


class QualityMosaic(Group):
    """All bands of the image whose quality band is highest at a pixel; the first of equals."""

    def __init__(self, images: Sequence[Bands], kinds: Mapping[str, PixelType], quality: str) -> None:
        """Keep the images and the name of the quality band."""
        self._images = images
        self._kinds = kinds
        self._quality = quality

    def compute_all(self, pull: Pull, grid: Grid, wanted: Sequence[Output]) -> dict[Output, Tile]:
        """Keep the best pixel so far while walking over the images."""
        names = list(dict.fromkeys(name for name, _ in wanted))
        values = {name: np.zeros(grid.shape, np.float64) for name in names}
        valid = {name: np.zeros(grid.shape, np.bool_) for name in names}
        best = np.full(grid.shape, -np.inf)
        for image in _touching(self._images, [self._quality], grid):
            scope = pull.scope()
            quality = scope.read(image[self._quality], grid)
            better = quality.mask() & (quality.values > best)
            best[better] = quality.values[better]
            for name in names:
                tile = scope.read(image[name], grid)
                values[name][better] = tile.values[better]
                valid[name][better] = tile.mask()[better]
        return {
            (name, at): Tile(values[name].astype(pixel_types.dtype_of(self._kinds[name])), valid[name])
            for name, at in wanted
        }


def band_kinds(images: Sequence[Image]) -> dict[str, PixelType]:
    """Give the bands of a collection in order of appearance, with the union of their types."""
    found: defaultdict[str, list[PixelType]] = defaultdict(list)
    for image in images:
        for band in image.bands:
            if band.type.dimensions:
                raise not_imitated("A composite of array bands")
            found[band.name].append(band.type)
    return {name: pixel_types.union(kinds) for name, kinds in found.items()}


def nodes_by_name(images: Sequence[Image]) -> list[Bands]:
    """Give the nodes of each image by band name."""
    return [{band.name: band.node for band in image.bands} for image in images]


def grouped_band(
    name: str, group: Group, output: Output, images: Sequence[Bands], kind: PixelType, *also: str
) -> ImageBand:
    """Make one band of a group, which reads the band of the same name (and `also` others) of every image."""
    inputs = [image[key] for image in images for key in (output[0], *also) if key in image]
    return ImageBand(name, GroupedNode(group, output, inputs, None), kind)


def _in_halves(
    compute: Callable[[Pull, Grid, Sequence[Output]], dict[Output, Tile]],
    pull: Pull,
    grid: Grid,
    wanted: Sequence[Output],
) -> dict[Output, Tile]:
    """Compute each half of a grid by itself, and join them."""
    halves = grid.halves()
    parts = [compute(pull.scope(), half, wanted) for half in halves]
    return {
        key: assembled(grid, [(half, part[key]) for half, part in zip(halves, parts, strict=True)]) for key in wanted
    }
