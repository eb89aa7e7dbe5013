"""From an order of pixels to the bytes of an answer, a few at a time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from rasterio.errors import CRSError

from orchestrator.sandbox.behaviour import Behaviour
from orchestrator.sandbox.earthengine import pixels
from orchestrator.sandbox.earthengine.attempt import Evaluator
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, UnboundedImageError
from orchestrator.sandbox.earthengine.evaluate.evaluator import RequestedImage
from orchestrator.sandbox.earthengine.pixels import PixelOrder


class Renderer:
    """Evaluate orders of pixels."""

    def __init__(self, evaluator: Evaluator, behaviour: Behaviour) -> None:
        self._evaluator = evaluator
        self.behaviour = behaviour
        # However many are admitted: what is computed at a time bounds the memory, and more would not be faster.
        self._processors = threading.BoundedSemaphore(max(2, os.cpu_count() or 2))

    def image(self, order: PixelOrder) -> RequestedImage:
        """
        Evaluate what is ordered; pixels are computed when they are read.

        Raises:
            EvaluationError: With the service's sentence.
            ApiError: 400 for an image without a grid of its own.
        """
        try:
            found: RequestedImage = self._evaluator.image(dict(order.expression), grid=order.grid)
        except UnboundedImageError:
            raise pixels.refusal_of_unbounded() from None
        return found

    def computed(self, encode: Callable[[], bytes]) -> bytes:
        """
        Read and write pixels when a processor is free.

        Raises:
            EvaluationError: If the CRS cannot be written.
        """
        try:
            with self._processors:
                return encode()
        except CRSError as error:
            raise EvaluationError(f"The CRS cannot be written: {error}") from error
