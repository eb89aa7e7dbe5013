"""The published costs: Google's figures again, and what lies between them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.model.grid import Grid
from orchestrator.plan.costs import published_rate

MONTH = 365.25 / 12
GIGAPIXEL = 1e9
S2 = "sentinel2-cloudless"


def grid(side, crs="EPSG:32633"):
    return Grid(crs, (side, 0.0, 0.0, 0.0, -side, 0.0), 100, 100)


def hours(recipe=S2, months=12.0, bands=5, side=10.0):
    """EECU-hours for a gigapixel: low, expected, high."""
    rate = published_rate(recipe, timedelta(days=months * MONTH), bands, grid(side))
    return tuple(seconds * GIGAPIXEL / 3600 for seconds in (rate.low, rate.expected, rate.high))


# EECU-hours and pixels of Export image, Computation Benchmarks: the cheapest and the dearest region for each case.
@pytest.mark.parametrize(
    ("side", "months", "low", "high"),
    [
        pytest.param(10, 12, 3539.28 / 14, 3349.54 / 8.9, id="10 m, a year"),
        pytest.param(10, 6, 1858.40 / 14, 2616.90 / 8.9, id="10 m, half a year"),
        pytest.param(10, 3, 791.22 / 8.9, 29.95 / 0.29, id="10 m, a quarter"),
        pytest.param(30, 12, 662.56 / 1.6, 622.11 / 0.98, id="30 m, a year"),
        pytest.param(120, 3, 9.35 / 0.099, 0.43 / 0.00201, id="120 m, a quarter"),
    ],
)
def test_where_google_measured_it_is_googles_figure(side, months, low, high):
    """The ends of the interval are the regions that cost least and most."""
    told = hours(months=months, side=side)

    assert (told[0], told[2]) == (pytest.approx(low, rel=1e-6), pytest.approx(high, rel=1e-6))


@settings(max_examples=50, deadline=None)
@given(months=st.floats(0.1, 40), more=st.floats(0, 20), side=st.floats(1, 500), bands=st.integers(1, 60))
def test_more_months_cost_more(months, more, side, bands):
    """At both ends of the interval, and between."""
    first, second = hours(months=months, side=side, bands=bands), hours(months=months + more, side=side, bands=bands)

    assert first[0] <= first[1] <= first[2]
    assert all(b >= a * (1 - 1e-9) for a, b in zip(first, second, strict=True))


def test_more_bands_may_cost_more_and_fewer_less():
    """What the clouds cost is the same for any number of bands; how much that is, nobody says."""
    five, one, ten = hours(), hours(bands=1), hours(bands=10)

    assert (one[0], one[2]) == (pytest.approx(five[0] / 5), five[2])
    assert (ten[0], ten[2]) == (five[0], pytest.approx(five[2] * 2))


@pytest.mark.parametrize("recipe", ["embeddings", "landcover", "terrain"])
def test_a_stored_image_costs_far_less(recipe):
    """The dearest of them less than the cheapest composite of a month, by three."""
    assert hours(recipe)[2] * 2.9 < hours(months=1)[0]


@pytest.mark.parametrize("recipe", ["image-code", "graph"])
def test_of_a_users_own_code_nothing_is_published(recipe):
    """None, not a guess."""
    assert published_rate(recipe, timedelta(days=30), 3, grid(10)) is None


def test_a_pixel_in_degrees_is_as_large_as_it_is_on_the_ground():
    """0.0001 degrees are 11 m, not a tenth of a millimetre's price nor a kilometre's."""
    degrees = published_rate(S2, timedelta(days=365), 5, grid(0.001, "EPSG:4326"))
    metres = published_rate(S2, timedelta(days=365), 5, grid(111.32))

    assert degrees.high == pytest.approx(metres.high, rel=1e-6)
