"""Pixels in one answer: `image:computePixels` of an expression, `getPixels` of a stored image."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.sandbox.earthengine import pixels
from orchestrator.sandbox.earthengine.assets import Assets
from orchestrator.sandbox.earthengine.encoding import content_type, encoded
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.evaluator import RequestedImage
from orchestrator.sandbox.earthengine.payload import payload
from orchestrator.sandbox.earthengine.pixels import PixelOrder
from orchestrator.sandbox.earthengine.rendering import Renderer
from orchestrator.sandbox.faults import Faults
from orchestrator.sandbox.quotas import Asked, PixelMeter
from orchestrator.sandbox.scenes.catalogue import UnboundedQueryError
from orchestrator.sandbox.web import ApiError, Request, Response, Route, route

COMPUTE, GET = "image.computePixels", "assets.getPixels"


class PixelRoutes:
    """Answer with pixels, in any project."""

    def __init__(self, renderer: Renderer, assets: Assets, meter: PixelMeter, faults: Faults) -> None:
        self._renderer = renderer
        self._assets = assets
        self._meter = meter
        self._faults = faults

    def routes(self) -> list[Route]:
        expression = r"/v1/projects/(?P<project>[^/:]+)/image:computePixels"
        asset = r"/v1/(?P<name>projects/[^/]+/assets/[^:]+):getPixels"
        return [
            route("earthengine", COMPUTE, "POST", expression, self._compute),
            route("earthengine", GET, "POST", asset, self._get),
        ]

    def _compute(self, request: Request, project: str) -> Response:  # noqa: ARG002  every project has the same
        body = payload(request)
        try:
            return self._answer(COMPUTE, request, pixels.computed(body))
        except (EvaluationError, UnboundedQueryError) as error:
            raise ApiError(400, str(error)) from error

    def _get(self, request: Request, name: str) -> Response:
        body = payload(request)
        asset_id = self._assets.image_id(name)
        try:
            return self._answer(GET, request, pixels.stored(asset_id, body))
        except (EvaluationError, UnboundedQueryError) as error:
            raise ApiError(400, str(error)) from error

    def _answer(self, api: str, request: Request, order: PixelOrder) -> Response:
        image = self._renderer.image(order)
        self._admit(api, order, image)
        ordered, behaviour = self._faults.no_data_tag(api, request), self._renderer.behaviour
        tag = behaviour.pixels_no_data if ordered is None else ordered
        body = self._renderer.computed(lambda: encoded(image, order.format, behaviour, tag))
        return Response(200, {"Content-Type": content_type(body)}, body)

    def _admit(self, api: str, order: PixelOrder, image: RequestedImage) -> None:
        """
        Count the request.

        Raises:
            ApiError: 400 if it is too large.
        """
        grid, names = image.grid, tuple(band.name for band in image.bands)
        asked = Asked(api, order.format, grid.crs, grid.transform, grid.height, grid.width, names)
        try:
            size = self._meter.quotas.check(grid.height, grid.width, [band.itemsize for band in image.bands])
        except ApiError as refusal:
            self._meter.note(replace(asked, refusal=refusal.message))
            raise
        self._meter.note(replace(asked, bytes=size))
