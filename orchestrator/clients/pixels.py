"""
Pixels in the answer to one request: `image:computePixels` for expressions, `assets:getPixels` for stored images.

One try each, within a deadline; what a refusal asks for is in its error, and who repeats it is decided above.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import ee

from orchestrator.clients.earthengine import EarthEngine
from orchestrator.clients.session import PUBLIC_URL
from orchestrator.clients.transport import by_way_of
from orchestrator.clients.watch import LIMITS, CallLimits, Watch
from orchestrator.core.errors import TransientError
from orchestrator.model.grid import Grid, Window
from orchestrator.model.ports import Stop

# Earth Engine computes a request for at most five minutes before it says `Computation timed out.`, in silence.
COMPUTING_SECONDS = 330.0
# Beyond them, what 48 MiB take on a slow line.
SENDING_SECONDS = 600.0
PIXEL_LIMITS = replace(LIMITS, call_seconds=COMPUTING_SECONDS + SENDING_SECONDS)
# The address of the same service for many small requests: less is kept in its caches, the quotas are the same.
HIGH_VOLUME_URL: str = ee.data.HIGH_VOLUME_API_BASE_URL
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
        self._elsewhere = high_volume and engine.address == PUBLIC_URL
        self._limits = limits

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
        sent: list[str] = []

        def look(answer: Any) -> None:
            if answer.request.url.startswith(tuple(self._addresses())):  # a token is asked for elsewhere
                self._engine.note(answer)
                sent[:] = [_canonical(answer.request.body)]

        watch = Watch("Earth Engine", stop, self._limits, on_answer=look, first_seconds=COMPUTING_SECONDS)
        with by_way_of(PUBLIC_URL, HIGH_VOLUME_URL) if self._elsewhere else nullcontext():
            body = self._engine.watched(call, watch)
        if not isinstance(body, bytes) or not sent:
            raise TransientError(f"Earth Engine's answer to a request for pixels is {type(body).__name__}, not bytes")
        at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return Reply(body, _sha256(sent[0].encode()), hashlib.sha256(body).hexdigest(), at)

    def _addresses(self) -> Sequence[str]:
        return (self._engine.address, HIGH_VOLUME_URL) if self._elsewhere else (self._engine.address,)

    def close(self) -> None:
        """Give up idle connections; the next call would open new ones."""
        self._engine.close()


def _canonical(body: Any) -> str:
    return json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
