"""Chips: a small raster for each tile, all of one zone on one lattice."""
