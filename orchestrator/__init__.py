"""One correct, clipped GeoTIFF per area out of Google Earth Engine, overnight and unattended."""

__version__ = "0.1.0"
