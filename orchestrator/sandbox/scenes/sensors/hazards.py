"""
Fires and floods of the invented Earth: FireCCI51 and the Global Flood Database.

Fields that change from month to month tell where it burns and where water stands. Neither leaves a trace on the ground
that the other sensors see.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from orchestrator.sandbox.scenes.ground import Cut
from orchestrator.sandbox.scenes.landscape import Cover
from orchestrator.sandbox.scenes.noise import octave
from orchestrator.sandbox.scenes.sensors.earth import Earth, mercator
from orchestrator.sandbox.scenes.sensors.lattice import METRES_PER_DEGREE, WGS84, Lattice, Patch
from orchestrator.sandbox.scenes.sensors.picture import FLOAT, INT16, UINT8, UINT16, Layer, Painted
from orchestrator.sandbox.scenes.sensors.series import Products, Series, Span, every_month, milliseconds

_FIRE = {"": Lattice(WGS84, (1 / 360, 0.0, -180.0, 0.0, -1 / 360, 90.0), 64800, 129600)}
_STEP = 30.0 / METRES_PER_DEGREE
_FLOOD = {"": Lattice(WGS84, (_STEP, 0.0, -180.0, 0.0, -_STEP, 80.0), round(140 / _STEP), round(360 / _STEP))}
_MAPPED = shapely.box(-180.0, -60.0, 180.0, 80.0)
# The CCI classes of what may burn, in the order of Cover; nothing of the others.
_BURNABLE = np.array([0, 70, 60, 130, 10, 0, 0, 0], np.uint8)
_HOT, _WET = 1.8, 1.2  # in spreads of the fields
_EVENT = timedelta(days=11)  # from the 25th on: one of each December ends in the next year
_FIRST_EVENT = 1587
# Not on water, nor where it stands always: meadows and fields.
_FLOODED = (Cover.MEADOW, Cover.CROP)


def hazards(earth: Earth) -> Products:
    """Make the collections."""
    return Products(
        (
            Series(
                "ESA/CCI/FireCCI/5_1",
                "FireCCI51: MODIS Fire_cci Burned Area Pixel Product, Version 5.1",
                (
                    Layer("BurnDate", INT16, "sample"),
                    Layer("ConfidenceLevel", UINT8, "sample"),
                    Layer("LandCover", UINT8, "sample"),
                    Layer("ObservedFlag", INT16, "sample"),
                ),
                _FIRE,
                every_month("2001-01-01", "2020-12-01", "%Y_%m_%d"),
                partial(_burn, earth),
            ),
            Series(
                "GLOBAL_FLOOD_DB/MODIS_EVENTS/V1",
                "Global Flood Database v1 (2000-2018)",
                (
                    Layer("flooded", UINT8, "sample"),
                    Layer("duration", UINT16, "sample"),
                    Layer("clear_views", UINT16, "sample"),
                    Layer("clear_perc", FLOAT, "sample"),
                    Layer("jrc_perm_water", UINT8, "sample"),
                ),
                _FLOOD,
                _events,
                partial(_flood, earth),
                _event,
                _MAPPED,
            ),
        )
    )


def _month_of(span: Span) -> int:
    start = datetime.fromtimestamp(span.start_ms / 1000.0, UTC)
    return start.year * 12 + start.month


def _field(earth: Earth, patch: Patch, cut: Cut, key: int, month: int) -> NDArray[np.float64]:
    return np.asarray(octave(*mercator(*patch.centres(cut)), 12, earth.seed, key, month), np.float64)


def _burn(earth: Earth, span: Span, band: str, patch: Patch, cut: Cut) -> Painted:
    """Pixels that did not burn are masked; the flag tells those that cannot."""
    kinds = np.take(_BURNABLE, earth.surface(patch).cut(cut).cover)
    if band == "ObservedFlag":
        return np.full(kinds.shape, -2), kinds == 0
    heat = _field(earth, patch, cut, 83, _month_of(span))
    burned = (heat > _HOT) & (kinds > 0)
    start = datetime.fromtimestamp(span.start_ms / 1000.0, UTC)
    surplus = np.clip(heat - _HOT, 0.0, 1.0)
    values = {
        "BurnDate": start.timetuple().tm_yday + np.floor(27 * surplus),
        "ConfidenceLevel": np.floor(50 + 49 * surplus),
        "LandCover": kinds,
    }
    return values[band], np.asarray(burned)


def _events(start_ms: float, end_ms: float) -> Iterator[Span]:
    """One a month, over all land, named by its number and its days as the published ones are."""
    months = every_month("2000-02-01", "2018-11-01")(start_ms - 31 * 86_400_000.0, end_ms)
    for month in months:
        first = datetime.fromtimestamp(month.start_ms / 1000.0, UTC).replace(day=25)
        last = first + _EVENT
        if start_ms <= milliseconds(first) < end_ms:
            index = f"DFO_{_number(first)}_From_{first:%Y%m%d}_to_{last:%Y%m%d}"
            yield Span(index, milliseconds(first), milliseconds(last))


def _number(first: datetime) -> int:
    return _FIRST_EVENT + (first.year - 2000) * 12 + first.month - 2


def _event(span: Span) -> dict[str, Any]:
    return {
        "id": int(span.index.split("_")[1]),
        "dfo_main_cause": "Heavy rain",
        "dfo_severity": 1.0,
        "composite_type": "3Day",
        "threshold_type": "otsu",
    }


def _flood(earth: Earth, span: Span, band: str, patch: Patch, cut: Cut) -> Painted:
    cover = earth.surface(patch).cut(cut).cover
    lake = cover == Cover.WATER
    if band == "jrc_perm_water":
        return lake.astype(np.uint8), None
    if band in {"clear_views", "clear_perc"}:
        return np.full(cover.shape, 7.0 if band == "clear_views" else 63.0), None
    rise = _field(earth, patch, cut, 84, _month_of(span))
    wet = lake | ((rise > _WET) & np.isin(cover, _FLOODED))
    if band == "flooded":
        return wet.astype(np.uint8), None
    days = np.where(lake, 11.0, np.floor(1 + 9 * np.clip(rise - _WET, 0.0, 1.0)))
    return np.where(wet, days, 0.0), None
