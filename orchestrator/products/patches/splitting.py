"""
Splits of patches: which trains, which validates, which tests, without a pixel of the ground in two of them.

Patches are split by where they lie: whole squares, whole tiles, whole scenes. Tiles of Sentinel-2 overlap their
neighbours by 10 km, and strides make patches overlap: of two that would share pixels in different splits one is given
up. The splits themselves are those of `tiles split`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from orchestrator.core.errors import UserError
from orchestrator.core.units import format_count
from orchestrator.plan.reproject import LONLAT
from orchestrator.products.patches.keys import SPLITS
from orchestrator.tiling.neighbours import PlacedTiles, cross_pairs, lay
from orchestrator.tiling.plane import lay_out
from orchestrator.tiling.split_options import SplitOptions
from orchestrator.tiling.splits import split_codes

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

# So much of a pixel's side is shaved off each patch, that patches which touch do not meet, and those that overlap do.
_SHAVED = 0.01
_MEETING_METRES = 1e-3
_SIDES_OF_A_BLOCK = 2


@dataclass(frozen=True, slots=True)
class Ground:
    """
    What patches cover, one of each place, whatever the number of their scenes.

    Attributes:
        crs: Of each.
        boxes: (patches, [left, bottom, right, top]) in their CRSs; of those that reach beyond a scene what is inside.
        pixels: Side of a pixel of each, metres.
        groups: What stays together where squares do not decide: names of tiles, or of scenes that share ground.
        size: Pixels of a side.
    """

    crs: Sequence[str]
    boxes: NDArray[np.float64]
    pixels: NDArray[np.float64]
    groups: Sequence[str]
    size: int


@dataclass(frozen=True, slots=True)
class Splitting:
    """
    How patches are split.

    Attributes:
        by: area, tile, scene.
        shares: Of train, val and test.
        block: Side of the squares of an area, metres; 0 is two sides of a patch.
        gap: Metres between patches of different splits; 0 is none.
        seed: Decides between equals.
    """

    by: str
    shares: tuple[float, float, float]
    block: float = 0.0
    gap: float = 0.0
    seed: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The splits that have a share."""
        return tuple(name for name, share in zip(SPLITS, self.shares, strict=True) if share)


@dataclass(frozen=True, slots=True)
class GroundSplit:
    """
    Splits that were made.

    Attributes:
        names: Of each patch; empty for one that was given up.
        overlapping: Pairs of patches of different splits that share ground: counted, not assumed.
        nearer: Pairs that are nearer than the gap.
    """

    names: tuple[str, ...]
    overlapping: int
    nearer: int


def split_ground(ground: Ground, how: Splitting) -> GroundSplit:
    """
    Return the split of each patch.

    Raises:
        UserError: There are too few squares, tiles or scenes, or they lie so that a split would have no patch.
    """
    if len(how.names) == 1:
        return GroundSplit(how.names * len(ground.crs), 0, 0)
    laid = _laid(ground)
    options = _options(ground, how)
    try:
        codes, _units = split_codes(_frame(ground), laid, options)
    except UserError as error:
        raise UserError(f"{_refusal(ground, how, len(laid.geometries))} ({error})") from None
    names = tuple("" if code < 0 else str(options.names[code]) for code in codes)
    overlapping = len(cross_pairs(laid, codes, _MEETING_METRES))
    return GroundSplit(names, overlapping, len(cross_pairs(laid, codes, options.gap)) if how.gap else 0)


def _options(ground: Ground, how: Splitting) -> SplitOptions:
    train, val, test = how.shares
    shaved = 2 * _SHAVED * float(ground.pixels.max())
    gap = how.gap + shaved if how.gap else _MEETING_METRES
    side = float(ground.pixels.max()) * ground.size
    where: dict[str, Any] = (
        {"blocks": how.block or _SIDES_OF_A_BLOCK * side} if how.by == "area" else {"group_by": "group"}
    )
    return SplitOptions(train=train, val=val, test=test, gap=gap, seed=how.seed, **where)


def _refusal(ground: Ground, how: Splitting, count: int) -> str:
    said = f"{format_count(count, 'place')} of patches cannot be split into {', '.join(how.names)} by {how.by}"
    if how.by != "area":
        there = format_count(len(set(ground.groups)), "group")
        return f"{said}: there is {there} that stays together; give --split-by area, or --shares 1,0,0 for one split"
    return f"{said}: give a smaller --block or --gap, or --shares 1,0,0 for one split"


def _frame(ground: Ground) -> GeoDataFrame:
    import geopandas  # noqa: PLC0415  heavy

    shapes, crs = _shapes(ground)
    return geopandas.GeoDataFrame({"group": list(ground.groups)}, geometry=shapes, crs=crs)


def _shapes(ground: Ground) -> tuple[NDArray[np.object_], str]:
    """Return the patches in their CRS, or in degrees where they have several."""
    shapes = np.asarray(shapely.box(*ground.boxes.T), object)
    own = np.asarray(ground.crs)
    if len(every := sorted(set(ground.crs))) == 1:
        return shapes, every[0]
    for each in every:
        shapes[own == each] = lay_out(shapes[own == each], each, LONLAT)
    return shapes, LONLAT


def _laid(ground: Ground) -> PlacedTiles:
    """Return the patches in a plane of metres, each a little smaller than it is."""
    laid = lay(_frame(ground))
    shaved = shapely.buffer(laid.geometries, -_SHAVED * ground.pixels, join_style="mitre")
    return PlacedTiles(np.asarray(shaved, object), laid.plane)
