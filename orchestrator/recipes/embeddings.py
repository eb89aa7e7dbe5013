"""`embeddings`: the satellite embedding of a year, 64 numbers a pixel that together have the length 1."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import ee

from orchestrator.model.spec import PixelSpec
from orchestrator.recipes.composing import in_type, touching, with_blank
from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.parameters import choose_bands, read_parameters
from orchestrator.recipes.series import year_of

NAME = "embeddings"
COLLECTION = "GOOGLE/SATELLITE_EMBEDDING/V1/ANNUAL"
BANDS = tuple(f"A{number:02d}" for number in range(64))
FIRST_DAY = date(2017, 1, 1)
NODATA = -9999.0
ATTRIBUTION = "The AlphaEarth Foundations Satellite Embedding dataset is produced by Google and Google DeepMind"
LICENCE = "https://creativecommons.org/licenses/by/4.0/"


@dataclass(frozen=True, slots=True)
class EmbeddingParameters:
    """
    What becomes of the vectors.

    Attributes:
        normalise: Divide each vector by its length. Coarser pixels are means of vectors, and those are shorter than 1.
    """

    normalise: bool = True


class AnnualEmbeddings:
    """See the module."""

    def pixels(self, request: ImageRequest) -> PixelSpec:
        self._parameters(request)
        year_of(request, NAME)
        return PixelSpec(choose_bands(NAME, request.bands, BANDS, BANDS), "float32", NODATA)

    def image(self, request: ImageRequest) -> Any:
        vectors = with_blank(self._tiles(request), BANDS).mosaic()
        if self._parameters(request).normalise:
            vectors = vectors.divide(vectors.multiply(vectors).reduce(ee.Reducer.sum()).sqrt())
        return in_type(vectors.select(list(request.bands or BANDS)), "float32")

    def survey(self, request: ImageRequest) -> list[tuple[str, Any]]:
        return [(f"{COLLECTION} over the area in {year_of(request, NAME).name}", self._tiles(request).size())]

    def pins(self, request: ImageRequest) -> dict[str, str]:  # noqa: ARG002  the port's signature
        return {}

    def facts(self, request: ImageRequest) -> dict[str, Any]:
        told = {"recipe": NAME, "year": year_of(request, NAME).start.year}
        sources = {"attribution": ATTRIBUTION, "licence": LICENCE}
        return told | {"parameters": asdict(self._parameters(request))} | sources

    def first_day(self, request: ImageRequest) -> tuple[str, date] | None:  # noqa: ARG002  the port's signature
        return COLLECTION, FIRST_DAY

    def notes(self, request: ImageRequest) -> tuple[str, ...]:
        year = year_of(request, NAME)
        if (year.start, year.end) == (request.start, request.end):
            return ()
        return (f"An embedding is of a whole year: this one of {year.name}, whatever the days within it.",)

    def _parameters(self, request: ImageRequest) -> EmbeddingParameters:
        return read_parameters(EmbeddingParameters, request.params, NAME)

    def _tiles(self, request: ImageRequest) -> Any:
        year = year_of(request, NAME)
        return touching(COLLECTION, request, year.start, year.end)
