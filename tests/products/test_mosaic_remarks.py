"""What is said of a mosaic before it is made."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from orchestrator.model.grid import Grid
from orchestrator.products.mosaic.remarks import LARGE_PIXELS, size_remarks


def plan_of(height: int, width: int) -> Any:
    return cast("Any", SimpleNamespace(grid=Grid("EPSG:32633", (10.0, 0.0, 0.0, 0.0, -10.0, 0.0), height, width)))


def test_a_raster_that_readers_do_well_is_not_spoken_of():
    """Up to twenty billion pixels."""
    assert size_remarks(plan_of(LARGE_PIXELS // 100_000, 100_000)) == ()


@pytest.mark.parametrize(
    ("side", "said"),
    [
        # 16 bytes for each block of 256 x 256: 1171.875 ** 2 * 16 bytes are 21 MiB.
        pytest.param(300_000, ("90 billion", "21.0 MiB"), id="a continent"),
    ],
)
def test_a_larger_one_is_said_to_be_heavy_and_what_to_do(side, said):
    """With the bytes of its tables, by the formula."""
    (remark,) = size_remarks(plan_of(side, side))

    assert all(words in remark for words in said)
    assert "--each" in remark
