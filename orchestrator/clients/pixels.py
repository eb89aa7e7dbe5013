"""
Pixels in the answer to one request: `image:computePixels` for expressions, `assets:getPixels` for stored images.

One try each, within a deadline; what a refusal asks for is in its error, and who repeats it is decided above.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ee

from orchestrator.clients.earthengine import EarthEngine
from orchestrator.clients.interactive import PIXEL_LIMITS, Interactive
from orchestrator.clients.watch import CallLimits
from orchestrator.core.errors import TransientError
from orchestrator.model.grid import Grid, Window
from orchestrator.model.ports import Stop

_CODE = re.compile(r"[A-Za-z]+:\w+")


@dataclass(frozen=True, slots=True)
class PixelBody:
    """
    What a request for pixels asks for; misspelt keys would be sent and ignored, so they are written once, here.

    Attributes:
        grid: The grid of the plan.
        window: Which pixels of it.
        bands: Names, in order; the answer tells them by name.
    """

    grid: Grid
    window: Window
    bands: tuple[str, ...]

    def params(self) -> dict[str, Any]:
        """Return the request's fields, as the client takes them, all but the image."""
        a, b, c, d, e, f = self.grid.window_transform(self.window)
        # translateX and translateY are the outer corner of the upper left pixel; scaleY is negative for north-up.
        transform = {"scaleX": a, "shearX": b, "translateX": c, "shearY": d, "scaleY": e, "translateY": f}
        return {
            "fileFormat": "NPY",
            "bandIds": list(self.bands),
            "grid": {
                "crsCode" if _CODE.fullmatch(self.grid.crs) else "crsWkt": self.grid.crs,
                "dimensions": {"width": self.window.width, "height": self.window.height},
                "affineTransform": transform,
            },
        }


@dataclass(frozen=True, slots=True)
class Reply:
    """
    An answer as it came.

    Attributes:
        body: What `numpy.save` wrote.
        request_sha256: Of the request as it was sent, in canonical JSON: keys sorted, no blanks.
        reply_sha256: Of `body`.
        at: When it was complete, RFC 3339.
    """

    body: bytes
    request_sha256: str
    reply_sha256: str
    at: str


class PixelClient:
    """Asks one Earth Engine for pixels. Safe to use from several threads."""

    def __init__(self, engine: EarthEngine, *, high_volume: bool = False, limits: CallLimits = PIXEL_LIMITS) -> None:
        """`high_volume` takes Google's address for many requests; another service has one address only."""
        self._engine = engine
        self._service = Interactive(engine, high_volume=high_volume, limits=limits)

    def compute(self, image: Any, body: PixelBody, stop: Stop) -> Reply:
        """
        Return the pixels of an `ee.Image`.

        Raises:
            RefusedError, ThrottleError, QuotaError, TransientError, CredentialError, NotFoundError: As the service
                says, with its sentence.
            Stopped: `stop` was set, and the grace is over.
        """
        return self._ask(lambda: ee.data.computePixels({"expression": image} | body.params()), stop)

    def stored(self, asset: str, body: PixelBody, stop: Stop) -> Reply:
        """Return the pixels of a stored image; nothing is computed but their place. Errors as `compute`."""
        return self._ask(lambda: ee.data.getPixels({"assetId": asset} | body.params()), stop)

    def bands(self, asset: str) -> list[dict[str, Any]]:
        """Return what the service knows of the bands of a stored image: `id`, `dataType`, `grid`."""
        found = self._engine.call(lambda: ee.data.getAsset(asset))
        return [band for band in found.get("bands", []) if isinstance(band, dict)]

    def _ask(self, call: Callable[[], Any], stop: Stop) -> Reply:
        body, receipt = self._service.ask(call, stop)
        if not isinstance(body, bytes):
            raise TransientError(f"Earth Engine's answer to a request for pixels is {type(body).__name__}, not bytes")
        return Reply(body, receipt.request_sha256, receipt.reply_sha256, receipt.at)

    def close(self) -> None:
        """Give up idle connections; the next call would open new ones."""
        self._engine.close()
