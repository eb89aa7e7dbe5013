"""That what was brought covers what was planned, each pixel once."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.core.errors import IntegrityError
from orchestrator.model.grid import Window
from orchestrator.model.plan import Plan


def prove_cover(plan: Plan, brought: Iterable[Window]) -> None:
    """
    Make sure that windows cover every planned rectangle exactly once.

    Raises:
        IntegrityError: One is missing or doubled, or reaches into another, or beyond what was planned.
    """
    cover_once(plan.windows, brought)


def cover_once(wanted: Iterable[Window], brought: Iterable[Window]) -> None:
    """
    Make sure that windows cover the wanted ones, which are disjoint, exactly once.

    Raises:
        IntegrityError: One is missing or doubled, or reaches into another, or beyond what is wanted.
    """
    windows, rectangles = sorted(brought), list(wanted)
    planned = sum(window.pixels for window in rectangles)
    covered = sum(window.pixels for window in windows)
    if planned != covered or _overlap(windows) or not _within(windows, rectangles):
        raise IntegrityError(f"the parts cover {covered} pixels, but {planned} were planned, each once")


def _overlap(windows: list[Window]) -> bool:
    """Tell whether two windows, sorted, share a pixel, by a sweep down the rows."""
    active: list[Window] = []
    for window in windows:
        active = [other for other in active if other.bottom > window.row]
        if any(other.intersection(window) for other in active):
            return True
        active.append(window)
    return False


def _within(windows: list[Window], planned: list[Window]) -> bool:
    """Tell whether no window holds a pixel outside the planned rectangles, which are disjoint."""
    inside, waiting = 0, sorted(planned, reverse=True)
    active: list[Window] = []
    for window in windows:
        while waiting and waiting[-1].row < window.bottom:
            active.append(waiting.pop())
        active = [other for other in active if other.bottom > window.row]
        shared = [window.intersection(other) for other in active]
        inside += sum(each.pixels for each in shared if each)
    return inside == sum(window.pixels for window in windows)
