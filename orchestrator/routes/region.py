"""The direct route `region`: the values of a window as a table, in the answer to one request."""

from __future__ import annotations

import threading
from typing import Any

import ee
import numpy as np
from numpy.typing import NDArray

from orchestrator.clients.region import RegionClient, RegionReply, rectangle
from orchestrator.core.errors import IntegrityError
from orchestrator.model.direct import DirectLimits, PixelPiece, PixelRequest
from orchestrator.model.grid import Bounds, Grid, Window
from orchestrator.model.ports import Stop
from orchestrator.routes.filled import filled
from orchestrator.routes.limits import REGION
from orchestrator.routes.npy import make_tiff
from orchestrator.routes.region_rows import scatter

# So far inside the window lie the sides of what is asked for: every centre of it is in, every neighbour's out, and
# what coordinates lose on their way, some 1e-9 m, moves none across.
INSET_PIXELS = 0.25


def inset(grid: Grid, window: Window) -> Bounds:
    """Return (left, bottom, right, top) that hold the centres of a window's pixels and of no other, in the CRS."""
    left, bottom, right, top = grid.bounds(window)
    wide, high = INSET_PIXELS * grid.transform[0], INSET_PIXELS * -grid.transform[4]
    return left + wide, bottom + high, right - wide, top - high


class RegionRoute:
    """See `model.direct.DirectRoute`. Safe to use from several threads."""

    name = "region"

    def __init__(self, client: RegionClient, limits: DirectLimits = REGION) -> None:
        self.limits = limits
        self._client = client
        # One table at a time is made into a file: objects of a million rows take a few hundred megabytes.
        self._making = threading.Lock()

    def fetch(self, request: PixelRequest, stop: Stop) -> PixelPiece:
        """See `DirectRoute`."""
        pixels, grid, window = request.pixels, request.grid, request.window
        # Without a mask and without an end, the image has a row for every pixel: one that is lost is seen.
        image = filled(request.image, pixels, pixels.bands)
        reply = self._client.rows(
            ee.ImageCollection([image]),
            rectangle(inset(grid, window), grid.crs),
            stop,
            crs=grid.crs,
            transform=grid.window_transform(window),
        )
        with self._making:
            content = make_tiff(_array(reply, request), request, pixels.bands)
        told = reply.receipt
        return PixelPiece(content, told.request_sha256, told.reply_sha256, told.reply_bytes, told.at)

    def close(self) -> None:
        """Give up idle connections."""
        self._client.close()


def _array(reply: RegionReply, request: PixelRequest) -> NDArray[Any]:
    """Return a table of one image as a structured array (height, width), a field for each band."""
    pixels, window = request.pixels, request.window
    found = scatter(reply, request.grid, window, pixels)
    if len(found.moments) != 1 or found.absent:
        raise IntegrityError(
            f"asked for {window.pixels} pixels of one image, Earth Engine sent {len(reply.rows)} rows of "
            f"{len(found.moments)}"
        )
    array = np.empty((window.height, window.width), [(band, pixels.dtype) for band in pixels.bands])
    for number, band in enumerate(pixels.bands):
        array[band] = found.values[0, number]
    return array
