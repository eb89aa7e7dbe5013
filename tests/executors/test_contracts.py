"""Products keep their contract whoever does their units: with ORCHESTRATOR_TEST_EXECUTORS=all, minutes each."""

from __future__ import annotations

import os

import journey_kit as kit
import pytest
from chips_kit import ChipsHome
from contract import ProductContract
from cube_kit import CubeHome
from pixels_stage import ONE_AT_A_TIME
from test_chip_contract import ChipStage
from test_cube_contract import CubeStage
from test_mosaic_contract import MosaicStage
from test_products import BY_DASK, BY_PROCESSES

pytestmark = pytest.mark.skipif(
    os.environ.get("ORCHESTRATOR_TEST_EXECUTORS") != "all", reason="takes minutes: ORCHESTRATOR_TEST_EXECUTORS=all"
)
STAGES = {
    "chips": lambda *where: ChipStage(ChipsHome(*where)),
    "cube": lambda *where: CubeStage(CubeHome(*where)),
    "mosaic": lambda *where: MosaicStage(kit.Home(*where), "pixels"),
}


@pytest.mark.parametrize("product", STAGES)
@pytest.mark.parametrize("executor", [pytest.param(BY_PROCESSES, id="processes"), pytest.param(BY_DASK, id="dask")])
class TestByOthers(ProductContract):
    @pytest.fixture
    def stage(self, tmp_path, program, service, product, executor):
        """What is killed is the run's holder: points that another process passes are killed in `tests/soak`."""
        stage = STAGES[product](tmp_path, program, service, ONE_AT_A_TIME | executor)
        stage.points = tuple(point for point in stage.points if not point.startswith("unit."))
        return stage
