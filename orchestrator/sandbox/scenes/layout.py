"""
How Earth Engine lays out Sentinel-2: collections, bands, types and native resolutions.

Source: Earth Engine Data Catalog, "Harmonized Sentinel-2 MSI: Level-2A (SR)" and "Sentinel-2: Cloud Probability".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestrator.sandbox.scenes.catalogue import PixelType

REFLECTANCE = "COPERNICUS/S2_SR_HARMONIZED"
LEVEL_1C = "COPERNICUS/S2_HARMONIZED"
PROBABILITY = "COPERNICUS/S2_CLOUD_PROBABILITY"

_UINT8 = PixelType("int", 0, 255)
_UINT16 = PixelType("int", 0, 65535)
_UINT32 = PixelType("int", 0, 4294967295)


@dataclass(frozen=True, slots=True)
class Layer:
    """A band of the product: pixel size in metres, type, and how its pyramid is made."""

    name: str
    metres: int
    type: PixelType = _UINT16
    pyramid: str = "mean"

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The numpy type of native pixels."""
        return np.dtype({255: "uint8", 65535: "uint16"}.get(int(self.type.maximum or 0), "uint32"))


LAYERS = {
    layer.name: layer
    for layer in (
        Layer("B1", 60),
        Layer("B2", 10),
        Layer("B3", 10),
        Layer("B4", 10),
        Layer("B5", 20),
        Layer("B6", 20),
        Layer("B7", 20),
        Layer("B8", 10),
        Layer("B8A", 20),
        Layer("B9", 60),
        Layer("B11", 20),
        Layer("B12", 20),
        Layer("AOT", 10),
        Layer("WVP", 10),
        Layer("SCL", 20, _UINT8, "sample"),
        Layer("TCI_R", 10, _UINT8),
        Layer("TCI_G", 10, _UINT8),
        Layer("TCI_B", 10, _UINT8),
        Layer("MSK_CLDPRB", 20, _UINT8),
        Layer("MSK_SNWPRB", 20, _UINT8),
        Layer("QA10", 10, _UINT16, "sample"),
        Layer("QA20", 20, _UINT32, "sample"),
        Layer("QA60", 60, _UINT16, "sample"),
    )
}
CLOUD_LAYER = Layer("probability", 10, _UINT8)
CIRRUS_LAYER = Layer("B10", 60)  # of Level-1C

COLLECTIONS = {
    REFLECTANCE: {"type": "ImageCollection", "title": "Harmonized Sentinel-2 MSI: Level-2A (SR)"},
    PROBABILITY: {"type": "ImageCollection", "title": "Sentinel-2: Cloud Probability"},
}
