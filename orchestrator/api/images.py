"""An image, however it is held in memory, as the recipe and parameters that a job keeps."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from orchestrator.app.imagery import ask_types
from orchestrator.core.errors import RecipeError, UserError

if TYPE_CHECKING:
    from orchestrator.app import Application
    from orchestrator.model.job import Job as Declared

GRAPH = "graph"
# The widest whole numbers that a float32 holds exactly.
_EXACT = 2**24


def is_image(value: object) -> bool:
    """Tell whether a value is an `ee.Image`, also where nobody has imported `ee`."""
    kind = getattr(sys.modules.get("ee"), "Image", None)
    return isinstance(kind, type) and isinstance(value, kind)


def graph_of(image: object) -> str:
    """Return an `ee.Image` as its expression: JSON in one form, the same for the same image."""
    from orchestrator.clients.earthengine import serialise  # noqa: PLC0415  `ee` costs a second

    return serialise(image)


def ask_bands(image: Any, app: Application | None) -> tuple[tuple[str, ...], str]:
    """
    Ask Earth Engine for the bands of an image and for a number type that holds all of them exactly.

    Args:
        image: An `ee.Image`.
        app: Of the connection that is open; None where there is none, and the client is used as it is.

    Raises:
        UserError: Earth Engine cannot be asked, or the image cannot be computed.
    """
    import ee  # noqa: PLC0415

    if app is None and not ee.data.is_initialized():
        raise UserError(
            "the image's bands are not named and Earth Engine is not signed in yet; give bands=[...], or make the job "
            "after orc.connect(...) or inside `with orc.sandbox()`"
        )
    types = ask_types(image, app.earth_engine().value if app is not None else lambda asked: asked.getInfo())
    return tuple(types), _holding(list(types.values()))


def _holding(types: list[Mapping[str, Any]]) -> str:
    """Return float32 where it holds every number of the types, else float64."""
    wide = any(
        one.get("precision") == "double"
        or (one.get("precision") == "int" and max(abs(one.get("min", -_EXACT * 2)), abs(one.get("max", 0))) > _EXACT)
        for one in types
    )
    return "float64" if wide else "float32"


def call_for_image(function: Callable[..., Any], app: Application, job: Declared, today: date) -> Any:
    """
    Return the `ee.Image` that a user's function makes for the area and the dates of a job.

    The function takes `region` (an `ee.Geometry` that contains the area), `start` and `end` (ISO dates), or fewer.

    Raises:
        RecipeError: It takes something else, fails, or returns something else.
    """
    import ee  # noqa: PLC0415

    from orchestrator.app.planner import region_of  # noqa: PLC0415  geopandas is heavy

    app.earth_engine()  # the client of the process is signed in before the function uses it
    name = getattr(function, "__name__", "the function")
    start, end = ("", "") if job.undated else (day.isoformat() for day in job.dates(today))
    offered = {"region": ee.Geometry(region_of(job)), "start": start, "end": end}
    wanted = inspect.signature(function).parameters
    if unknown := [one for one in wanted if one not in offered]:
        raise RecipeError(f"{name} asks for {unknown[0]!r}; it may take {', '.join(offered)}")
    try:
        image = function(**{one: offered[one] for one in wanted})
    except Exception as error:
        raise RecipeError(f"{name} failed: {type(error).__name__}: {error}") from error
    if not is_image(image):
        raise RecipeError(f"{name} returned {type(image).__name__}; it must return an ee.Image")
    return image
