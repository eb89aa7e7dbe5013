"""One clipped raster over the area, from parts that come in any order."""
