"""How a run under way is drawn: lines that fit the terminal, one line for a pipe, facts for programs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from orchestrator.core.units import format_bytes, format_count, format_seconds
from orchestrator.engine.progress import Snapshot
from orchestrator.model.states import PartState, RunState, TaskState

LONGEST_BAR = 30
SHORTEST_BAR = 6
_ON_THE_WAY = (PartState.EXPORTED, PartState.DOWNLOADING, PartState.VERIFIED)
_SOON_SECONDS = 5.0  # a step that takes longer says how long it has taken


def fit_columns(text: str, width: int) -> str:
    """Return a text that takes at most `width` columns; one that is cut ends in `…`."""
    return text if cell_len(text) <= width else set_cell_size(text, max(0, width - 1)).rstrip() + "…"


def flow(pieces: Sequence[str], width: int, indent: str = "    ") -> list[str]:
    """Join pieces by commas into lines of at most `width` columns, broken between pieces; the later ones indented."""
    lines: list[str] = []
    for piece in pieces:
        if lines and cell_len(longer := f"{lines[-1]}, {piece}") <= width:
            lines[-1] = longer
        else:
            lines.append(fit_columns(f"{indent if lines else ''}{piece}", width))
    return lines


def format_eecu(seconds: float) -> str:
    """Write Earth Engine's compute units for people."""
    return f"{seconds / 3600:.1f} EECU-hours" if seconds >= 3600 else f"{seconds:.1f} EECU-seconds"


