"""Runs that share a folder do not get into each other's way at their beginning and end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from orchestrator.core.files import make_folder
from orchestrator.engine.cleanup import clean_local
from orchestrator.model.job import AreaSource, Job
from orchestrator.products.mosaic.settle import check_output


def all_at_once(work, count):
    """Call `work` with each number below `count`, in eight threads; whatever one raises is raised."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(count)))


def test_runs_that_end_together_in_one_folder_do_not_hold_each_other(tmp_path):
    """Each takes its own folder away, the last one the folder they share."""

    def one(number):
        folder = tmp_path / ".orchestrator" / str(number)
        make_folder(folder / "mosaic")
        clean_local([folder])

    all_at_once(one, 600)

    assert list(tmp_path.iterdir()) == []


def test_runs_that_begin_together_in_one_folder_do_not_refuse_each_other(tmp_path):
    """Whether a folder can be written is found out by many at once, and nothing is left of it."""
    job = Job("one", str(tmp_path), AreaSource("0,0,1,1"), "2024-05-01", "2024-06-01")

    all_at_once(lambda _number: check_output(job), 600)

    assert list(tmp_path.iterdir()) == []
