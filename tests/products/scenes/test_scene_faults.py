"""Files that cannot be had: how often each is tried, and what becomes of the others."""

from __future__ import annotations

import pytest
from scenes_kit import product_name

L1C = product_name("L1C")
CONNECTIONS = 4  # of one try, before it is given up; see `scenes_kit.HASTE`


@pytest.fixture
def contradicting(world):
    """A product whose manifest says another size of every image than the service lists."""
    world.add(L1C)
    manifest = world.served / L1C / "manifest.safe"
    head, *entries = manifest.read_text().split("<dataObject ID")
    wrong = [one.replace('size="3000"', 'size="2999"') if ".jp2" in one else one for one in entries]
    manifest.write_text("<dataObject ID".join((head, *wrong)))
    with world.open():
        yield world


def test_images_of_another_size_than_the_manifest_says_are_listed_and_the_rest_is_published(contradicting):
    """After one look, whatever the number of tries: nothing that is repeated would mend it."""
    scenes = contradicting.download(levels=["L1C"], l1c_bands=["B02", "B03", "B04"])

    assert [one["role"] for one in scenes.missing] == ["l1c.band.B02", "l1c.band.B03", "l1c.band.B04"]
    assert all("manifest says 2999 bytes, the service lists 3000" in one["why"] for one in scenes.missing)
    assert {path.rpartition("/")[2] for path in contradicting.raw()} == {"MTD_MSIL1C.xml", "MTD_TL.xml"}
    assert all(n == 1 for name, n in contradicting.transfers().items() if name.endswith(".jp2"))


@pytest.mark.parametrize("attempts", [1, 2])
def test_files_that_fail_are_tried_as_often_as_is_asked(world, attempts):
    """Also where several fail at once, and nothing else comes meanwhile."""
    world.add(L1C)
    bands = ["B02", "B03", "B04"]
    with world.open():
        world.order("http", status=500, path=r"\.jp2", count=None)
        scenes = world.download(levels=["L1C"], l1c_bands=bands, attempts=attempts)
        (fault,) = world.sandbox.faults.report()

    assert len(scenes.missing) == len(bands)
    assert fault["consumed"] == len(bands) * attempts * CONNECTIONS
