"""
`ndvi-series`: the normalised difference vegetation index (NIR - red) / (NIR + red), a band for each step of time.

Clear pixels are those of the recipes on Sentinel-2 and Landsat; MODIS comes as an index, of which good and marginal
pixels are taken (SummaryQA of the data sheet MODIS/061/MOD13Q1). Negative reflectance has no index.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import ee

from orchestrator.model.spec import PixelSpec
from orchestrator.recipes import cloudscore, landsat, sentinel2
from orchestrator.recipes.composing import field, in_type, over, touching, with_blank
from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.parameters import check_between, check_choice, read_parameters
from orchestrator.recipes.series import Period, chosen, steps

NAME = "ndvi-series"
INDEX = "NDVI"
MODIS = "MODIS/061/MOD13Q1"
MODIS_FIRST_DAY = date(2000, 2, 18)
MODIS_LICENCE = "https://developers.google.com/earth-engine/datasets/catalog/MODIS_061_MOD13Q1#terms-of-use"
SCALE = 0.0001
MARGINAL = 1  # the greatest value of SummaryQA that is taken: 2 is snow, 3 is cloud
FLOAT_NODATA, INTEGER_NODATA = -9999.0, -32_768
SOURCES = ("sentinel2", "landsat", "modis")
REDUCERS = ("median", "mean", "max")


@dataclass(frozen=True, slots=True)
class NdviParameters:
    """
    Whose index, and of which steps.

    Attributes:
        source: `sentinel2` (10 m), `landsat` (30 m, all satellites) or `modis` (250 m, every 16 days).
        step: `month`, `year`, or days such as `16d` counted from the first day.
        reducer: `median`, `mean` or `max` of the clear pixels of a step.
        threshold: A pixel of Sentinel-2 with a smaller `cs_cdf` of Cloud Score+ is masked, 0 to 1.
        dtype: `float32`, or `int16` for the index × 10 000 with a scale tag.
    """

    source: str = "sentinel2"
    step: str = "month"
    reducer: str = "median"
    threshold: float = 0.6
    dtype: str = "float32"

    def __post_init__(self) -> None:
        check_choice(NAME, "source", self.source, SOURCES)
        check_choice(NAME, "reducer", self.reducer, REDUCERS)
        check_between(NAME, "threshold", self.threshold, 0, 1)
        check_choice(NAME, "dtype", self.dtype, ("float32", "int16"))


class NdviSeries:
    """See the module."""

    def pixels(self, request: ImageRequest) -> PixelSpec:
        bands = tuple(f"{INDEX}_{step.name}" for step in self._steps(request))
        if self._parameters(request).dtype == "int16":
            return PixelSpec(bands, "int16", INTEGER_NODATA, scale=SCALE)
        return PixelSpec(bands, "float32", FLOAT_NODATA)

    def image(self, request: ImageRequest) -> Any:
        params = self._parameters(request)
        found = self._steps(request)
        layers = [_composite(_indices(request, params, step), params.reducer) for step in found]
        whole = ee.Image.cat(layers).rename([f"{INDEX}_{step.name}" for step in found])
        return in_type(whole, params.dtype, SCALE)

    def survey(self, request: ImageRequest) -> list[tuple[str, Any]]:
        params = self._parameters(request)
        if params.source == "landsat":
            return landsat.LandsatComposite().survey(_bare(request))
        if params.source == "sentinel2":
            scenes = touching(sentinel2.REFLECTANCE, request)
            scored = (f"with a scene of {cloudscore.SCORES}", cloudscore.scored(scenes, request).size())
            return [(over(sentinel2.REFLECTANCE, request), scenes.size()), scored]
        return [(over(MODIS, request), touching(MODIS, request).size())]

    def pins(self, request: ImageRequest) -> dict[str, str]:  # noqa: ARG002  the port's signature
        return {}

    def facts(self, request: ImageRequest) -> dict[str, Any]:
        params = self._parameters(request)
        if params.source == "landsat":
            sources = landsat.LandsatComposite().facts(_bare(request))
        elif params.source == "sentinel2":
            sources = cloudscore.Sentinel2CloudScore().facts(_bare(request))
        else:
            sources = {"attribution": "MOD13Q1.061 Terra Vegetation Indices by NASA LP DAAC", "licence": MODIS_LICENCE}
        terms = {name: sources[name] for name in ("attribution", "licence")}
        return {"recipe": NAME, "parameters": asdict(params)} | terms

    def first_day(self, request: ImageRequest) -> tuple[str, date] | None:
        source = self._parameters(request).source
        if source == "landsat":
            return landsat.LandsatComposite().first_day(_bare(request))
        return (MODIS, MODIS_FIRST_DAY) if source == "modis" else (sentinel2.REFLECTANCE, sentinel2.FIRST_DAY)

    def notes(self, request: ImageRequest) -> tuple[str, ...]:
        return sentinel2.coverage_notes(request) if self._parameters(request).source == "sentinel2" else ()

    def _parameters(self, request: ImageRequest) -> NdviParameters:
        return read_parameters(NdviParameters, request.params, NAME)

    def _steps(self, request: ImageRequest) -> tuple[Period, ...]:
        return chosen(request, steps(request, self._parameters(request).step, NAME), INDEX, NAME)


def _bare(request: ImageRequest) -> ImageRequest:
    """Return what another recipe is asked: the same area and days, its own bands and parameters."""
    return ImageRequest(request.region, request.start, request.end, (), {})


def _composite(indices: Any, reducer: str) -> Any:
    return getattr(with_blank(indices, [INDEX]), reducer)()


def _indices(request: ImageRequest, params: NdviParameters, step: Period) -> Any:
    """Return the index of every scene of a step, masked where the ground is not seen."""
    during = ImageRequest(request.region, step.start, step.end, (), {})
    if params.source == "landsat":
        return _of_landsat(during)
    if params.source == "modis":
        return touching(MODIS, during).map(lambda image: good_index(ee.Image(image)))
    scenes = cloudscore.scored(touching(sentinel2.REFLECTANCE, during), during)
    clear = cloudscore.unclouded(scenes, during, "cs_cdf", params.threshold)
    return clear.map(lambda scene: ee.Image(scene).normalizedDifference(["B8", "B4"]).rename(INDEX))


def _of_landsat(during: ImageRequest) -> Any:
    def index(scene: Any) -> Any:
        return ee.Image(scene).normalizedDifference(["nir", "red"]).rename(INDEX)

    return landsat.clear_reflectance(during, landsat.LandsatParameters(), ["nir", "red"]).map(index)


def good_index(image: Any) -> Any:
    """Return the index of an image of MOD13Q1, masked where it is of snow, of cloud or was not made."""
    taken = field(image.select("SummaryQA"), 0, 1).lte(MARGINAL)
    return image.select([INDEX]).updateMask(taken).multiply(SCALE)
