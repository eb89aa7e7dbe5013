"""Fields of noise are functions of the place alone, however they are made."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrator.sandbox.scenes import noise

WEIGHTS = {6: 0.5, 9: 0.8, 12: 1.0}


def places(width):
    rng = np.random.default_rng(4)
    return 0.6 + width * rng.random((9, 11)), 0.3 + width * rng.random((9, 11))


@pytest.mark.parametrize("width", [1e-4, 0.02])
def test_a_surface_made_place_by_place_is_the_one_made_of_cells(width):
    """Vast surfaces are not made of all their cells, and must be the same ones."""
    x, y = places(width)

    whole = noise.lattice(noise.extent(x, y), WEIGHTS, 3, 7).at(x, y)

    assert noise.Scattered(tuple(WEIGHTS.items()), (3, 7)).at(x, y) == pytest.approx(whole, abs=1e-5)


def test_a_few_places_far_apart_cost_no_more_than_near_ones():
    """The finest octave over half the globe would have 10**11 cells."""
    x, y = places(0.5)

    found = noise.octave(x, y, 19, 1)

    assert found[3, 4] == pytest.approx(float(noise.octave(x[3:4, 4:5], y[3:4, 4:5], 19, 1)[0, 0]), abs=1e-6)
