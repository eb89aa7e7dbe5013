"""Special functions of numbers: error and gamma functions and their kin."""

from __future__ import annotations

import math
from collections.abc import Callable

from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.registry import function

# The stated results of digamma are off by what this series is off (its second term has the sign of Apache Commons
# Math 3, `special.Gamma`, after Bernardo, Algorithm AS 103, Applied Statistics 25, 1976), so the series is followed.
_SERIES_FROM = 49.0
_SMALL = 1e-5
_EULER = 0.5772156649015329
_MOST_STEPS = 100_000
# P. Godfrey, "A note on the computation of the convergent Lanczos complex Gamma approximation", g = 607 / 128.
_LANCZOS = (
    0.99999999999999709182, 57.156235665862923517, -59.597960355475491248, 14.136097974741747174,
    -0.49191381609762019978, 0.33994649984811888699e-4, 0.46523628927048575665e-4, -0.98374475304879564677e-4,
    0.15808870322491248884e-3, -0.21026444172410488319e-3, 0.21743961811521264320e-3, -0.16431810653676389022e-3,
    0.84418223983852743293e-4, -0.26190838401581408670e-4, 0.36899182659531622704e-5,
)  # fmt: skip


def _recurring(name: str, value: float, step: Callable[[float], float], series: Callable[[float], float]) -> float:
    """Add steps until the argument is small and positive, or large enough for the series; poles are infinite."""
    if not math.isfinite(value) or value < -_MOST_STEPS:
        raise not_imitated(f"Number.{name}: the argument {value}")
    steps, at = [], float(value)
    while at < _SERIES_FROM and not 0 < at <= _SMALL:
        steps.append(step(at))
        at += 1
    return sum(reversed(steps), series(at))  # the smallest first


@function("Number.digamma")
def digamma(value: float) -> float:
    """Give the logarithmic derivative of the gamma function."""

    def series(x: float) -> float:
        if x <= _SMALL:
            return -_EULER - 1 / x
        inverse = 1 / (x * x)
        return math.log(x) - 0.5 / x - inverse * (1 / 12 + inverse * (1 / 120 - inverse / 252))

    return _recurring("digamma", value, lambda x: -1 / x if x else -math.inf, series)


@function("Number.trigamma")
def trigamma(value: float) -> float:
    """Give the derivative of the digamma function."""

    def series(x: float) -> float:
        inverse = 1 / (x * x)
        if x <= _SMALL:
            return inverse
        return 1 / x + inverse / 2 + inverse / x * (1 / 6 - inverse * (1 / 30 + inverse / 42))

    return _recurring("trigamma", value, lambda x: 1 / (x * x) if x else math.inf, series)


@function("Number.lanczos")
def lanczos(value: float) -> float:
    """Give Godfrey's Lanczos series, whose poles are infinite."""
    total = 0.0
    for at in range(len(_LANCZOS) - 1, 0, -1):
        total += _LANCZOS[at] / (value + at) if value + at else math.copysign(math.inf, _LANCZOS[at])
    return total + _LANCZOS[0]


@function("Number.gamma")
def gamma(value: float) -> float:
    """Give the gamma function of a positive number; beyond a double it is infinite."""
    if not value > 0:
        raise not_imitated(f"Number.gamma: the invalid argument {value}")
    try:
        return math.gamma(value)
    except OverflowError:
        return math.inf


@function("Number.gammainc")
def lower_incomplete_gamma(value: float, shape: float) -> float:
    """Give the regularized lower incomplete gamma function of `value`; NaN of a negative number or shape."""
    from scipy.special import gammainc  # noqa: PLC0415 - a heavy import that few expressions need

    return math.nan if value < 0 or shape <= 0 else float(gammainc(shape, value))


@function("Number.erf")
def error_function(value: float) -> float:
    return math.erf(value)


@function("Number.erfc")
def complementary_error_function(value: float) -> float:
    return math.erfc(value)


@function("Number.erfInv")
def inverse_error_function(value: float) -> float:
    """Give the number of which `value` is the error function, infinite at -1 and 1."""
    from scipy.special import erfinv  # noqa: PLC0415

    if not -1 <= value <= 1:
        raise not_imitated(f"Number.erfInv: the argument {value}, which is outside of -1 to 1,")
    return float(erfinv(value))


@function("Number.erfcInv")
def inverse_complementary_error_function(value: float) -> float:
    """Give the number of which `value` is the complementary error function, infinite at 0 and 2."""
    from scipy.special import erfcinv  # noqa: PLC0415

    if not 0 <= value <= 2:
        raise not_imitated(f"Number.erfcInv: the argument {value}, which is outside of 0 to 2,")
    return float(erfcinv(value))
