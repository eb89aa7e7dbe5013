"""The shape of the ground: heights and slopes of SRTM, landforms of the United States."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.recipes.presets.legends import LANDFORMS
from orchestrator.recipes.presets.preset import CLASS_NODATA, FLOAT_NODATA, Alias, Filled, Preset, PresetSource

FAMILY = "terrain"
SRTM = "CGIAR/SRTM90_V4"
AMERICAN = "CSP/ERGo/1_0/US/landforms"


def _srtm(name: str, alias: Alias, asked: Filled) -> Preset:
    del asked

    def build(region: Mapping[str, Any], bands: tuple[str, ...]) -> Any:
        del region  # one image of the whole Earth
        import ee  # noqa: PLC0415  it costs a second

        heights = ee.Image(SRTM).select(["elevation"]).resample("bilinear")
        return heights.addBands(ee.Terrain.slope(heights)).select(list(bands)).toFloat()

    return Preset(
        name=name,
        alias=alias,
        steps=(
            f"{SRTM}, heights in metres, interpolated between its pixels of 90 m",
            "slope in degrees, from the four neighbours of each pixel that is delivered",
        ),
        sources=(PresetSource(SRTM),),
        bands=("elevation", "slope"),
        dtype="float32",
        nodata=FLOAT_NODATA,
        scale=90,
        valid=(-444, 8806),
        attribution="Hole-filled SRTM for the globe Version 4, CGIAR-CSI SRTM 90m Database (Jarvis et al. 2008)",
        licence="https://developers.google.com/earth-engine/datasets/catalog/CGIAR_SRTM90_V4#terms-of-use",
        mended="heights below the sea and fractions of a slope were lost in unsigned whole numbers; slopes on a grid "
        "finer than 90 m were those of stairs",
        build=build,
    )


def _landforms(name: str, alias: Alias, asked: Filled) -> Preset:
    del asked

    def build(region: Mapping[str, Any], bands: tuple[str, ...]) -> Any:
        del region  # one image of the country
        import ee  # noqa: PLC0415  it costs a second

        return ee.Image(AMERICAN).select(list(bands)).toByte()

    return Preset(
        name=name,
        alias=alias,
        steps=(f"{AMERICAN}, as it is",),
        sources=(PresetSource(AMERICAN),),
        bands=("constant",),
        dtype="uint8",
        nodata=CLASS_NODATA,
        scale=10,
        valid=(11, 42),
        attribution="Conservation Science Partners, Ecologically Relevant Geomorphology (Theobald et al. 2015, "
        "doi:10.1371/journal.pone.0143619)",
        licence="CC-BY-NC-SA-4.0",
        classes=LANDFORMS,
        build=build,
    )


ALIASES = (
    Alias("srtm", "srtm", FAMILY, "Heights and slopes of SRTM, 60° N to 56° S", _srtm),
    Alias("usnedlandforms", "usnedlandforms", FAMILY, "Landforms of the United States, 15 classes", _landforms),
)
