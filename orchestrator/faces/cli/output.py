"""What the commands show: a live block on a terminal, a line each ten seconds on a pipe, JSON lines for programs."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TextIO, cast

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from orchestrator.core.units import format_count, format_seconds
from orchestrator.faces.cli.called import Called
from orchestrator.faces.objects import message

if TYPE_CHECKING:  # what moves needs them; `--help` does not
    from rich.live import Live

    from orchestrator.app.display import View
    from orchestrator.engine.progress import Snapshot

PIPE_SECONDS = 10.0
JSON_SECONDS = 5.0
LIVE_SECONDS = 0.25
BUSY_SECONDS = 1.0  # what is done sooner need not be announced
LOOK_SECONDS = 1.0  # how often a pipe is looked after, for what is new

# Events worth a line of their own for a person; everything is in the log and in `orchestrator why`.
_SHOWN: Mapping[str, str] = {
    "run.planned": "planned: {pieces}{grid}",
    "task.adopted": "task {task}: found again in Earth Engine, not exported twice",
    "task.failed": "task {task} failed ({failure}): {error}",
    "task.rung": "task {task}: next attempt with tiles of {shard} pixels",
    "task.split": "task {task}: cut in two",
    "task.direct": "task {task}: no export brings it ({failure}); it comes in {requests} requests instead",
    "unit.split": "request {unit}: cut into {pieces} ({failure}): {error}",
    "unit.again": "request {unit}: again in {seconds} s ({failure}): {error}",
    "run.refitted": "{tasks} tasks: parts of up to {part_width} × {part_height} pixels, by the weight of the first",
    "task.doubt": "task {task}: no certain answer ({why}), looking again",
    "task.objects_missing": "task {task}: {found} of {wanted} files appeared, exporting again",
    "part.over_threshold": "task {task}: a file of {bytes} bytes is over the threshold of {allowed}",
    "run.held": "held: {reason}",
    "run.audited": "audit: {differences} of {values} values in {windows} windows differ",
    "quicklook.failed": "no quicklook: {error}",
}


class Output:
    """Standard output of a command. One instance a process; every method may be called from any thread."""

    def __init__(self, *, as_json: bool, quiet: bool = False, called: Called | None = None) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self.spoken = (called or Called()).spoken
        # Standard error carries what moves, standard output what stays: results can be piped.
        self.moving = Console(stderr=True, highlight=False)
        self.lasting = Console(highlight=False, soft_wrap=True)
        self._lock = threading.Lock()

    def width(self) -> int | None:
        """Return how many columns a line of results may take; None where it goes to a pipe and nothing is cut."""
        return self.lasting.width if self.lasting.is_terminal else None

    def log_stream(self) -> TextIO:
        """Return where log lines go: standard error, and on a terminal above the block that moves, not into it."""
        if self.as_json or self.quiet or not self.moving.is_terminal:
            return sys.stderr
        return cast("TextIO", _AboveTheBlock(self.moving))

    def say(self, text: str) -> None:
        """Write a line for a person."""
        if not self.as_json:
            self.lasting.print(self.spoken(text), markup=False)

    def note(self, text: str) -> None:
        """Write a passing remark for a person; to a pipe in one line, so that a command in it can be copied."""
        if not self.as_json and not self.quiet:
            self.moving.print(self.spoken(text), markup=False, soft_wrap=not self.moving.is_terminal)

    def warn(self, text: str) -> None:
        """Write what a person must know, also where quiet was asked for."""
        if not self.as_json:
            self.moving.print(self.spoken(text), markup=False)

    def message(self, kind: str, facts: Mapping[str, Any]) -> None:
        """Write a JSON line, where JSON was asked for."""
        if self.as_json:
            line = json.dumps(message(kind, facts), default=str)
            with self._lock:
                sys.stdout.write(line + "\n")
                sys.stdout.flush()

    def event(self, name: str, run_id: str, facts: Mapping[str, Any]) -> None:
        """Show an event of a run."""
        self.message("event", {"event": name, "run": run_id, **{k: v for k, v in facts.items() if k != "exc_info"}})
        if template := _SHOWN.get(name):
            self.note(f"  {template.format_map(_Missing(facts, pieces=_pieces(facts), grid=_grid(facts)))}")

    def error(self, sentence: str, exit_code: int) -> None:
        """Say what went wrong: one line on standard error, and where JSON was asked for a line of it too."""
        from orchestrator.core.log import mask  # noqa: PLC0415  only an error needs it

        sentence = mask(sentence)
        self.message("error", {"exit_code": exit_code, "sentence": sentence})
        with contextlib.suppress(OSError):
            sys.stderr.write(f"orchestrator: {self.spoken(sentence)}\n")

    @contextmanager
    def watching(self, look: Callable[[], Snapshot], title: str) -> Iterator[None]:
        """Show how far a run is for the time of the block."""
        from orchestrator.app.display import View  # noqa: PLC0415  see above

        view = View(look if self.as_json else lambda: _spoken(look(), self.spoken), title)
        with self._beside(lambda end: self._show(view, end)):
            yield

    @contextmanager
    def busy(self, what: str) -> Iterator[None]:
        """Say what is being done, and for how long, for the time of the block; nothing where it is done at once."""
        with self.telling(what):
            yield

    @contextmanager
    def telling(self, what: str) -> Iterator[Callable[[str], None]]:
        """As `busy`; the block is given what tells that something else is being done now."""
        busy = _Busy(what)
        with self._beside(lambda end: self._tell(busy, end)):
            yield busy.now

    @contextmanager
    def _beside(self, show: Callable[[threading.Event], None]) -> Iterator[None]:
        """Run `show` in a thread for the time of the block; its argument is set at the end."""
        end = threading.Event()
        shown = threading.Thread(target=show, args=(end,), name="progress", daemon=True)
        shown.start()
        try:
            yield
        finally:
            end.set()
            shown.join()

    def _show(self, view: View, end: threading.Event) -> None:
        if self.as_json:
            while True:
                self.message("status", view.facts())
                if end.wait(JSON_SECONDS):
                    break
        elif self.quiet:
            end.wait()
        elif self.moving.is_terminal:
            with self._live(view):
                end.wait()
        else:
            self._write_lines(view, end)

    def _live(self, moving: View | _Busy) -> Live:
        from rich.live import Live  # noqa: PLC0415  see above

        return Live(moving, console=self.moving, refresh_per_second=1 / LIVE_SECONDS, transient=True)

    def _write_lines(self, view: View, end: threading.Event) -> None:
        """Write a line when something else is done, and every few seconds."""
        told, left = None, 0.0
        while not end.wait(LOOK_SECONDS if told else 0.0):
            left -= LOOK_SECONDS
            if left <= 0 or view.step() != told:
                self.moving.print(view.line(), markup=False, soft_wrap=True)
                told, left = view.step(), PIPE_SECONDS

    def _tell(self, busy: _Busy, end: threading.Event) -> None:
        if self.quiet and not self.as_json:
            return
        if not self.as_json and self.moving.is_terminal:
            if not end.wait(BUSY_SECONDS):
                with self._live(busy):
                    end.wait()
            return
        while not end.wait(JSON_SECONDS):
            self.message("status", {"detail": busy.what, "elapsed_seconds": round(busy.seconds(), 1)})
            self.note(busy.line())


def _pieces(facts: Mapping[str, Any]) -> str:
    """Say what a plan is made of: parts of exports, requests, or both; or into how many requests one was cut."""
    if "planned" in facts:  # the product's own words
        return str(facts["planned"])
    if "pieces" in facts:
        return format_count(int(facts["pieces"]), "request")
    parts, tasks, requests = (int(facts.get(name, 0)) for name in ("parts", "tasks", "requests"))
    words = [f"{format_count(parts, 'part')} in {format_count(tasks, 'task')}"] if tasks or not requests else []
    return " and ".join([*words, *([format_count(requests, "request")] if requests else [])])


def _grid(facts: Mapping[str, Any]) -> str:
    """Say on what grid a plan is, where it has one."""
    return f" on a grid of {facts['height']} × {facts['width']} pixels" if "height" in facts else ""


def _spoken(seen: Snapshot, spoken: Callable[[str], str]) -> Snapshot:
    return replace(seen, detail=spoken(seen.detail))


class _AboveTheBlock(io.TextIOBase):
    """A stream whose lines a console prints."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rest = ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._console.print(Text.from_ansi(line), soft_wrap=True)
        return len(text)

    def isatty(self) -> bool:
        return True


class _Busy:
    """Something that takes a while."""

    def __init__(self, what: str) -> None:
        self.what = what
        self._began = time.monotonic()

    def now(self, what: str) -> None:
        self.what = what

    def seconds(self) -> float:
        return time.monotonic() - self._began

    def line(self) -> str:
        return f"{self.what}, {format_seconds(self.seconds())}"

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        from orchestrator.app.display import fit_columns  # noqa: PLC0415  see above

        yield Text(fit_columns(self.line(), options.max_width), no_wrap=True, overflow="crop")


class _Missing(dict[str, Any]):
    """Facts in which an absent one shows as `?` instead of failing a message."""

    def __missing__(self, key: str) -> str:
        return "?"
