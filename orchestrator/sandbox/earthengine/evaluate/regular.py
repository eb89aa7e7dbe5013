"""
Regular expressions of the service, which are RE2's, by the standard library's engine.

What both read alike is translated; what they read differently is refused by name.
"""

from __future__ import annotations

import re
from functools import lru_cache

from orchestrator.sandbox.earthengine.evaluate.backtracking import slow
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated

_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_CLASS = re.compile(r"\[:(\^?)(\w+):\]")
# Look-around, back references, possessive and atomic groups, Unicode classes and quoting: RE2 lacks them, or the
# standard library does.
_FOREIGN = re.compile(r"\{,\d+\}|\(\?(?:[=!>]|<[=!]|P=|\()|[*+?}]\+|\\(?:[1-9]|[pPQEZzCG])")
_ESCAPED = re.compile(r"\\.", re.DOTALL)


def compiled(name: str, pattern: str, flags: str = "") -> re.Pattern[str]:
    """
    Translate a pattern.

    Args:
        name: The function that has it, for the refusal.
        pattern: In RE2's syntax.
        flags: `i` ignores case; `g` is the caller's.

    Raises:
        EvaluationError: If it is none, has a flag that is none, or says what the two engines read differently.
    """
    unknown = set(flags) - {"g", "i"}
    if unknown:
        raise EvaluationError(f"{name}: Invalid regular expression flag: '{min(unknown)}'.")
    return _compiled(name, pattern, "i" in flags)


@lru_cache(maxsize=256)
def _compiled(name: str, pattern: str, ignore_case: bool) -> re.Pattern[str]:
    foreign = _FOREIGN.search(_ESCAPED.sub(_masked, pattern))
    if foreign is not None:
        raise not_imitated(f"{name}: '{foreign.group(0)}' in the regular expression '{pattern}'")
    options = re.ASCII | (re.IGNORECASE if ignore_case else 0)
    try:
        translated = _translated(name, pattern)
        if slow(translated):
            raise not_imitated(
                f"{name}: the regular expression '{pattern}', which RE2 matches at once and this sandbox's engine "
                "may try for ever (repetitions or alternatives within a repetition),"
            )
        return re.compile(translated, options)
    except (re.error, OverflowError, RecursionError):
        raise EvaluationError(f"{name}: Invalid regular expression: '{pattern}'.") from None


def _masked(escaped: re.Match[str]) -> str:
    """Hide an escaped character from the search, unless the escape itself is foreign."""
    return escaped.group(0) if _FOREIGN.fullmatch(escaped.group(0)) else ".."


def _translated(name: str, pattern: str) -> str:
    def posix(found: re.Match[str]) -> str:
        if found[1] or found[2] not in _POSIX:
            raise not_imitated(f"{name}: '{found.group(0)}' in the regular expression '{pattern}'")
        return _POSIX[found[2]]

    # Named groups are written alike in both as `(?P<name>`; RE2 also takes `(?<name>`. A dollar is the very end.
    named = re.sub(r"(?<!\\)\(\?<(?=[A-Za-z_])", "(?P<", _CLASS.sub(posix, pattern))
    return _end_anchored(named)


def _end_anchored(pattern: str) -> str:
    """Write `$` outside of sets and escapes as the end of the text: the standard library's allows a line feed."""
    parts, in_set, at = [], False, 0
    while at < len(pattern):
        letter = pattern[at]
        if letter == "\\":
            parts.append(pattern[at : at + 2])
            at += 2
            continue
        if letter == "[" and not in_set:
            in_set = True
            # A bracket right after the opening one, or its negation, is a member of the set.
            lead = re.match(r"\[\^?\]?", pattern[at:])
            parts.append("[" if lead is None else lead.group(0))
            at += len(parts[-1])
            continue
        in_set = in_set and letter != "]"
        parts.append(r"\Z" if letter == "$" and not in_set else letter)
        at += 1
    return "".join(parts)


_REFERENCE = re.compile(r"[$\\]")


def literal_replacement(name: str, replacement: str) -> str:
    """
    Give a replacement that stands for itself.

    Raises:
        EvaluationError: If it has a dollar or a backslash, whose meaning there is not documented.
    """
    if _REFERENCE.search(replacement):
        raise not_imitated(f"{name}: '$' or '\\' in the replacement '{replacement}'")
    return replacement
