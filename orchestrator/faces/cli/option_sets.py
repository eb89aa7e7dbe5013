"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def all_of(options: Sequence[Callable[..., Any]]) -> Callable[[F], F]:
    """Return what adds options to a command, in their order."""

    def add_to(function: F) -> F:
        for add in reversed(options):
            function = add(function)
        return function

    return add_to
