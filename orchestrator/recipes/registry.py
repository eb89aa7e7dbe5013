"""Which recipes there are. A new one is one file here and one line below."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from types import MappingProxyType

from orchestrator.core.errors import RecipeError
from orchestrator.recipes.contract import Recipe


def _sentinel2() -> Recipe:
    from orchestrator.recipes.sentinel2 import Sentinel2Cloudless  # noqa: PLC0415  `ee` costs a second

    return Sentinel2Cloudless()


def _image_code() -> Recipe:
    from orchestrator.recipes.user_code import ImageCode  # noqa: PLC0415  `ee` costs a second

    return ImageCode()


def _graph() -> Recipe:
    from orchestrator.recipes.graph import Graph  # noqa: PLC0415  `ee` costs a second

    return Graph()


RECIPES: Mapping[str, Callable[[], Recipe]] = MappingProxyType(
    {"sentinel2-cloudless": _sentinel2, "image-code": _image_code, "graph": _graph}
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
