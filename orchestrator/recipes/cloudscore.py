"""
`sentinel2-cloudscore`: Sentinel-2 surface reflectance where Cloud Score+ says that the ground is seen.

Linking by the index of scenes and masking by a threshold are those of the data sheet of Cloud Score+, whose threshold
of 0.6 on `cs_cdf` is the default.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import ee

from orchestrator.model.spec import PixelSpec
from orchestrator.recipes import sentinel2
from orchestrator.recipes.composing import in_type, over, touching, with_blank
from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.parameters import check_between, check_choice, choose_bands, provenance, read_parameters

NAME = "sentinel2-cloudscore"
SCORES = "GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED"
SCALE = 1 / sentinel2.COUNTS_PER_REFLECTANCE
CREDIT = "Cloud Score+ S2_HARMONIZED V1 by Google, CC-BY-4.0"


@dataclass(frozen=True, slots=True)
class CloudScoreParameters:
    """
    Which pixels are clear, and what becomes of them.

    Attributes:
        score: `cs_cdf`, robust against what is bright at all times, or `cs`, more sensitive to thin cloud.
        threshold: A pixel with a smaller score is masked, 0 to 1.
        method: `median` of the clear pixels, or `quality`: all bands of the clearest one.
        max_scene_cloud: Scenes with a larger CLOUDY_PIXEL_PERCENTAGE are left out, in percent.
        dtype: `float32` for reflectance, `uint16` for reflectance × 10 000 with a scale tag.
    """

    score: str = "cs_cdf"
    threshold: float = 0.6
    method: str = "median"
    max_scene_cloud: float = 100.0
    dtype: str = "float32"

    def __post_init__(self) -> None:
        check_choice(NAME, "score", self.score, ("cs", "cs_cdf"))
        check_between(NAME, "threshold", self.threshold, 0, 1)
        check_choice(NAME, "method", self.method, ("median", "quality"))
        check_between(NAME, "max_scene_cloud", self.max_scene_cloud, 0, 100)
        check_choice(NAME, "dtype", self.dtype, ("float32", "uint16"))


class Sentinel2CloudScore:
    """See the module."""

    def pixels(self, request: ImageRequest) -> PixelSpec:
        bands = choose_bands(NAME, request.bands, sentinel2.BANDS, sentinel2.BANDS)
        if self._parameters(request).dtype == "uint16":
            return PixelSpec(bands, "uint16", sentinel2.INTEGER_NODATA, scale=SCALE)
        return PixelSpec(bands, "float32", sentinel2.FLOAT_NODATA)

    def image(self, request: ImageRequest) -> Any:
        params = self._parameters(request)
        bands = request.bands or sentinel2.BANDS
        scenes = self._collections(request, params)[-1][1]
        wanted = [*bands, params.score] if params.method == "quality" else list(bands)
        clear = with_blank(unclouded(scenes, request, params.score, params.threshold), wanted)
        composite = clear.median() if params.method == "median" else clear.qualityMosaic(params.score)
        return in_type(composite.select(list(bands)).multiply(SCALE), params.dtype, SCALE)

    def survey(self, request: ImageRequest) -> list[tuple[str, Any]]:
        return [(name, scenes.size()) for name, scenes in self._collections(request, self._parameters(request))]

    def pins(self, request: ImageRequest) -> dict[str, str]:  # noqa: ARG002  the port's signature
        return {}

    def facts(self, request: ImageRequest) -> dict[str, Any]:
        credit = f"{sentinel2.attribution(request)}; {CREDIT}"
        return provenance(NAME, self._parameters(request), credit, sentinel2.LICENCE)

    def first_day(self, request: ImageRequest) -> tuple[str, date] | None:  # noqa: ARG002  the port's signature
        return sentinel2.REFLECTANCE, sentinel2.FIRST_DAY

    def notes(self, request: ImageRequest) -> tuple[str, ...]:
        return sentinel2.coverage_notes(request)

    def _parameters(self, request: ImageRequest) -> CloudScoreParameters:
        return read_parameters(CloudScoreParameters, request.params, NAME)

    def _collections(self, request: ImageRequest, params: CloudScoreParameters) -> list[tuple[str, Any]]:
        """Return the scenes after each filter, named by the filter."""
        dated = touching(sentinel2.REFLECTANCE, request)
        light = dated.filter(ee.Filter.lte("CLOUDY_PIXEL_PERCENTAGE", params.max_scene_cloud))
        return [
            (over(sentinel2.REFLECTANCE, request), dated),
            (f"with CLOUDY_PIXEL_PERCENTAGE at most {params.max_scene_cloud:g}", light),
            (f"with a scene of {SCORES}", scored(light, request)),
        ]


def scored(scenes: Any, request: ImageRequest) -> Any:
    """Return the scenes of Sentinel-2 that have one of Cloud Score+."""
    same = ee.Filter.equals(leftField="system:index", rightField="system:index")
    return ee.ImageCollection(ee.Join.simple().apply(scenes, touching(SCORES, request), same))


def unclouded(scenes: Any, request: ImageRequest, score: str, threshold: float) -> Any:
    """Return `scored` scenes with their score as a band more, masked where it is below `threshold`."""
    linked = scenes.linkCollection(touching(SCORES, request), [score])
    return linked.map(lambda scene: _clear(ee.Image(scene), score, threshold))


def _clear(scene: Any, score: str, threshold: float) -> Any:
    return scene.updateMask(scene.select(score).gte(threshold))
