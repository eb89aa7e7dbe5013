"""
`sentinel1-backscatter`: backscatter of Sentinel-1 ground range detected scenes, over time.

Scenes are of the interferometric wide swath. Earth Engine holds them in decibels, 10 log10 of power (data sheet
COPERNICUS/S1_GRD); a mean is one of power, since a mean of decibels is not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Any

import ee

from orchestrator.model.spec import PixelSpec
from orchestrator.recipes.composing import in_type, over, touching, with_blank
from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.parameters import check_between, check_choice, choose_bands, provenance, read_parameters
from orchestrator.recipes.sentinel2 import LICENCE, attribution

NAME = "sentinel1-backscatter"
COLLECTION = "COPERNICUS/S1_GRD"
BANDS = ("VV", "VH")
FIRST_DAY = date(2014, 10, 3)
NODATA = -9999.0
ORBITS = ("both", "ascending", "descending")


@dataclass(frozen=True, slots=True)
class Sentinel1Parameters:
    """
    Which scenes are used, and what becomes of them.

    Attributes:
        orbit: `ascending`, `descending` or `both`.
        method: `median` in decibels, or `mean` of the power.
        speckle_m: Each scene's power is averaged within this radius before, in metres; 0 leaves it as it is.
        unit: `db` for decibels, or `power`.
    """

    orbit: str = "both"
    method: str = "median"
    speckle_m: float = 0.0
    unit: str = "db"

    def __post_init__(self) -> None:
        check_choice(NAME, "orbit", self.orbit, ORBITS)
        check_choice(NAME, "method", self.method, ("median", "mean"))
        check_between(NAME, "speckle_m", self.speckle_m, 0)
        check_choice(NAME, "unit", self.unit, ("db", "power"))


class Sentinel1Backscatter:
    """See the module."""

    def pixels(self, request: ImageRequest) -> PixelSpec:
        self._parameters(request)
        return PixelSpec(choose_bands(NAME, request.bands, BANDS, BANDS), "float32", NODATA)

    def image(self, request: ImageRequest) -> Any:
        params = self._parameters(request)
        bands = list(request.bands or BANDS)
        scenes = self._collections(request, params)[-1][1].select(bands)
        if params.speckle_m:
            scenes = scenes.map(lambda scene: _decibels(_smooth(_power(ee.Image(scene)), params.speckle_m)))
        if params.method == "median":
            found = with_blank(scenes, bands).median()
            return in_type(found if params.unit == "db" else _power(found), "float32")
        mean = with_blank(scenes.map(lambda scene: _power(ee.Image(scene))), bands).mean()
        return in_type(_decibels(mean) if params.unit == "db" else mean, "float32")

    def survey(self, request: ImageRequest) -> list[tuple[str, Any]]:
        return [(name, scenes.size()) for name, scenes in self._collections(request, self._parameters(request))]

    def pins(self, request: ImageRequest) -> dict[str, str]:  # noqa: ARG002  the port's signature
        return {}

    def facts(self, request: ImageRequest) -> dict[str, Any]:
        return provenance(NAME, self._parameters(request), attribution(request), LICENCE)

    def first_day(self, request: ImageRequest) -> tuple[str, date] | None:  # noqa: ARG002  the port's signature
        return COLLECTION, FIRST_DAY

    def notes(self, request: ImageRequest) -> tuple[str, ...]:
        if self._parameters(request).orbit != "both":
            return ()
        told = "Ascending and descending orbits look from opposite sides: on slopes they differ by decibels"
        return (f"{told}; --param orbit=ascending or descending keeps to one.",)

    def _parameters(self, request: ImageRequest) -> Sentinel1Parameters:
        return read_parameters(Sentinel1Parameters, request.params, NAME)

    def _collections(self, request: ImageRequest, params: Sentinel1Parameters) -> list[tuple[str, Any]]:
        """Return the scenes after each filter, named by the filter."""
        dated = touching(COLLECTION, request)
        fitting = dated.filter(ee.Filter.eq("instrumentMode", "IW"))
        bands = request.bands or BANDS
        for band in bands:
            fitting = fitting.filter(ee.Filter.listContains("transmitterReceiverPolarisation", band))
        found = [(over(COLLECTION, request), dated), (f"of the mode IW with {' and '.join(bands)}", fitting)]
        if params.orbit == "both":
            return found
        passing = fitting.filter(ee.Filter.eq("orbitProperties_pass", params.orbit.upper()))
        return [*found, (f"of {params.orbit} orbits", passing)]


def _power(decibels: Any) -> Any:
    return decibels.multiply(math.log(10) / 10).exp()


def _decibels(power: Any) -> Any:
    return power.log10().multiply(10)


def _smooth(power: Any, radius_m: float) -> Any:
    """Return the mean of power within a circle, where the scene has any."""
    return power.focalMean(radius_m, "circle", "meters").updateMask(power.mask())
