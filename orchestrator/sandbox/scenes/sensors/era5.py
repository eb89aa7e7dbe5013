"""
The bands of ERA5-Land, made of a few quantities: temperature, sun and rain (Data Catalog, ECMWF/ERA5_LAND).

Fluxes of a day or a month are sums in joules per square metre or in metres of water, as the data sheet has them;
hourly ones accumulate from midnight, and their `_hourly` forms do not. No snow falls and no lake freezes here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float64]
_STATES = (
    "dewpoint_temperature_2m temperature_2m skin_temperature soil_temperature_level_1 soil_temperature_level_2 "
    "soil_temperature_level_3 soil_temperature_level_4 lake_bottom_temperature lake_ice_depth lake_ice_temperature "
    "lake_mix_layer_depth lake_mix_layer_temperature lake_shape_factor lake_total_layer_temperature snow_albedo "
    "snow_cover snow_density snow_depth snow_depth_water_equivalent"
)
_SOIL = (
    "temperature_of_snow_layer skin_reservoir_content volumetric_soil_water_layer_1 volumetric_soil_water_layer_2 "
    "volumetric_soil_water_layer_3 volumetric_soil_water_layer_4 forecast_albedo"
)
_SNOW_FLUXES = ("snowfall", "snowmelt")
_FLUXES = (
    "surface_latent_heat_flux surface_net_solar_radiation surface_net_thermal_radiation surface_sensible_heat_flux "
    "surface_solar_radiation_downwards surface_thermal_radiation_downwards evaporation_from_bare_soil "
    "evaporation_from_open_water_surfaces_excluding_oceans evaporation_from_the_top_of_canopy "
    "evaporation_from_vegetation_transpiration potential_evaporation runoff snow_evaporation sub_surface_runoff "
    "surface_runoff total_evaporation"
)
_WIND = ("u_component_of_wind_10m", "v_component_of_wind_10m", "surface_pressure")
_RAIN = "total_precipitation"
_LEAVES = ("leaf_area_index_high_vegetation", "leaf_area_index_low_vegetation")


def _ordered(flux: Callable[[str], str]) -> list[str]:
    """Names in the order of the data sheets, fluxes under the names that `flux` gives them."""
    names = [*_STATES.split(), *map(flux, _SNOW_FLUXES), *_SOIL.split(), *map(flux, _FLUXES.split())]
    return [*names, *_WIND, flux(_RAIN), *_LEAVES]


_PLAIN = tuple(_ordered(lambda name: name))
BANDS = (
    *_ordered(lambda name: f"{name}_sum"),
    *(f"{name}_{end}" for name in _PLAIN for end in ("min", "max")),
)
_ACCUMULATED = (*_SNOW_FLUXES, *_FLUXES.split(), _RAIN)
HOURLY_BANDS = (*_PLAIN, *(f"{name}_hourly" for name in _ACCUMULATED))
_SWING = 5.0  # kelvin between a day's mean and its warmest hour
_SOLAR = 1361.0
_JOULES_PER_METRE = 2.5e9  # to evaporate a metre of water from a square metre


@dataclass(frozen=True, slots=True)
class Weather:
    """
    What is known of the places of a window.

    Attributes:
        lon: In degrees; likewise `lat`.
        lat: In degrees.
        height: In metres.
        air: Mean temperature of the air in kelvin.
        rain: Of the whole span in millimetres; of an hour's span, that of its day.
        days: How many days the sums are over.
        moment: Second at which an hour begins; None for days and months.
        day: Days since 1970.
    """

    lon: Field
    lat: Field
    height: NDArray[np.float32]
    air: Field
    rain: Field
    days: float
    moment: float | None
    day: int

    def temperature(self, shift: float = 0.0) -> Field:
        """Of the air: a day's mean plus `shift` swings, or that of the hour."""
        if self.moment is None:
            return self.air + shift * _SWING
        hour = (self.moment / 3600.0 + self.lon / 15.0) % 24.0
        return np.asarray(self.air + _SWING * np.cos(2.0 * np.pi * (hour - 14.5) / 24.0))

    def elapsed(self) -> float:
        """Share of the day's fluxes that has accumulated since midnight; all of them at midnight itself."""
        if self.moment is None:
            return 1.0
        return (self.moment / 3600.0) % 24.0 / 24.0 or 1.0

    def sunshine(self) -> Field:
        """Mean solar radiation at the surface in watts per square metre: three fifths of what comes in above."""
        year = 2.0 * np.pi * ((self.day - 10957.0) / 365.2425 - 0.2217)
        tilt = np.radians(23.44) * np.sin(year)
        place = np.radians(np.clip(self.lat, -89.9, 89.9))
        half = np.arccos(np.clip(-np.tan(place) * np.tan(tilt), -1.0, 1.0))
        above = half * np.sin(place) * np.sin(tilt) + np.cos(place) * np.cos(tilt) * np.sin(half)
        return np.asarray(0.6 * _SOLAR / np.pi * above)


