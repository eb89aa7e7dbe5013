"""Pictures and files by link: `thumbnails` and `maps`."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any

from orchestrator.sandbox import fields
from orchestrator.sandbox.clock import Clock
from orchestrator.sandbox.earthengine import view_orders
from orchestrator.sandbox.earthengine.encoding import content_type, encoded
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.evaluator import RequestedImage
from orchestrator.sandbox.earthengine.links import Links
from orchestrator.sandbox.earthengine.payload import payload
from orchestrator.sandbox.earthengine.pixels import PixelOrder
from orchestrator.sandbox.earthengine.rendering import Renderer
from orchestrator.sandbox.earthengine.view_orders import PICTURES, ZIPPED, ZIPPED_PER_BAND, Picture
from orchestrator.sandbox.quotas import PixelMeter
from orchestrator.sandbox.scenes.catalogue import UnboundedQueryError
from orchestrator.sandbox.web import ApiError, Request, Response, Route, json_response, route

CREATE, GET = "thumbnails.create", "thumbnails.getPixels"
CREATE_MAP, TILE = "maps.create", "maps.tiles.get"
NAMELESS = "download"  # a computed image's file, by the description of `name` in `getDownloadURL`


class ViewRoutes:
    """Create links in any project, and answer whoever has one."""

    def __init__(self, renderer: Renderer, meter: PixelMeter, clock: Clock) -> None:
        self._renderer = renderer
        self._meter = meter
        self._thumbnails = Links(clock, "thumbnails", "Thumbnail")
        self._maps = Links(clock, "maps", "Map")

    def routes(self) -> list[Route]:
        def one(api: str, method: str, pattern: str, handler: Any, query: str = "") -> Route:
            return route("earthengine", api, method, project + pattern, _told(handler), query=query)

        project = r"/v1/projects/(?P<project>[^/:]+)"
        tile = r"/maps/(?P<number>[^/:]+)/tiles/(?P<zoom>\d+)/(?P<x>\d+)/(?P<y>\d+)"
        return [
            one(CREATE, "POST", "/thumbnails", self._create, "workloadTag"),
            one(GET, "GET", r"/thumbnails/(?P<number>[^/:]+):getPixels", self._get),
            one(CREATE_MAP, "POST", "/maps", self._create_map, "workloadTag"),
            one(TILE, "GET", tile, self._tile),
        ]

    def _create(self, request: Request, project: str) -> Response:
        body = payload(request)
        order = view_orders.thumbnail(body)
        self._check(order, self._images(order))
        return _named(request, self._thumbnails.keep(project, body), body)

    def _create_map(self, request: Request, project: str) -> Response:
        body = payload(request)
        self._images(view_orders.earth_map(body))  # so that what cannot be computed is told now
        return _named(request, self._maps.keep(project, body), body)

    def _get(self, request: Request, project: str, number: str) -> Response:  # noqa: ARG002  the path says all
        body = self._thumbnails.find(project, number)
        order = view_orders.thumbnail(body)
        images = self._images(order)
        name = body.get("filenamePrefix") or NAMELESS
        if order.format in (ZIPPED, ZIPPED_PER_BAND):
            data = self._renderer.computed(lambda: self._zip(images, order.format, name))
        else:
            data = self._renderer.computed(lambda: self._encoded(images[0], order.format))
        return Response(200, {"Content-Type": content_type(data)}, data)

    def _tile(self, request: Request, project: str, number: str, zoom: str, x: str, y: str) -> Response:  # noqa: ARG002
        order = view_orders.earth_map(self._maps.find(project, number))
        grid = view_orders.tile_grid(int(zoom), int(x), int(y))
        image = Picture(self._renderer.image(PixelOrder(order.expression, grid, order.format)))
        data = self._renderer.computed(lambda: self._encoded(image, order.format))
        return Response(200, {"Content-Type": content_type(data)}, data)

    def _images(self, order: PixelOrder) -> list[Any]:
        """Evaluate; files per band have the grid of each band."""
        image = self._renderer.image(order)
        if order.format in PICTURES:
            return [Picture(image)]
        if order.format == ZIPPED_PER_BAND:
            return [self._renderer.image(view_orders.single(order, band.name)) for band in image.bands]
        return [image]

    def _check(self, order: PixelOrder, images: Sequence[RequestedImage]) -> None:
        shapes = [(each.grid.height, each.grid.width, [band.itemsize for band in each.bands]) for each in images]
        self._meter.quotas.check_all(shapes, download=order.format not in PICTURES)

    def _encoded(self, image: Any, kind: str) -> bytes:
        behaviour = self._renderer.behaviour
        return encoded(image, kind, behaviour, behaviour.pixels_no_data)

    def _zip(self, images: Sequence[RequestedImage], kind: str, name: str) -> bytes:
        memory = io.BytesIO()
        with zipfile.ZipFile(memory, "w") as archive:
            for image in images:
                band = f".{image.bands[0].name}" if kind == ZIPPED_PER_BAND else ""
                archive.writestr(f"{name}{band}.tif", self._encoded(image, "GEO_TIFF"))
        return memory.getvalue()


def _named(request: Request, name: str, body: dict[str, Any]) -> Response:
    return json_response(fields.select(request.query.get("fields"), {**body, "name": name}))


def _told(handler: Any) -> Any:
    """Answer 400 with the sentence of what cannot be evaluated."""

    def answer(request: Request, **arguments: str) -> Response:
        try:
            response: Response = handler(request, **arguments)
        except (EvaluationError, UnboundedQueryError) as error:
            raise ApiError(400, str(error)) from error
        return response

    return answer
