"""Requests for pixels of the ramp, as the real client makes them."""

from __future__ import annotations

import ee
import pytest

CRS = "EPSG:32633"
BANDS = ["half", "ramp"]


def grid(height=120, width=130, row=250, col=260):
    """A window of the ramp's own lattice; by default one of which a part is masked."""
    return {
        "dimensions": {"width": width, "height": height},
        "affineTransform": {
            "scaleX": 10, "shearX": 0, "translateX": 500000 + 10 * col,
            "shearY": 0, "scaleY": -10, "translateY": 5200000 - 10 * row,
        },
        "crsCode": CRS,
    }  # fmt: skip


def window(array, height=120, width=130, row=250, col=260):
    return array[row : row + height, col : col + width]


def compute(image, kind="NUMPY_NDARRAY", **more):
    return ee.data.computePixels({"expression": image, "fileFormat": kind, "grid": grid(), **more})


def get(kind="NUMPY_NDARRAY", **more):
    return ee.data.getPixels({"assetId": "TEST/RAMPS/r0", "fileFormat": kind, **more})


def refusal(call):
    with pytest.raises(ee.EEException) as caught:
        call()
    return str(caught.value)
