"""Directions are averaged and interpolated as vectors, at nodes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safe_kit import grid, needs_real, real, tile
from test_tile import T31TDH

from orchestrator.core.errors import UserError
from orchestrator.model.grid import Window
from orchestrator.safe.angles import angle_transform, degrees, merged, sample, unit_vectors
from orchestrator.safe.tile import read_tile

NAN = float("nan")
NODES = (5000.0, 0.0, -2500.0, 0.0, -5000.0, 2500.0)  # of a tile whose corner is (0, 0)

directions = st.one_of(st.just((NAN, NAN)), st.tuples(st.floats(0.01, 80), st.floats(0, 359.99)))
detectors = st.lists(st.lists(directions, min_size=4, max_size=4), min_size=1, max_size=5)


def grids(cells):
    return [grid(*(np.reshape([cell[i] for cell in four], (2, 2)) for i in (0, 1))) for four in cells]


def mean_direction(angles):
    """The mean of directions by the definition, one number at a time."""
    there = [(math.radians(z), math.radians(a)) for z, a in angles if not math.isnan(z)]
    if not there:
        return NAN, NAN
    north = math.fsum(math.sin(z) * math.cos(a) for z, a in there)
    east = math.fsum(math.sin(z) * math.sin(a) for z, a in there)
    up = math.fsum(math.cos(z) for z, _ in there)
    return math.degrees(math.acos(up / math.hypot(north, east, up))), math.degrees(math.atan2(east, north)) % 360


def turn(one, other):
    """Degrees between two azimuths, the short way."""
    return abs((one - other + 180) % 360 - 180)


@settings(max_examples=50)
@given(detectors)
def test_merging_is_the_mean_of_unit_vectors(cells):
    joined = merged(grids(cells))

    for node in range(4):
        zenith, azimuth = mean_direction([four[node] for four in cells])
        got = joined.zenith.flat[node], joined.azimuth.flat[node]
        assert got[0] == pytest.approx(zenith, abs=1e-5, nan_ok=True)
        if not math.isnan(zenith) and zenith > 0.01:
            assert turn(got[1], azimuth) < 1e-5


@settings(max_examples=50)
@given(detectors, st.randoms())
def test_the_order_of_detectors_does_not_matter_to_the_last_bit(cells, chance):
    shuffled = chance.sample(cells, len(cells))

    one, other = merged(grids(cells)), merged(grids(shuffled))
    assert one.zenith.tobytes() == other.zenith.tobytes()
    assert one.azimuth.tobytes() == other.azimuth.tobytes()


@settings(max_examples=50)
@given(detectors)
def test_merged_directions_are_vectors_of_length_1(cells):
    length = np.linalg.norm(unit_vectors(merged(grids(cells))), axis=0)

    assert np.allclose(length[np.isfinite(length)], 1, atol=1e-12)


@settings(max_examples=50)
@given(st.floats(0.01, 80), st.floats(0, 359.99), st.floats(0, 20))
def test_azimuths_on_both_sides_of_north_meet_at_north(zenith, turned, half):
    """Turning both detectors turns the mean: nothing happens at 360."""
    pair = [grid([[zenith]], [[(turned - half) % 360]]), grid([[zenith]], [[(turned + half) % 360]])]

    azimuth = merged(pair).azimuth[0, 0]
    assert turn(azimuth, turned) < 1e-6
    assert 0 <= azimuth < 360


def test_two_detectors_near_the_nadir_look_almost_straight_down_together():
    """Azimuths 163 degrees apart: their mean in degrees would say something else."""
    joined = merged([grid([[0.2]], [[10.0]]), grid([[0.3]], [[173.0]])])

    assert joined.zenith[0, 0] == pytest.approx(mean_direction([(0.2, 10), (0.3, 173)])[0], abs=1e-9)
    assert joined.zenith[0, 0] < 0.07


def test_detectors_with_other_nodes_are_not_merged():
    with pytest.raises(UserError, match="different nodes"):
        merged([grid([[1]], [[1]]), grid([[1, 2]], [[1, 2]])])


def test_no_detector_at_all_is_refused():
    with pytest.raises(UserError, match="no detector"):
        merged([])


def test_the_raster_of_angles_has_the_corner_of_the_tile_in_the_centre_of_its_first_pixel():
    # Fact of the format: node (0, 0) lies at (ULX, ULY) = (399960, 4800000).
    assert angle_transform(read_tile(tile())) == (5000, 0, 397460, 0, -5000, 4802500)


def test_at_a_node_the_angle_is_the_node_s():
    angles = grid([[10, 20], [30, 40]], [[350, 10], [20, 30]])

    # Pixels of 2,000 m that begin 1,000 m before the corner: centres at 0, 2,000, 4,000 ... 10,000.
    got = sample(angles, NODES, (2500, 0, -1250, 0, -2500, 1250), Window(0, 0, 3, 3))

    assert got.zenith[::2, ::2] == pytest.approx(angles.zenith)
    assert got.azimuth[::2, ::2] == pytest.approx(angles.azimuth)


def test_between_nodes_it_is_the_bilinear_mean_of_vectors():
    angles = grid([[10, 20], [30, 40]], [[350, 10], [20, 30]])

    got = sample(angles, NODES, (1000, 0, 0, 0, -1000, 0), Window(1, 3, 1, 1))  # 3,500 m east, 1,500 m south

    weights = np.outer([0.7, 0.3], [0.3, 0.7])
    zenith, azimuth = (np.radians(values) for values in (angles.zenith, angles.azimuth))
    north, east = (np.sum(weights * np.sin(zenith) * turn(azimuth)) for turn in (np.cos, np.sin))
    up = np.sum(weights * np.cos(zenith))
    assert got.zenith[0, 0] == pytest.approx(math.degrees(math.atan2(math.hypot(north, east), up)), abs=1e-12)
    assert got.azimuth[0, 0] == pytest.approx(math.degrees(math.atan2(east, north)) % 360, abs=1e-12)


def test_a_node_without_direction_does_not_count():
    angles = grid([[10, NAN], [10, NAN]], [[50, NAN], [50, NAN]])

    got = sample(angles, NODES, (1000, 0, 0, 0, -1000, 0), Window(0, 0, 5, 5))

    assert got.zenith == pytest.approx(np.full((5, 5), 10.0))
    assert got.azimuth == pytest.approx(np.full((5, 5), 50.0))


def test_where_no_node_is_around_there_is_no_angle():
    angles = grid([[10, NAN, NAN]] * 2, [[50, NAN, NAN]] * 2)

    got = sample(angles, NODES, (1000, 0, -1000, 0, -1000, 1000), Window(0, 0, 2, 13))

    # Centres at -500 (before the first node), 500 ... 4,500, then 5,500 and beyond, where nodes have nothing.
    assert np.isfinite(got.zenith).tolist() == [[False] * 13, [False] + [True] * 5 + [False] * 7]


@settings(max_examples=25)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 20), st.integers(1, 20))
def test_a_window_holds_what_the_whole_holds_there(row, col, height, width):
    angles = grid([[10, 20, 5], [30, NAN, 40], [1, 2, 3]], [[350, 10, 0], [20, NAN, 30], [90, 180, 270]])
    pixels = (170.0, 0.0, 0.0, 0.0, -170.0, 0.0)

    whole = sample(angles, NODES, pixels, Window(0, 0, 60, 60))
    part = sample(angles, NODES, pixels, Window(row, col, height, width))

    inside = np.s_[row : row + height, col : col + width]
    assert np.allclose(part.zenith, whole.zenith[inside], atol=1e-12, equal_nan=True)
    assert np.allclose(part.azimuth, whole.azimuth[inside], atol=1e-12, equal_nan=True)


def test_a_turned_grid_is_refused():
    with pytest.raises(UserError, match="not turned"):
        sample(grid([[1]], [[1]]), NODES, (10, 1, 0, 0, -10, 0), Window(0, 0, 1, 1))


def test_a_hair_west_of_north_is_north():
    _, azimuth = degrees(np.array([[[1.0]], [[-1e-20]], [[1.0]]]))

    assert azimuth[0, 0] == 0


@needs_real
@pytest.mark.real
def test_real_detectors_merge_to_a_direction_between_them():
    detectors = read_tile(*real(T31TDH)).view["B02"].values()

    joined = merged(detectors)

    stacked = np.array([grid.zenith for grid in detectors])
    there = np.isfinite(stacked).any(axis=0)
    assert np.isfinite(joined.zenith).tolist() == there.tolist()
    alone = np.isfinite(stacked).sum(axis=0) == 1
    assert np.allclose(joined.zenith[alone], np.nansum(stacked, axis=0)[alone], atol=1e-9)
