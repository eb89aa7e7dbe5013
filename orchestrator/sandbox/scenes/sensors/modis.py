"""
MODIS on its sinusoidal grid: reflectance, vegetation indices, temperature and land cover (Data Catalog, MODIS/061).

The whole Earth is seen every day; gaps between swaths and changing angles of view are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.scenes.ground import Cut
from orchestrator.sandbox.scenes.landscape import Cover, Surface
from orchestrator.sandbox.scenes.sensors import spectra
from orchestrator.sandbox.scenes.sensors.coarse import averaged, cloud, is_opaque, majority, on_earth
from orchestrator.sandbox.scenes.sensors.earth import Earth
from orchestrator.sandbox.scenes.sensors.flights import LAST_DAY
from orchestrator.sandbox.scenes.sensors.lattice import SINUSOIDAL, Lattice, Patch
from orchestrator.sandbox.scenes.sensors.modis_temperature import temperature_series
from orchestrator.sandbox.scenes.sensors.picture import INT8, INT16, UINT8, UINT16, UINT32, Layer, Painted
from orchestrator.sandbox.scenes.sensors.series import Products, Series, Span, every_day, every_days, every_year

_WEST, _NORTH = -20015109.354, 10007554.677
WAVELENGTHS = {"01": 645.0, "02": 858.5, "03": 469.0, "04": 555.0, "05": 1240.0, "06": 1640.0, "07": 2130.0}
_SATELLITES = {"MOD": ("Terra", "2000-02-24"), "MYD": ("Aqua", "2002-07-04")}
_CLOUD_REFLECTANCE = 0.62
_STATE_LAND, _STATE_WATER = 1 << 3, 5 << 3  # the land and water flag of the state: land, deep inland water
_LOW_AEROSOL = 1 << 6


def sinusoidal(metres: float, height: int) -> Lattice:
    """The grid of the whole Earth."""
    return Lattice(SINUSOIDAL, (metres, 0.0, _WEST, 0.0, -metres, _NORTH), height, 2 * height)


QUARTER = sinusoidal(231.65635826395825, 86400)
HALF = sinusoidal(463.312716527917, 43200)
ONE = sinusoidal(926.625433055833, 21600)


class Looks:
    """What one satellite's daily look shows of a part of a patch."""

    def __init__(self, earth: Earth, satellite: str, span: Span, patch: Patch, cut: Cut) -> None:
        self.earth, self.patch, self.cut = earth, patch, cut
        self._key = (ord(satellite[1]), span.start_ms // 86_400_000)

    def depth(self) -> NDArray[np.float32]:
        """Optical depth of clouds."""
        return cloud(self.earth, self.patch, self.cut, *self._key)

    def reflectance(self, name: str) -> NDArray[np.float32]:
        """Reflectance x 10000 with clouds."""
        ground = mean_reflectance(self.earth, self.patch, self.cut, WAVELENGTHS[name])
        opacity = -np.expm1(-self.depth())
        return np.asarray(1e4 * (ground + opacity * (_CLOUD_REFLECTANCE - ground)), np.float32)

    def water(self) -> NDArray[np.bool_]:
        """Where most of a pixel is water."""
        return np.asarray(majority(self.earth, self.patch, self.cut) == Cover.WATER)

    def state(self) -> NDArray[np.uint16]:
        """Bits of state_1km: cloud, land or water, low aerosol, internal cloud flag, near a cloud."""
        depth = self.depth()
        cloudy, mixed = is_opaque(depth), (depth > 0) & ~is_opaque(depth)
        bits = np.where(self.water(), _STATE_WATER, _STATE_LAND).astype(np.uint16) | np.uint16(_LOW_AEROSOL)
        bits[cloudy] |= 1 | (1 << 10)
        bits[mixed] |= 2 | (1 << 13)
        return bits


def mean_reflectance(earth: Earth, patch: Patch, cut: Cut, nanometres: float) -> NDArray[np.float32]:
    """Mean reflectance (0 to 1) of the ground over coarse pixels."""

    def value(surface: Surface) -> NDArray[np.floating]:
        return spectra.reflectance(surface, nanometres)

    return averaged(earth, patch, cut, value)


def modis(earth: Earth) -> Products:
    """Make the collections."""
    found: list[Series] = []
    for satellite, (name, first) in _SATELLITES.items():
        found += [
            _daily(earth, satellite, name, first),
            _daily_fine(earth, satellite, name, first),
            _eight_days(earth, satellite, name),
            *(_indices(earth, satellite, name, *kind) for kind in _INDICES),
            *temperature_series(earth, satellite, name, first, ONE),
        ]
    return Products((*found, _land_cover(earth), _continuous(earth)))


def _flat(value: float, cut: Cut) -> NDArray[Any]:
    return np.full((cut[0].stop - cut[0].start, cut[1].stop - cut[1].start), value, np.float32)


_DAILY_FLAT = {
    "num_observations_1km": 2,
    "num_observations_500m": 1,
    "num_observations": 1,
    "SensorZenith": 1500,
    "SensorAzimuth": 9800,
    "Range": 28800,
    "SolarAzimuth": 15000,
    "gflags": 0,
    "orbit_pnt": 0,
    "granule_pnt": 0,
    "obscov_500m": 100,
    "obscov": 100,
    "iobs_res": 0,
    "q_scan": 255,
    "ViewZenith": 1500,
    "RelativeAzimuth": 5200,
}


def _daily(earth: Earth, satellite: str, name: str, first: str) -> Series:
    coarse = [("num_observations_1km", INT8), ("state_1km", UINT16), ("SensorZenith", INT16), ("SensorAzimuth", INT16)]
    coarse += [("Range", UINT16), ("SolarZenith", INT16), ("SolarAzimuth", INT16), ("gflags", UINT8)]
    coarse += [("orbit_pnt", INT8), ("granule_pnt", UINT8)]
    last = [("QC_500m", UINT32), ("obscov_500m", INT8), ("iobs_res", UINT8), ("q_scan", UINT8)]
    layers = (
        *(_layer(band, kind, "1km") for band, kind in coarse),
        _layer("num_observations_500m", INT8),
        *(_layer(f"sur_refl_b{number}", INT16) for number in WAVELENGTHS),
        *(_layer(band, kind) for band, kind in last),
    )
    return Series(
        f"MODIS/061/{satellite}09GA",
        f"{satellite}09GA.061 {name} Surface Reflectance Daily Global 1km and 500m",
        layers,
        {"": HALF, "1km": ONE},
        every_day(first, LAST_DAY, "%Y_%m_%d"),
        partial(_paint_daily, earth, satellite),
    )


def _layer(name: str, kind: Any, lattice: str = "") -> Layer:
    bits = name.startswith(("state", "QC", "gflags", "q_scan", "Summary", "Detailed", "QA", "StateQA"))
    # Means over the parts of a pixel are means over any larger one.
    return Layer(name, kind, "sample" if bits else "mean", lattice, smooth=True)


def _daily_fine(earth: Earth, satellite: str, name: str, first: str) -> Series:
    bands = [("num_observations", INT8), ("sur_refl_b01", INT16), ("sur_refl_b02", INT16), ("QC_250m", UINT16)]
    bands += [("obscov", INT8), ("iobs_res", UINT8), ("orbit_pnt", INT8), ("granule_pnt", UINT8)]
    return Series(
        f"MODIS/061/{satellite}09GQ",
        f"{satellite}09GQ.061 {name} Surface Reflectance Daily Global 250m",
        tuple(_layer(band, kind) for band, kind in bands),
        {"": QUARTER},
        every_day(first, LAST_DAY, "%Y_%m_%d"),
        partial(_paint_daily, earth, satellite),
    )


def _paint_daily(earth: Earth, satellite: str, span: Span, band: str, patch: Patch, cut: Cut) -> Painted:
    looks = Looks(earth, satellite, span, patch, cut)
    return _daily_value(looks, span, band), on_earth(patch, cut)


def _daily_value(looks: Looks, span: Span, band: str) -> NDArray[Any]:
    if band.startswith("sur_refl"):
        return np.clip(looks.reflectance(band[-2:]), -100.0, 16000.0)
    if band in {"state_1km", "StateQA"}:
        return looks.state()
    if band.startswith(("QC", "QA")):
        return _quality(looks, band)
    if band == "SolarZenith":
        return solar_zenith(looks.patch, looks.cut, span) * 100.0
    return _flat(_DAILY_FLAT[band], looks.cut)


def _quality(looks: Looks, band: str) -> NDArray[np.uint32]:
    """Corrected at ideal quality, or at less under clouds; atmospheric correction done."""
    done = 1 << (12 if band == "QC_250m" else 30)
    return np.asarray(np.where(is_opaque(looks.depth()), done | 1, done), np.uint32)


def solar_zenith(patch: Patch, cut: Cut, span: Span) -> NDArray[np.float64]:
    """Zenith of the sun in degrees at half past ten, local time."""
    _, lat = patch.centres(cut)
    year = 2.0 * np.pi * ((span.start_ms / 86_400_000.0 - 10957.0) % 365.2425 - 80.0) / 365.2425
    declination = np.radians(23.44) * np.sin(year)
    place = np.radians(lat)
    high = np.sin(place) * np.sin(declination) + np.cos(place) * np.cos(declination) * np.cos(np.radians(22.5))
    return np.asarray(np.degrees(np.arccos(np.clip(high, -1.0, 1.0))))


def _eight_days(earth: Earth, satellite: str, name: str) -> Series:
    bands = [(f"sur_refl_b{number}", INT16) for number in WAVELENGTHS]
    bands += [("QA", UINT32), ("SolarZenith", INT16), ("ViewZenith", INT16), ("RelativeAzimuth", INT16)]
    bands += [("StateQA", UINT16), ("DayOfYear", INT16)]
    return Series(
        f"MODIS/061/{satellite}09A1",
        f"{satellite}09A1.061 {name} Surface Reflectance 8-Day Global 500m",
        tuple(_layer(band, kind) for band, kind in bands),
        {"": HALF},
        every_days("2000-02-18" if satellite == "MOD" else "2002-07-04", LAST_DAY, 8),
        partial(_paint_composite, earth, satellite),
    )


class Composite(Looks):
    """The best of several days: hardly a cloud is left."""

    def depth(self) -> NDArray[np.float32]:
        """Optical depth of what is left."""
        return np.asarray(np.maximum(super().depth() - np.float32(2.0), 0.0))


def _paint_composite(earth: Earth, satellite: str, span: Span, band: str, patch: Patch, cut: Cut) -> Painted:
    looks = Composite(earth, satellite, span, patch, cut)
    value = _flat(_day_of_year(span), cut) if band == "DayOfYear" else _daily_value(looks, span, band)
    return value, on_earth(patch, cut)


def _day_of_year(span: Span) -> int:
    return int(datetime.fromtimestamp(span.middle, UTC).strftime("%j"))


_INDICES = (("13Q1", "250m", QUARTER), ("13A1", "500m", HALF), ("13A2", "1km", ONE))


def _indices(earth: Earth, satellite: str, name: str, code: str, size: str, lattice: Lattice) -> Series:
    bands = [("NDVI", INT16), ("EVI", INT16), ("DetailedQA", UINT16)]
    bands += [(f"sur_refl_b{number}", INT16) for number in ("01", "02", "03", "07")]
    bands += [("ViewZenith", INT16), ("SolarZenith", INT16), ("RelativeAzimuth", INT16), ("DayOfYear", INT16)]
    bands += [("SummaryQA", INT8)]
    terra = satellite == "MOD"
    return Series(
        f"MODIS/061/{satellite}{code}",
        f"{satellite}{code}.061 {name} Vegetation Indices 16-Day Global {size}",
        tuple(_layer(band, kind) for band, kind in bands),
        {"": lattice},
        every_days("2000-02-18" if terra else "2002-07-04", LAST_DAY, 16, 0 if terra else 8),
        partial(_paint_indices, earth, satellite),
    )


def _paint_indices(earth: Earth, satellite: str, span: Span, band: str, patch: Patch, cut: Cut) -> Painted:
    looks = Composite(earth, satellite, span, patch, cut)
    index = {"NDVI": _ndvi, "EVI": _evi, "SummaryQA": _summary, "DetailedQA": _detailed}.get(band)
    if index is None:
        return _paint_composite(earth, satellite, span, band, patch, cut)
    return index(looks), on_earth(patch, cut)


def _ndvi(looks: Looks) -> NDArray[Any]:
    red, infrared = looks.reflectance("01"), looks.reflectance("02")
    return np.asarray(np.clip(1e4 * (infrared - red) / np.maximum(infrared + red, 1.0), -2000.0, 10000.0))


def _evi(looks: Looks) -> NDArray[Any]:
    """2.5 (NIR - red) / (NIR + 6 red - 7.5 blue + 1) (Huete et al. 2002)."""
    red, infrared, blue = (looks.reflectance(name) * np.float32(1e-4) for name in ("01", "02", "03"))
    index = (infrared - red) / (infrared + 6.0 * red - 7.5 * blue + 1.0)
    return np.asarray(np.clip(2.5e4 * index, -2000.0, 10000.0))


def _summary(looks: Looks) -> NDArray[Any]:
    return np.asarray(np.where(looks.depth() > 0, 3, 0), np.int8)


def _detailed(looks: Looks) -> NDArray[Any]:
    """Good, or most probably cloudy; low aerosol; land or deep inland water in bits 11 to 13."""
    water = np.where(looks.water(), 5, 1) << 11
    return np.asarray(np.where(looks.depth() > 0, 2 | (8 << 2), 0) | _LOW_AEROSOL | water, np.uint16)


# Classes in the order of Cover: water, conifer, broadleaf, meadow, crop, soil, town, road.
_CLASSES: dict[str, tuple[int, ...]] = {
    "LC_Type1": (17, 1, 4, 10, 12, 16, 13, 13),
    "LC_Type2": (0, 1, 4, 10, 12, 15, 13, 13),
    "LC_Type3": (0, 7, 6, 1, 3, 9, 10, 10),
    "LC_Type4": (0, 1, 4, 6, 5, 7, 8, 8),
    "LC_Type5": (0, 1, 4, 6, 8, 11, 9, 9),
    "LC_Prop1": (3, 11, 14, 31, 31, 1, 1, 1),
    "LC_Prop2": (3, 10, 10, 30, 36, 1, 9, 9),
    "LC_Prop3": (3, 10, 10, 30, 30, 1, 1, 1),
    "QC": (2, 0, 0, 0, 0, 0, 0, 0),
    "LW": (1, 2, 2, 2, 2, 2, 2, 2),
}
_LAND_COVER_BANDS = [*(f"LC_Type{number}" for number in range(1, 6))]
_LAND_COVER_BANDS += [f"LC_Prop{number}_Assessment" for number in range(1, 4)]
_LAND_COVER_BANDS += [*(f"LC_Prop{number}" for number in range(1, 4)), "QC", "LW"]


# Percent of trees and of other plants on each cover.
_TREES = np.array([0, 70, 78, 6, 2, 0, 8, 0], np.float32)
_PLANTS = np.array([0, 25, 18, 82, 85, 10, 30, 5], np.float32)
_CONTINUOUS = ("Percent_Tree_Cover", "Percent_NonTree_Vegetation", "Percent_NonVegetated", "Quality")
_DEVIATIONS = ("Percent_Tree_Cover_SD", "Percent_NonVegetated_SD")


def _continuous(earth: Earth) -> Series:
    """Vegetation Continuous Fields: the three parts of a pixel add up to 100; 200 is water."""

    def paint(span: Span, band: str, patch: Patch, cut: Cut) -> Painted:
        del span
        inside = on_earth(patch, cut)
        if band not in _CONTINUOUS[:3]:
            return _flat(300 if band in _DEVIATIONS else 0, cut), inside
        trees = np.rint(averaged(earth, patch, cut, lambda surface: np.take(_TREES, surface.cover)))
        plants = np.rint(averaged(earth, patch, cut, lambda surface: np.take(_PLANTS, surface.cover)))
        value = {"Percent_Tree_Cover": trees, "Percent_NonTree_Vegetation": plants}.get(band, 100.0 - trees - plants)
        return np.where(majority(earth, patch, cut) == Cover.WATER, 200.0, value), inside

    bits = {"Quality", "Cloud"}
    kinds = [(name, UINT8) for name in _CONTINUOUS] + [(name, INT16) for name in _DEVIATIONS] + [("Cloud", UINT8)]
    layers = tuple(Layer(name, kind, "sample" if name in bits else "mean", smooth=True) for name, kind in kinds)

    def calendar(start_ms: float, end_ms: float) -> Iterator[Span]:
        """A year from the 65th day on."""
        days = every_days("2000-03-05", "2023-03-06", 366, 64)(start_ms, end_ms)
        return (Span(day.index, day.start_ms, day.start_ms + 365 * 86_400_000) for day in days)

    title = "MOD44B.061 Terra Vegetation Continuous Fields Yearly Global 250m"
    return Series("MODIS/061/MOD44B", title, layers, {"": QUARTER}, calendar, paint)


def _land_cover(earth: Earth) -> Series:
    def paint(span: Span, band: str, patch: Patch, cut: Cut) -> Painted:
        del span
        if band.endswith("Assessment"):
            return _flat(80, cut), on_earth(patch, cut)
        table = np.array(_CLASSES[band], np.uint8)
        return np.take(table, majority(earth, patch, cut)), on_earth(patch, cut)

    layers = tuple(
        Layer(name, UINT8, "mean" if name.endswith("Assessment") else "sample", smooth=True)
        for name in _LAND_COVER_BANDS
    )
    title = "MCD12Q1.061 MODIS Land Cover Type Yearly Global 500m"
    return Series("MODIS/061/MCD12Q1", title, layers, {"": HALF}, every_year(2001, 2023, "%Y_%m_%d"), paint)
