"""One product: a scene at a level and a baseline, whole or cut, and everything that is called after them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.safe.bands import CLOUD, L1C, LEVELS, NAMES, OFFSET_SINCE, Image, images
from orchestrator.sandbox.scenes import mgrs
from orchestrator.sandbox.scenes.ground import lonlat
from orchestrator.sandbox.scenes.mgrs import TILE_METRES, Tile
from orchestrator.sandbox.scenes.sensors.sentinel2 import Sentinel2Scene

COARSEST = 60  # metres: cuts are told in such pixels, so that the grids of 10, 20 and 60 m all fit
_SIDE = TILE_METRES // COARSEST
_BASELINE = re.compile(r"\d\d\.\d\d")
_LETTERS = "ABCD"
_LATER_SECONDS = 300 * 86400.0  # when a sensing is processed again
_OFFSET = 1000


class SafeError(ValueError):
    """What was asked for cannot be made: the sentence says what, and what could."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A part of a tile, in pixels of 60 m: row and column of its north west corner, height and width."""

    row: int = 0
    col: int = 0
    height: int = _SIDE
    width: int = _SIDE

    def __post_init__(self) -> None:
        inside = self.row >= 0 and self.col >= 0 and self.row + self.height <= _SIDE and self.col + self.width <= _SIDE
        if not inside or self.height < 1 or self.width < 1:
            told = f"{self.row},{self.col},{self.height},{self.width}"
            raise SafeError(f"the cut {told} does not lie in a tile of {_SIDE} × {_SIDE} pixels of 60 m")

    @classmethod
    def of(cls, text: str) -> Cut:
        """
        Read `ROW,COL,ROWS,COLS`.

        Raises:
            SafeError: If it is not that, or not inside a tile.
        """
        numbers = text.split(",")
        if len(numbers) != 4 or not all(number.isdecimal() for number in numbers):
            raise SafeError(f"a cut is four numbers, ROW,COL,ROWS,COLS in pixels of 60 m, not {text!r}")
        return cls(*map(int, numbers))


@dataclass(frozen=True, slots=True)
class Grid:
    """Pixels of one size: eastings and northings of the north west corner, pixel size (metres), height and width."""

    epsg: int
    west: int
    north: int
    metres: int
    height: int
    width: int

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """As `affine.Affine` takes it."""
        return float(self.metres), 0.0, float(self.west), 0.0, -float(self.metres), float(self.north)


@dataclass(frozen=True)
class Options:
    """
    What a product is made like.

    Attributes:
        cut: Which part of the tile.
        baseline: Processing baseline as `05.10`; empty is the one of its day.
        spacecraft: `S2A` to `S2D` in its names; empty is the one that flew.
        bands: Names of images to have; empty is all but the true colour image.
        again: How many times it was processed before: a later time in its name.
    """

    cut: Cut = Cut()
    baseline: str = ""
    spacecraft: str = ""
    bands: tuple[str, ...] = ()
    again: int = 0

    def __post_init__(self) -> None:
        if self.baseline and not _BASELINE.fullmatch(self.baseline):
            raise SafeError(f"a baseline looks like 05.10, not {self.baseline!r}")
        if self.spacecraft and (self.spacecraft[:2] != "S2" or self.spacecraft[2:] not in _LETTERS):
            raise SafeError(f"a spacecraft is S2A, S2B, S2C or S2D, not {self.spacecraft!r}")
        if unknown := [name for name in self.bands if name not in NAMES]:
            raise SafeError(f"there is no band {unknown[0]!r}; there are {', '.join(NAMES)}")

    def reprocessed(self, baseline: str) -> Options:
        """Return those of the same sensing, processed once more with another baseline."""
        return replace(self, baseline=baseline, again=self.again + 1)


