"""Soil: how sour it is, in six depths."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from orchestrator.recipes.presets.preset import CLASS_NODATA, Alias, Filled, Preset, PresetSource

FAMILY = "soil"
ASSET = "OpenLandMap/SOL/SOL_PH-H2O_USDA-4C1A2A_M/v02"
DEPTHS = ("b0", "b10", "b30", "b60", "b100", "b200")  # centimetres


def _acidity(breaks: tuple[float, ...], name: str, alias: Alias, asked: Filled) -> Preset:
    del asked

    def build(region: Mapping[str, Any], bands: tuple[str, ...]) -> Any:
        del region  # one image of the whole Earth
        import ee  # noqa: PLC0415  it costs a second

        return ee.Image(ASSET).select(list(bands)).toByte()

    return Preset(
        name=name,
        alias=alias,
        steps=(f"{ASSET}, ten times the pH in water, at depths of 0, 10, 30, 60, 100 and 200 cm, as it is",),
        sources=(PresetSource(ASSET),),
        bands=DEPTHS,
        dtype="uint8",
        nodata=CLASS_NODATA,
        scale=250,
        valid=(42, 110),
        physical=(0.1, 0.0),
        attribution="OpenLandMap soil pH in H2O (Hengl 2018, doi:10.5281/zenodo.1475459)",
        licence="CC-BY-SA-4.0",
        breaks=breaks,
        mended="it could not be made, since its class took no name; classes are of the first depth, and were cut from "
        "another axis of some files",
        build=build,
    )


ALIASES = (
    Alias("soilph", "soilph", FAMILY, "Soil pH in six depths, labels in four classes", partial(_acidity, (57, 64, 80))),
    Alias(
        "soilphbenelux",
        "soilphbenelux",
        FAMILY,
        "Soil pH in six depths, labels in five classes for the Low Countries",
        partial(_acidity, (53, 56, 66, 81)),
    ),
    Alias(
        "soilphcolombia",
        "soilphcolombia",
        FAMILY,
        "Soil pH in six depths, labels in five classes for Colombia",
        partial(_acidity, (49, 52, 57, 60)),
    ),
)
