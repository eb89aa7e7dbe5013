"""
`lst-series`: the temperature of the land's surface seen by MODIS, a band for each step of time.

The 8-day means of Terra (MOD11A2) and Aqua (MYD11A2); bits 0 and 1 of their quality say how good a pixel is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

import ee

from orchestrator.model.spec import PixelSpec
from orchestrator.recipes.composing import field, in_type, over, touching, with_blank
from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.parameters import check_choice, provenance, read_parameters
from orchestrator.recipes.series import Period, chosen, steps

NAME = "lst-series"
PREFIX = "LST"
COLLECTIONS: Mapping[str, tuple[str, date]] = MappingProxyType(
    {"terra": ("MODIS/061/MOD11A2", date(2000, 2, 18)), "aqua": ("MODIS/061/MYD11A2", date(2002, 7, 4))}
)
KELVIN_SCALE = 0.02
ZERO_CELSIUS = 273.15  # in kelvin
NODATA = -9999.0
LICENCE = "https://developers.google.com/earth-engine/datasets/catalog/MODIS_061_MOD11A2#terms-of-use"
# The greatest value of the first two bits of the quality that is taken: 2 and 3 are pixels that were not made.
QUALITIES = MappingProxyType({"good": 0, "made": 1})
_TIMES = MappingProxyType({"day": ("LST_Day_1km", "QC_Day"), "night": ("LST_Night_1km", "QC_Night")})
REDUCERS = ("mean", "median", "min", "max")


@dataclass(frozen=True, slots=True)
class TemperatureParameters:
    """
    Which looks, and of which steps.

    Attributes:
        satellite: `terra` (about 10:30 and 22:30), `aqua` (about 13:30 and 1:30) or `both`.
        time: `day` or `night`.
        unit: `celsius` or `kelvin`.
        step: `month`, `year`, or days such as `8d` counted from the first day; an 8-day mean is of the step in which
            it begins.
        reducer: `mean`, `median`, `min` or `max` of the 8-day means of a step.
        quality: `made`: every pixel that was produced; `good`: only those of good quality.
    """

    satellite: str = "terra"
    time: str = "day"
    unit: str = "celsius"
    step: str = "month"
    reducer: str = "mean"
    quality: str = "made"

    def __post_init__(self) -> None:
        check_choice(NAME, "satellite", self.satellite, (*COLLECTIONS, "both"))
        check_choice(NAME, "time", self.time, _TIMES)
        check_choice(NAME, "unit", self.unit, ("celsius", "kelvin"))
        check_choice(NAME, "reducer", self.reducer, REDUCERS)
        check_choice(NAME, "quality", self.quality, QUALITIES)

    @property
    def collections(self) -> tuple[tuple[str, date], ...]:
        """The collections that are read, with their first days."""
        return tuple(COLLECTIONS.values()) if self.satellite == "both" else (COLLECTIONS[self.satellite],)


class SurfaceTemperature:
    """See the module."""

    def pixels(self, request: ImageRequest) -> PixelSpec:
        return PixelSpec(tuple(f"{PREFIX}_{step.name}" for step in self._steps(request)), "float32", NODATA)

    def image(self, request: ImageRequest) -> Any:
        params = self._parameters(request)
        found = self._steps(request)
        layers = [getattr(with_blank(_looks(request, params, step), [PREFIX]), params.reducer)() for step in found]
        kelvin = ee.Image.cat(layers).rename([f"{PREFIX}_{step.name}" for step in found]).multiply(KELVIN_SCALE)
        return in_type(kelvin.subtract(ZERO_CELSIUS) if params.unit == "celsius" else kelvin, "float32")

    def survey(self, request: ImageRequest) -> list[tuple[str, Any]]:
        names = [name for name, _ in self._parameters(request).collections]
        sizes = [touching(name, request).size() for name in names]
        return [(over(" and ".join(names), request), sizes[0].add(sizes[1]) if len(sizes) > 1 else sizes[0])]

    def pins(self, request: ImageRequest) -> dict[str, str]:  # noqa: ARG002  the port's signature
        return {}

    def facts(self, request: ImageRequest) -> dict[str, Any]:
        params = self._parameters(request)
        products = " and ".join(name.rpartition("/")[2] for name, _ in params.collections)
        credit = f"{products} V6.1 land surface temperature by NASA LP DAAC"
        return provenance(NAME, params, credit, LICENCE)

    def first_day(self, request: ImageRequest) -> tuple[str, date] | None:
        return self._parameters(request).collections[0]

    def notes(self, request: ImageRequest) -> tuple[str, ...]:  # noqa: ARG002  the port's signature
        return ()

    def _parameters(self, request: ImageRequest) -> TemperatureParameters:
        return read_parameters(TemperatureParameters, request.params, NAME)

    def _steps(self, request: ImageRequest) -> tuple[Period, ...]:
        return chosen(request, steps(request, self._parameters(request).step, NAME), PREFIX, NAME)


def _looks(request: ImageRequest, params: TemperatureParameters, step: Period) -> Any:
    """Return the temperatures of a step in fiftieths of a kelvin."""
    names = [name for name, _ in params.collections]
    found = [
        touching(name, request, step.start, step.end).map(lambda image: good_look(ee.Image(image), params))
        for name in names
    ]
    return found[0].merge(found[1]) if len(found) > 1 else found[0]


def good_look(image: Any, params: TemperatureParameters) -> Any:
    """Return the temperature of an 8-day mean in fiftieths of a kelvin, masked where its quality is not enough."""
    band, quality = _TIMES[params.time]
    taken = field(image.select(quality), 0, 1).lte(QUALITIES[params.quality])
    return image.select([band], [PREFIX]).updateMask(taken)
