"""Files that cannot be had: how often each is tried, and what becomes of the others."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from scenes_kit import DATES, product_name

import orchestrator as orc

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


@pytest.mark.parametrize(("told", "notes"), [(0, 0), (11_500, 0), (10_000, 1)], ids=["unknown", "packed", "too small"])
def test_a_preview_tells_where_files_weigh_more_than_their_product(world, told, notes):
    """Four files of 3,000 bytes; the catalogue tells of an archive, in which little is packed."""
    world.add(L1C, size=told)
    with world.open():
        found = orc.copernicus.preview(
            "33UWQ", DATES, world.out, connection=world.connection, levels=["L1C"], l1c_bands=["B02", "B03"]
        )

    assert sum("one of them is wrong" in note for note in found.plan.notes) == notes


def test_a_search_tells_times_as_times(world):
    """In UTC, so that they can be compared and plotted."""
    world.add(L1C)
    with world.open():
        frame = orc.copernicus.search("33UWQ", DATES, connection=world.connection, levels=["L1C"])

    assert list(frame["sensing_start_utc"]) == [datetime(2025, 12, 10, 10, 3, 19, tzinfo=UTC)]


def test_a_download_that_was_broken_off_goes_on_with_as_many_tries_as_are_asked_for_now(world):
    """The run is the same; what was said at its beginning does not bind."""
    world.add(L1C)
    asked = {"levels": ["L1C"], "l1c_bands": ["B02"]}
    with world.open():
        world.order("http", status=401, api="cdse.token", count=None)
        with pytest.raises(orc.OrchestratorError):
            world.download(**asked)
        world.sandbox.faults.clear()
        world.order("http", status=500, path=r"\.jp2", count=None)
        world.download(**asked, attempts=1)
        (fault,) = world.sandbox.faults.report()

    assert fault["consumed"] == CONNECTIONS
