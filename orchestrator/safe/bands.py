"""The thirteen bands of Sentinel-2's imager: their order in metadata, their pixels in metres."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from orchestrator.core.errors import UserError

# `bandId` 0 to 12 of the metadata, in this order (Sentinel-2 Products Specification, Spectral_Information_List).
BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")

# Metres of a pixel as the instrument resolves the band; Level-1C has each band in this grid alone.
RESOLUTIONS: Mapping[str, int] = MappingProxyType(
    {
        **dict.fromkeys(("B02", "B03", "B04", "B08"), 10),
        **dict.fromkeys(("B05", "B06", "B07", "B8A", "B11", "B12"), 20),
        **dict.fromkeys(("B01", "B09", "B10"), 60),
    }
)


def band_of_id(number: int, where: str = "") -> str:
    """
    Return the band that metadata calls `number`: 0 is B01, 8 is B8A, 12 is B12.

    `where` is the document that says so, for the message.

    Raises:
        UserError: There is no such band.
    """
    if not 0 <= number < len(BANDS):
        said_by = f"{where}: " if where else ""
        raise UserError(f"{said_by}band number {number} is none of Sentinel-2's: they go from 0 to {len(BANDS) - 1}")
    return BANDS[number]
