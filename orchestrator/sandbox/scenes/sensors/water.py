"""Water that satellites found: the water of the ground, which neither floods nor dries up (JRC/GSW1_4)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from orchestrator.sandbox.scenes.ground import Cut
from orchestrator.sandbox.scenes.sensors.earth import Earth, is_water
from orchestrator.sandbox.scenes.sensors.flights import seconds
from orchestrator.sandbox.scenes.sensors.lattice import WGS84, Lattice, Patch
from orchestrator.sandbox.scenes.sensors.picture import INT8, UINT8, Layer, Painted
from orchestrator.sandbox.scenes.sensors.series import Products, Series, Single, Span, every_month, every_year

_STEP = 0.00025
_LATTICE = {"": Lattice(WGS84, (_STEP, 0.0, -180.0, 0.0, -_STEP, 80.0), 560_000, 1_440_000)}
_SEEN = shapely.box(-180.0, -60.0, 180.0, 80.0)
# What the summary tells of permanent water; where there is none, all but the last are masked.
_PERMANENT = {
    "occurrence": 100,
    "change_abs": 0,
    "change_norm": 0,
    "seasonality": 12,
    "recurrence": 100,
    "transition": 1,
    "max_extent": 1,
}


def water(earth: Earth) -> Products:
    """Make the summary and the two histories."""

    def wet(patch: Patch, cut: Cut) -> NDArray[np.bool_]:
        return is_water(earth.surface(patch).cut(cut))

    def summary(band: str, patch: Patch, cut: Cut) -> Painted:
        here = wet(patch, cut)
        values = np.where(here, _PERMANENT[band], 0)
        return values, (None if band in {"max_extent", "transition"} else here)

    def monthly(span: Span, band: str, patch: Patch, cut: Cut) -> Painted:
        del span, band
        return np.where(wet(patch, cut), 2, 1).astype(np.uint8), None

    def yearly(span: Span, band: str, patch: Patch, cut: Cut) -> Painted:
        del span, band
        return np.where(wet(patch, cut), 3, 1).astype(np.uint8), None

    kinds = {"change_abs": INT8, "change_norm": INT8}
    layers = tuple(Layer(name, kinds.get(name, UINT8), "sample") for name in _PERMANENT)
    start, end = (round(seconds(day) * 1000) for day in ("1984-03-16", "2022-01-01"))
    times: dict[str, Any] = {"system:time_start": start, "system:time_end": end}
    return Products(
        (
            Series(
                "JRC/GSW1_4/MonthlyHistory",
                "JRC Monthly Water History, v1.4",
                (Layer("water", UINT8, "sample"),),
                _LATTICE,
                every_month("1984-03-01", "2021-12-01", "%Y_%m"),
                monthly,
                _month,
                _SEEN,
            ),
            Series(
                "JRC/GSW1_4/YearlyHistory",
                "JRC Yearly Water Classification History, v1.4",
                (Layer("waterClass", UINT8, "sample"),),
                _LATTICE,
                every_year(1984, 2021),
                yearly,
                lambda span: {"year": int(span.index)},
                _SEEN,
            ),
        ),
        (Single("JRC/GSW1_4/GlobalSurfaceWater", layers, _LATTICE, summary, times, _SEEN),),
    )


def _month(span: Span) -> dict[str, Any]:
    begin = datetime.fromtimestamp(span.start_ms / 1000.0, UTC)
    return {"month": begin.month, "year": begin.year}
