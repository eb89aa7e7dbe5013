"""Parts that need not be opened by GDAL, because one that says the same of itself was found right before."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.assemble import tiff
from orchestrator.model.grid import Grid, Transform, Window

# What differs between parts that are alike: their size, their place, and where their tiles lie.
_OF_ONE_PART = {tiff.WIDTH, tiff.HEIGHT, tiff.TILE_OFFSETS, tiff.TILE_SIZES, tiff.TIEPOINT}

Signature = tuple[object, ...]


@dataclass(slots=True)
class Accepted:
    """
    The tags of parts that GDAL has found to be the planned ones.

    How tags give a CRS and a place is GDAL's business (pixels may be points or areas); of another part with the same
    tags only the distance to the first is taken, from the tie points of both.
    """

    grid: Grid
    _seen: dict[Signature, tuple[Window, list[float]]] = field(default_factory=dict)

    def learn(self, file: tiff.File, window: Window) -> None:
        """Note the tags of a part that is the planned one."""
        tags = file.directories[0].tags
        tie, scale = tags.get(tiff.TIEPOINT), tags.get(tiff.PIXEL_SCALE)
        if tie and scale and tie.count == 6 and scale.count >= 2:
            self._seen.setdefault(_signature(file), (window, tie.values().tolist()))

    def transform(self, file: tiff.File, window: Window) -> Transform | None:
        """Return the transform of a part whose tags are known and whose size is that of `window`, else None."""
        image = file.directories[0]
        known = self._seen.get(_signature(file))
        tie = image.tags.get(tiff.TIEPOINT)
        if known is None or tie is None or tie.count != 6:
            return None
        there, origin = known
        here = tie.values().tolist()
        size = image.number(tiff.HEIGHT), image.number(tiff.WIDTH)
        if here[:3] != origin[:3] or size != (window.height, window.width):
            return None
        width, height = image.tags[tiff.PIXEL_SCALE].values().tolist()[:2]
        left, top = self.grid.window_transform(there)[2], self.grid.window_transform(there)[5]
        return (width, 0.0, left + here[3] - origin[3], 0.0, -height, top + here[4] - origin[4])


def _signature(file: tiff.File) -> Signature:
    tags = file.directories[0].tags.items()
    kept = sorted((number, tag.kind, tag.data) for number, tag in tags if number not in _OF_ONE_PART)
    return (file.order, *kept, any(image.number(tiff.SUBFILE) & 4 for image in file.directories))
