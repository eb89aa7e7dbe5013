"""
What computing costs, in Earth Engine's compute units over time: EECU-seconds.

A forecast is of a number of pixels in a number of tasks. Before any task has ended it rests on what is published of
such computations; then on what the run's own tasks have cost.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.core.errors import UserError

HOUR = 3600.0
MOST_HOURS = 10_000_000.0
# How much tasks of one run differ before they have told it: the coefficient of variation, and for how many tasks that
# counts. Google's three regions differ by 0.2 to 0.45; tasks of one area differ less.
_PRIOR_SPREAD = 0.3
_PRIOR_TASKS = 4
_Z = 1.6449  # the 95th percentile of the normal distribution: an interval holds nine of ten


@dataclass(frozen=True, slots=True)
class CostRate:
    """
    EECU-seconds for a pixel of the result, by what is published.

    Attributes:
        low: At the least.
        expected: Usually.
        high: At the most.
        source: Where that is from, in a few words.
    """

    low: float
    expected: float
    high: float
    source: str

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.expected <= self.high < math.inf:
            raise ValueError(f"{self.low}, {self.expected}, {self.high} are no costs in order")


@dataclass(frozen=True, slots=True)
class Spent:
    """What an ended task has cost, EECU-seconds, and how many pixels its rectangle has."""

    pixels: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """
    What pixels will cost, EECU-seconds: nine of ten lie between `low` and `high`.

    Attributes:
        tasks: How many ended tasks it rests on; 0 where it rests on what is published.
    """

    low: float
    expected: float
    high: float
    tasks: int = 0

    def __add__(self, seconds: float) -> Forecast:
        """Return it with what has been spent already."""
        return Forecast(self.low + seconds, self.expected + seconds, self.high + seconds, self.tasks)


def forecast(pixels: int, tasks: int, pilots: Sequence[Spent], published: CostRate | None) -> Forecast | None:
    """
    Return what `pixels` in `tasks` more tasks will cost; None where nothing is known.

    The rate is that of the pilots together, Σ seconds / Σ pixels. The interval is the prediction interval of the mean
    of m more values after n seen, ± t s √(1/n + 1/m), by Student's t with s pooled with a prior of `_PRIOR_TASKS`
    values that spread by `_PRIOR_SPREAD` (Gelman et al., Bayesian Data Analysis, 3.3).
    """
    told = [pilot for pilot in pilots if pilot.pixels > 0 and pilot.seconds > 0]
    if not told:
        if published is None:
            return None
        return Forecast(pixels * published.low, pixels * published.expected, pixels * published.high)
    rate = sum(pilot.seconds for pilot in told) / sum(pilot.pixels for pilot in told)
    half = _half_width([pilot.seconds / pilot.pixels / rate for pilot in told], max(1, tasks))
    return Forecast(pixels * rate * max(0.0, 1 - half), pixels * rate, pixels * rate * (1 + half), len(told))


def _half_width(shares: Sequence[float], more: int) -> float:
    """Return half the interval of the mean of `more` values after `shares`, each a share of their common rate."""
    seen = len(shares)
    freedom = seen - 1 + _PRIOR_TASKS
    squares = sum((share - 1) ** 2 for share in shares) + _PRIOR_TASKS * _PRIOR_SPREAD**2
    return _student(freedom) * math.sqrt(squares / freedom * (1 / seen + 1 / more))


def _student(freedom: int) -> float:
    """Return the 95th percentile of Student's t for 4 degrees of freedom and more, to 0.5 %."""
    z, f = _Z, freedom  # Abramowitz and Stegun, 26.7.5
    return (
        z
        + (z**3 + z) / (4 * f)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * f**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * f**3)
    )


@dataclass(frozen=True, slots=True)
class EecuLimits:
    """
    What may be spent, EECU-seconds; 0 is no limit.

    Attributes:
        run: By one run, where its job says nothing else.
        month: By all runs of this state in a calendar month.
        task_factor: A task that costs so many times its forecast is ended; 0: none is.
    """

    run: float = 0.0
    month: float = 0.0
    task_factor: float = 0.0


def check_hours(hours: float) -> None:
    """
    Refuse what is no budget in EECU-hours.

    Raises:
        UserError: It is negative, no number, or more than anybody has.
    """
    if not 0 <= hours <= MOST_HOURS:
        raise UserError(f"a budget of {hours:g} EECU-hours is none; give 0 for no limit, or up to {MOST_HOURS:,.0f}")


_LEAST_WRITTEN_OUT = 5e-7  # below it six places show nothing


def format_hours(seconds: float) -> str:
    """Write EECU-seconds as EECU-hours with three figures, for sentences that compare them."""
    hours = seconds / HOUR
    if hours >= 100 or hours == 0:
        return f"{hours:,.0f}"
    if hours < _LEAST_WRITTEN_OUT:
        return f"{hours:.2g}"
    digits = min(6, 2 - math.floor(math.log10(hours)))
    return f"{hours:.{digits}f}"