def value_of(weather: Weather, band: str) -> Field:
    """Values of a band."""
    for ending, shift in (("_min", -1.0), ("_max", 1.0)):
        if band.endswith(ending):
            return _extreme(weather, band.removesuffix(ending), shift)
    if band.endswith("_sum"):
        return _flux(weather, band.removesuffix("_sum"))
    if band.endswith("_hourly"):
        return _flux(weather, band.removesuffix("_hourly")) / 24.0
    if band in _ACCUMULATED:
        return _flux(weather, band) * weather.elapsed()
    return _state(weather, band, 0.0)


def _extreme(weather: Weather, name: str, shift: float) -> Field:
    """The least and the greatest hour: temperatures swing, fluxes are an hour's share."""
    if name in _ACCUMULATED:
        hour = _flux(weather, name) / weather.days / 24.0
        return hour * (0.2 if shift < 0 else 2.5)
    return _state(weather, name, shift)


def _state(weather: Weather, name: str, shift: float) -> Field:
    if "temperature" in name:
        return _temperature(weather, name, shift)
    flat = np.zeros(weather.lat.shape)
    wet = np.clip(weather.rain / weather.days / 10.0, 0.0, 1.0)
    if name.startswith("volumetric_soil_water"):
        return np.asarray(0.2 + 0.02 * float(name[-1]) + 0.12 * wet)
    if name == "surface_pressure":
        return np.asarray(101325.0 * (1.0 - 2.25577e-5 * weather.height.astype(np.float64)) ** 5.25588)
    known = {"lake_mix_layer_depth": 6.0, "lake_shape_factor": 0.65, "snow_albedo": 0.85, "snow_density": 100.0}
    known |= {"forecast_albedo": 0.2, "u_component_of_wind_10m": 1.5, "v_component_of_wind_10m": 0.5}
    known |= {_LEAVES[0]: 2.6, _LEAVES[1]: 1.8, "skin_reservoir_content": 1e-4}
    return flat + known.get(name, 0.0)


def _temperature(weather: Weather, name: str, shift: float) -> Field:
    air = weather.temperature(shift)
    if name == "dewpoint_temperature_2m":
        return np.asarray(air - 3.0 - 7.0 / (1.0 + weather.rain / weather.days))
    if name.startswith("soil_temperature_level"):
        depth = int(name[-1])
        return np.asarray(weather.air + (air - weather.air) * 0.5**depth)
    if name in {"lake_ice_temperature", "temperature_of_snow_layer"}:
        return np.asarray(np.minimum(air, 273.15))
    if name.startswith("lake"):
        return np.asarray(np.maximum(weather.air, 277.13))
    return air + 0.5 if name == "skin_temperature" else air


# Shares of what evaporates, and of the rain that runs off.
_EVAPORATES = {
    "total_evaporation": -1.0,
    "evaporation_from_vegetation_transpiration": -0.6,
    "evaporation_from_bare_soil": -0.25,
    "evaporation_from_the_top_of_canopy": -0.13,
    "evaporation_from_open_water_surfaces_excluding_oceans": -0.02,
}
_RUNS_OFF = {"total_precipitation": 1.0, "runoff": 0.3, "surface_runoff": 0.05, "sub_surface_runoff": 0.25}


def _flux(weather: Weather, name: str) -> Field:
    """Sums over the span: joules per square metre, or metres of water; what leaves the ground is negative."""
    rain = weather.rain / 1000.0
    if name in _RUNS_OFF:
        return np.asarray(_RUNS_OFF[name] * rain)
    seconds = 86400.0 * weather.days
    sun = weather.sunshine() * seconds
    evaporated = np.minimum(0.7 * rain + 3e-4 * weather.days, 0.35 * sun / _JOULES_PER_METRE)
    if name in _EVAPORATES:
        return np.asarray(_EVAPORATES[name] * evaporated)
    sky = 0.8 * 5.67e-8 * weather.air**4 * seconds
    latent = evaporated * _JOULES_PER_METRE
    known = {
        "surface_solar_radiation_downwards": sun,
        "surface_net_solar_radiation": 0.8 * sun,
        "surface_thermal_radiation_downwards": sky,
        "surface_net_thermal_radiation": -0.25 * sky,
        "surface_latent_heat_flux": -latent,
        "surface_sensible_heat_flux": -np.maximum(0.5 * sun - latent, 0.0),
        "potential_evaporation": -0.6 * sun / _JOULES_PER_METRE,
    }
    return np.asarray(known.get(name, np.zeros(rain.shape)))
