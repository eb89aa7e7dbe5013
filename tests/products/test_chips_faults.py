"""Chips through a service that fails now and then, by a process that is killed: each comes once."""

from __future__ import annotations

from collections import Counter

import journey_kit as kit
import numpy as np
import pytest
import rasterio
from chips_kit import ChipsHome, write_cells

pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
KINDS = ({"action": "http", "status": 503}, {"action": "reset"}, {"action": "truncate"})
COUNT = 12


def test_each_chip_comes_once_though_answers_fail_and_the_process_is_killed(tmp_path, program, service):
    """A tenth of the answers at random, once of each kind at least; the table is whole, and pixels by the formula."""
    retry = {f"ORCHESTRATOR_RETRY__{name}": "0.05" for name in ("FIRST_WAIT", "MAX_WAIT")}
    home = ChipsHome(tmp_path, program, service, {"ORCHESTRATOR_PIXELS__AT_ONCE": "1"} | retry)
    home.tiles = write_cells(tmp_path, across=4, down=3)
    for stale in ("pixels", "faults"):
        service.delete(f"/sandbox/{stale}")
    places = np.random.default_rng(7).permutation(COUNT)[:3].tolist()
    service.order(*({"api": "image.computePixels", "skip": at, **kind} for at, kind in zip(places, KINDS, strict=True)))

    killed = home.download(**{kit.CRASH_AT: "unit.done"})
    done = home.download().expect(0)

    assert killed.code == kit.KILLED
    every = service.get("/sandbox/pixels")["pixels"]
    answers = Counter(tuple(each["transform"][2::3]) for each in every if each["refusal"] is None)
    assert len(answers) == COUNT
    assert sum(answers.values()) <= COUNT + 1  # that which was cut on its way
    table = home.table()
    assert (done.summary["missing"], list(table["state"])) == (0, ["DONE"] * COUNT)
    assert sorted(path.stem for path in home.final.glob("*.tif")) == sorted(table.index)
    for name, row in table.iterrows():
        with rasterio.open(home.final / f"{name}.tif") as raster:
            x = raster.read(1, masked=True)
        expected = row["transform"][2] / 10 + 2 * np.arange(50) + 1  # the pixel of 10 m at the middle of one of 20 m
        assert 0 < x.mask.mean() < 0.5
        assert (x == np.broadcast_to(expected, (50, 50))).all()
