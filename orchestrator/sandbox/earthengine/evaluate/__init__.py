"""
The evaluator of Earth Engine's expression graphs: JSON in, values or pixels out.

To add a function, write one Python function in the family's file under `functions/`, register it under Earth Engine's
name, and give it a test. Its arguments arrive by position as the installed client declares them.

What the reference leaves open, or where its pages contradict each other, is refused by name (`errors.not_imitated`);
`COVERAGE.md` lists it. Where a picture could not be made at all without an answer, these choices were made:

* masks are yes or no, never fractions;
* integers are intervals, so that sums and products cannot overflow; a division gives floats;
* the median of an even number of values is the mean of the two in the middle;
* elements of array images with equal keys are sorted into the order that they had;
* a focal filter sees valid pixels only, and its result is valid where any pixel around is;
* a directional distance is 0 on non-zero pixels, and steps one pixel at a time towards the angle;
* a composite has no footprint; edges of polygons are straight in the projection of their coordinates, except in
  measures of geodesic ones;
* scaling a projection keeps its origin; a centre on the boundary of two pixels belongs to the one right and below.
"""

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
