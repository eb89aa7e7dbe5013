"""
Crops of the invented Earth: what grows on each parcel (AAFC/ACI, USDA/NASS/CDL).

A parcel has one crop; which, is told by its vigour, so that it is the same for both maps and in all years.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import shapely
from numpy.typing import NDArray

from orchestrator.sandbox.scenes.ground import Cut
from orchestrator.sandbox.scenes.landscape import Cover, Surface
from orchestrator.sandbox.scenes.sensors.earth import Earth
from orchestrator.sandbox.scenes.sensors.lattice import WGS84, Lattice, Patch
from orchestrator.sandbox.scenes.sensors.picture import UINT8, Layer, Painted
from orchestrator.sandbox.scenes.sensors.series import Products, Series, Span, every_year

# Classes in the order of Cover: water, conifer, broadleaf, meadow, (crop), soil, town, road.
_CANADIAN = np.array([20, 210, 220, 122, 0, 30, 34, 34], np.uint8)
_AMERICAN = np.array([111, 142, 141, 176, 0, 131, 123, 122], np.uint8)
# Wheat, barley, maize and soybeans, from the ripest parcel to the greenest.
_CANADIAN_CROPS = np.array([140, 133, 147, 158], np.uint8)
_AMERICAN_CROPS = np.array([24, 21, 1, 5], np.uint8)
_DEGREES = 30.0 / 111319.49079327358
_CANADA, _STATES = (-142.0, 41.5, -52.0, 62.5), (-127.9, 22.9, -65.2, 51.6)


def crops(earth: Earth) -> Products:
    """Make the collections; both maps on a grid of degrees, where the published ones are Albers projections."""
    return Products(
        (
            _map(earth, "AAFC/ACI", "Canada AAFC Annual Crop Inventory", _CANADA, (2009, 2023), ("landcover",)),
            _map(
                earth,
                "USDA/NASS/CDL",
                "USDA NASS Cropland Data Layers",
                _STATES,
                (1997, 2024),
                ("cropland", "cultivated", "confidence"),
            ),
        )
    )


def _map(
    earth: Earth,
    collection: str,
    title: str,
    extent: tuple[float, float, float, float],
    years: tuple[int, int],
    bands: tuple[str, ...],
) -> Series:
    west, south, east, north = extent
    height, width = round((north - south) / _DEGREES), round((east - west) / _DEGREES)
    lattice = Lattice(WGS84, (_DEGREES, 0.0, west, 0.0, -_DEGREES, north), height, width)
    return Series(
        collection,
        title,
        tuple(Layer(name, UINT8, "mean" if name == "confidence" else "sample") for name in bands),
        {"": lattice},
        every_year(*years),
        partial(_paint, earth),
        footprint=shapely.box(*extent),
    )


def _paint(earth: Earth, span: Span, band: str, patch: Patch, cut: Cut) -> Painted:
    del span
    surface = earth.surface(patch).cut(cut)
    if band == "cultivated":  # 1 is not, 2 is
        return np.where(surface.cover == Cover.CROP, 2, 1).astype(np.uint8), None
    if band == "confidence":
        return np.full(surface.cover.shape, 85.0), None
    tables = (_CANADIAN, _CANADIAN_CROPS) if band == "landcover" else (_AMERICAN, _AMERICAN_CROPS)
    return _grown(surface, *tables), None


def _grown(surface: Surface, covers: NDArray[np.uint8], sown: NDArray[np.uint8]) -> NDArray[np.uint8]:
    which = np.minimum((surface.vigour * len(sown)).astype(np.intp), len(sown) - 1)
    return np.where(surface.cover == Cover.CROP, sown[which], np.take(covers, surface.cover))
