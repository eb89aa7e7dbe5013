"""Which scenes are wanted, and what is known of each."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date

from orchestrator.core.errors import UserError


@dataclass(frozen=True, slots=True)
class SceneQuery:
    """
    Which scenes of a collection are wanted.

    Attributes:
        collection: A short name of the catalogue, such as `s2-l2a`, or Earth Engine's id of any collection of images.
        start: First day, UTC.
        end: The day after the last.
        area_wkb: The area in degrees (EPSG:4326, longitude first), as WKB.
        max_cloud: The greatest cloud cover in per cent; 100 takes every scene.
        filters: Conditions on properties, such as `MGRS_TILE == 33TWM`.
        unique: Whether scenes are left out that add nothing of the area on their solar day and satellite.
    """

    collection: str
    start: date
    end: date
    area_wkb: bytes
    max_cloud: float = 100.0
    filters: tuple[str, ...] = ()
    unique: bool = True

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise UserError(
                f"the dates are reversed or empty: {self.start} to {self.end}; the end is the day after the last one"
            )
        if not 0 <= self.max_cloud <= 100:
            raise UserError(f"the greatest cloud cover is {self.max_cloud:g}; give per cent, from 0 to 100")


@dataclass(frozen=True, slots=True, order=True)
class Scene:
    """
    One scene that was found.

    Attributes:
        time_ms: When it was taken, milliseconds since 1970, UTC.
        asset: Earth Engine's id of the image.
        satellite: Such as `S2A` or `LC08`; scenes of one satellite and solar day belong together.
        solar_day: The day at the scene's longitude, ISO 8601.
        overlap: Per cent of the area that its footprint covers; NaN where nobody said.
        cloud: Per cent of it that is cloud, likewise.
    """

    time_ms: int
    asset: str
    satellite: str
    solar_day: str
    overlap: float = field(default=math.nan, compare=False)
    cloud: float = field(default=math.nan, compare=False)


@dataclass(frozen=True, slots=True)
class StoredBand:
    """
    What the service says of a band of a stored image.

    Attributes:
        name: Of the band.
        precision: `int`, `float` or `double`.
        low: The least number it may hold.
        high: The greatest.
        scale: Side of a pixel in metres; of a grid in degrees, at the equator.
    """

    name: str
    precision: str
    low: float
    high: float
    scale: float
