"""
`sentinel2-cloudless`: a median of Sentinel-2 surface reflectance without clouds and their shadows.

The steps and default thresholds are those of Google's community tutorial "Sentinel-2 Cloud Masking with s2cloudless":
clouds by the s2cloudless probability, shadows as dark land pixels on the far side of a cloud from the sun, both
opened by two pixels and dilated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import ee

from orchestrator.core.errors import RecipeError
from orchestrator.model.credit import SENTINEL_TERMS, sentinel_notice
from orchestrator.model.spec import PixelSpec
from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.parameters import provenance, read_parameters

NAME = "sentinel2-cloudless"
REFLECTANCE = "COPERNICUS/S2_SR_HARMONIZED"
PROBABILITY = "COPERNICUS/S2_CLOUD_PROBABILITY"
BANDS = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B11", "B12")
COUNTS_PER_REFLECTANCE = 10_000  # of the collection's surface reflectance bands (Earth Engine Data Catalog)
WATER = 6  # of the scene classification (SCL)
# "Dataset Availability", and the warning about the years 2017 and 2018 (Earth Engine Data Catalog).
FIRST_DAY = date(2017, 3, 28)
GLOBAL_SINCE = date(2019, 1, 1)
PROBABILITY_KEY = "s2cloudless"
LICENCE = SENTINEL_TERMS

# Reflectance may be slightly negative, so 0 and small negative numbers are data.
FLOAT_NODATA = -9999.0
# The largest true count is near 20 000.
INTEGER_NODATA = 65_535


@dataclass(frozen=True, slots=True)
class Sentinel2Parameters:
    """
    Thresholds of the recipe.

    Attributes:
        max_scene_cloud: Scenes with a larger CLOUDY_PIXEL_PERCENTAGE are left out, in percent.
        cloud_probability: A pixel with a larger s2cloudless probability is cloud, in percent.
        dark_nir: A land pixel with a smaller B8 reflectance may be shadow.
        shadow_distance_m: How far from a cloud its shadow may fall, in metres.
        buffer_m: Clouds and shadows are dilated by this, in metres.
        shadow_scale_m: Pixel size at which shadows are projected, in metres.
        mask_scale_m: Pixel size at which the mask is opened and dilated, in metres.
        dtype: `float32` for reflectance, `uint16` for reflectance × 10 000 with scale and offset tags.
    """

    max_scene_cloud: float = 60.0
    cloud_probability: float = 50.0
    dark_nir: float = 0.15
    shadow_distance_m: float = 1000.0
    buffer_m: float = 50.0
    shadow_scale_m: float = 100.0
    mask_scale_m: float = 20.0
    dtype: str = "float32"

    def __post_init__(self) -> None:
        if self.dtype not in ("float32", "uint16"):
            raise RecipeError(f"parameter 'dtype' of recipe {NAME} is {self.dtype!r}; choose float32 or uint16")
        for name in ("shadow_scale_m", "mask_scale_m"):
            if getattr(self, name) <= 0:
                raise RecipeError(f"parameter {name!r} of recipe {NAME} is {getattr(self, name)}; it must be above 0")
        for name in ("buffer_m", "shadow_distance_m"):
            if getattr(self, name) < 0:
                raise RecipeError(
                    f"parameter {name!r} of recipe {NAME} is {getattr(self, name)}; it must not be negative"
                )


class Sentinel2Cloudless:
    """The first recipe; see the module."""

    def pixels(self, request: ImageRequest) -> PixelSpec:
        bands = request.bands or BANDS
        if unknown := [band for band in bands if band not in BANDS]:
            raise RecipeError(f"recipe {NAME} has no band {unknown[0]!r}; choose from {', '.join(BANDS)}")
        if self._parameters(request).dtype == "uint16":
            return PixelSpec(bands, "uint16", INTEGER_NODATA, scale=1 / COUNTS_PER_REFLECTANCE)
        return PixelSpec(bands, "float32", FLOAT_NODATA)

    def image(self, request: ImageRequest) -> Any:
        params = self._parameters(request)
        bands = list(request.bands or BANDS)
        scenes = self._collections(request, params)[-1][1]
        median = scenes.map(lambda scene: _clear(ee.Image(scene), bands, params)).median()
        if params.dtype == "uint16":
            counts = median.multiply(COUNTS_PER_REFLECTANCE).round()
            return counts.clamp(0, INTEGER_NODATA - 1).toUint16()
        return median.toFloat()

    def survey(self, request: ImageRequest) -> list[tuple[str, Any]]:
        return [(name, scenes.size()) for name, scenes in self._collections(request, self._parameters(request))]

    def pins(self, request: ImageRequest) -> dict[str, str]:  # noqa: ARG002  the port's signature
        return {}

    def facts(self, request: ImageRequest) -> dict[str, Any]:
        return provenance(NAME, self._parameters(request), attribution(request), LICENCE)

    def first_day(self, request: ImageRequest) -> tuple[str, date] | None:  # noqa: ARG002  the port's signature
        return REFLECTANCE, FIRST_DAY

    def notes(self, request: ImageRequest) -> tuple[str, ...]:
        return coverage_notes(request)

    def _parameters(self, request: ImageRequest) -> Sentinel2Parameters:
        return read_parameters(Sentinel2Parameters, request.params, NAME)

    def _collections(self, request: ImageRequest, params: Sentinel2Parameters) -> list[tuple[str, Any]]:
        """Return the scenes after each filter, named by the filter."""
        region = ee.Geometry(dict(request.region))
        dates = (request.start.isoformat(), request.end.isoformat())
        touching = ee.ImageCollection(REFLECTANCE).filterBounds(region)
        dated = touching.filterDate(*dates)
        light = dated.filter(ee.Filter.lte("CLOUDY_PIXEL_PERCENTAGE", params.max_scene_cloud))
        probability = ee.ImageCollection(PROBABILITY).filterBounds(region).filterDate(*dates)
        same = ee.Filter.equals(leftField="system:index", rightField="system:index")
        joined = ee.ImageCollection(ee.Join.saveFirst(PROBABILITY_KEY).apply(light, probability, same))
        return [
            (f"{REFLECTANCE} over the area from {dates[0]} to {dates[1]}", dated),
            (f"with CLOUDY_PIXEL_PERCENTAGE at most {params.max_scene_cloud:g}", light),
            (f"with a scene of {PROBABILITY}", joined),
        ]


def coverage_notes(request: ImageRequest) -> tuple[str, ...]:
    """Return what is to be said where the dates reach back to when not all of the Earth was covered."""
    if FIRST_DAY <= request.start < GLOBAL_SINCE:
        return (f"{REFLECTANCE} does not cover the whole Earth before {GLOBAL_SINCE.year}.",)
    return ()


def attribution(request: ImageRequest) -> str:
    """Return the notice that the legal notice on Sentinel data asks for, with the years of the dates."""
    first, last = request.start.year, (request.end - timedelta(days=1)).year
    return sentinel_notice(range(first, last + 1))


def _clear(scene: Any, bands: list[str], params: Sentinel2Parameters) -> Any:
    """Return `bands` of a scene as reflectance, masked where there is cloud or shadow."""
    cloud = ee.Image(scene.get(PROBABILITY_KEY)).select("probability").gt(params.cloud_probability)
    mask = cloud.add(_shadow(scene, cloud, params)).gt(0)
    pixels_across = params.buffer_m * 2 / params.mask_scale_m
    dilated = (
        mask.focalMin(2).focalMax(pixels_across).reproject(scene.select([0]).projection(), None, params.mask_scale_m)
    )
    return scene.select(bands).updateMask(dilated.Not()).divide(COUNTS_PER_REFLECTANCE)


def _shadow(scene: Any, cloud: Any, params: Sentinel2Parameters) -> Any:
    """Return 1 where a dark land pixel lies within reach of a cloud, on its side away from the sun."""
    land = scene.select("SCL").neq(WATER)
    dark = scene.select("B8").lt(params.dark_nir * COUNTS_PER_REFLECTANCE).multiply(land)
    # Degrees counter-clockwise from east: where the sun stands on a map with north up.
    towards_sun = ee.Number(90).subtract(ee.Number(scene.get("MEAN_SOLAR_AZIMUTH_ANGLE")))
    reach = params.shadow_distance_m / params.shadow_scale_m
    projected = (
        cloud.directionalDistanceTransform(towards_sun, reach)
        .reproject(scene.select([0]).projection(), None, params.shadow_scale_m)
        .select("distance")
        .mask()
    )
    return projected.multiply(dark)


def default_parameters() -> Mapping[str, Any]:
    """Return every parameter with its default, for help texts and documents."""
    return asdict(Sentinel2Parameters())
