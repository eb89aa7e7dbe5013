"""Chips that are larger than their tiles, where a split keeps the tiles apart."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.core.units import format_count
from orchestrator.model.grid import Grid, Transform
from orchestrator.products.chips.choosing import ChosenTiles
from orchestrator.products.chips.document import ChipPlan
from orchestrator.tiling.windows import gap_of, meeting_windows

SPLIT = "split"


@dataclass(frozen=True, slots=True)
class _Window:
    """See `tiling.windows.Georeferenced`."""

    crs: str
    transform: Transform
    shape: tuple[int, int]


def meeting_notes(plan: ChipPlan, chosen: ChosenTiles) -> tuple[str, ...]:
    """Say how many chips of different splits overlap, or are nearer than the split left their tiles."""
    if SPLIT not in chosen.frame.columns:
        return ()
    splits = [one if isinstance(one, str) else "" for one in chosen.frame[SPLIT]]
    gap = gap_of(chosen.about, SPLIT)
    found = meeting_windows([_window(plan.grid_of(number)) for number in range(len(splits))], splits, gap)
    told = []
    if count := len(found.overlapping):
        told.append(f"{format_count(count, 'pair')} of chips of different splits overlap")
    if count := len(found.near) - len(found.overlapping):
        told.append(f"{format_count(count, 'pair')} more are nearer than the {gap:g} m that the split left their tiles")
    advice = "what is learnt from one is seen in the other; smaller chips, or a wider gap of the split, keep them apart"
    return (f"{', '.join(told)}: {advice}.",) if told else ()


def _window(grid: Grid) -> _Window:
    return _Window(grid.crs, grid.transform, (grid.height, grid.width))
