"""Linear algebra of array images, pixel by pixel."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import array_matrices as matrices
from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.array_bands import array_band, expect_arrays
from orchestrator.sandbox.earthengine.evaluate.arrays import Batch, shaped
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.functions.array_image import each_band
from orchestrator.sandbox.earthengine.evaluate.images import paired
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import Image
from orchestrator.sandbox.scenes.catalogue import PixelType

_MATRIX = shaped(pixel_types.DOUBLE, 2)
_KEPT = {"matrixDiagonal": matrices.diagonal, "matrixToDiag": matrices.diagonal_matrix}
_DOUBLE = {
    "matrixInverse": (matrices.inverse, _MATRIX),
    "matrixPseudoInverse": (matrices.pseudo_inverse, _MATRIX),
    "matrixDeterminant": (matrices.determinant, pixel_types.DOUBLE),
    "matrixTrace": (matrices.trace, pixel_types.DOUBLE),
    "matrixFnorm": (matrices.frobenius, pixel_types.DOUBLE),
}
_DECOMPOSED: dict[str, tuple[matrices.Decomposition, tuple[str, ...]]] = {
    "matrixCholeskyDecomposition": (matrices.cholesky, ("L",)),
    "matrixLUDecomposition": (matrices.lu, ("L", "U", "P")),
}

Operation = Callable[[str, Batch], Batch]


def _each(image: Image, *, name: str, operation: Operation, kind: PixelType | None) -> Image:
    return each_band(name, image, partial(operation, name), lambda of: of if kind is None else kind)


def _decomposed(image: Image, *, name: str, decompose: matrices.Decomposition, parts: tuple[str, ...]) -> Image:
    if len(image.bands) != 1:
        raise EvaluationError(f"{name}: The image must have one band, found {len(image.bands)}.")
    expect_arrays(name, image.bands, 2)
    return image.with_bands(
        array_band(part, partial(_part, name=name, decompose=decompose, part=part), _MATRIX, image.bands[0])
        for part in parts
    )


def _part(batch: Batch, *, name: str, decompose: matrices.Decomposition, part: str) -> Batch:
    return decompose(name, batch)[part]


for _name, _operation in _KEPT.items():
    function(f"Image.{_name}")(partial(_each, name=f"Image.{_name}", operation=_operation, kind=None))
for _name, (_operation, _kind) in _DOUBLE.items():
    function(f"Image.{_name}")(partial(_each, name=f"Image.{_name}", operation=_operation, kind=_kind))
for _name, (_decompose, _parts) in _DECOMPOSED.items():
    function(f"Image.{_name}")(partial(_decomposed, name=f"Image.{_name}", decompose=_decompose, parts=_parts))


def _two(left: Image, right: Image, *, name: str, operation: Callable[[str, Batch, Batch], Batch]) -> Image:
    bands = []
    for first, second, label in paired(name, left, right):
        expect_arrays(name, (first, second), 2)
        kind = pixel_types.union((first.type, second.type))
        apply = partial(_held, name=name, operation=operation, kind=kind)
        bands.append(array_band(label, apply, shaped(kind, 2), first, second))
    return left.with_bands(bands)


def _held(left: Batch, right: Batch, *, name: str, operation: Callable[..., Batch], kind: PixelType) -> Batch:
    """Apply an operation whose type is, by its page, that of the operands, whatever integers come of it."""
    found = operation(name, left, right)
    if kind.precision == "int":
        low, high = pixel_types.bounds(kind)
        if ((found < low) | (found > high) | (found != np.rint(found))).any():
            raise not_imitated(f"{name}: a result outside the integer type of its operands")
    return found


function("Image.matrixMultiply")(partial(_two, name="Image.matrixMultiply", operation=matrices.multiplied))
function("Image.matrixSolve")(partial(_two, name="Image.matrixSolve", operation=matrices.solved))
