"""The direct route: the pixels of a window in the answer to one request."""

from __future__ import annotations

import threading

from orchestrator.clients.pixels import PixelBody, PixelClient, Reply
from orchestrator.core.errors import IntegrityError, PermanentError
from orchestrator.model.direct import DirectLimits, PixelPiece, PixelRequest
from orchestrator.model.ports import Stop
from orchestrator.routes.filled import filled
from orchestrator.routes.limits import GOOGLE
from orchestrator.routes.npy import make_tiff, read_array
from orchestrator.routes.stored_image import asset_of, on_lattice


class PixelRoute:
    """See `model.direct.DirectRoute`. Safe to use from several threads."""

    name = "pixels"

    def __init__(self, client: PixelClient, limits: DirectLimits = GOOGLE) -> None:
        self.limits = limits
        self._client = client
        self._stored: dict[str, str] = {}  # expression and grid -> the stored image that it is; empty for none
        # One reply at a time is made into a file: the others wait as the bytes that came, and memory stays small.
        self._making = threading.Lock()

    def fetch(self, request: PixelRequest, stop: Stop) -> PixelPiece:
        """See `DirectRoute`."""
        bands = request.pixels.bands
        body = PixelBody(request.grid, request.window, bands)
        asset = self._asset(request)
        if asset:
            reply = self._client.stored(asset, body, stop)
            try:
                return self._piece(reply, request)
            except IntegrityError:  # another number type than planned: it has to be computed
                self._stored[self._key(request)] = ""
        reply = self._client.compute(filled(request.image, request.pixels, bands), body, stop)
        return self._piece(reply, request)

    def close(self) -> None:
        """Give up idle connections."""
        self._client.close()

    def _piece(self, reply: Reply, request: PixelRequest) -> PixelPiece:
        bands = request.pixels.bands
        with self._making:
            array = read_array(reply.body, request, bands)
            content = make_tiff(array, request, bands)
        return PixelPiece(content, reply.request_sha256, reply.reply_sha256, len(reply.body), reply.at)

    def _asset(self, request: PixelRequest) -> str:
        """
        Return the stored image whose own pixels the request asks for, or nothing.

        A masked pixel comes as zero and cannot be told from a zero: only where zero is what stands for "no data" are
        the pixels proved to be those that would be computed.
        """
        key = self._key(request)
        if key not in self._stored:
            self._stored[key] = self._look(request)
        return self._stored[key]

    def _key(self, request: PixelRequest) -> str:
        return f"{request.grid.crs} {request.grid.transform} {request.pixels} {hash(request.image)}"

    def _look(self, request: PixelRequest) -> str:
        asset = asset_of(request.image) if request.pixels.nodata == 0 else None
        if asset is None:
            return ""
        try:
            bands = self._client.bands(asset)
        except PermanentError:
            return ""
        return asset if on_lattice(request.grid, bands, request.pixels.bands) else ""
