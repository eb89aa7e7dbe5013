"""How large one value may become: what is asked for beyond it is an error with a sentence, never a full memory."""

from __future__ import annotations

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated

MOST = 10_000_000  # elements of a list or an array, characters of a text, buckets of a histogram
_BITS = 64
_LONG = 1e300


def within_limit(name: str, size: float, what: str = "elements") -> None:
    """
    Refuse what would not fit into memory.

    Raises:
        EvaluationError: If it has more than `MOST` parts.
    """
    if not size <= MOST:
        raise EvaluationError(f"{name}: {size} {what} are too many, at most {MOST} are held.")


def whole(name: str, value: float) -> int:
    """
    Give a number without its fraction, as a whole number of 64 bits.

    Raises:
        NotImitatedError: If it is not finite or has more bits: what it becomes is not told.
    """
    if not -(2 ** (_BITS - 1)) <= value < 2 ** (_BITS - 1):
        given = "a number of hundreds of digits" if _LONG <= abs(value) < float("inf") else value
        raise not_imitated(f"{name}: {given} as a whole number of {_BITS} bits")
    return int(value)
