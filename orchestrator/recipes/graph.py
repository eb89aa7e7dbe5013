"""`graph`: an image that is given by its expression, as Earth Engine's own client writes it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import ee

from orchestrator.core.errors import RecipeError
from orchestrator.model.spec import PixelSpec
from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.parameters import read_parameters
from orchestrator.recipes.pixel_types import cast, pixel_spec, spare_notes

NAME = "graph"


@dataclass(frozen=True, slots=True)
class GraphParameters:
    """
    The image and what its pixels are.

    Attributes:
        graph: The expression, the JSON object (`result` and `values`) that Earth Engine's client makes of an image.
        dtype: Number type of the output.
        nodata: Value of masked pixels; the default is outside what the type usually holds.
        attribution: What must be said of the sources; written into the result and its proof.
        licence: Under which terms they may be used: a name or an address; written into the proof.
    """

    graph: str = ""
    dtype: str = "float32"
    nodata: str = ""
    attribution: str = ""
    licence: str = ""


class Graph:
    """Pixels of an expression that is part of the job, so that a run needs no file. The bands must be named."""

    def pixels(self, request: ImageRequest) -> PixelSpec:
        params = self._parameters(request)
        if not request.bands:
            raise RecipeError(f"recipe {NAME} needs the names of the image's bands, in order: --bands NAME,NAME,..")
        _read(params.graph)
        return pixel_spec(request.bands, params.dtype, params.nodata)

    def image(self, request: ImageRequest) -> Any:
        params = self._parameters(request)
        expression = _read(params.graph)
        try:
            image = ee.Image(ee.deserializer.decodeCloudApi(expression))
        except Exception as error:  # whatever the client makes of a damaged expression
            raise RecipeError(f"the expression of recipe {NAME} cannot be read: {error}; make it anew") from error
        return cast(image, request.bands, params.dtype)

    def survey(self, request: ImageRequest) -> list[tuple[str, Any]]:  # noqa: ARG002  the port's signature
        return []

    def pins(self, request: ImageRequest) -> dict[str, str]:  # noqa: ARG002  the expression is in the job itself
        return {}

    def facts(self, request: ImageRequest) -> dict[str, Any]:
        parameters = asdict(self._parameters(request))
        digest = hashlib.sha256(parameters.pop("graph").encode()).hexdigest()  # the run keeps the image it exports
        sources = {"attribution": parameters["attribution"], "licence": parameters["licence"]}
        return {"recipe": NAME, "parameters": parameters, "graph_sha256": digest} | sources

    def first_day(self, request: ImageRequest) -> tuple[str, date] | None:  # noqa: ARG002  only its author knows
        return None

    def notes(self, request: ImageRequest) -> tuple[str, ...]:
        params = self._parameters(request)
        return spare_notes(params.dtype, params.nodata)

    def _parameters(self, request: ImageRequest) -> GraphParameters:
        return read_parameters(GraphParameters, request.params, NAME)


def _read(text: str) -> dict[str, Any]:
    """
    Return the expression as JSON.

    Raises:
        RecipeError: There is none, or it is no expression.
    """
    try:
        expression = json.loads(text) if text else None
    except ValueError as error:
        raise RecipeError(f"the parameter 'graph' of recipe {NAME} is no JSON ({error}); make it anew") from None
    values = expression.get("values") if isinstance(expression, dict) else None
    if not isinstance(values, dict) or not isinstance(expression, dict) or expression.get("result") not in values:
        shown = text[:60] + ("…" if len(text) > 60 else "")
        raise RecipeError(
            f"the parameter 'graph' of recipe {NAME} is {shown!r}, no expression of an image: it is a JSON object with "
            "`result` and `values`, as the Python API keeps an ee.Image"
        )
    return expression
