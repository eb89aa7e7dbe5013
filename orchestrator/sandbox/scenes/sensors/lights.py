"""Lights at night: towns and roads of the ground, spread as a sensor sees them (NOAA/VIIRS, NOAA/DMSP-OLS)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import shapely
from numpy.typing import NDArray

from orchestrator.sandbox.scenes.ground import Cut
from orchestrator.sandbox.scenes.landscape import Cover
from orchestrator.sandbox.scenes.sensors.coarse import shares
from orchestrator.sandbox.scenes.sensors.earth import Earth
from orchestrator.sandbox.scenes.sensors.flights import LAST_DAY
from orchestrator.sandbox.scenes.sensors.lattice import WGS84, Lattice, Patch
from orchestrator.sandbox.scenes.sensors.picture import FLOAT, INT16, UINT8, Layer, Painted
from orchestrator.sandbox.scenes.sensors.series import Products, Series, Span, every_month, every_year

_VIIRS = {"": Lattice(WGS84, (1 / 240, 0.0, -180.0 - 1 / 480, 0.0, -1 / 240, 75.0 + 1 / 480), 33601, 86401)}
_DMSP = {"": Lattice(WGS84, (1 / 120, 0.0, -180.0 - 1 / 240, 0.0, -1 / 120, 75.0 + 1 / 240), 16801, 43201)}
_SEEN = shapely.box(-180.0, -65.0, 180.0, 75.0)
_RADIANCE, _ROADSIDE, _DARK = 60.0, 4.0, 0.2  # nanowatts: of a whole pixel of town, of road, of nothing


def lights(earth: Earth) -> Products:
    """Make the collections."""
    monthly = (Layer("avg_rad", FLOAT, smooth=True), Layer("cf_cvg", INT16, smooth=True))
    names = ("avg_vis", "stable_lights", "cf_cvg", "avg_lights_x_pct")
    return Products(
        (
            *(
                Series(
                    f"NOAA/VIIRS/DNB/MONTHLY_V1/{kind}",
                    "VIIRS Nighttime Day/Night Band Composites Version 1",
                    monthly,
                    _VIIRS,
                    every_month(first, LAST_DAY, "%Y%m%d"),
                    partial(_paint_viirs, earth),
                    footprint=_SEEN,
                )
                for kind, first in (("VCMCFG", "2012-04-01"), ("VCMSLCFG", "2014-01-01"))
            ),
            Series(
                "NOAA/DMSP-OLS/NIGHTTIME_LIGHTS",
                "DMSP OLS: Nighttime Lights Time Series Version 4",
                tuple(Layer(name, UINT8, smooth=True) for name in names),
                _DMSP,
                _satellites,
                partial(_paint_dmsp, earth),
                footprint=_SEEN,
            ),
        )
    )


# The satellites of DMSP, and the years of which each is shown here.
_FLOWN = (
    ("F10", 1992, 1993),
    ("F12", 1994, 1996),
    ("F14", 1997, 1999),
    ("F15", 2000, 2003),
    ("F16", 2004, 2009),
    ("F18", 2010, 2013),
)


def _satellites(start_ms: float, end_ms: float) -> Iterator[Span]:
    """One image a year, its index the satellite and the year: `F101992`."""
    for span in every_year(1992, 2013)(start_ms, end_ms):
        name = next(name for name, first, last in _FLOWN if first <= int(span.index) <= last)
        yield Span(f"{name}{span.index}", span.start_ms, span.end_ms)


def radiance(earth: Earth, patch: Patch, cut: Cut) -> NDArray[np.float32]:
    """Radiance at night in nanowatts per steradian and square centimetre."""
    part = shares(earth, patch, cut)
    return np.asarray(_DARK + _RADIANCE * part[Cover.TOWN] + _ROADSIDE * part[Cover.ROAD], np.float32)


def _paint_viirs(earth: Earth, span: Span, band: str, patch: Patch, cut: Cut) -> Painted:
    del span
    if band == "cf_cvg":
        return np.full((cut[0].stop - cut[0].start, cut[1].stop - cut[1].start), 9.0), None
    return radiance(earth, patch, cut), None


def _paint_dmsp(earth: Earth, span: Span, band: str, patch: Patch, cut: Cut) -> Painted:
    del span
    if band == "cf_cvg":
        return np.full((cut[0].stop - cut[0].start, cut[1].stop - cut[1].start), 45.0), None
    light = np.minimum(63.0, 3.5 * radiance(earth, patch, cut))
    return (np.where(light > 3.0, light, 0.0) if band == "stable_lights" else light), None
