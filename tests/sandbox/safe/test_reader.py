"""The program's own reader of SAFE, which knows nothing of the sandbox, reads what was written."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrator.safe.folder import find_products
from orchestrator.safe.manifest import read_manifest
from orchestrator.safe.names import parse_name
from orchestrator.safe.product import read_product
from orchestrator.safe.tile import read_tile
from orchestrator.sandbox.safe import angles
from orchestrator.sandbox.safe.bands import BANDS


@pytest.fixture
def tile(written):
    return read_tile(written.tile_metadata.read_bytes(), "MTD_TL.xml")


def test_the_product_is_read(written):
    product = written.product

    read, name = read_product(written.metadata.read_bytes(), "MTD"), parse_name(written.folder.name)

    assert read.offsets == {band.name: -1000 for band in BANDS}
    assert (read.level, read.baseline) == (product.level, "05.10")
    assert (name.tile, name.orbit, name.datatake, name.baseline) == ("33TWL", product.track, product.datatake, "05.10")


def test_grids_are_those_that_were_drawn(written, tile):
    for metres, grid in tile.grids.items():
        drawn = written.product.grid(metres)
        assert (grid.height, grid.width, grid.ulx, grid.uly) == (drawn.height, drawn.width, drawn.west, drawn.north)


def test_angles_of_all_bands_and_detectors_arrive_to_the_digits_of_the_file(written, tile):
    """Six digits: azimuths are told to a thousandth."""
    for band in BANDS:
        told = angles.view(written.product, band)
        read = tile.view[band.name]
        assert list(read) == list(told)
        for detector, grid in told.items():
            np.testing.assert_allclose(read[detector].zenith, grid.zenith, atol=6e-4)
            np.testing.assert_allclose(read[detector].azimuth, grid.azimuth, atol=6e-4)
    np.testing.assert_allclose(tile.sun.azimuth, angles.sun(written.product).azimuth, atol=6e-4)


def test_the_manifest_and_the_images_are_found(written):
    listed = {file.path for file in read_manifest((written.folder / "manifest.safe").read_bytes(), "manifest.safe")}

    (found,) = (each for each in find_products(written.folder.parent).products if each.path == written.folder)

    drawn = {(image.name, image.metres) for image in written.product.images if image.name != "CLDPRB"}
    assert set(found.images) == drawn
    assert {path.relative_to(written.folder).as_posix() for path in found.images.values()} <= listed
