"""How the pixels of a cut are gone through."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_safe_kit import sensing

from orchestrator.sandbox.safe.product import Cut, Options
from orchestrator.sandbox.safe.render import _pieces, _strips


@given(first=st.integers(-2_000_000, 2_000_000), count=st.integers(1, 11_000))
def test_pieces_follow_each_other_and_end_where_squares_of_ground_do(first, count):
    pieces = list(_pieces(first, count, 512))

    assert [piece.start for piece in pieces] == [0, *(piece.stop for piece in pieces[:-1])]
    assert pieces[-1].stop == count
    assert all((first + piece.stop) % 512 == 0 for piece in pieces[:-1])


@pytest.mark.parametrize(("native", "layer"), [(10, "QA10"), (20, "QA20"), (60, "QA60")])
def test_strips_are_whole_pixels_of_60_metres(source, native, layer):
    product = sensing(source, "L1C", Options(Cut(640, 900, 200, 3)))

    strips = [(row, layers[layer][0].shape) for row, layers in _strips(product, (layer,), native)]

    times = 60 // native
    assert all(row % times == height % times == 0 for row, (height, _) in strips)
    assert [row for row, _ in strips] == np.cumsum([0, *(height for _, (height, _) in strips)])[:-1].tolist()
    assert sum(height for _, (height, _) in strips) == 200 * times
    assert native == 60 or len(strips) > 1


def test_what_is_read_piece_by_piece_lies_where_it_is_in_the_scene(source):
    """A cut of more columns than are drawn at once, partly beyond the swath."""
    product = sensing(source, "L2A", Options(Cut(640, 1500, 2, 300)))

    ((_, layers),) = _strips(product, ("B2",), 10)

    values, valid = product.scene.read("B2", 0, 3840, 9000, 12, 1800)
    assert len(list(_pieces(product.grid(10).west // 10, 1800, 4 * 512))) > 1
    np.testing.assert_array_equal(layers["B2"][0], values)
    np.testing.assert_array_equal(layers["B2"][1], valid)
    assert 0 < valid.mean() < 1
