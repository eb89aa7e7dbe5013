"""Products whose units other processes do: killed at each step, the bytes of a run that nobody disturbs."""

from __future__ import annotations

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
def left_to_workers(program):
    """Every command leaves units to workers, until the test is over."""
    program.everywhere = {**BY_WORKERS, **LEASE}
    yield
    program.everywhere = {}


@pytest.mark.parametrize("product", [patches, chips, scenes], ids=lambda make: make.__name__)
def test_workers_that_are_killed_make_what_one_process_makes(tmp_path, program, service, left_to_workers, product):
    """A worker dies at each of some steps, another does the rest; every unit that may be shared was done by one."""
    stage, points = product(tmp_path, program, service)
    program.everywhere = {}
    assert stage.run().code == 0
    quiet = {path: digest(path) for path in stage.files()[-1:]}
    for path in stage.files():
        remove(path)
    program.everywhere = {**BY_WORKERS, **LEASE}
    there = ["--sandbox-url", service.url]

    with ExitStack() as workers:
        doomed = [
            workers.enter_context(Worker(program, tmp_path, *there, "--at-once", "1", **{kit.CRASH_AT: point}))
            for point in points
        ]
        other = workers.enter_context(Worker(program, tmp_path, *there))
        outcome = stage.run(again=True)
        other.signal(signal.SIGTERM)

        assert outcome.code == 0, outcome.said
        assert other.wait().code == 0, other.ended
        assert any(each.ended or each.running for each in doomed)
    assert {path: digest(path) for path in stage.files()[-1:]} == quiet
    shared = {"pixels", "file", "list", "measure", "shard"}
    assert {worker.split(" ")[0] for kind, _, worker, fence in units(tmp_path) if kind in shared and fence} >= {
        "worker"
    }
    assert stage.remains() == []
