"""
Products keep their contract whoever does their units, over either database: with ORCHESTRATOR_TEST_EXECUTORS=all.

It takes minutes for each product. `-k "dask and postgresql and chips"` chooses; what CI runs is `test_products.py`.
"""

from __future__ import annotations

import os

import every_product  # finds the kits of products
import journey_kit as kit
import pytest
import test_scene_contract
from chips_kit import ChipsHome
from contract import ProductContract
from cube_kit import CubeHome
from preprocess_kit import laid, synthetic
from test_chip_contract import ChipStage
from test_cube_contract import CubeStage
from test_mosaic_contract import MosaicStage
from test_patches_contract import PatchStage
from test_preprocess_contract import PreprocessStage
from test_products import BY_DASK, BY_PROCESSES, PRODUCTS
from test_table_contract import TableStage

pytestmark = pytest.mark.skipif(
    os.environ.get("ORCHESTRATOR_TEST_EXECUTORS") != "all", reason="takes minutes: ORCHESTRATOR_TEST_EXECUTORS=all"
)
EXECUTORS = {"processes": BY_PROCESSES, "dask": BY_DASK}
STAGES = {
    "mosaic": lambda folder, program, service: MosaicStage(kit.Home(folder, program, service), "pixels"),
    "cube": lambda *where: CubeStage(CubeHome(*where)),
    "table": TableStage,
    "chips": lambda *where: ChipStage(ChipsHome(*where)),
    "patches": lambda folder, program, _service: PatchStage(folder, program),
    "preprocess": lambda folder, program, _: PreprocessStage(folder, program, laid(folder / "raw", safes(folder))),
}
copernicus = test_scene_contract.copernicus


def safes(folder):
    return synthetic(folder / "safe")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    """Variables of a command that keeps its state in a database of this kind: of SQLite, its own file."""
    if request.param == "sqlite":
        yield {}
        return
    server = request.getfixturevalue("postgres")
    url = server.new()
    yield {kit.STORE_URL: url}
    server.drop(url)


@pytest.fixture(params=EXECUTORS)
def elsewhere(request, program, database):
    """The program, whose commands have units done by others and keep their state in either database."""
    before = dict(program.everywhere)
    program.everywhere |= {**EXECUTORS[request.param], **database, "ORCHESTRATOR_PIXELS__AT_ONCE": "1"}
    yield program
    program.everywhere = before


def without_points_of_others(stage):
    """What is killed is the run's holder: points that another process passes are killed in `tests/soak`."""
    own = tuple(point for point in stage.points if not point.startswith(("unit.", "download.")))
    # In the middle of its work, too: once it is published, it is not cancelled any more.
    first = () if any(point.startswith("run.") for point in own) else ("run.planned", "run.exporting")
    stage.points = (*first, *own)
    return stage


@pytest.mark.parametrize("product", STAGES)
class TestByOthers(ProductContract):
    @pytest.fixture
    def stage(self, tmp_path, elsewhere, service, product):
        return without_points_of_others(STAGES[product](tmp_path, elsewhere, service))


class TestScenesByOthers(test_scene_contract.TestScenes):
    @pytest.fixture
    def stage(self, tmp_path, elsewhere, copernicus):
        return without_points_of_others(test_scene_contract.SceneStage(tmp_path, elsewhere, copernicus))


def test_every_product_is_among_them():
    """One that is new is asked for its stage."""
    assert {*STAGES, "scenes"} == set(PRODUCTS) == every_product.REGISTERED
