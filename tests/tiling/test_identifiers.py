"""Names of tiles: those of the published tool."""

from __future__ import annotations

import hashlib

import numpy as np
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestrator.tiling.identifiers import file_hash, identify


def independently(geometry):
    """The definition as it is published: numpy's own text of the rounded ring."""
    west, south, east, north = geometry.bounds
    ring = np.array([[west, south], [east, south], [east, north], [west, north], [west, south]])
    return f"{int(hashlib.sha256(str(ring.round(5)).encode()).hexdigest(), 16) % 10**15:013x}"


def test_the_published_examples():
    """Two boxes and the file of both; computed with geetiles 0.1.7."""
    boxes = [shapely.box(6, 49, 6.01, 49.01), shapely.box(-7.5, 0, -7.49, 0.01)]

    assert identify(boxes) == ["1a8552ff8e721", "0120dac7f2a5c"]
    assert file_hash(identify(boxes)) == "2a76e8ff4debc"


degrees = st.floats(-180, 180) | st.floats(-1, 1) | st.sampled_from([0.0, -0.0, 1e-5, -1e-5, 0.00012, 180.0, 10.5])


@given(st.lists(st.tuples(degrees, degrees, degrees, degrees), max_size=12))
@settings(max_examples=100, deadline=None)
def test_many_have_the_names_of_each_in_their_order(envelopes):
    """Columns are as wide as each ring needs, whatever stands beside it."""
    boxes = [shapely.box(*envelope) for envelope in envelopes]

    assert identify(boxes) == [independently(box) for box in boxes]


@given(degrees, degrees, degrees, degrees)
@settings(max_examples=500, deadline=None)
@example(0.01, 49.0, 0.02, 49.01)
@example(-0.000004, -0.1, 0.1, 0.1)
def test_they_are_those_of_numpys_text(west, south, east, north):
    """Whatever the signs, the lengths, the zeros; also where numpy prints exponents."""
    box = shapely.box(west, south, east, north)

    assert identify([box]) == [independently(box)]
