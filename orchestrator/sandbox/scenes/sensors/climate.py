"""
Rain and weather of the invented Earth: CHIRPS, and ERA5-Land by hour, day and month.

Rain falls in cells of a few hundred kilometres that come and go by the day; how much is told by the latitude and the
season. Everything else follows from the air's temperature, the sun and the rain by rules of thumb.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from orchestrator.sandbox.scenes.ground import Cut
from orchestrator.sandbox.scenes.noise import octave
from orchestrator.sandbox.scenes.sensors.earth import Earth, mercator
from orchestrator.sandbox.scenes.sensors.era5 import BANDS, HOURLY_BANDS, Weather, value_of
from orchestrator.sandbox.scenes.sensors.flights import LAST_DAY
from orchestrator.sandbox.scenes.sensors.lattice import WGS84, Lattice, Patch
from orchestrator.sandbox.scenes.sensors.picture import FLOAT, Layer, Painted
from orchestrator.sandbox.scenes.sensors.series import (
    Products,
    Series,
    Span,
    every_day,
    every_hour,
    every_month,
    milliseconds,
)

_DAY_MS = 86_400_000
_CHIRPS = {"": Lattice(WGS84, (0.05, 0.0, -180.0, 0.0, -0.05, 50.0), 2000, 7200)}
_BETWEEN = shapely.box(-180.0, -50.0, 180.0, 50.0)
_ERA5 = {"": Lattice(WGS84, (0.1, 0.0, -180.05, 0.0, -0.1, 90.05), 1801, 3600)}
_MOST_DAYS = 31


def climate(earth: Earth) -> Products:
    """Make the collections."""
    rain = partial(_paint_rain, earth)
    era5 = "ECMWF/ERA5_LAND"
    daily = tuple(Layer(name, FLOAT, smooth=True) for name in BANDS)
    hourly = tuple(Layer(name, FLOAT, smooth=True) for name in HOURLY_BANDS)
    return Products(
        (
            Series(
                "UCSB-CHG/CHIRPS/DAILY",
                "CHIRPS Daily: Climate Hazards Center InfraRed Precipitation With Station Data (Version 2.0 Final)",
                (Layer("precipitation", FLOAT, smooth=True),),
                _CHIRPS,
                every_day("1981-01-01", LAST_DAY),
                rain,
                footprint=_BETWEEN,
            ),
            Series(
                "UCSB-CHG/CHIRPS/PENTAD",
                "CHIRPS Pentad: Climate Hazards Center InfraRed Precipitation With Station Data (Version 2.0 Final)",
                (Layer("precipitation", FLOAT, smooth=True),),
                _CHIRPS,
                _pentads,
                rain,
                _pentad,
                _BETWEEN,
            ),
            Series(
                f"{era5}/DAILY_AGGR",
                "ERA5-Land Daily Aggregated - ECMWF Climate Reanalysis",
                daily,
                _ERA5,
                every_day("1950-01-02", LAST_DAY),
                partial(_paint_weather, earth),
                _date,
            ),
            Series(
                f"{era5}/MONTHLY_AGGR",
                "ERA5-Land Monthly Aggregated - ECMWF Climate Reanalysis",
                daily,
                _ERA5,
                every_month("1950-02-01", LAST_DAY),
                partial(_paint_weather, earth),
                lambda span: {key: value for key, value in _date(span).items() if key != "day"},
            ),
            Series(
                f"{era5}/HOURLY",
                "ERA5-Land Hourly - ECMWF Climate Reanalysis",
                hourly,
                _ERA5,
                every_hour("1950-01-01T01:00", LAST_DAY),
                partial(_paint_weather, earth),
                lambda span: {"hour": datetime.fromtimestamp(span.start_ms / 1000.0, UTC).hour},
            ),
        )
    )


def _pentads(start_ms: float, end_ms: float) -> Any:
    """Six a month: five of five days, and what is left."""
    for month in every_month("1981-01-01", LAST_DAY)(start_ms - _MOST_DAYS * _DAY_MS, end_ms):
        first = datetime.fromtimestamp(month.start_ms / 1000.0, UTC)
        for number in range(6):
            begin = first + timedelta(days=5 * number)
            end = month.end_ms if number == 5 else milliseconds(begin + timedelta(days=5))
            if start_ms <= milliseconds(begin) < end_ms:
                yield Span(begin.strftime("%Y%m%d"), milliseconds(begin), end)


def _pentad(span: Span) -> dict[str, Any]:
    begin = datetime.fromtimestamp(span.start_ms / 1000.0, UTC)
    return {"year": begin.year, "month": begin.month, "pentad": (begin.day - 1) // 5 + 1}


def _date(span: Span) -> dict[str, Any]:
    begin = datetime.fromtimestamp(span.start_ms / 1000.0, UTC)
    return {"year": begin.year, "month": begin.month, "day": begin.day}


def rainfall(earth: Earth, lon: NDArray[np.float64], lat: NDArray[np.float64], day: int) -> NDArray[np.float64]:
    """Rain of a day (since 1970) in millimetres: none at most places, a few at some, much at few."""
    x, y = mercator(lon, lat)
    field = 0.8 * octave(x, y, 6, earth.seed, 81, day) + 0.5 * octave(x, y, 8, earth.seed, 82, day)
    return np.asarray(9.0 * wetness(lat, day) * np.maximum(field - 0.45, 0.0) ** 1.3)


def wetness(lat: NDArray[np.float64], day: int) -> NDArray[np.float64]:
    """How wet the season is: wettest under the sun in the tropics and again at 50 degrees, driest at 28."""
    year = 2.0 * np.pi * ((day - 10957.0) / 365.2425 - 0.22)
    belt = np.exp(-(((lat - 9.0 * np.sin(year)) / 12.0) ** 2))
    return np.asarray(0.35 + 1.9 * belt + 0.75 * np.exp(-(((np.abs(lat) - 50.0) / 16.0) ** 2)))


def _days(span: Span) -> range:
    return range(span.start_ms // _DAY_MS, max(span.start_ms // _DAY_MS + 1, span.end_ms // _DAY_MS))


def _paint_rain(earth: Earth, span: Span, band: str, patch: Patch, cut: Cut) -> Painted:
    del band
    lon, lat = patch.centres(cut)
    return sum((rainfall(earth, lon, lat, day) for day in _days(span)), np.zeros(lon.shape)), None


def _paint_weather(earth: Earth, span: Span, band: str, patch: Patch, cut: Cut) -> Painted:
    lon, lat = patch.centres(cut)
    height = earth.relief(patch).height[cut]
    days = _days(span)
    rain = sum((rainfall(earth, lon, lat, day) for day in days), np.zeros(lon.shape))
    hours = (span.end_ms - span.start_ms) / 3_600_000.0
    weather = Weather(
        lon=lon,
        lat=lat,
        height=height,
        air=earth.air(lon, lat, height, span.middle),
        rain=rain,
        days=len(days) if hours > 1.0 else 1.0,
        moment=span.start_ms / 1000.0 if hours <= 1.0 else None,
        day=int(span.middle // 86400),
    )
    return np.asarray(value_of(weather, band), np.float64), np.abs(lat) <= 90.001
