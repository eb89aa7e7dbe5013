"""
Statistics of records of two numbers: lines through them, and how far they go together.

Every function takes stacks (record, place) and works at all places at once. What lacks an input is NaN in both. A place
where a statistic is undefined gets NaN.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

Stack = NDArray[np.float64]  # (record, place)
Row = NDArray[np.float64]  # (place,)


def _quotient(above: Row, below: Row) -> Row:
    """Divide; where that is undefined, give NaN."""
    return np.asarray(np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0))


def line(x: Stack, y: Stack, weights: Stack) -> list[Row]:
    """Give slope and offset of the weighted least squares line (Draper and Smith, Applied Regression Analysis, 1.2)."""
    shares = np.where(np.isnan(x), 0.0, weights)
    x, y = np.nan_to_num(x), np.nan_to_num(y)
    total = shares.sum(axis=0)
    middle_x, middle_y = _quotient((shares * x).sum(axis=0), total), _quotient((shares * y).sum(axis=0), total)
    off_x, off_y = x - np.nan_to_num(middle_x), y - np.nan_to_num(middle_y)
    across = (shares * off_x * off_x).sum(axis=0)
    # The spread of equal numbers is nothing but rounding.
    across[across <= 1e-24 * (shares * x * x).sum(axis=0)] = 0
    slope = _quotient((shares * off_x * off_y).sum(axis=0), across)
    return [slope, middle_y - slope * middle_x]


def pearson(x: Stack, y: Stack) -> list[Row]:
    """Give Pearson's correlation, and the two-sided p-value of Student's t-test that there is none."""
    from scipy import special  # noqa: PLC0415 - heavy, and only needed here

    count = np.isfinite(x).sum(axis=0)
    correlation = _correlation(x, y)
    free = count - 2.0
    with np.errstate(invalid="ignore", divide="ignore"):
        # The tail of t at r * sqrt(free / (1 - r * r)) is this incomplete beta function.
        chance = special.betainc(free / 2, 0.5, np.clip(1 - correlation * correlation, 0, 1))
    return [correlation, np.where(free > 0, chance, np.nan)]


def _correlation(x: Stack, y: Stack) -> Row:
    known = np.isfinite(x)
    count = known.sum(axis=0)
    x, y = np.where(known, x, 0), np.where(known, y, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        off_x = np.where(known, x - x.sum(axis=0) / count, 0)
        off_y = np.where(known, y - y.sum(axis=0) / count, 0)
    spread = np.sqrt((off_x * off_x).sum(axis=0) * (off_y * off_y).sum(axis=0))
    return np.asarray(np.clip(_quotient((off_x * off_y).sum(axis=0), spread), -1, 1))


def spearman(x: Stack, y: Stack) -> list[Row]:
    """Give Pearson's correlation of the ranks, where equal numbers share their mean rank."""
    return [_correlation(_ranks(x), _ranks(y))]


def _ranks(values: Stack) -> Stack:
    import pandas as pd  # noqa: PLC0415 - heavy, and only needed here

    table = pd.DataFrame(np.reshape(values, (len(values), -1)))
    return np.reshape(table.rank().to_numpy(np.float64), np.shape(values))


def kendall(x: Stack, y: Stack) -> list[Row]:
    """Give Kendall's tau-b: concordant less discordant pairs over the root of the pairs without ties."""
    score, untied_x, untied_y = np.zeros(x.shape[1]), np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for at in range(1, len(x)):
        with np.errstate(invalid="ignore"):
            way_x, way_y = (np.nan_to_num(np.sign(each[at:] - each[:-at])) for each in (x, y))
        score += (way_x * way_y).sum(axis=0)
        untied_x += np.abs(way_x).sum(axis=0)
        untied_y += np.abs(way_y).sum(axis=0)
    return [_quotient(score, np.sqrt(untied_x * untied_y))]


def sen(x: Stack, y: Stack) -> list[Row]:
    """Give the median of the slopes between all pairs of different x (Sen, 1968)."""
    slopes: list[Any] = []
    for at in range(1, len(x)):
        with np.errstate(invalid="ignore", divide="ignore"):
            run, rise = x[at:] - x[:-at], y[at:] - y[:-at]
            slopes.append(np.where(run != 0, rise / run, np.nan))
    if not slopes:
        return [np.full(x.shape[1], np.nan)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where there is no slope, its median is NaN
        return [np.nanmedian(np.concatenate(slopes), axis=0)]
