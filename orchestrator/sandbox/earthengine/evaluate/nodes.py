"""
Bands that are not computed before somebody asks for a window of them.

A node is one band. A consumer asks its inputs in its own grid; only a reprojection changes the grid on the way. A
node never keeps pixels: what is used twice within one window is remembered by the `Pull` that asks for the window.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import shapely

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.fractions import with_fractions
from orchestrator.sandbox.earthengine.evaluate.projection import WGS84, Grid, Projection, reproject_shape
from orchestrator.sandbox.earthengine.evaluate.resampling import gather
from orchestrator.sandbox.earthengine.evaluate.support import Support
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile, both, empty, lightened, uniform
from orchestrator.sandbox.scenes.catalogue import Band, Scene

_FLOAT32 = np.dtype(np.float32)


class Node:
    """One lazy band. Nodes compare by identity and never change after their construction."""

    __slots__ = ("inputs", "support")

    def __init__(self, inputs: Sequence[Node], support: Support | None) -> None:
        """
        Keep what the band is made of.

        Args:
            inputs: Nodes that may be read to compute this one.
            support: Where valid pixels can be; None is anywhere.
        """
        self.inputs = tuple(inputs)
        self.support = support

    def compute(self, pull: Pull, grid: Grid) -> Tile:
        """Compute the window; inputs are read with `pull.read`."""
        raise NotImplementedError


class Plan:
    """
    What is shared below the requested bands: counted once, so that only what is used twice is remembered.

    Attributes:
        shared: Nodes with more than one consumer.
        outputs: For each group of bands that is computed together, which of them are wanted.
    """

    __slots__ = ("outputs", "shared")

    def __init__(self, roots: Sequence[Node]) -> None:
        """Walk over everything the roots can reach."""
        uses: Counter[Node] = Counter(roots)
        self.outputs: defaultdict[Any, list[Any]] = defaultdict(list)
        seen = set(roots)
        waiting = list(seen)
        while waiting:
            node = waiting.pop()
            if isinstance(node, GroupedNode):
                self.outputs[node.group].append(node.output)
            for child in node.inputs:
                uses[child] += 1
                if child not in seen:
                    seen.add(child)
                    waiting.append(child)
        self.shared = frozenset(node for node, count in uses.items() if count > 1)


class Pull:
    """One request for a window: remembers tiles until it is answered. Used by one thread."""

    __slots__ = ("_groups", "_parent", "_tiles", "plan", "weighted")

    def __init__(self, plan: Plan, parent: Pull | None = None, *, weighted: bool = False) -> None:
        """
        Begin with nothing remembered but what the parent remembers.

        With `weighted`, masks are wanted as fractions at the edges of clips, too.
        """
        self.plan = plan
        self.weighted = weighted
        self._parent = parent
        self._tiles: dict[tuple[Node, Grid], Tile] = {}
        self._groups: dict[tuple[Any, Grid], dict[Any, Tile]] = {}

    def scope(self) -> Pull:
        """Begin a part of the work (one scene) whose tiles are forgotten with it."""
        return Pull(self.plan, self, weighted=self.weighted)

    def read(self, node: Node, grid: Grid) -> Tile:
        """Give the window of a node, computed at most once if it is shared."""
        if node.support is not None and not node.support.touches(grid):
            return empty(grid.shape, _FLOAT32)
        if node not in self.plan.shared:
            return node.compute(self, grid)
        key = (node, grid)
        found = self._recall(key)
        if found is None:
            found = self._tiles[key] = node.compute(self, grid)
        return found

    def _recall(self, key: tuple[Node, Grid]) -> Tile | None:
        scope: Pull | None = self
        while scope is not None:
            if key in scope._tiles:  # noqa: SLF001 - a scope and its parents are one thing
                return scope._tiles[key]  # noqa: SLF001
            scope = scope._parent  # noqa: SLF001
        return None

    def read_group(self, group: Group, output: Any, grid: Grid) -> Tile:
        """Give one output of bands that are computed together."""
        key = (group, grid)
        if key not in self._groups:
            wanted = self.plan.outputs.get(group) or [output]
            self._groups[key] = group.compute_all(self, grid, wanted)
        return self._groups[key][output]


class Group:
    """Bands that are computed together, because each scene should be visited once for all of them."""

    def compute_all(self, pull: Pull, grid: Grid, wanted: Sequence[Any]) -> dict[Any, Tile]:
        """Compute a tile for each wanted output."""
        raise NotImplementedError


class GroupedNode(Node):
    """One band of a group."""

    __slots__ = ("group", "output")

    def __init__(self, group: Group, output: Any, inputs: Sequence[Node], support: Support | None) -> None:
        """Name the output of the group that this band is."""
        super().__init__(inputs, support)
        self.group = group
        self.output = output

    def compute(self, pull: Pull, grid: Grid) -> Tile:
        return pull.read_group(self.group, self.output, grid)


class ConstantNode(Node):
    """The same number, or array of numbers, everywhere."""

    __slots__ = ("dtype", "value")

    def __init__(self, value: Any, dtype: np.dtype[Any]) -> None:
        """Keep the number, or the array of numbers, and its type."""
        super().__init__((), None)
        self.value = value
        self.dtype = dtype

    def compute(self, pull: Pull, grid: Grid) -> Tile:
        del pull
        return Tile(uniform(self.value, grid.shape, self.dtype))


class PointwiseNode(Node):
    """A function of the pixels at one place."""

    __slots__ = ("fractions", "function")

    def __init__(
        self,
        function: Callable[..., Tile],
        inputs: Sequence[Node],
        support: Support | None,
        *,
        fractions: bool = False,
    ) -> None:
        """
        Keep a function from the inputs' tiles to a tile of the same shape.

        With `fractions`, the function itself says what becomes of fractional masks.
        """
        super().__init__(inputs, support)
        self.function = function
        self.fractions = fractions

    def compute(self, pull: Pull, grid: Grid) -> Tile:
        tiles = []
        for node in self.inputs:
            tiles.append(pull.read(node, grid))  # noqa: PERF401 - a comprehension is one more frame per level
        if not self.fractions:
            for tile in tiles:
                if tile.weight is not None:
                    return with_fractions(self.function, tiles)
        return self.function(*tiles)


class NeighbourhoodNode(Node):
    """A function of the pixels around a place, at most `reach` pixels away on the asked grid."""

    __slots__ = ("always", "function", "reach")

    def __init__(
        self,
        function: Callable[[Tile, Grid], Tile],
        source: Node,
        reach: Callable[[Grid], int],
        support: Support | None,
        *,
        always: bool = False,
    ) -> None:
        """
        Keep how to compute.

        Args:
            function: From the tile of a window padded by `reach` to the tile of the window (given unpadded).
            source: The band looked at.
            reach: How many pixels of the asked grid the function looks beyond it.
            support: Where valid pixels can be.
            always: Whether the function must be called even where no input pixel is valid.
        """
        super().__init__((source,), support)
        self.function = function
        self.reach = reach
        self.always = always

    def compute(self, pull: Pull, grid: Grid) -> Tile:
        tile = pull.read(self.inputs[0], grid.padded(self.reach(grid)))
        if tile.is_empty and not self.always:
            return empty(grid.shape, tile.values.dtype)
        return self.function(tile, grid)


class ReprojectedNode(Node):
    """A band computed on a lattice of its own, then taken by nearest neighbour wherever it is asked."""

    __slots__ = ("bounds", "lattice")

    def __init__(self, source: Node, lattice: Projection, bounds: Grid | None = None) -> None:
        """Keep the lattice, and the window outside of which everything is masked (None: no such window)."""
        pixel = 2 * lattice.nominal_scale()
        super().__init__((source,), source.support.widened(pixel) if source.support else None)
        self.lattice = lattice.anchor()[0]
        self.bounds = None if bounds is None else bounds.anchored()

    def compute(self, pull: Pull, grid: Grid) -> Tile:
        if (native := grid.on(self.lattice)) is not None:
            return self._native(pull, native)
        return gather(grid, self.lattice, lambda window: self._native(pull, window))

    def _native(self, pull: Pull, grid: Grid) -> Tile:
        tile = pull.read(self.inputs[0], grid)
        bounds = self.bounds
        if bounds is None or _contains(bounds, grid):
            return tile
        rows = np.arange(grid.row, grid.row + grid.height)
        cols = np.arange(grid.col, grid.col + grid.width)
        inside = ((rows >= bounds.row) & (rows < bounds.row + bounds.height))[:, None] & (
            (cols >= bounds.col) & (cols < bounds.col + bounds.width)
        )
        return Tile(tile.values, both(tile.valid, inside), lightened(tile.weight, inside))


def _contains(outer: Grid, inner: Grid) -> bool:
    return (
        outer.row <= inner.row
        and outer.col <= inner.col
        and inner.row + inner.height <= outer.row + outer.height
        and inner.col + inner.width <= outer.col + outer.width
    )


def lattice_of(band: Band) -> Projection:
    """Give the native lattice of a band of a scene."""
    a, b, c, d, e, f = (float(value) for value in band.transform)
    return Projection(band.crs, (a, b, c, d, e, f))


def support_of(scene: Scene, band: Band) -> Support:
    """Give where a band of a scene can have data: near its footprint, and on its own raster."""
    outline = getattr(scene, "outline", scene.footprint)  # of rasters that reach beyond a roughly drawn footprint
    native = Grid(lattice_of(band), 0, 0, band.height, band.width).outline()
    corners = reproject_shape(native, band.crs, WGS84).bounds
    if not np.isfinite(corners).all():  # a raster of the whole Earth, whose corners lie beyond it
        return Support(outline)
    raster = shapely.box(*corners)
    near = raster.intersection(shapely.box(*outline.bounds))
    return Support(raster if near.is_empty else near)


class SceneBandNode(Node):
    """A band of a scene of the catalogue, read from the pyramid level that suits the asked grid."""

    __slots__ = ("band", "lattice", "scene")

    def __init__(self, scene: Scene, band: Band, support: Support) -> None:
        """Keep where the band is read, and where the scene has data; nothing is read yet."""
        super().__init__((), support)
        self.scene = scene
        self.band = band
        self.lattice = lattice_of(band)

    def compute(self, pull: Pull, grid: Grid) -> Tile:
        del pull
        if (native := grid.on(self.lattice)) is not None:
            return self._level(0, native)
        level = self._suitable_level(grid.projection)
        return gather(grid, self.lattice.coarsened(2**level), lambda window: self._level(level, window))

    def _suitable_level(self, wanted: Projection) -> int:
        # The level with the closest scale that is not coarser than the asked one. A breath of tolerance, because
        # 1/111319.49 degrees is meant as one metre.
        ratio = wanted.nominal_scale() / self.lattice.nominal_scale()
        deepest = int(np.log2(max(1, min(self.band.height, self.band.width))))
        return max(0, min(int(np.floor(np.log2(max(ratio, 1e-9)) + 1e-6)), deepest))

    def _level(self, level: int, window: Grid) -> Tile:
        """Read a window; the part of it that lies outside the scene is not asked for."""
        factor = 2**level
        height, width = -(-self.band.height // factor), -(-self.band.width // factor)
        row0, row1 = max(window.row, 0), min(window.row + window.height, height)
        col0, col1 = max(window.col, 0), min(window.col + window.width, width)
        if row0 >= row1 or col0 >= col1:
            return empty(window.shape, _FLOAT32)
        values, valid = self._read(level, row0, col0, row1 - row0, col1 - col0)
        if values.shape == window.shape:
            return Tile(values, None if valid.all() else valid)
        whole, mask = np.zeros(window.shape, values.dtype), np.zeros(window.shape, np.bool_)
        inner = (slice(row0 - window.row, row1 - window.row), slice(col0 - window.col, col1 - window.col))
        whole[inner], mask[inner] = values, valid
        return Tile(whole, mask)

    def _read(self, level: int, row: int, col: int, height: int, width: int) -> tuple[Any, Any]:
        values, valid = self.scene.read(self.band.name, level, row, col, height, width)
        if values.shape != (height, width):
            raise EvaluationError(f"Image.load: band '{self.band.name}' of '{self.scene.asset_id}' is unreadable.")
        return values, valid
