"""
The objects that programs are told: one line of `--json`, one answer of the page's API.

What is in each is said here once, as a dataclass, from which the API's document is made; docs/reference/json.md lists
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SCHEMA = 1  # of the objects; grows when a field changes its meaning

JsonObject = dict[str, Any]


def message(kind: str, facts: Mapping[str, Any]) -> JsonObject:
    """Return an object with what it is and the version of its meaning."""
    return {"message_type": kind, "schema": SCHEMA, **facts}


@dataclass(frozen=True, slots=True)
class ErrorFacts:
    """
    Why there is no other answer.

    Attributes:
        exit_code: What the command ends with; docs/reference/cli.md has the table.
        sentence: The value found, what was expected and what to do, in one line.
    """

    exit_code: int
    sentence: str
