"""Sentinel-2 products in SAFE format, made of the invented ground that the sandbox's Earth Engine shows."""
