"""A JPEG 2000 file that is not whole is told by its structure, before a decoder sees it."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from hypothesis import given
from hypothesis import strategies as st
from safe_kit import DATA, needs_real

from orchestrator.safe.jp2 import damage_of

SOT = b"\xff\x90\x00\x0a"


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """An image of 3 x 2 tiles, by GDAL's encoder."""
    folder = tmp_path_factory.mktemp("jp2")
    numbers = np.random.default_rng(0).integers(0, 4000, (1, 70, 130)).astype("uint16")
    with rasterio.open(
        folder / "x.tif", "w", driver="GTiff", width=130, height=70, count=1, dtype="uint16", crs="EPSG:32631",
        transform=rasterio.Affine(20, 0, 600000, 0, -20, 5000000),
    ) as raster:  # fmt: skip
        raster.write(numbers)
    words = {"QUALITY": "100", "REVERSIBLE": "YES", "BLOCKXSIZE": "64", "BLOCKYSIZE": "64"}
    rasterio.shutil.copy(folder / "x.tif", folder / "x.jp2", driver="JP2OpenJPEG", **words)
    return (folder / "x.jp2").read_bytes()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("spoilt") / "x.jp2"


def damage(place, content):
    place.write_bytes(content)
    return damage_of(place)


def parts(content):
    """Return where each tile-part begins, by its marker and the length of that."""
    begin, found = content.index(b"jp2c"), []
    while (begin := content.find(SOT, begin + 1)) > 0:
        found.append(begin)
    return found


def test_a_whole_file_is_whole(place, image):
    """In its boxes, with a length of 8 bytes, up to the end of the file, and as a codestream alone."""
    at = image.index(b"jp2c") - 4
    long = struct.pack(">I4sQ", 1, b"jp2c", len(image) - at + 8)

    assert len(parts(image)) == 6
    assert damage(place, image) == ""
    assert damage(place, image[:at] + long + image[at + 8 :]) == ""
    assert damage(place, image[:at] + bytes(4) + image[at + 4 :]) == ""
    assert damage(place, image[at + 8 :]) == ""


@given(share=st.floats(0, 1, exclude_max=True), alone=st.booleans())
def test_a_file_that_is_cut_anywhere_is_not(place, image, share, alone):
    """After its first eight bytes, which say what it is; a codestream alone, too."""
    content = image[image.index(b"jp2c") + 4 :] if alone else image

    assert damage(place, content[: 8 + int(share * (len(content) - 8))]) != ""


def test_a_box_up_to_the_end_hides_no_cut(place, image):
    """The codestream has to end as one."""
    at = image.index(b"jp2c") - 4
    open_ended = image[:at] + bytes(4) + image[at + 4 :]

    assert "it is cut short" in damage(place, open_ended[:-1000])
    assert "neither a tile-part begins nor the codestream ends" in damage(place, open_ended[:-2] + b"\0\0")


def changed(content, at, new):
    return content[:at] + new + content[at + len(new) :]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(lambda c: changed(c, 8, b"\r\r\n\n"), "signature", id="signature"),
        pytest.param(lambda c: changed(c, 12, struct.pack(">I", 7)), "less than its own head", id="box of 7 bytes"),
        pytest.param(lambda c: c.replace(b"jp2c", b"free"), "no codestream", id="no codestream"),
        pytest.param(lambda c: changed(c, c.index(b"jp2c") + 4, b"\0"), "does not begin", id="no beginning"),
        pytest.param(lambda c: changed(c, c.index(b"jp2c") + 26, bytes(8)), "in tiles of", id="tiles of nothing"),
        pytest.param(lambda c: changed(c, c.index(b"\xff\x52"), b"\0\0"), "header is damaged", id="header"),
        pytest.param(lambda c: changed(c, parts(c)[2] + 4, b"\0\x06"), "tile 6 of 6", id="a seventh tile"),
        pytest.param(lambda c: changed(c, parts(c)[2] + 4, b"\0\x01"), "5 of its 6 tiles", id="a tile twice"),
        pytest.param(lambda c: changed(c, parts(c)[2] + 6, struct.pack(">I", 13)), "13 bytes", id="too short a part"),
        pytest.param(lambda c: changed(c, parts(c)[2] + 6, struct.pack(">I", 20)), "neither", id="a wrong length"),
        pytest.param(lambda c: changed(c, parts(c)[2] + 6, bytes(4)), "3 of its 6 tiles", id="an early end"),
        pytest.param(lambda c: changed(c, parts(c)[5] + 6, b"\x7f" * 4), "cut short", id="too long a part"),
        pytest.param(lambda c: changed(c, parts(c)[1], bytes(3000)), "neither", id="zeros"),
    ],
)
def test_what_is_wrong_is_said(place, image, spoil, words):
    """In a few words, without an error."""
    assert words in damage(place, spoil(image))


@pytest.mark.parametrize("content", [b"", b"II*\0", b"<html>too many sessions</html>"])
def test_of_other_files_nothing_is_said(place, content):
    """They are for those who read them."""
    assert damage(place, content) == ""


@pytest.mark.real
@needs_real
def test_real_images_are_whole():
    """Of the makers of the products, of GDAL, and with one tile or many."""
    found = sorted(DATA.glob("*/*.SAFE/**/*.jp2"))

    assert len(found) > 10
    assert [path for path in found if damage_of(path)] == []
