"""What a run of a cube is made from, settled once and kept as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from orchestrator.core.stored import read_stored
from orchestrator.model.grid import Grid, Window
from orchestrator.model.plan_json import grid_from, grid_json, pixels_from, pixels_json
from orchestrator.model.spec import PixelSpec
from orchestrator.model.unit import Cell

# Grows when a field changes its meaning, never because one was added.
VERSION = 1


@dataclass(frozen=True, slots=True)
class CubeDate:
    """
    One place on the axis of time: the scenes of one satellite on one solar day.

    Attributes:
        time_ms: When the first of them was taken, milliseconds since 1970, UTC.
        satellite: Such as `S2A`.
        solar_day: ISO 8601.
        images: Earth Engine's ids, in the order in which they win where they overlap.
        expression: Earth Engine's expression of their mosaic, JSON.
        untouched: Which of the plan's windows none of them touches, by index: these are not asked for.
    """

    time_ms: int
    satellite: str
    solar_day: str
    images: tuple[str, ...]
    expression: str
    untouched: tuple[int, ...] = ()

    @property
    def at(self) -> str:
        """The time, RFC 3339."""
        return datetime.fromtimestamp(self.time_ms / 1000, UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class CubePlan:
    """
    Where every pixel of a cube comes from.

    Attributes:
        grid: Of every date.
        pixels: Bands by Earth Engine's names, number type, nodata.
        labels: What the bands are called in the cube, in the same order.
        moments: Sorted by time.
        windows: Of the lattice of `shard`, those that hold something of the area: each is one request for each date
            that has a scene there.
        shard: Rows and columns of a shard, multiples of the side of a chunk.
        area_wkb: What each date is cut with, in the grid's CRS; empty keeps every pixel.
        area_pixels: Pixels of one date inside.
        smooth: Sides of the pixels, in metres, of the bands that are interpolated: 20, or 20 and 60; empty for none.
        notes: What a user should know, a sentence each.
    """

    grid: Grid
    pixels: PixelSpec
    labels: tuple[str, ...]
    moments: tuple[CubeDate, ...]
    windows: tuple[Window, ...]
    shard: tuple[int, int]
    area_wkb: bytes
    area_pixels: int
    smooth: tuple[int, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def cells(self) -> Iterator[Cell]:
        """Yield what is to be brought, date by date."""
        for time in range(len(self.moments)):
            for window in self.asked(time):
                yield Cell(window, time=time)

    def asked(self, time: int) -> tuple[Window, ...]:
        """Return the windows that a date is asked for."""
        untouched = frozenset(self.moments[time].untouched)
        return tuple(window for number, window in enumerate(self.windows) if number not in untouched)

    @property
    def raw_bytes(self) -> int:
        """What the pixels inside the area weigh uncompressed, over all dates."""
        return len(self.moments) * self.area_pixels * self.pixels.bytes_per_pixel

    def to_json(self) -> str:
        """Return it as a run keeps it."""
        content: Mapping[str, Any] = {
            "version": VERSION,
            "grid": grid_json(self.grid),
            "pixels": pixels_json(self.pixels),
            "labels": list(self.labels),
            "moments": [_date_json(moment) for moment in self.moments],
            "windows": [[w.row, w.col, w.height, w.width] for w in self.windows],
            "shard": list(self.shard),
            "area_wkb": self.area_wkb.hex(),
            "area_pixels": self.area_pixels,
            "smooth": list(self.smooth),
            "notes": list(self.notes),
        }
        return json.dumps(content, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> CubePlan:
        """
        Read what `to_json` of this or an earlier version wrote.

        Raises:
            IntegrityError: A newer version wrote it.
        """
        content = read_stored(text, "cube's plan", VERSION)
        return cls(
            grid=grid_from(content.pop("grid")),
            pixels=pixels_from(content.pop("pixels")),
            labels=tuple(content.pop("labels")),
            moments=tuple(_date(moment) for moment in content.pop("moments")),
            windows=tuple(Window(*window) for window in content.pop("windows")),
            shard=tuple(content.pop("shard")),
            smooth=tuple(content.pop("smooth")),
            area_wkb=bytes.fromhex(content.pop("area_wkb")),
            notes=tuple(content.pop("notes")),
            **content,
        )


def _date_json(moment: CubeDate) -> dict[str, Any]:
    told = asdict(moment)
    if not moment.untouched:  # the plan is then that of earlier versions
        del told["untouched"]
    return told


def _date(told: Mapping[str, Any]) -> CubeDate:
    listed = {"images": tuple(told["images"]), "untouched": tuple(told.get("untouched", ()))}
    return CubeDate(**{**told, **listed})
