"""Products whose units other processes do: killed at each step, the bytes of a run that nobody disturbs."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack

import journey_kit as kit
import pytest
from contract import digest, remove
from worker_kit import BY_WORKERS, LEASE, Worker, units

pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")


def patches(folder, program, _service):
    from test_patches_contract import PatchStage  # noqa: PLC0415  what is heavy, where it is used

    return PatchStage(folder, program), ("unit.claimed", "piece.kept", "unit.done")


def chips(folder, program, service):
    from chips_kit import ChipsHome  # noqa: PLC0415
    from test_chip_contract import ChipStage  # noqa: PLC0415

    return ChipStage(ChipsHome(folder, program, service)), ("unit.claimed", "piece.kept", "unit.done")


def scenes(folder, program, service):
    from test_scene_contract import SceneStage  # noqa: PLC0415

    return SceneStage(folder, program, service), ("unit.claimed", "download.before_publish", "unit.done")


@pytest.fixture
def everywhere(program):
    """Variables of every command, until the test is over."""
    yield program.everywhere
    program.everywhere.clear()


# The others cost ten seconds each.
PRODUCTS = [patches, chips, scenes] if os.environ.get("ORCHESTRATOR_TEST_EXECUTORS") == "all" else [patches]


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda make: make.__name__)
def test_workers_that_are_killed_make_what_one_process_makes(tmp_path, program, service, everywhere, product):
    """Workers die at some steps, another does the rest: the bytes are those of one process, and nothing is left."""
    stage, points = product(tmp_path, program, service)
    assert stage.run().code == 0
    quiet = digest(stage.files()[-1])
    for path in stage.files():
        remove(path)
    everywhere.update(BY_WORKERS | LEASE)
    there = ["--sandbox-url", service.url]

    with ExitStack() as workers:
        doomed = [
            workers.enter_context(Worker(program, tmp_path, *there, "--at-once", "1", **{kit.CRASH_AT: point}))
            for point in points
        ]
        other = workers.enter_context(Worker(program, tmp_path, *there))
        outcome = stage.run(again=True)
        for each in (other, *doomed):
            each.signal(signal.SIGTERM)

        assert outcome.code == 0, outcome.said
        assert other.wait().code == 0, other.ended
        assert kit.KILLED in [each.wait().code for each in doomed]  # who came too late found nothing to die of
    assert digest(stage.files()[-1]) == quiet
    assert any(worker.startswith("worker ") for _, _, worker, _ in units(tmp_path))
    assert stage.remains() == []
