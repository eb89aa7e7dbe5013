"""Sentinel-2-like parts and country-like areas for the benchmarks, the same at every run."""

from __future__ import annotations

import json
import math
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from pathlib import Path

import numpy as np
import rasterio
import shapely
from rasterio.transform import Affine

from orchestrator.model.grid import Grid, Window

CRS = "EPSG:32633"
BLOCK = 256
PART = 2048  # 256 × 2^3: three overview levels of a part can be taken over
BANDS = ("B2", "B3", "B4", "B8", "B11", "B12")
COMPRESSION = {
    "uint16": {"compress": "DEFLATE", "predictor": "YES"},
    "float32": {"compress": "ZSTD", "predictor": "YES"},
}


@dataclass(frozen=True)
class DataSet:
    """
    A folder of parts, and an area over all of them.

    They fill the grid, or with `around`, a number of pixels, lie in the middle of one that is so wide.
    """

    folder: Path
    side: int
    dtype: str
    vertices: int
    around: int = 0

    @property
    def covered(self) -> Grid:
        """The grid that the parts fill."""
        return Grid(CRS, (10.0, 0.0, 399960.0, 0.0, -10.0, 5300040.0), self.side, self.side)

    @property
    def grid(self) -> Grid:
        """The grid of the output."""
        side, step, at = max(self.side, self.around), self.covered.transform[0], self.offset
        left, top = self.covered.transform[2] - at * step, self.covered.transform[5] + at * step
        return Grid(CRS, (step, 0.0, left, 0.0, -step, top), side, side)

    @property
    def offset(self) -> int:
        """Rows above the parts, and columns left of them."""
        return (max(self.side, self.around) - self.side) // 2 // PART * PART

    @property
    def nodata(self) -> float:
        return math.nan if self.dtype == "float32" else 0.0

    @property
    def raw_bytes(self) -> int:
        return self.side**2 * len(BANDS) * np.dtype(self.dtype).itemsize

    @property
    def parts(self) -> dict[Window, Path]:
        at, found = self.offset, self.covered.window.tiles(PART, PART)
        return {
            Window(w.row + at, w.col + at, w.height, w.width): self.folder / f"part-{w.row:010d}-{w.col:010d}.tif"
            for w in found
        }

    def area(self) -> shapely.Geometry:
        """A fractal outline of `vertices` points with a hole; about half of the grid."""
        rng = np.random.default_rng(7)
        ring = fractal(self.vertices, rng)
        hole = fractal(max(self.vertices // 10, 16), rng) * 0.12 + (0.44, 0.44)
        polygon = shapely.Polygon(ring).buffer(0).difference(shapely.Polygon(hole).buffer(0))
        left, _bottom, _right, top = self.covered.bounds()
        return shapely.transform(polygon, lambda xy: xy * (self.side * 10, -self.side * 10) + (left, top))

    @classmethod
    def load(cls, path: Path) -> DataSet:
        facts = json.loads(path.read_text())
        return cls(path.parent, facts["side"], facts["dtype"], facts["vertices"], facts.get("around", 0))

    @property
    def description(self) -> Path:
        """A file that `load` reads."""
        return self.folder / f"dataset-{self.vertices}-{self.around}.json"

    def describe(self) -> DataSet:
        """Write that file."""
        facts = {"side": self.side, "dtype": self.dtype, "vertices": self.vertices, "around": self.around}
        self.description.write_text(json.dumps(facts))
        return self


def fractal(points: int, rng: np.random.Generator) -> np.ndarray:
    """Return (point, [x, y]) of a closed rough outline within the unit square."""
    angle = np.arange(16) / 16 * 2 * np.pi
    radius = rng.uniform(0.33, 0.48, 16)
    ring = np.stack((0.5 + radius * np.cos(angle), 0.5 + radius * np.sin(angle)), axis=1)
    while len(ring) * 2 <= points:
        following = np.roll(ring, -1, axis=0)
        length = np.hypot(*(following - ring).T)[:, None]
        middle = (ring + following) / 2 + rng.normal(size=ring.shape) * length * 0.06
        ring = np.stack((ring, middle), axis=1).reshape(-1, 2)
    # Points in the middle of edges bring the number up to what was asked for, and change nothing else.
    extra = points - len(ring)
    halves = (ring[:extra] + np.roll(ring, -1, axis=0)[:extra]) / 2
    ring = np.insert(ring, np.arange(1, extra + 1), halves, axis=0)
    return ring.clip(0.01, 0.99)


def create(folder: Path, gigabytes: float, dtype: str, vertices: int) -> DataSet:
    """Write the parts of a data set of about `gigabytes` raw, unless they are there."""
    side = math.sqrt(gigabytes * 1e9 / (len(BANDS) * np.dtype(dtype).itemsize))
    made = DataSet(folder, max(1, round(side / 1024)) * 1024, dtype, vertices)
    written = folder / "written"
    if not written.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with ProcessPoolExecutor(2) as pool:
            list(pool.map(write_part, repeat(made), made.parts, made.parts.values()))
        written.touch()
    return made.describe()


@cache
def latent_fields() -> np.ndarray:
    """Return four (PART, PART) fields with amplitudes falling as 1 / frequency^1.3, mean 0, deviation 1."""
    rng = np.random.default_rng(1)
    frequency = np.hypot(np.fft.fftfreq(PART)[:, None], np.fft.rfftfreq(PART)[None, :])
    frequency[0, 0] = 1
    fields = []
    for _ in range(4):
        wave = rng.normal(size=frequency.shape) + 1j * rng.normal(size=frequency.shape)
        field = np.fft.irfft2(wave / frequency**1.3, s=(PART, PART))
        fields.append((field / field.std()).astype(np.float32))
    return np.stack(fields)


def write_part(data: DataSet, window: Window, path: Path) -> None:
    """Write one part as a cloud-optimised GeoTIFF: bands are mixtures of the fields, with sensor noise."""
    rng = np.random.default_rng((window.row, window.col))
    shifted = np.roll(latent_fields(), rng.integers(0, PART, 2), axis=(1, 2))[:, : window.height, : window.width]
    mixture = np.eye(len(BANDS), 4, dtype=np.float32) * 120 + 200
    pixels = np.tensordot(mixture, shifted, axes=1) + 1800
    pixels += rng.normal(size=pixels.shape).astype(np.float32) * 8
    stored = np.rint(pixels.clip(1, 10000))
    stored = (stored / 10000).astype(np.float32) if data.dtype == "float32" else stored.astype(np.uint16)
    profile = {
        "driver": "COG", "count": len(BANDS), "dtype": data.dtype, "crs": CRS, "nodata": data.nodata,
        "height": window.height, "width": window.width, "transform": Affine(*data.grid.window_transform(window)),
        "blocksize": BLOCK, "overview_resampling": "AVERAGE", **COMPRESSION[data.dtype],
    }  # fmt: skip
    with rasterio.Env(GDAL_CACHEMAX=256), rasterio.open(path, "w", **profile) as dst:
        dst.write(stored)
        dst.descriptions = BANDS