@dataclass(frozen=True)
class Product:
    """
    A product that can be written.

    Attributes:
        scene: What Earth Engine's harmonised collection of the level has of tile and pass.
        level: `L1C` or `L2A`.
        options: What it is made like.
    """

    scene: Sentinel2Scene
    level: str
    options: Options = Options()

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise SafeError(f"a level is L1C or L2A, not {self.level!r}")

    @property
    def tile(self) -> Tile:
        return self.scene.tile

    @cached_property
    def properties(self) -> dict[str, Any]:
        """Earth Engine's properties of the scene."""
        return dict(self.scene.properties)

    @property
    def baseline(self) -> str:
        """`05.10`."""
        return self.options.baseline or str(self.properties["PROCESSING_BASELINE"])

    @property
    def offset(self) -> int:
        """What is added to reflectance × 10000 of every valid pixel."""
        return _OFFSET if self.baseline >= OFFSET_SINCE else 0

    @property
    def spacecraft(self) -> str:
        """`S2A`."""
        return self.options.spacecraft or str(self.properties["PRODUCT_ID"])[:3]

    @property
    def start(self) -> float:
        """Second at which the datatake starts."""
        return self.scene.overpass.start

    @property
    def sensed(self) -> float:
        """Second at which the middle of the tile was seen."""
        return float(self.properties["system:time_start"]) / 1000.0

    @cached_property
    def made(self) -> float:
        """Second at which it was processed: the last field of its name."""
        first = float(self.properties["GENERATION_TIME"]) / 1000.0
        return first + self.options.again * _LATER_SECONDS

    @property
    def datatake(self) -> str:
        """`20240603T100000`: the start of the datatake."""
        return str(self.properties["PRODUCT_ID"]).split("_")[2]

    @property
    def track(self) -> int:
        """Relative orbit, 1 to 143."""
        return self.scene.overpass.track

    @property
    def orbit(self) -> int:
        """Absolute orbit."""
        return self.scene.overpass.orbit

    @property
    def name(self) -> str:
        """The folder's name."""
        number, made = self.baseline.replace(".", ""), stamp(self.made)
        seen = f"{self.datatake}_N{number}_R{self.track:03d}_T{self.tile.name}"
        return f"{self.spacecraft}_MSI{self.level}_{seen}_{made}.SAFE"

    @property
    def granule(self) -> str:
        """The granule's folder; its time is not the datatake's."""
        return str(self.properties["GRANULE_ID"])

    @property
    def granule_id(self) -> str:
        """The granule in metadata."""
        return self._identifier("TL", f"A{self.orbit:06d}_T{self.tile.name}")

    @property
    def datastrip_id(self) -> str:
        """The datastrip in metadata."""
        return self._identifier("DS", f"S{self.datatake}")

    def _identifier(self, kind: str, what: str) -> str:
        return f"{self.spacecraft}_OPER_MSI_{self.level}_{kind}_2BPS_{stamp(self.made)}_{what}_N{self.baseline}"

    @property
    def datastrip(self) -> str:
        """The datastrip's folder."""
        return f"DS_2BPS_{stamp(self.made)}_S{self.datatake}"

    @property
    def datatake_id(self) -> str:
        """`GS2A_20240603T100000_046737_N05.10`."""
        return f"G{self.spacecraft}_{self.datatake}_{self.orbit:06d}_N{self.baseline}"

    @cached_property
    def images(self) -> tuple[Image, ...]:
        """Its image files."""
        return images(self.level, self.baseline, wanted=self.options.bands)

    def path(self, image: Image) -> str:
        """Where an image file lies in the product."""
        folder = f"GRANULE/{self.granule}"
        if image.name == CLOUD:
            return f"{folder}/QI_DATA/MSK_{CLOUD}_{image.metres}m.jp2"
        stem = f"T{self.tile.name}_{self.datatake}_{image.name}"
        if self.level == L1C:
            return f"{folder}/IMG_DATA/{stem}.jp2"
        return f"{folder}/IMG_DATA/R{image.metres}m/{stem}_{image.metres}m.jp2"

    def grid(self, metres: int) -> Grid:
        """Its pixels of a size."""
        cut, times = self.options.cut, COARSEST // metres
        west, north = self.tile.west + cut.col * COARSEST, self.tile.north - cut.row * COARSEST
        return Grid(self.tile.epsg, west, north, metres, cut.height * times, cut.width * times)

    @cached_property
    def footprint(self) -> BaseGeometry:
        """The part of the cut inside the swath, EPSG:4326."""
        if self.options.cut == Cut():
            return self.scene.footprint
        grid = self.grid(COARSEST)
        east, south = grid.west + grid.width * COARSEST, grid.north - grid.height * COARSEST
        corners = [(grid.west, grid.north), (east, grid.north), (east, south), (grid.west, south)]
        lon, lat = lonlat(grid.epsg, *shapely.get_coordinates(shapely.LineString(corners)).T)
        return shapely.intersection(self.scene.footprint, mgrs.on_earth(Polygon(zip(lon, lat, strict=True))))


def stamp(seconds: float) -> str:
    """`20240603T100000`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%S")


def moment(seconds: float, digits: int = 3) -> str:
    """`2024-06-03T10:00:00.024Z`, cut off after `digits` (0 to 6) of a second, as the stamps in names are."""
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return text[: len(text) - 6 + digits].rstrip(".") + "Z"
