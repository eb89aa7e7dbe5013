"""Pixels in the answer to a request, without an export."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from orchestrator.model.grid import Grid, Window
from orchestrator.model.ports import Stop
from orchestrator.model.spec import PixelSpec


class Counted(StrEnum):
    """What a service counts of a request."""

    BYTES = "bytes"  # pixels × Σ over bands of (bytes of the number type + 1 for the mask)
    VALUES = "values"  # pixels × bands, an exact number


@dataclass(frozen=True, slots=True)
class DirectLimits:
    """
    What one request may ask for, as the service counts it.

    Attributes:
        most: Bytes or values of a reply, as `counted` says.
        max_side: Pixels of a side.
        max_bands: Bands.
        at_once: Requests under way at once, for the whole project.
        per_second: Requests begun in a second, for the whole project.
        counted: What the service counts.
    """

    most: int
    max_side: int
    max_bands: int
    at_once: int
    per_second: float
    counted: Counted = Counted.BYTES


@dataclass(frozen=True, slots=True)
class PixelRequest:
    """
    One window of an image.

    Attributes:
        image: Earth Engine's expression, JSON.
        grid: The grid of the plan.
        window: Which pixels of it.
        pixels: Bands, number type and the value that masked pixels get.
    """

    image: str
    grid: Grid
    window: Window
    pixels: PixelSpec


@dataclass(frozen=True, slots=True)
class PixelPiece:
    """
    Pixels that arrived.

    Attributes:
        content: A GeoTIFF of exactly the window, as a sink takes it.
        request_sha256: Of the request as it was sent.
        reply_sha256: Of the reply's body as it came.
        reply_bytes: Its length.
        at: When it came, RFC 3339.
    """

    content: bytes
    request_sha256: str
    reply_sha256: str
    reply_bytes: int
    at: str


class DirectRoute(Protocol):
    """A way pixels come in the answer to a request."""

    @property
    def name(self) -> str: ...

    @property
    def limits(self) -> DirectLimits: ...

    def fetch(self, request: PixelRequest, stop: Stop) -> PixelPiece:
        """
        Return the pixels of a window, verified against what was asked for.

        Raises:
            RefusedError: The service says no; its `diagnosis` tells whether less at once would help.
            ThrottleError: It asks for fewer requests.
            TransientError: It failed for now.
            IntegrityError: The reply is not what was asked for.
        """

    def close(self) -> None:
        """Give up idle connections."""
