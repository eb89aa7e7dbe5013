"""A square of the ground: as Earth Engine's region and grid, and as windows of the scenes' own pixels."""

from __future__ import annotations

from dataclasses import dataclass

import ee
import numpy as np
import pyproj
import shapely

SINUSOIDAL = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs"  # MODIS's SR-ORG:6974


@dataclass(frozen=True)
class Plot:
    """`side` × `side` pixels of `scale` units of `crs`, from the corner (west, north)."""

    west: float
    north: float
    scale: float
    side: int
    crs: str

    def region(self, margin=0):
        """The plot without the `margin` outermost pixels, with edges that are straight in its projection."""
        away, whole = margin * self.scale, self.side * self.scale
        box = [self.west + away, self.north - whole + away, self.west + whole - away, self.north - away]
        return ee.Geometry.Rectangle(box, self.crs, False)

    def transform(self):
        return [self.scale, 0, self.west, 0, -self.scale, self.north]

    def projection(self):
        """The projection with the plot's own lattice; a `scale` alone would count its pixels from the origin."""
        return ee.Projection(self.crs, self.transform())

    def compute(self, image):
        """Ask the sandbox for the plot's pixels: a structured array, a field for each band, masked ones are 0."""
        keys = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")
        grid = {
            "dimensions": {"width": self.side, "height": self.side},
            "affineTransform": dict(zip(keys, self.transform(), strict=True)),
            "crsCode": self.crs,
        }
        return ee.data.computePixels({"expression": image, "fileFormat": "NUMPY_NDARRAY", "grid": grid})

    def boxes(self):
        """The pixels as shapes, (row, col)."""
        x = self.west + self.scale * np.arange(self.side)
        y = (self.north - self.scale * np.arange(self.side))[:, None]
        return shapely.box(x, y - self.scale, x + self.scale, y)

    def scenes(self, world, collection, start, end):
        """All scenes of the catalogue over the plot from `start` to before `end`, both YYYY-MM-DD."""
        known = SINUSOIDAL if self.crs == "SR-ORG:6974" else self.crs
        to_degrees = pyproj.Transformer.from_crs(known, 4326, always_xy=True)
        whole = self.side * self.scale
        box = to_degrees.transform_bounds(self.west, self.north - whole, self.west + whole, self.north)
        begin, end = (int(np.datetime64(day, "ms").astype(int)) for day in (start, end))
        return list(world.scenes(collection, shapely.box(*box), begin, end))

    def read(self, scene, name):
        """Read a band of a scene whose own grid this is, as floats with NaN where nothing is."""
        band = next(each for each in scene.bands if each.name == name)
        width, _, west, _, height, north = band.transform
        assert band.crs == self.crs
        assert (width, abs(height)) == (self.scale, self.scale)
        col, row = (self.west - west) / width, (self.north - north) / height
        assert abs(row - round(row)) + abs(col - round(col)) < 1e-6
        if height > 0:  # rows of this scene go north
            values, valid = scene.read(name, 0, round(row) - self.side, round(col), self.side, self.side)
            values, valid = values[::-1], valid[::-1]
        else:
            values, valid = scene.read(name, 0, round(row), round(col), self.side, self.side)
        return np.where(valid, values.astype(float), np.nan)


# Forest, grass, crops, houses, bare ground and water in Austria; on the lattice of Landsat's pixels.
VILLAGE = Plot(473025, 5290995, 30, 100, "EPSG:32633")
