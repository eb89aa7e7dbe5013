"""The words of a $filter: paths, texts, numbers, times, geographies and marks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator.sandbox.web import ApiError

_TIME = r"\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})?)?"
_WORD = re.compile(
    rf"""\s*(?:
        (?P<geography>geography'(?P<wkt>[^']*)')
      | (?P<time>{_TIME})(?![\w.])
      | (?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])
      | '(?P<text>(?:[^']|'')*)'
      | (?P<path>[A-Za-z_@][\w.]*(?:/[A-Za-z_][\w.]*)*)
      | (?P<mark>[(),:=])
    )""",
    re.VERBOSE,
)
MOST_CHARACTERS = 100_000


@dataclass(frozen=True, slots=True)
class Word:
    """
    Attributes:
        kind: `geography`, `time`, `number`, `text`, `path`, `mark` or `end`.
        at: Where it begins, in characters.
    """

    kind: str
    text: str
    at: int


def words_of(text: str) -> list[Word]:
    """
    Cut a filter into words, the last of them the `end`.

    Raises:
        ApiError: 400 if a character begins none.
    """
    if len(text) > MOST_CHARACTERS:
        raise ApiError(400, f"Invalid filter: it has {len(text)} characters; at most {MOST_CHARACTERS} are read here")
    found, at = [], 0
    while text[at:].strip():
        match = _WORD.match(text, at)
        if match is None:
            raise ApiError(400, f"Invalid filter: cannot read {text[at : at + 40]!r} at character {at}")
        found.append(_word(match))
        at = match.end()
    return [*found, Word("end", "", at)]


def _word(match: re.Match[str]) -> Word:
    kind = next(name for name in ("geography", "time", "number", "text", "path", "mark") if match[name] is not None)
    inner = "wkt" if kind == "geography" else kind
    text = match[inner].replace("''", "'") if kind == "text" else match[inner]
    return Word(kind, text, match.start(inner))
