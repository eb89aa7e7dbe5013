"""Forecasts of compute time, beside sums made another way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import stdtrit

from orchestrator.core.errors import UserError
from orchestrator.model.eecu import CostRate, Spent, check_hours, forecast, format_hours

TASKS, PILOTS = 60, 5
# EECU-seconds for a pixel, as they differ between the tasks of an area.
SPREADS = {
    "even": lambda _chance: np.full(TASKS, 1e-3),
    "a fifth more or less": lambda chance: chance.normal(1e-3, 2e-4, TASKS).clip(1e-5),
    "skewed": lambda chance: chance.lognormal(np.log(1e-3), 0.25, TASKS),
    "sea and land": lambda chance: chance.choice([7e-4, 1.3e-3], TASKS),
}


def drawn(spread, seed):
    """Pixels and costs of the tasks of a run, the first five drawn from all of it."""
    chance = np.random.default_rng(seed)
    pixels = chance.integers(200_000, 4_000_000, TASKS)
    return pixels, pixels * SPREADS[spread](chance)


def foreseen(pixels, costs, published=None):
    seen = [Spent(int(p), float(c)) for p, c in zip(pixels[:PILOTS], costs[:PILOTS], strict=True)]
    return forecast(int(pixels[PILOTS:].sum()), TASKS - PILOTS, seen, published)


@pytest.mark.parametrize("spread", SPREADS)
def test_after_five_tasks_the_rest_is_forecast_within_thirty_percent(spread):
    """In 19 of 20 runs at the least, by what the other tasks really cost; tasks differ in size twentyfold."""
    off = []
    for seed in range(200):
        pixels, costs = drawn(spread, seed)
        off.append(abs(foreseen(pixels, costs).expected / costs[PILOTS:].sum() - 1))

    assert np.quantile(off, 0.95) < 0.30


@pytest.mark.parametrize("spread", SPREADS)
def test_nine_of_ten_runs_cost_what_lies_in_the_interval(spread):
    """Wherever the figures come from; and the interval is no excuse: it is at most as wide as the forecast."""
    inside, widths = 0, []
    for seed in range(200):
        pixels, costs = drawn(spread, seed)
        told = foreseen(pixels, costs)
        inside += told.low <= costs[PILOTS:].sum() <= told.high
        widths.append((told.high - told.low) / told.expected)

    assert inside >= 180
    assert max(widths) < 1


def test_the_forecast_is_the_rate_of_all_pilots_together():
    """A large task tells more than a small one: Σ seconds / Σ pixels."""
    told = forecast(1000, 1, [Spent(900, 9.0), Spent(100, 3.0)], None)

    assert told.expected == pytest.approx(1000 * np.sum([9.0, 3.0]) / np.sum([900, 100]))


def test_the_interval_is_students():
    """By scipy's quantile, with the prior's four values that spread by 0.3: written anew from the formula."""
    rates = np.array([1.0, 1.5, 0.8, 1.2, 0.5])
    shares = rates / rates.mean()
    freedom = len(rates) - 1 + 4
    variance = (np.sum((shares - 1) ** 2) + 4 * 0.3**2) / freedom
    half = stdtrit(freedom, 0.95) * np.sqrt(variance * (1 / 5 + 1 / 20))

    told = forecast(20, 20, [Spent(1, float(rate)) for rate in rates], None)

    assert told.high == pytest.approx(told.expected * (1 + half), rel=0.005)
    assert told.low == pytest.approx(told.expected * (1 - half), rel=0.005)


def test_before_any_task_has_ended_it_is_what_is_published():
    """Low, expected, high; and that it rests on no task."""
    told = forecast(1000, 4, [], CostRate(1.0, 2.0, 5.0, "somebody"))

    assert (told.low, told.expected, told.high, told.tasks) == (1000, 2000, 5000, 0)


@pytest.mark.parametrize("seen", [[], [Spent(100, 0.0)]], ids=["no task has ended", "the service tells no costs"])
def test_nothing_known_is_no_forecast(seen):
    """Nor is a zero of the service's taken for a price."""
    assert forecast(1000, 4, seen, None) is None


@pytest.mark.parametrize("hours", [-1, float("nan"), float("inf"), 1e9])
def test_what_is_no_budget_is_refused(hours):
    """With what would be one."""
    with pytest.raises(UserError, match="EECU-hours is none; give 0 for no limit"):
        check_hours(hours)


@pytest.mark.parametrize(
    ("hours", "text"), [(0, "0"), (0.00404, "0.00404"), (1.5, "1.50"), (89.04, "89.0"), (1234.4, "1,234")]
)
def test_hours_have_three_figures(hours, text):
    """However small a task is."""
    assert format_hours(hours * 3600) == text
