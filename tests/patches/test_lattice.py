"""Where patches lie: the counts of the published formula, and a slow loop that agrees."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.errors import UserError
from orchestrator.products.patches.lattice import lattice, starts

GRIDS = (1830, 5490, 10980)
COUNTS = [
    pytest.param(256, 256, (49, 441, 1764), id="256 every 256"),
    pytest.param(256, 128, (169, 1681, 7056), id="256 every 128"),
    pytest.param(512, 512, (9, 100, 441), id="512 every 512"),
]


@pytest.mark.parametrize(("size", "stride", "counts"), COUNTS)
def test_the_published_grids_have_the_published_counts(size, stride, counts):
    """Grids of 60, 20 and 10 m."""
    assert tuple(len(lattice(side, side, size, stride)) for side in GRIDS) == counts


def slowly(length, size, stride, edge):
    """Walk along the axis, pixel by pixel."""
    begins, at = [], 0
    while at + size <= length:
        begins.append(at)
        at += stride
    covered = {pixel for begin in begins for pixel in range(begin, begin + size)}
    end = max(covered, default=-1)
    if edge == "shift" and end < length - 1:
        begins.append(length - size)
    while edge == "pad" and end < length - 1 and at < length:
        begins.append(at)
        end, at = at + size - 1, at + stride
    return tuple(begins)


@given(
    length=st.integers(1, 60), size=st.integers(1, 20), stride=st.integers(1, 25),
    edge=st.sampled_from(["drop", "pad", "shift"]),
)  # fmt: skip
def test_windows_begin_where_a_slow_walk_finds_them(length, size, stride, edge):
    """Whatever length, size, stride and edge."""
    if size > length and edge != "pad":
        with pytest.raises(UserError, match="larger than the grid"):
            starts(length, size, stride, edge)
    else:
        assert starts(length, size, stride, edge) == slowly(length, size, stride, edge)


def test_windows_go_row_by_row():
    """The first row from the left, then the next."""
    made = lattice(8, 12, 4, 4)

    assert made.corners.tolist() == [[0, 0], [0, 4], [0, 8], [4, 0], [4, 4], [4, 8]]


def test_a_stride_that_makes_millions_is_refused():
    """In a sentence that says how many."""
    with pytest.raises(UserError, match=r"stride of 1 makes 115,025,625 patches"):
        lattice(10980, 10980, 256, 1)
