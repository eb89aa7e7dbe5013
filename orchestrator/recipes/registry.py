"""What a recipe promises, and which there are."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Protocol

from orchestrator.core.errors import RecipeError
from orchestrator.model.spec import PixelSpec


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """
    What is wanted of a recipe.

    Attributes:
        region: GeoJSON geometry in degrees that contains the area; for choosing scenes, not for cutting.
        start: First day.
        end: The day after the last.
        bands: Names in order; empty is the recipe's default.
        params: The parameters that differ from their defaults.
    """

    region: Mapping[str, Any]
    start: date
    end: date
    bands: tuple[str, ...]
    params: Mapping[str, Any]


class Recipe(Protocol):
    """A way to compute pixels in Earth Engine."""

    def pixels(self, request: ImageRequest) -> PixelSpec:
        """
        Return what a pixel will be, without asking Earth Engine.

        Raises:
            RecipeError: A band, date or parameter is not possible.
        """

    def image(self, request: ImageRequest) -> Any:
        """Return the `ee.Image`: the bands of `pixels` in its number type; masked pixels stay masked."""

    def survey(self, request: ImageRequest) -> list[tuple[str, Any]]:
        """Return (filter, `ee.Number` of scenes left after it), in order; the last must be above zero."""

    def facts(self, request: ImageRequest) -> dict[str, Any]:
        """Return what the provenance should say: every parameter with its value, hashes of user code."""


def _sentinel2() -> Recipe:
    from orchestrator.recipes.sentinel2 import Sentinel2Cloudless  # noqa: PLC0415  `ee` costs a second

    return Sentinel2Cloudless()


def _image_code() -> Recipe:
    from orchestrator.recipes.user_code import ImageCode  # noqa: PLC0415  `ee` costs a second

    return ImageCode()


RECIPES: Mapping[str, Callable[[], Recipe]] = MappingProxyType(
    {"sentinel2-cloudless": _sentinel2, "image-code": _image_code}
)


def find_recipe(name: str) -> Recipe:
    """
    Return the recipe called `name`.

    Raises:
        RecipeError: There is none.
    """
    if name not in RECIPES:
        close = difflib.get_close_matches(name, RECIPES, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(RECIPES)}"
        raise RecipeError(f"recipe {name!r} is unknown; {hint}")
    return RECIPES[name]()
