"""Joins parts into one clipped GeoTIFF: compressed blocks are copied, only those on the boundary are decoded."""
