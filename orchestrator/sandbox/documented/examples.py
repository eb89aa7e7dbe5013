"""Examples of the documentation with the results it states, and whether this sandbox gives them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from orchestrator.sandbox.documented.notation import expression
from orchestrator.sandbox.earthengine.evaluate import Evaluator
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, NotImitatedError

FOLDER = Path(__file__).parent / "examples"
_EXACT = 2**53  # whole numbers below it are doubles
_ROUNDING = 1e-9  # relative; results that are stated with few digits name their own `within`


@dataclass(frozen=True, slots=True)
class Example:
    """
    A stated fact.

    Attributes:
        of: The function that it shows.
        page: The page that states it, below the documentation's root: `apidocs/ee-number-add`; or an address.
        given: The expression; see `notation`.
        says: The stated result as JSON. For an error, `{"error": PART}` with a part of its sentence, or an empty text.
        within: The largest difference of numbers that is no contradiction, absolute; None is a rounding error.
        family: The file it stands in.
        line: Its line there, from 1.
    """

    of: str
    page: str
    given: Any
    says: Any
    within: float | None
    family: str
    line: int

    def __str__(self) -> str:
        return f"{self.family}:{self.line} {self.of}"


class Verdict(Enum):
    """What became of an example."""

    RIGHT = "right"
    WRONG = "wrong"
    REFUSED = "refused"  # by name: this sandbox does not imitate it


@dataclass(frozen=True, slots=True)
class Outcome:
    """A verdict, and what was answered instead where it is not right."""

    verdict: Verdict
    found: Any = None


def read_all(folder: Path = FOLDER) -> Iterator[Example]:
    """
    Read every example, family by family.

    Raises:
        ValueError: If a line is none; it names file and line.
    """
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if line.strip():
                yield _example(line, path.stem, number)


def _example(line: str, family: str, number: int) -> Example:
    try:
        told: Mapping[str, Any] = json.loads(line)
        return Example(**{"within": None, **told}, family=family, line=number)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{family}.jsonl, line {number}: {error}") from error


def checked(example: Example, evaluator: Evaluator) -> Outcome:
    """Evaluate an example and compare."""
    fails = isinstance(example.says, dict) and set(example.says) == {"error"}
    try:
        found = evaluator.value(expression(example.given))
    except NotImitatedError as error:
        return Outcome(Verdict.REFUSED, str(error))
    except EvaluationError as error:
        right = fails and example.says["error"] in str(error)
        return Outcome(Verdict.RIGHT if right else Verdict.WRONG, str(error))
    right = not fails and _agree(found, example.says, example.within)
    return Outcome(Verdict.RIGHT if right else Verdict.WRONG, found)


def _agree(found: Any, stated: Any, within: float | None) -> bool:
    if isinstance(stated, dict) and isinstance(found, dict):
        return stated.keys() == found.keys() and all(_agree(found[key], stated[key], within) for key in stated)
    if isinstance(stated, list) and isinstance(found, list):
        return len(stated) == len(found) and all(_agree(a, b, within) for a, b in zip(found, stated, strict=True))
    if _number(stated) and _number(found):
        if within is not None:
            return bool(abs(found - stated) <= within * (1 + _ROUNDING))
        if isinstance(stated, int) and abs(stated) < _EXACT:
            return bool(found == stated)  # a page that shows a whole number shows all of its digits
        return math.isclose(found, stated, rel_tol=_ROUNDING, abs_tol=1e-12)
    return bool(type(found) is type(stated) and found == stated)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
