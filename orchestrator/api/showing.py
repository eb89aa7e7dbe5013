"""How far a run is, where Python runs: a block in a notebook, a block in a terminal, or nothing."""

from __future__ import annotations

import html
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from orchestrator.app.display import View
from orchestrator.engine.progress import Snapshot

LOOK_SECONDS = 0.5
_WIDTH = 100  # columns of a block in a notebook

# Called by the thread that waits, every LOOK_SECONDS.
Update = Callable[[], None]


@contextmanager
def showing(look: Callable[[], Snapshot], title: str, progress: bool | None) -> Iterator[Update]:
    """
    Yield what shows how far a run is, once a call, for the time of the block.

    Args:
        look: Returns how far it is.
        title: What the run is called.
        progress: False shows nothing; None shows it in a notebook and in a terminal; True elsewhere too, as lines.
    """
    view = View(look, title)
    if progress is False:
        yield _nothing
    elif _in_notebook():
        with _in_cell(view) as update:
            yield update
    elif sys.stderr.isatty():
        with _in_terminal(view) as update:
            yield update
    else:
        yield _Lines(view).update if progress else _nothing


def _nothing() -> None:
    """Show nothing."""


def _in_notebook() -> bool:
    """Tell whether a notebook's kernel runs us; IPython in a terminal is a terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


class _Block:
    """Some lines, as a notebook shows them."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def __repr__(self) -> str:
        return "\n".join(self._lines)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


@contextmanager
def _in_cell(view: View) -> Iterator[Update]:
    from IPython.display import display  # noqa: PLC0415  where there is a kernel, there is IPython

    shown: Any = display(_Block(view.lines(_WIDTH)), display_id=True)  # type: ignore[no-untyped-call]
    try:
        yield lambda: shown.update(_Block(view.lines(_WIDTH)))
    finally:
        with suppress(Exception):  # the front end may be gone; what happened to the run is more important
            shown.update(_Block(view.lines(_WIDTH)[:1]))


@contextmanager
def _in_terminal(view: View) -> Iterator[Update]:
    from rich.console import Console  # noqa: PLC0415
    from rich.live import Live  # noqa: PLC0415

    with Live(view, console=Console(stderr=True, highlight=False), auto_refresh=False, transient=True) as live:
        yield live.refresh


class _Lines:
    """Writes a line whenever something else is done."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._told: object = None

    def update(self) -> None:
        step = self._view.step()
        if step != self._told:
            self._told = step
            sys.stderr.write(f"{self._view.line()}\n")
