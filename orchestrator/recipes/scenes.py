"""Stored scenes as they are: one image of several, without a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ee

from orchestrator.recipes.pixel_types import cast


def scene_image(assets: Sequence[str], bands: Sequence[str], dtype: str) -> Any:
    """
    Return an `ee.Image` of stored ones: each pixel is that of the first which has a value there.

    Args:
        assets: Ids, the one that wins first.
        bands: Names, in order.
        dtype: Number type of all bands.
    """
    images = [ee.Image(asset) for asset in assets]
    # Of a mosaic the last image lies on top.
    image = images[0] if len(images) == 1 else ee.ImageCollection(images[::-1]).mosaic()
    return cast(image, bands, dtype)
