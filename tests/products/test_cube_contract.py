"""The cube keeps the contract of products."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from contract import ProductContract
from cube_kit import CubeHome
from pixels_stage import ONE_AT_A_TIME, PixelsStage

pytest.importorskip("zarr", reason="the extra `cube` is not installed")


class CubeStage(PixelsStage):
    """A small cube."""

    def start(self, words, environment):
        return self.home.run(*words, **environment)

    def wrong_words(self):
        return ["--bands", "B4,nothing"]

    def files(self):
        final = self.home.final
        return (*(final.with_suffix(end) for end in (".png", ".json", ".stac.json")), final)


class TestCube(ProductContract):
    @pytest.fixture
    def stage(self, tmp_path, program, service):
        return CubeStage(CubeHome(tmp_path, program, service, ONE_AT_A_TIME))


def refused(home):
    """How many requests the sandbox has refused."""
    return sum(count for status, count in home.service.state()["pixels"]["statuses"].items() if status != "200")


@pytest.fixture
def home(tmp_path, program, service):
    """A home, and a sandbox whose quotas are as they were when the test is over."""
    before = service.state()["pixels"]["quotas"]
    service.delete("/sandbox/pixels")
    yield CubeHome(tmp_path, program, service)
    service.post("/sandbox/quotas", before)


def test_a_date_is_one_request(home):
    """As many as dates, none of them refused; the proof names the scenes of each."""
    home.run().expect(0)

    assert home.service.state()["pixels"]["statuses"] == {"200": 2}
    assert [date["solar_day"] for date in home.proof()["dates"]] == ["2024-05-04", "2024-05-09"]
    assert all(len(date["images"]) == 2 for date in home.proof()["dates"])


def test_a_refusal_by_size_cuts_the_window_and_changes_no_byte(home):
    """The pieces of a shard are put together in it; what was learned holds for the other dates."""
    whole = home.run(ORCHESTRATOR_PIXELS__AT_ONCE="1").expect(0).sha256
    home.service.delete("/sandbox/pixels")
    home.service.post("/sandbox/quotas", {"bytes": 520_000})

    cut = home.run("--again", ORCHESTRATOR_PIXELS__AT_ONCE="1").expect(0)

    assert cut.sha256 == whole
    assert refused(home) == 1
    assert len(home.proof()["parts"]) > 2


def test_files_of_each_date_hold_the_numbers_of_the_store(home):
    """The same scenes in both forms; the names say day and satellite."""
    xarray = pytest.importorskip("xarray")
    home.run().expect(0)
    home.write(keys={"format": "cog", "reduce": ["count"]}, base_name="files")
    home.run().expect(0)

    store = xarray.open_zarr(home.final, chunks=None, mask_and_scale=False)["cube"].values
    names = ["files_20240504_S2A.tif", "files_20240509_S2A.tif"]
    assert sorted(path.name for path in (home.out / "files_cube.cogs").iterdir()) == names
    for time, name in enumerate(names):
        with rasterio.open(home.out / "files_cube.cogs" / name) as raster:
            np.testing.assert_array_equal(raster.read(), store[time])
    with rasterio.open(home.out / "files_cube_count.tif") as raster:
        np.testing.assert_array_equal(raster.read(), np.count_nonzero(store != 65535, axis=0))


def test_what_a_cube_would_take_is_told_without_asking_for_a_pixel(home):
    """Dates, requests and bytes; nothing is stored."""
    home.write(keys={"images": None, "collection": "s2-l2a"}, start_date="2024-05-01", end_date="2024-05-12")
    there = ["--sandbox-url", home.service.url, "--dry-run"]

    told = home.command("cube", *there, "cube.toml").expect(0).messages[-1]

    assert [(date["solar_day"], date["satellite"]) for date in told["dates"]] == [
        ("2024-05-04", "S2A"),
        ("2024-05-09", "S2B"),
    ]
    assert (told["requests"], told["dtype"], told["bands"]) == (2, "uint16", ["B04", "B8A", "SCL"])
    assert told["raw_bytes"] == 2 * told["area_pixels"] * 3 * 2
    assert home.service.state()["pixels"]["requests"] == 0
    assert not list(home.out.glob("*cube*"))
