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


def _cloudscore() -> Recipe:
    from orchestrator.recipes.cloudscore import Sentinel2CloudScore  # noqa: PLC0415  `ee` costs a second

    return Sentinel2CloudScore()


def _landsat() -> Recipe:
    from orchestrator.recipes.landsat import LandsatComposite  # noqa: PLC0415  `ee` costs a second

    return LandsatComposite()


def _sentinel1() -> Recipe:
    from orchestrator.recipes.sentinel1 import Sentinel1Backscatter  # noqa: PLC0415  `ee` costs a second

    return Sentinel1Backscatter()


def _ndvi() -> Recipe:
    from orchestrator.recipes.ndvi import NdviSeries  # noqa: PLC0415  `ee` costs a second

    return NdviSeries()


def _temperature() -> Recipe:
    from orchestrator.recipes.temperature import SurfaceTemperature  # noqa: PLC0415  `ee` costs a second

    return SurfaceTemperature()


def _embeddings() -> Recipe:
    from orchestrator.recipes.embeddings import AnnualEmbeddings  # noqa: PLC0415  `ee` costs a second

    return AnnualEmbeddings()


def _terrain() -> Recipe:
    from orchestrator.recipes.terrain import TerrainMap  # noqa: PLC0415  `ee` costs a second

    return TerrainMap()


def _landcover() -> Recipe:
    from orchestrator.recipes.landcover import LandCoverMap  # noqa: PLC0415  `ee` costs a second

    return LandCoverMap()


def _dataset() -> Recipe:
    from orchestrator.recipes.dataset import Dataset  # noqa: PLC0415  `ee` costs a second

    return Dataset()


RECIPES: Mapping[str, Callable[[], Recipe]] = MappingProxyType(
    {
        "sentinel2-cloudless": _sentinel2,
        "sentinel2-cloudscore": _cloudscore,
        "landsat-composite": _landsat,
        "sentinel1-backscatter": _sentinel1,
        "ndvi-series": _ndvi,
        "lst-series": _temperature,
        "embeddings": _embeddings,
        "terrain": _terrain,
        "landcover": _landcover,
        "dataset": _dataset,
        "image-code": _image_code,
        "graph": _graph,
    }
)


# Where the parameters of each are declared: `file:class` in this folder.
PARAMETERS: Mapping[str, str] = MappingProxyType(
    {
        "sentinel2-cloudless": "sentinel2:Sentinel2Parameters",
        "sentinel2-cloudscore": "cloudscore:CloudScoreParameters",
        "landsat-composite": "landsat:LandsatParameters",
        "sentinel1-backscatter": "sentinel1:Sentinel1Parameters",
        "ndvi-series": "ndvi:NdviParameters",
        "lst-series": "temperature:TemperatureParameters",
        "embeddings": "embeddings:EmbeddingParameters",
        "terrain": "terrain:TerrainParameters",
        "landcover": "landcover:LandCoverParameters",
        "dataset": "dataset:DatasetParameters",
        "image-code": "user_code:UserCodeParameters",
        "graph": "graph:GraphParameters",
    }
)


# Those whose pixels do not depend on the dates of a job: it may leave them out.
UNDATED = frozenset({"dataset", "graph", "landcover", "terrain"})

# Those that run a Python file which their parameter `file` names.
CODE = frozenset({"dataset", "image-code"})


def find_recipe(name: str) -> Recipe:
    """
    Return the recipe called `name`.

    Raises:
        RecipeError: There is none.
    """
    if name not in RECIPES:
        raise RecipeError(f"recipe {name!r} is unknown; {hint(name, RECIPES)}")
    return RECIPES[name]()
