"""MODIS land surface temperature: of the same ground and air, by day and by night."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.scenes.ground import Cut
from orchestrator.sandbox.scenes.sensors.coarse import averaged, cloud, is_opaque, on_earth
from orchestrator.sandbox.scenes.sensors.earth import Earth, warmth
from orchestrator.sandbox.scenes.sensors.flights import LAST_DAY
from orchestrator.sandbox.scenes.sensors.lattice import Lattice, Patch
from orchestrator.sandbox.scenes.sensors.picture import UINT8, UINT16, Layer, Painted
from orchestrator.sandbox.scenes.sensors.series import Series, Span, every_day, every_days

_KELVIN = 0.02
_SUN = 52.0  # degrees of elevation that the ground is warmed under by day
_NIGHT = 6.0  # kelvin that nights are colder than the day's mean
_HOURS = {"MOD": (105, 225), "MYD": (135, 15)}  # local times of day and night, in tenths of an hour
_EMISSIVITY = 242  # 0.974
_NOT_PRODUCED = 2  # quality: not produced because of clouds


def temperature_series(earth: Earth, satellite: str, name: str, first: str, lattice: Lattice) -> tuple[Series, Series]:
    """Make the daily product and that of eight days."""
    daily, eight = "11A1", "11A2"
    begin = "2000-02-18" if satellite == "MOD" else "2002-07-04"
    return (
        Series(
            f"MODIS/061/{satellite}{daily}",
            f"{satellite}{daily}.061 {name} Land Surface Temperature and Emissivity Daily Global 1km",
            _layers("e", ("Clear_day_cov", "Clear_night_cov"), UINT16),
            {"": lattice},
            every_day(first, LAST_DAY, "%Y_%m_%d"),
            partial(_paint, earth, satellite, 1),
        ),
        Series(
            f"MODIS/061/{satellite}{eight}",
            f"{satellite}{eight}.061 {name} Land Surface Temperature and Emissivity 8-Day Global 1km",
            _layers("", ("Clear_sky_days", "Clear_sky_nights"), UINT8),
            {"": lattice},
            every_days(begin, LAST_DAY, 8),
            partial(_paint, earth, satellite, 8),
        ),
    )


def _layers(ending: str, clear: tuple[str, str], kind: Any) -> tuple[Layer, ...]:
    found: list[tuple[str, Any]] = []
    for part in ("Day", "Night"):
        found += [(f"LST_{part}_1km", UINT16), (f"QC_{part}", UINT8)]
        found += [(f"{part}_view_time", UINT8), (f"{part}_view_angl{ending}", UINT8)]
    found += [("Emis_31", UINT8), ("Emis_32", UINT8), *((name, kind) for name in clear)]
    bits = ("QC", "Clear_sky")
    return tuple(Layer(name, each, "sample" if name.startswith(bits) else "mean", smooth=True) for name, each in found)


def _paint(earth: Earth, satellite: str, days: int, span: Span, band: str, patch: Patch, cut: Cut) -> Painted:
    night = "Night" in band or "night" in band
    hidden = _hidden(earth, satellite, days, span, patch, cut, night=night)
    seen = ~hidden
    inside = on_earth(patch, cut)
    if inside is not None:
        seen &= inside
    if band.startswith("QC"):
        return np.where(hidden, _NOT_PRODUCED, 0).astype(np.uint8), inside
    if band.startswith("LST"):
        return _temperature(earth, span, patch, cut, night=night) / _KELVIN, seen
    return np.full(hidden.shape, _flat_value(satellite, days, band, night=night), np.float32), seen


def _hidden(
    earth: Earth, satellite: str, days: int, span: Span, patch: Patch, cut: Cut, *, night: bool
) -> NDArray[np.bool_]:
    """Where clouds hid the ground; over eight days only where they were thickest."""
    depth = cloud(earth, patch, cut, ord(satellite[1]), span.start_ms // 86_400_000, int(night))
    return is_opaque(depth) if days == 1 else np.asarray(depth > 2.5)


def _temperature(earth: Earth, span: Span, patch: Patch, cut: Cut, *, night: bool) -> NDArray[np.float64]:
    lon, lat = patch.centres(cut)
    air = earth.air(lon, lat, earth.relief(patch).height[cut], span.middle)
    if night:
        return air - _NIGHT
    return np.asarray(air + averaged(earth, patch, cut, lambda surface: warmth(surface.cover, _SUN)))


def _flat_value(satellite: str, days: int, band: str, *, night: bool) -> float:
    if band.endswith("view_time"):
        return _HOURS[satellite][int(night)]
    if "view_angl" in band:
        return 65.0 + 15.0
    if band.startswith("Emis"):
        return _EMISSIVITY
    return 2000.0 if days == 1 else 255.0
