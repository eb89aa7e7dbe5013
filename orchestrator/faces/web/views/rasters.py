"""Rasters of results as data for a map: layers, tiles, numbers of bands, the pixel under the cursor."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.app.verbs import layers, previews
from orchestrator.app.verbs.layers import Layer, LayerName
from orchestrator.app.verbs.previews import TileAsked
from orchestrator.core.errors import UserError
from orchestrator.faces.web.pages import JSON, site_of, to_json

if TYPE_CHECKING:
    from orchestrator.faces.web.site import Site
    from orchestrator.previews.style import Style

MOST_LETTERS = 2000  # of a query: three ranges of the longest numbers are 200
_WHOLE = re.compile(r"\d{1,9}")


def routes(site: Site) -> list[Route]:  # noqa: ARG001
    """Return what this view answers."""
    return [
        Route("/runs/{run}/layers.json", _layers),
        Route("/runs/{run}/numbers.json", _numbers),
        Route("/runs/{run}/pixel.json", _pixel),
        Route("/runs/{run}/series.json", _series),
        Route("/previews/colours/{name}.png", _colours),
        Route("/runs/{run}/tiles/{z}/{x}/{y}.png", _tile),
        Route("/runs/{run}/difference/{z}/{x}/{y}.png", _difference),
    ]


def _layers(request: Request) -> Response:
    found = layers.layers_of(site_of(request).app, request.path_params["run"])
    return Response(to_json([_layer_json(layer) for layer in found]), media_type=JSON)


def _layer_json(layer: Layer) -> dict[str, Any]:
    classes = [
        {"value": value, "colour": f"#{bytes(colour).hex()}", "name": layer.class_names.get(value, str(value))}
        for value, colour in layer.classes.items()
    ]
    told = {"key": layer.key, "title": layer.title, "times": layer.times, "shown": layer.shown, "classes": classes}
    return told | asdict(layer.facts)


def _numbers(request: Request) -> Response:
    app, run = site_of(request).app, request.path_params["run"]
    found = previews.numbers(app, run, layer_asked(request.query_params))
    return Response(to_json([asdict(one) for one in found]), media_type=JSON)


def _pixel(request: Request) -> Response:
    asked = request.query_params
    place = _number(asked, "lon"), _number(asked, "lat")
    app = site_of(request).app
    runs = [request.path_params["run"], *asked.getlist("with")][:2]
    found = [previews.pixel(app, run, layer_asked(asked), *place) for run in runs]
    return Response(to_json([asdict_of_pixel(one) for one in found]), media_type=JSON)


def _series(request: Request) -> Response:
    asked = request.query_params
    place = _number(asked, "lon"), _number(asked, "lat")
    found = previews.series(site_of(request).app, request.path_params["run"], layer_asked(asked), *place)
    return Response(to_json({"times": found.times, "values": dict(found.values)}), media_type=JSON)


def _colours(request: Request) -> Response:
    return Response(previews.colour_strip(request.path_params["name"]), media_type="image/png")


def asdict_of_pixel(pixel: Any) -> dict[str, Any]:
    """Return a pixel as JSON can hold it."""
    return {name: getattr(pixel, name) for name in ("row", "col", "x", "y", "crs")} | {
        "values": dict(pixel.values),
        "physical": dict(pixel.physical),
    }


def _tile(request: Request) -> Response:
    return _picture(request, lambda asked: previews.tile(site_of(request).app, request.path_params["run"], asked))


def _difference(request: Request) -> Response:
    other = request.query_params.get("with", "")
    app, run = site_of(request).app, request.path_params["run"]
    return _picture(request, lambda asked: previews.difference(app, run, other, asked))


def _picture(request: Request, draw: Callable[[TileAsked], bytes]) -> Response:
    z, x, y = (_whole(request.path_params, name) for name in ("z", "x", "y"))
    query = request.query_params
    asked = TileAsked(z, x, y, layer_asked(query), style_asked(query))
    return Response(draw(asked), media_type="image/png")


def layer_asked(query: Mapping[str, str]) -> LayerName:
    """
    Return which raster is meant: `layer` and `time`.

    Raises:
        UserError: `time` is no whole number.
    """
    return LayerName(query.get("layer", "data"), _whole(query, "time") if "time" in query else 0)


def style_asked(query: Mapping[str, str]) -> Style | None:
    """
    Return how a tile is to be drawn: `bands=1,2,3`, `ranges=0:1,0:1,0:1`, `colours=viridis`; None where nothing says.

    Raises:
        UserError: One of them says nothing that can be drawn.
    """
    from orchestrator.previews.style import GREY, Style  # noqa: PLC0415  numpy is heavy

    if "bands" not in query:
        return None
    texts = query["bands"].split(",")[:4]
    bands = tuple(_whole({"bands": text}, "bands") for text in texts)
    pairs = [text.partition(":") for text in query.get("ranges", "").split(",")[:4]]
    ranges = tuple((_number({"ranges": low}, "ranges"), _number({"ranges": high}, "ranges")) for low, _, high in pairs)
    return Style(bands, ranges, query.get("colours", GREY), classes=_classes(query.get("classes", "")))


def _classes(text: str) -> Mapping[int, tuple[int, int, int]]:
    """Return colours by values, of `10:006400,20:ffbb22`."""
    found = {}
    for value, colour in re.findall(r"(-?\d{1,9}):([0-9a-f]{6})", text[:MOST_LETTERS]):
        red, green, blue = bytes.fromhex(colour)
        found[int(value)] = (red, green, blue)
    return found


def _whole(given: Mapping[str, str], name: str) -> int:
    text = given.get(name, "")
    if not _WHOLE.fullmatch(text):
        raise UserError(f"{name} is {text[:40]!r}, must be a whole number from 0 on")
    return int(text)


def _number(given: Mapping[str, str], name: str) -> float:
    try:
        return float(given.get(name, ""))
    except ValueError:
        raise UserError(f"{name} is {given.get(name, '')[:40]!r}, must be a number") from None
