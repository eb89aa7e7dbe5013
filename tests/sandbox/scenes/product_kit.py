"""Products of the invented Earth as they are delivered, and moved to where they lie when fetched file by file."""

from __future__ import annotations

import shutil

import numpy as np
import rasterio

from orchestrator.sandbox.safe.product import Cut, Options
from orchestrator.sandbox.safe.source import Source
from orchestrator.sandbox.safe.tree import write

CUT = Cut(640, 1696, 36, 36)  # pixels of 60 m: half of it is seen, under clouds of all kinds
START = "20240613T100000"


def delivered(folder, level, cut=CUT, days=("2024-06-13", "2024-06-14"), **options):
    """Write the SAFE folders of a tile into a folder; return the last one."""
    made = None
    for product in Source().of_tile(level, "33TWL", *days, Options(cut, **options)):
        made = write(product, folder)
    return made


def granule(safe):
    return next(safe.glob("GRANULE/*"))


def image(safe, ending):
    return next(granule(safe).glob(f"IMG_DATA/**/*_{ending}.jp2"))


def fetched(safe, folder, *names):
    """Move files of a product to where they lie when they are fetched alone: all, or those with `names` in theirs."""
    level = "L1C" if "MSIL1C" in safe.name else "L2A"
    place = folder / "raw" / level / "tile=T33TWL" / f"sensing={START}Z" / "files"
    place.mkdir(parents=True)
    for path in [*safe.glob("MTD_MSI*.xml"), *granule(safe).rglob("MTD_TL.xml"), *granule(safe).rglob("*_*.jp2")]:
        if not names or any(name in path.name for name in names):
            shutil.copy(path, place / path.name)
    return place


def numbers(path):
    """A file as it is."""
    with rasterio.open(path) as source:
        return source.read(1)


def rewrite(path, values):
    """Replace the numbers of an image, without loss."""
    with rasterio.open(path) as source:
        profile = source.profile
    path.unlink()
    with rasterio.open(path, "w", **profile | {"QUALITY": "100", "REVERSIBLE": "YES"}) as target:
        target.write(values, 1)


def whole(scene, band):
    """All pixels of a band, 0 where they are masked."""
    (about,) = [each for each in scene.bands if each.name == band]
    values, valid = scene.read(band, 0, 0, 0, about.height, about.width)
    return np.where(valid, values, 0), valid
