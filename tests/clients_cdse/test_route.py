"""From a search to verified files on the disk."""

from __future__ import annotations

from cdse_kit import BAND, NAME, YEAR, content_of


def test_a_search_finds_the_product(world):
    assert [(one.name, one.attributes["tileId"]) for one in world.search()] == [(NAME, "31TDH")]


def test_a_manifest_tells_files_with_sizes_and_checksums(world):
    route = world.route()
    product = next(route.search(YEAR, world.stop))

    found = route.files(product, world.stop)

    assert {one.path: one.size for one in found} == {BAND: 700_000, "MTD_MSIL1C.xml": 4, "INSPIRE.xml": 0}


def test_a_file_arrives_whole(world, tmp_path):
    route, target = world.route(), tmp_path / "B02.jp2"

    piece = world.fetch(route, world.asset(route), target)

    assert target.read_bytes() == content_of(BAND)
    assert (piece.size, piece.checksum.algorithm) == (700_000, "MD5")
