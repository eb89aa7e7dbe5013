"""Sentinel-2 products as they lie on a disk: names, bands, metadata, angles, folders. Nothing here is remote."""
