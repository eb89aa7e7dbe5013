"""
Landforms of the invented relief, in the classes of CSP/ERGo: peaks, slopes and valleys, warm and cool.

A place's form is told by how far it lies above or below its surroundings (the relief without features finer than
WIDTH), by its slope, and by whether it faces the equator.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import shapely

from orchestrator.sandbox.scenes.ground import Cut
from orchestrator.sandbox.scenes.sensors.earth import Earth, heights
from orchestrator.sandbox.scenes.sensors.flights import seconds
from orchestrator.sandbox.scenes.sensors.lattice import WGS84, Lattice, Patch
from orchestrator.sandbox.scenes.sensors.picture import UINT8, Layer, Painted
from orchestrator.sandbox.scenes.sensors.series import Products, Single

WIDTH = 9000.0
_ARC = 1.0 / 3600.0
_PEAK, _UPPER, _VALLEY = 1.0, 0.15, -1.0  # in spreads of the height above the surroundings
_SPREAD = 10.0  # metres
_CLIFF, _FLAT = 1.0, 0.035  # rise over run
_FACING = 0.05
_STATES = shapely.box(-125.0, 24.0, -66.0, 50.0)
_SHUTTLE = shapely.box(-180.0, -56.0, 180.0, 60.0)


def landforms(earth: Earth) -> Products:
    """Make the maps of the United States and of the world."""
    paint = partial(_paint, earth)
    layers = (Layer("constant", UINT8, "sample"),)
    fine, coarse = _ARC / 3, _ARC * 3
    american = Lattice(WGS84, (fine, 0.0, -125.0, 0.0, -fine, 50.0), round(26 / fine), round(59 / fine))
    global_ = Lattice(WGS84, (coarse, 0.0, -180.0, 0.0, -coarse, 60.0), round(116 / coarse), round(360 / coarse))
    times: dict[str, Any] = {"system:time_start": round(seconds("2006-01-24") * 1000)}
    times |= {"system:time_end": round(seconds("2011-05-13") * 1000)}
    return Products(
        (),
        (
            Single("CSP/ERGo/1_0/US/landforms", layers, {"": american}, paint, times, _STATES),
            Single("CSP/ERGo/1_0/Global/SRTM_landforms", layers, {"": global_}, paint, times, _SHUTTLE),
            Single("CSP/ERGo/1_0/Global/ALOS_landforms", layers, {"": global_}, paint, times, _SHUTTLE),
        ),
    )


def _paint(earth: Earth, band: str, patch: Patch, cut: Cut) -> Painted:
    del band
    relief = earth.relief(patch)
    lon, lat = patch.centres(cut)
    above = (relief.height[cut] - heights(lon, lat, earth.seed, WIDTH)) / _SPREAD
    slope = np.hypot(relief.east[cut], relief.south[cut])
    # Ground that falls to the south faces the sun in the north.
    equatorward = np.where(lat >= 0, -relief.south[cut], relief.south[cut])
    aspect = np.where(equatorward > _FACING, 1, np.where(equatorward < -_FACING, 3, 2))
    form = np.where(above > _PEAK, 10, np.where(above > _UPPER, 20, 30)) + aspect
    level = (slope < _FLAT) & (above <= _PEAK)
    form = np.where(level, np.where(above > _UPPER, 24, 34), form)
    form = np.where(above < _VALLEY, 41, form)
    return np.where(slope > _CLIFF, 15, form).astype(np.uint8), None
