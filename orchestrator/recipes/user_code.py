"""`image-code`: a user's own Python file with `get_ee_image()`; run only where the user said so."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import ee

from orchestrator.core.errors import RecipeError
from orchestrator.model.spec import PixelSpec
from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.file_modes import check_modes
from orchestrator.recipes.parameters import read_parameters
from orchestrator.recipes.pixel_types import cast, pixel_spec, spare_notes
from orchestrator.recipes.python_file import PythonFile, read_python

NAME = "image-code"
FUNCTION = "get_ee_image"


@dataclass(frozen=True, slots=True)
class UserCodeParameters:
    """
    What the file and its pixels are.

    Attributes:
        file: Path of the Python file; it defines `get_ee_image(region, start, end)` or takes fewer of these.
        dtype: Number type of the output.
        nodata: Value of masked pixels; the default is outside what the type usually holds.
        attribution: What must be said of the sources, e.g. `Contains modified Copernicus Sentinel data 2024`; it is
            written into the result and its proof.
        licence: Under which terms they may be used: a name or an address; written into the proof.
    """

    file: str = ""
    dtype: str = "float32"
    nodata: str = ""
    attribution: str = ""
    licence: str = ""


class ImageCode:
    """Pixels from a user's own expression. Bands must be named with `--bands`, so that the plan needs no call."""

    def pixels(self, request: ImageRequest) -> PixelSpec:
        params = self._parameters(request)
        if not request.bands:
            raise RecipeError(f"recipe {NAME} needs the names of the image's bands, in order: --bands NAME,NAME,..")
        self._read(params)
        return pixel_spec(request.bands, params.dtype, params.nodata)

    def image(self, request: ImageRequest) -> Any:
        params = self._parameters(request)
        file = self._read(params)
        function = file.namespace("image_code").get(FUNCTION)
        if not callable(function):
            raise RecipeError(f"{params.file} defines no function {FUNCTION}(); it must return an ee.Image")
        offered = {
            "region": ee.Geometry(dict(request.region)),
            "start": request.start.isoformat(),
            "end": request.end.isoformat(),
        }
        wanted = self._asks_for(params, function)
        if unknown := [name for name in wanted if name not in offered]:
            raise RecipeError(f"{FUNCTION} in {params.file} asks for {unknown[0]!r}; it may take {', '.join(offered)}")
        image = file.run(lambda: function(**{name: offered[name] for name in wanted}))
        if not isinstance(image, ee.Image):
            raise RecipeError(
                f"{FUNCTION} in {params.file} returned {type(image).__name__}; it must return an ee.Image"
            )
        return cast(image, request.bands, params.dtype)

    def _asks_for(self, params: UserCodeParameters, function: Callable[..., Any]) -> Iterable[str]:
        try:
            return inspect.signature(function).parameters
        except ValueError:  # of what is built in: int, type
            raise RecipeError(f"{FUNCTION} in {params.file} is {function!r}; it must be a function of yours") from None

    def survey(self, request: ImageRequest) -> list[tuple[str, Any]]:  # noqa: ARG002  the port's signature
        return []

    def pins(self, request: ImageRequest) -> dict[str, str]:
        return {"code": self._read(self._parameters(request)).sha256}

    def facts(self, request: ImageRequest) -> dict[str, Any]:
        parameters = asdict(self._parameters(request))
        sources = {"attribution": parameters["attribution"], "licence": parameters["licence"]}
        return {"recipe": NAME, "parameters": parameters, "code_sha256": self.pins(request)["code"]} | sources

    def first_day(self, request: ImageRequest) -> tuple[str, date] | None:  # noqa: ARG002  only its author knows
        return None

    def notes(self, request: ImageRequest) -> tuple[str, ...]:
        params = self._parameters(request)
        return (*check_modes(Path(params.file)), *spare_notes(params.dtype, params.nodata))

    def _parameters(self, request: ImageRequest) -> UserCodeParameters:
        return read_parameters(UserCodeParameters, request.params, NAME)

    def _read(self, params: UserCodeParameters) -> PythonFile:
        return read_python(params.file, NAME)
