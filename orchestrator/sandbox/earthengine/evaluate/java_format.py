"""One number written by a format string of Java's `Formatter`, to which the service's reference refers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.limits import within_limit

# What the reference allows: a prefix, one per cent sign, modifiers, one conversion, a suffix.
_PATTERN = re.compile(
    r"(?P<before>[^%]*)%(?P<flags>[#\-+ 0,(]*)(?P<width>[0-9]{0,99})(?:\.(?P<places>[0-9]{1,99}))?"
    r"(?P<kind>[sdoxXeEfgGaA])(?P<after>[^%]*)"
)
_DEFAULT_PLACES = 6
_LEAST_GENERAL, _SCIENTIFIC_WIDTH = Decimal("0.0001"), 2
# Flags that a conversion takes, by Java's documentation of `Formatter`.
_TAKEN = {"s": "-", "d": "-+ 0,(", "o": "-#0", "x": "-#0", "e": "-#+ 0(", "f": "-#+ 0,(", "g": "-+ 0,("}


@dataclass(frozen=True, slots=True)
class _Specifier:
    flags: frozenset[str]
    width: int
    places: int | None
    kind: str  # in small letters


def written(value: float, pattern: str, plain: Callable[[], str]) -> str:
    """
    Write a number.

    Args:
        value: The number.
        pattern: A text with one conversion.
        plain: Gives what the conversion `s` writes.

    Raises:
        EvaluationError: If the pattern is none, or has what its conversion does not take.
    """
    found = _PATTERN.fullmatch(pattern)
    if found is None:
        raise EvaluationError(f"Number.format: Invalid format string: '{pattern}'.")
    places = None if found["places"] is None else int(found["places"])
    specifier = _Specifier(frozenset(found["flags"]), int(found["width"] or 0), places, found["kind"].lower())
    for length in (specifier.width, places or 0):
        within_limit("Number.format", length, "characters")
    _check(specifier, pattern)
    text = _converted(value, specifier, plain, pattern)
    return found["before"] + (text.upper() if found["kind"].isupper() else text) + found["after"]


def _check(specifier: _Specifier, pattern: str) -> None:
    flags = specifier.flags
    clash = flags >= {"+", " "} or flags >= {"-", "0"} or (flags & {"-", "0"} and not specifier.width)
    whole = specifier.kind in "dox" and specifier.places is not None
    if clash or whole or flags - set(_TAKEN.get(specifier.kind, "")):
        if specifier.kind == "a":
            raise not_imitated(f"Number.format: the conversion of '{pattern}'")
        raise EvaluationError(f"Number.format: Invalid format string: '{pattern}'.")


def _converted(value: float, specifier: _Specifier, plain: Callable[[], str], pattern: str) -> str:
    if specifier.kind == "a":
        raise not_imitated(f"Number.format: the conversion of '{pattern}'")
    if specifier.kind == "s":
        text = plain()[: specifier.places]
        return text.ljust(specifier.width) if "-" in specifier.flags else text.rjust(specifier.width)
    exact = Decimal(str(value))
    if not exact.is_finite():
        raise not_imitated(f"Number.format: the number {value}")
    if specifier.kind in "dox":
        return _framed(_whole(value, specifier, pattern), specifier, negative=exact < 0)
    return _framed(_fraction(abs(exact), specifier), specifier, negative=exact.is_signed())


def _whole(value: float, specifier: _Specifier, pattern: str) -> str:
    """Write the digits of a whole number, to which a fraction is cast (release notes: "type coercion")."""
    if specifier.kind == "d":
        return str(abs(int(value)))
    if value < 0:
        raise not_imitated(f"Number.format: '{pattern}' for {value}, whose number of bits is not told,")
    prefix = {"o": "0", "x": "0x"}[specifier.kind] if "#" in specifier.flags else ""
    return prefix + format(int(value), specifier.kind)


def _fraction(exact: Decimal, specifier: _Specifier) -> str:
    places = _DEFAULT_PLACES if specifier.places is None else specifier.places
    if specifier.kind == "e":
        return _scientific(exact, places, point="#" in specifier.flags)
    if specifier.kind == "f":
        return _fixed(exact, places) + ("." if "#" in specifier.flags and not places else "")
    digits = max(places, 1)
    rounded = _significant(exact, digits)
    if rounded and not _LEAST_GENERAL <= rounded < Decimal(10) ** digits:
        return _scientific(exact, digits - 1, point=False)
    return _fixed(exact, digits - 1 - (rounded.adjusted() if rounded else 0))


def _significant(exact: Decimal, digits: int) -> Decimal:
    return _rounded(exact, digits - 1 - exact.adjusted()) if exact else exact


def _rounded(exact: Decimal, places: int) -> Decimal:
    """Round half up to decimal places."""
    _, _, exponent = exact.as_tuple()
    if not isinstance(exponent, int) or -exponent <= places:
        return exact
    return exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def _fixed(exact: Decimal, places: int) -> str:
    return f"{_rounded(exact, places):.{max(places, 0)}f}"


def _scientific(exact: Decimal, places: int, *, point: bool) -> str:
    rounded = _significant(exact, places + 1)
    exponent = rounded.adjusted() if rounded else 0
    mantissa = f"{rounded.scaleb(-exponent):.{places}f}" + ("." if point and not places else "")
    return f"{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):0{_SCIENTIFIC_WIDTH}d}"


def _framed(digits: str, specifier: _Specifier, *, negative: bool) -> str:
    """Put the sign, groups of thousands and padding around digits."""
    flags = specifier.flags
    if "," in flags and "e" not in digits:
        whole, point, rest = digits.partition(".")
        digits = f"{int(whole):,}{point}{rest}"
    before, after = ("(", ")") if negative and "(" in flags else ("-", "") if negative else ("", "")
    if not negative:
        before = "+" if "+" in flags else " " if " " in flags else ""
    if "0" in flags:
        prefix, digits = ("0x", digits[2:]) if digits.startswith("0x") else ("", digits)
        digits = prefix + digits.rjust(specifier.width - len(before) - len(after) - len(prefix), "0")
    text = before + digits + after
    return text.ljust(specifier.width) if "-" in flags else text.rjust(specifier.width)
