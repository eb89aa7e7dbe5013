"""People: how many live in a pixel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.recipes.presets.preset import FLOAT_NODATA, Alias, Filled, Preset, PresetSource

FAMILY = "people"
COLLECTION = "JRC/GHSL/P2023A/GHS_POP"
COUNT = "population_count"


def _people(name: str, alias: Alias, asked: Filled) -> Preset:
    asset = f"{COLLECTION}/{asked.year}"

    def build(region: Mapping[str, Any], bands: tuple[str, ...]) -> Any:
        del region  # one image of the whole Earth
        import ee  # noqa: PLC0415  it costs a second

        return ee.Image(asset).select(list(bands)).toFloat()

    return Preset(
        name=name,
        alias=alias,
        steps=(f"{asset}, people in each cell of 100 m: on a finer grid a cell's number is in all of its pixels",),
        sources=(PresetSource(asset),),
        bands=(COUNT,),
        dtype="float32",
        nodata=FLOAT_NODATA,
        scale=100,
        valid=(0, 1e6),
        attribution="GHS-POP R2023A by the European Commission, Joint Research Centre (Schiavina et al. 2023, "
        "doi:10.2905/2FF68A52-5B5B-4A22-8F40-C41DA8332CFE)",
        licence="https://ec.europa.eu/info/legal-notice_en",
        breaks=tuple(range(1, 300, 10)),
        mended=f"JRC/GHSL/P2016, in cells of 250 m, was replaced by {COLLECTION}; fractions of people were lost in "
        "whole numbers; it could not be made, since its class took no name",
        build=build,
    )


ALIASES = (
    Alias("humanpopYYYY", "humanpop", FAMILY, "How many people live in a cell of 100 m", _people, (1975, 2030), step=5),
)
