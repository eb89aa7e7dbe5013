"""What a run of chips is made from, settled once and kept as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from orchestrator.core.stored import read_stored
from orchestrator.model.grid import Grid, Window
from orchestrator.model.plan_json import grid_from, grid_json, pixels_from, pixels_json
from orchestrator.model.spec import PixelSpec
from orchestrator.model.tile_expression import Ring
from orchestrator.model.unit import Cell

# Grows when a field changes its meaning, never because one was added.
VERSION = 1
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class PlannedChip:
    """
    One tile's raster.

    Attributes:
        identifier: Of the tile.
        zone: Index of the plan's grid that it lies on.
        window: Its pixels there.
    """

    identifier: str
    zone: int
    window: Window


@dataclass(frozen=True, slots=True)
class Carried:
    """
    A chip that an earlier run brought, and that is what would come again.

    Attributes:
        sha256: Of its file; empty where there is none, since every pixel is masked.
        valid: For each band the share of its pixels that hold data.
        why: Why there is no file, where that is not for want of data.
    """

    sha256: str
    valid: tuple[float, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class ChipPlan:
    """
    Where every pixel of every chip comes from.

    A cell of it names the zone (`grid`), the chip (`time`, its place in `chips`), its window on the zone's grid, and
    the group of bands.

    Attributes:
        zones: One grid for each CRS, on multiples of the pixel size: all chips of a zone are windows on it.
        pixels: Bands, number type, nodata.
        chips: In the order of the tiles.
        groups: Bands that one request asks for; all of them, unless they are more than a request takes.
        outside: `keep`, or `nodata` for pixels whose centres lie outside the tile.
        shapes: Outline of each chip's tile in the CRS of its zone, WKB in hexadecimal; empty where nothing needs it.
        rings: Corners of each chip's tile in degrees, the last is the first; only where the image, or the user's code,
            may depend on them.
        code: The user's own file that the dataset is defined in, as it was when the run was planned.
        made_by: What tells chips that are made another way apart.
        carried: Chips that are there already, by their place in `chips`.
        notes: What a user should know, a sentence each.
    """

    zones: tuple[Grid, ...]
    pixels: PixelSpec
    chips: tuple[PlannedChip, ...]
    groups: tuple[tuple[str, ...], ...]
    outside: str = "keep"
    shapes: tuple[str, ...] = ()
    rings: tuple[Ring, ...] = ()
    code: str = ""
    made_by: str = ""
    carried: Mapping[int, Carried] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()

    def grid_of(self, number: int) -> Grid:
        """Return a chip's own grid."""
        chip = self.chips[number]
        return self.zones[chip.zone].crop(chip.window)

    def cells_of(self, number: int) -> Iterator[Cell]:
        """Yield what is asked for a chip: all of it, for each group of bands."""
        chip = self.chips[number]
        for group in range(len(self.groups)):
            yield Cell(chip.window, grid=chip.zone, time=number, group=group)

    def pixels_of(self, group: int) -> PixelSpec:
        """Return what a request for a group of bands asks for."""
        return replace(self.pixels, bands=self.groups[group])

    def to_json(self) -> str:
        """Return it as a run keeps it; what is not used is left out."""
        content: dict[str, Any] = {
            "version": VERSION,
            "zones": [grid_json(zone) for zone in self.zones],
            "pixels": pixels_json(self.pixels),
            "chips": [
                [c.identifier, c.zone, c.window.row, c.window.col, c.window.height, c.window.width] for c in self.chips
            ],
            "groups": [list(group) for group in self.groups] if len(self.groups) > 1 else [],
            "outside": self.outside,
            "shapes": list(self.shapes),
            "rings": [list(map(list, ring)) for ring in self.rings],
            "code": self.code,
            "made_by": self.made_by,
            "carried": {str(number): [one.sha256, one.why, *one.valid] for number, one in self.carried.items()},
            "notes": list(self.notes),
        }
        return json.dumps({name: value for name, value in content.items() if value}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> ChipPlan:
        """
        Read what `to_json` of this or an earlier version wrote.

        Raises:
            IntegrityError: A newer version wrote it.
        """
        content = read_stored(text, "plan of chips", VERSION)
        pixels = pixels_from(content["pixels"])
        groups = tuple(tuple(group) for group in content.get("groups", ())) or (pixels.bands,)
        return cls(
            zones=tuple(map(grid_from, content["zones"])),
            pixels=pixels,
            chips=tuple(PlannedChip(name, zone, Window(*window)) for name, zone, *window in content["chips"]),
            groups=groups,
            outside=content.get("outside", "keep"),
            shapes=tuple(content.get("shapes", ())),
            rings=tuple(tuple((lon, lat) for lon, lat in ring) for ring in content.get("rings", ())),
            code=content.get("code", ""),
            made_by=content.get("made_by", ""),
            carried=MappingProxyType(
                {
                    int(number): Carried(sha, tuple(valid), why)
                    for number, (sha, why, *valid) in content.get("carried", {}).items()
                }
            ),
            notes=tuple(content.get("notes", ())),
        )
