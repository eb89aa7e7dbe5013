"""What the commands show: a live block on a terminal, a line a minute on a pipe, JSON lines for programs."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from orchestrator.core.units import format_bytes, format_seconds
from orchestrator.engine import progress as engine
from orchestrator.model.states import PartState, RunState

PIPE_SECONDS = 60.0
JSON_SECONDS = 5.0
LIVE_SECONDS = 0.25
SCHEMA = 1  # of the JSON lines; grows when a field changes its meaning

# Events worth a line of their own for a person; everything is in the log and in `orchestrator why`.
_SHOWN: Mapping[str, str] = {
    "run.planned": "planned: {parts} parts in {tasks} tasks on a grid of {height} × {width} pixels",
    "task.adopted": "task {task}: found again in Earth Engine, not exported twice",
    "task.failed": "task {task} failed ({failure}): {error}",
    "task.rung": "task {task}: next attempt with tiles of {shard} pixels",
    "task.split": "task {task}: cut in two",
    "run.refitted": "{tasks} tasks: parts of up to {part_width} × {part_height} pixels, by the weight of the first",
    "task.doubt": "task {task}: no certain answer ({why}), looking again",
    "task.objects_missing": "task {task}: {found} of {wanted} files appeared, exporting again",
    "part.over_threshold": "task {task}: a file of {bytes} bytes is over the threshold of {allowed}",
    "run.held": "held: {reason}",
    "quicklook.failed": "no quicklook: {error}",
}


class Output:
    """Standard output of a command. One instance a process; every method may be called from any thread."""

    def __init__(self, *, as_json: bool, quiet: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet
        # Standard error carries what moves, standard output what stays: results can be piped.
        self.moving = Console(stderr=True, highlight=False)
        self.lasting = Console(highlight=False, soft_wrap=True)
        self._lock = threading.Lock()

    def say(self, text: str) -> None:
        """Write a line for a person."""
        if not self.as_json:
            self.lasting.print(text, markup=False)

    def note(self, text: str) -> None:
        """Write a passing remark for a person."""
        if not self.as_json and not self.quiet:
            self.moving.print(text, markup=False)

    def message(self, kind: str, facts: Mapping[str, Any]) -> None:
        """Write a JSON line, where JSON was asked for."""
        if self.as_json:
            line = json.dumps({"message_type": kind, "schema": SCHEMA, **facts}, default=str)
            with self._lock:
                sys.stdout.write(line + "\n")
                sys.stdout.flush()

    def event(self, name: str, run_id: str, facts: Mapping[str, Any]) -> None:
        """Show an event of a run."""
        self.message("event", {"event": name, "run": run_id, **{k: v for k, v in facts.items() if k != "exc_info"}})
        if template := _SHOWN.get(name):
            self.note(f"  {template.format_map(_Missing(facts))}")

    @contextmanager
    def watching(self, progress: engine.Progress, title: str) -> Iterator[None]:
        """Show how far a run is for the time of the block."""
        end = threading.Event()
        view = _View(progress, title)
        shown = threading.Thread(target=self._show, args=(view, end), name="progress", daemon=True)
        shown.start()
        try:
            yield
        finally:
            end.set()
            shown.join()

    def _show(self, view: _View, end: threading.Event) -> None:
        if self.as_json:
            while not end.wait(JSON_SECONDS):
                self.message("status", view.facts())
        elif self.quiet:
            end.wait()
        elif self.moving.is_terminal:
            with Live(view, console=self.moving, refresh_per_second=1 / LIVE_SECONDS, transient=True):
                end.wait()
        else:
            while not end.wait(PIPE_SECONDS):
                self.moving.print(view.line(), markup=False)


class _Missing(dict[str, Any]):
    """Facts in which an absent one shows as `?` instead of failing a message."""

    def __missing__(self, key: str) -> str:
        return "?"


class _View:
    """One run's progress, drawn."""

    def __init__(self, progress: engine.Progress, title: str) -> None:
        self._progress = progress
        self._title = title
        self._began = time.monotonic()
        self._merged_at_first: int | None = None
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=40), MofNCompleteColumn(), TextColumn("parts")
        )
        self._row = self._bar.add_task(title, total=None)

    def __rich__(self) -> Group:
        seen = self._progress.snapshot()
        self._bar.update(self._row, completed=seen.merged_parts, total=seen.total_parts or None)
        return Group(self._bar, Text(f"  {self._words(seen)}", style="dim"))

    def line(self) -> str:
        seen = self._progress.snapshot()
        return f"{self._title}: {seen.merged_parts}/{seen.total_parts} parts, {self._words(seen)}"

    def facts(self) -> dict[str, Any]:
        seen = self._progress.snapshot()
        return {
            "state": seen.state,
            "detail": seen.detail,
            "parts": seen.parts,
            "tasks": seen.tasks,
            "bytes_done": seen.bytes_done,
            "bytes_listed": seen.bytes_expected,
            "bytes_per_second": round(self._rate(seen)),
            "eta_seconds": self._eta(seen),
            "eecu_seconds": round(seen.eecu_seconds, 3),
        }

    def _words(self, seen: engine.Snapshot) -> str:
        words = [_STATES.get(seen.state, str(seen.state))]
        if seen.detail:
            words = [seen.detail]
        shown = {state: seen.parts.get(state, 0) for state in (PartState.WAITING, PartState.EXPORTED)}
        shown |= {state: seen.parts.get(state, 0) for state in (PartState.DOWNLOADING, PartState.VERIFIED)}
        words += [f"{count} {state.lower()}" for state, count in shown.items() if count]
        if seen.bytes_done:
            words.append(f"{format_bytes(seen.bytes_done)} at {format_bytes(self._rate(seen))}/s")
        eta = self._eta(seen)
        if eta is not None:
            words.append(f"about {format_seconds(eta)} left")
        return ", ".join(words)

    def _rate(self, seen: engine.Snapshot) -> float:
        return seen.bytes_done / max(0.1, time.monotonic() - self._began)

    def _eta(self, seen: engine.Snapshot) -> float | None:
        """Seconds left at the pace of this process, once a few parts have told it."""
        if self._merged_at_first is None and seen.total_parts:
            self._merged_at_first = seen.merged_parts
        done = seen.merged_parts - (self._merged_at_first or 0)
        left = seen.total_parts - seen.merged_parts
        if seen.state is not RunState.EXPORTING or done < 2:
            return None
        return round(left * (time.monotonic() - self._began) / done)


_STATES: Mapping[RunState, str] = {
    RunState.ADMITTED: "planning",
    RunState.PLANNED: "planned",
    RunState.EXPORTING: "exporting",
    RunState.ASSEMBLING: "completing the file",
    RunState.PUBLISHED: "cleaning up",
    RunState.HELD: "held",
}
