"""Which recipes there are. A new one is one file here and one line below."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from orchestrator.core.errors import RecipeError
from orchestrator.core.nearest import hint
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


# Those whose pixels do not depend on the dates of a job: it may leave them out.
UNDATED = frozenset({"graph"})


def find_recipe(name: str) -> Recipe:
    """
    Return the recipe called `name`.

    Raises:
        RecipeError: There is none.
    """
    if name not in RECIPES:
        raise RecipeError(f"recipe {name!r} is unknown; {hint(name, RECIPES)}")
    return RECIPES[name]()
