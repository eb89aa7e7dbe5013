"""Parts of the page's scripts, each alone in a browser: the map, and how numbers are written."""

from __future__ import annotations

import struct
import zlib

import pytest
from pyproj import Geod

LATE = """async () => {
  document.body.dataset.basemap = "/basemap.pmtiles";
  const {makeMap, ready, BELOW_LABELS} = await import("/static/map.js");
  const box = document.body.appendChild(document.createElement("div"));
  box.style.cssText = "width: 200px; height: 200px";
  const map = makeMap(box);
  await ready(map);
  map.addLayer({id: "result", type: "background"}, BELOW_LABELS);
  while (!map.getLayer("own")) await new Promise((done) => setTimeout(done, 20));
  const order = map.getLayersOrder();
  map.remove();
  return order;
}"""


def png():
    """A grey picture of one pixel (https://www.w3.org/TR/png-3/)."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0\x80")) + chunk(b"IEND", b"")


def pmtiles():
    """An archive with the one tile of zoom 0, uncompressed (PMTiles specification, version 3)."""
    tile, metadata = png(), b"{}"
    root = bytes([1, 0, 1, len(tile), 1])  # one entry: id 0, run of 1, its length, its offset + 1; all below 128
    assert len(tile) < 128
    sections = [
        (127, len(root)),
        (127 + len(root), len(metadata)),
        (0, 0),
        (127 + len(root) + len(metadata), len(tile)),
    ]
    numbers = struct.pack("<8Q3Q", *(number for pair in sections for number in pair), 1, 1, 1)
    kinds = bytes([1, 1, 1, 2, 0, 0])  # clustered, no compression twice, PNG, zooms 0 to 0
    world = struct.pack("<4i", -1800000000, -850000000, 1800000000, 850000000)
    header = b"PMTiles\x03" + numbers + kinds + world + bytes(9)
    assert len(header) == 127
    return header + root + metadata + tile


def test_an_own_map_lies_below_a_result_that_was_there_before_it(page):
    """It is read in pieces, and comes after the first layers of a view: it does not cover them, nor the labels them."""
    whole = pmtiles()

    def piece(route):
        first, last = map(int, route.request.headers["range"].removeprefix("bytes=").split("-"))
        part = whole[first : last + 1]
        about = {"Content-Range": f"bytes {first}-{first + len(part) - 1}/{len(whole)}"}
        route.fulfill(status=206, body=part, headers=about)

    page.route("**/basemap.pmtiles", piece)
    page.goto("/doctor")

    order = page.evaluate(LATE)

    assert [name for name in order if name in ("land", "own", "result", "name")] == ["land", "own", "result", "name"]


RING = [[14.9, 46.05], [15.4, 46.05], [15.2, 46.4], [14.9, 46.05]]
HOLE = [[15.1, 46.1], [15.2, 46.1], [15.2, 46.15], [15.1, 46.1]]


@pytest.mark.parametrize(
    "rings",
    [[RING], [RING, HOLE], [[[178, -20], [182, -20], [182, -16], [178, -16], [178, -20]]]],
    ids=["a triangle", "with a hole", "across the antimeridian"],
)
def test_the_size_of_what_is_drawn_is_that_on_the_ellipsoid(page, rings):
    """Within a hundredth of what pyproj says, hole by hole."""
    page.goto("/doctor")

    told = page.evaluate("async (rings) => (await import('/static/map.js')).km2Of(rings)", rings)

    outer, *holes = [
        abs(Geod(ellps="WGS84").polygon_area_perimeter(*zip(*ring, strict=True))[0]) / 1e6 for ring in rings
    ]
    assert told == pytest.approx(outer - sum(holes), rel=0.01)


def test_a_coordinate_is_told_in_full_whatever_its_unit(page):
    """A float of Web Mercator to a centimetre, one of degrees to ten; nothing is rounded to fewer digits, or padded."""
    page.goto("/doctor")
    values = [5_498_765.4321, 500_000, 14.123456789, -179.9999994, 360.5]

    told = page.evaluate(
        "async (values) => { const {coordinate} = await import('/static/rasters.js'); return values.map(coordinate) }",
        values,
    )

    assert told == ["5498765.43", "500000", "14.123457", "-179.999999", "360.5"]
