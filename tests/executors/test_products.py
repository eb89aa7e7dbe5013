"""Products whose units are done by processes of this machine, or by the workers of a Dask cluster: the same bytes."""

from __future__ import annotations

import pytest
from chips_kit import ChipsHome

BY_PROCESSES = {"ORCHESTRATOR_ENGINE__EXECUTOR": "processes", "ORCHESTRATOR_ENGINE__PROCESSES": "1"}
BY_DASK = {"ORCHESTRATOR_ENGINE__EXECUTOR": "dask", "ORCHESTRATOR_DASK__LOCAL": "1"}


@pytest.mark.parametrize("executor", [pytest.param(BY_PROCESSES, id="processes"), pytest.param(BY_DASK, id="dask")])
def test_chips_are_the_same_whoever_does_them_and_whoever_dies(tmp_path, program, service, executor):
    home = ChipsHome(tmp_path, program, service)
    quiet = home.download().expect(0)

    outcome = home.download("--again", **executor).expect(0)

    assert outcome.sha256 == quiet.sha256
    assert home.leftovers() == []
