"""Maps of land cover: the cover of the ground in the classes of each product."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from orchestrator.sandbox.scenes.landscape import Surface
from orchestrator.sandbox.scenes.sensors.earth import Earth
from orchestrator.sandbox.scenes.sensors.lattice import WGS84, Cut, Lattice, Patch
from orchestrator.sandbox.scenes.sensors.picture import UINT8, Layer, Painted
from orchestrator.sandbox.scenes.sensors.series import Products, Series, Span, every_year

# Classes in the order of Cover: water, conifer, broadleaf, meadow, crop, soil, town, road.
WORLDCOVER = np.array([80, 10, 10, 30, 40, 60, 50, 50], np.uint8)
_WORLDCOVER_COLOURS = [
    "006400",
    "ffbb22",
    "ffff4c",
    "f096ff",
    "fa0000",
    "b4b4b4",
    "f0f0f0",
    "0064c8",
    "0096a0",
    "00cf75",
    "fae6a0",
]
_WORLDCOVER_VALUES = [10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100]
_WORLDCOVER_NAMES = [
    "Tree cover",
    "Shrubland",
    "Grassland",
    "Cropland",
    "Built-up",
    "Bare / sparse vegetation",
    "Snow and ice",
    "Permanent water bodies",
    "Herbaceous wetland",
    "Mangroves",
    "Moss and lichen",
]


def classes(surface: Surface, table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The cover of the ground in other classes."""
    return np.asarray(np.take(table, surface.cover))


def landcover(earth: Earth) -> Products:
    """Make the maps."""
    return Products((_worldcover(earth, "v100", 2020), _worldcover(earth, "v200", 2021)))


def _worldcover(earth: Earth, version: str, year: int) -> Series:
    def paint(span: Span, band: str, patch: Patch, cut: Cut) -> Painted:
        del span, band
        return classes(earth.surface(patch).cut(cut), WORLDCOVER), None

    step = 1.0 / 12000.0
    lattice = Lattice(WGS84, (step, 0.0, -180.0, 0.0, -step, 84.0), 1_728_000, 4_320_000)
    legend = {
        "Map_class_names": _WORLDCOVER_NAMES,
        "Map_class_palette": _WORLDCOVER_COLOURS,
        "Map_class_values": _WORLDCOVER_VALUES,
    }
    return Series(
        f"ESA/WorldCover/{version}",
        f"ESA WorldCover 10m {version}",
        (Layer("Map", UINT8, "sample"),),
        {"": lattice},
        every_year(year, year),
        paint,
        lambda span: legend,  # noqa: ARG005
        shapely.box(-180.0, -60.0, 180.0, 84.0),
    )
