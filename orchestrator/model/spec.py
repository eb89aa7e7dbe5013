"""What a pixel is: its bands, its number type, the value that says "nothing here"."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from orchestrator.core.errors import RecipeError

DTYPE_BYTES = MappingProxyType(
    {"uint8": 1, "int8": 1, "uint16": 2, "int16": 2, "uint32": 4, "int32": 4, "float32": 4, "float64": 8}
)


@dataclass(frozen=True, slots=True)
class PixelSpec:
    """
    The pixels of an output; all bands share one number type.

    Attributes:
        bands: Names, in the order of the file.
        dtype: numpy's name of the number type.
        nodata: The value of pixels without data; no true value may equal it.
        scale: Physical value = stored value × scale + offset.
        offset: See `scale`.
    """

    bands: tuple[str, ...]
    dtype: str
    nodata: float
    scale: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        if not self.bands:
            raise RecipeError("an image without bands cannot be exported; name at least one with --bands")
        if len(set(self.bands)) != len(self.bands):
            raise RecipeError(f"bands {', '.join(self.bands)} name one band twice; name each once")
        if self.dtype not in DTYPE_BYTES:
            raise RecipeError(f"dtype {self.dtype!r} is not one of {', '.join(DTYPE_BYTES)}")

    @property
    def bytes_per_pixel(self) -> int:
        """Bytes of one pixel of all bands, before compression."""
        return len(self.bands) * DTYPE_BYTES[self.dtype]
