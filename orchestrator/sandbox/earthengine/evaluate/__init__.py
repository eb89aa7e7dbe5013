"""The evaluator of Earth Engine's expression graphs: JSON in, values or pixels out."""

from __future__ import annotations

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, UnknownFunctionError
from orchestrator.sandbox.earthengine.evaluate.evaluator import (
    Evaluator,
    RequestedBand,
    RequestedGrid,
    RequestedImage,
)

__all__ = [
    "EvaluationError",
    "Evaluator",
    "RequestedBand",
    "RequestedGrid",
    "RequestedImage",
    "UnknownFunctionError",
]