class View:
    """One run's progress, drawn. `look` returns how far it is; the time is counted from the view's beginning."""

    def __init__(
        self, look: Callable[[], Snapshot], title: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._look = look
        self._title = title
        self._monotonic = monotonic
        self._began = monotonic()
        self._done_at_first: int | None = None

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self.lines(options.max_width):
            yield Text(line, no_wrap=True, overflow="crop")

    def lines(self, width: int) -> list[str]:
        """Return what a terminal of `width` columns shows; no line is longer."""
        seen = self._look()
        times = ", ".join(self._times(seen))
        doing = fit_columns(f"{self._title}: {self._doing(seen)}", max(width - cell_len(times) - 2, width // 2))
        found = [fit_columns(f"{doing}, {times}", width)]
        if seen.tasks:
            first, *more = self._engine(seen)
            found += flow([f"  Earth Engine: {first}", *more], width)
        if seen.total_parts:
            found += self._parts_lines(seen, width)
        if seen.total_units:
            found += flow([f"  {seen.units_called} {seen.done_units}/{seen.total_units}", *self._requests(seen)], width)
        elif words := _before_words(seen):
            found += flow([f"  {words}"], width)
        return found

    def line(self) -> str:
        """Return all of it in one line, for a pipe."""
        seen = self._look()
        words = [f"{self._title}: {self._doing(seen)}", *self._times(seen)]
        if seen.tasks:
            first, *more = self._engine(seen)
            words = [*words[:-1], f"{words[-1]}; Earth Engine: {first}", *more]
        if seen.total_parts:
            words[-1] += f"; parts: {seen.merged_parts}/{seen.total_parts}"
            words += self._parts(seen)
        if seen.total_units:
            words[-1] += f"; {seen.units_called}: {seen.done_units}/{seen.total_units}"
            words += self._requests(seen)
        elif told := _before_words(seen):
            words[-1] += f"; {told}"
        return ", ".join(words)

    def step(self) -> tuple[RunState, str]:
        """Return what is being done, to notice when that is something else."""
        seen = self._look()
        return seen.state, seen.detail

    def facts(self) -> dict[str, Any]:
        """Return all of it for a program."""
        seen = self._look()
        return {
            "state": seen.state,
            "detail": seen.detail,
            "elapsed_seconds": round(self._elapsed(), 1),
            "parts": dict(seen.parts),
            "tasks": dict(seen.tasks),
            "requests": dict(seen.units),
            "tasks_share": round(seen.tasks_share, 4),
            "bytes_done": seen.bytes_done,
            "bytes_listed": seen.bytes_expected,
            "bytes_per_second": round(self._rate(seen)),
            "eta_seconds": self._eta(seen),
            "eecu_seconds": round(seen.eecu_seconds, 3),
        }

    def _doing(self, seen: Snapshot) -> str:
        word = STATE_WORDS.get(seen.state, str(seen.state))
        word = seen.doing if seen.doing and seen.state is RunState.EXPORTING else word
        return f"{word}: {seen.detail}" if seen.detail and seen.detail != word else word

    def _times(self, seen: Snapshot) -> list[str]:
        elapsed = self._elapsed()
        if seen.seconds < _SOON_SECONDS or elapsed - seen.seconds < _SOON_SECONDS:
            return [format_seconds(elapsed)]
        return [f"for {format_seconds(seen.seconds)}", f"{format_seconds(elapsed)} in all"]

    def _engine(self, seen: Snapshot) -> list[str]:
        tasks = seen.tasks
        running, total = tasks.get(TaskState.RUNNING, 0), seen.total_tasks
        queued = tasks.get(TaskState.QUEUED, 0) + tasks.get(TaskState.SUBMITTING, 0)
        waiting, done = tasks.get(TaskState.PLANNED, 0), tasks.get(TaskState.SUCCEEDED, 0)
        if done == total:
            return [f"{format_count(total, 'task')} done", format_eecu(seen.eecu_seconds)]
        words = [running_words(running, seen.running_share) or "0 running", f"{queued} queued"]
        words += [f"{seen.tasks_share:.0%} of {format_count(total, 'task')} done"]
        words += [f"{waiting} waiting"] if waiting else []
        return [*words, format_eecu(seen.eecu_seconds)]

    def _parts_lines(self, seen: Snapshot, width: int) -> list[str]:
        count = f"{seen.merged_parts}/{seen.total_parts}"
        room = min(LONGEST_BAR, width - len(f"  parts  {count}"))
        full = round(room * seen.merged_parts / seen.total_parts)
        bar = "█" * full + "░" * (room - full) + " " if room >= SHORTEST_BAR else ""
        return flow([f"  parts {bar}{count}", *self._parts(seen)], width)

    def _parts(self, seen: Snapshot) -> list[str]:
        on_the_way = sum(seen.parts.get(state, 0) for state in _ON_THE_WAY)
        words = [f"{on_the_way} on the way"] if on_the_way else []
        return words if seen.total_units else [*words, *self._left(seen), *self._received(seen)]

    def _requests(self, seen: Snapshot) -> list[str]:
        """What holds for parts and requests together stands with the last of them."""
        failed = [f"{seen.given_up} failed"] if seen.given_up else []
        return [*failed, *self._left(seen), *self._received(seen)]

    def _left(self, seen: Snapshot) -> list[str]:
        eta = self._eta(seen)
        return [f"about {format_seconds(eta)} left"] if eta is not None else []

    def _received(self, seen: Snapshot) -> list[str]:
        of = f" of {format_bytes(seen.bytes_expected)}" if seen.bytes_expected and not seen.total_parts else ""
        rate = f"{format_bytes(self._rate(seen))}/s"
        return [f"{format_bytes(seen.bytes_done)}{of} at {rate}"] if seen.bytes_done else []

    def _elapsed(self) -> float:
        return self._monotonic() - self._began

    def _rate(self, seen: Snapshot) -> float:
        return seen.bytes_done / max(0.1, self._elapsed())

    def _eta(self, seen: Snapshot) -> float | None:
        """Seconds left at the pace since the view began, once a few parts or requests have told it."""
        total, placed = seen.total_parts + seen.total_units, seen.merged_parts + seen.done_units
        if self._done_at_first is None and total:
            self._done_at_first = placed
        done = placed - (self._done_at_first or 0)
        if seen.state is not RunState.EXPORTING or done < 2:
            return None
        return round((total - placed) * self._elapsed() / done)


def _before_words(seen: Snapshot) -> str:
    """Say how far that is which finds out what there is to do; nothing where there is nothing of the kind."""
    done, total = seen.before
    return f"looking which {seen.units_called} there are: {done}/{total}" if total else ""


def running_words(running: int, share: float) -> str:
    """Say how many exports run and how far they are, 0 to 1; what has computed all it must still writes its files."""
    if not running:
        return ""
    return f"{running} running ({f'{share:.0%}' if share < _ALL else 'computed, its files are awaited'})"


# From here on it would be written as 100 %.
_ALL = 0.995
STATE_WORDS: Mapping[RunState, str] = {
    RunState.ADMITTED: "planning",
    RunState.PLANNED: "planned",
    RunState.EXPORTING: "exporting",
    RunState.ASSEMBLING: "finishing",
    RunState.PUBLISHED: "cleaning up",
    RunState.CLEANED: "done",
    RunState.HELD: "held",
    RunState.FAILED: "failed",
    RunState.CANCELLED: "cancelled",
}
