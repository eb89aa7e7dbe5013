"""
What the engine needs from the world, as Protocols. `app` joins them to concrete rooms; the engine knows only these.

Every method may raise `TransientError` (try again), `PermanentError` (never again) or `IntegrityError`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from orchestrator.core.errors import PermanentError
from orchestrator.model.grid import Window
from orchestrator.model.mosaic import MosaicReport, MosaicSpec
from orchestrator.model.objects import Deletion, StoredObject
from orchestrator.model.states import Failure


class Stop(Protocol):
    """A request to stop, shared by all threads of a process."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait at most `timeout` seconds; tell whether stopping was asked for."""


class ObjectStore(Protocol):
    """The cloud's side of a transfer."""

    def find(self, prefix: str) -> list[StoredObject]:
        """List every object whose name starts with `prefix`, all pages."""

    def fetch(self, source: StoredObject, target: Path, on_bytes: Callable[[int], None], stop: Stop) -> None:
        """
        Bring `source` to `target`, whole and verified, or raise; `target` never holds anything less.

        A broken transfer is resumed at the same generation. `on_bytes` is told the bytes of each read.

        Raises:
            GenerationError: The object was replaced after it was listed.
            NotFoundError: The object is gone.
            WayError: The bytes stayed wrong and the object is not proved bad: wait, do not make it again.
            DamagedObjectError: The object itself is proved not to be what its checksum says.
            Stopped: `stop` was set.
        """

    def read(self, source: StoredObject, on_bytes: Callable[[int], None], stop: Stop) -> bytes:
        """Return the bytes of `source`, verified, without touching a disk; errors as for `fetch`."""

    def create(self, name: str, content: bytes) -> StoredObject:
        """
        Write a small object that must not exist yet, and return it as a listing would.

        Raises:
            GenerationError: There is one of that name.
        """

    def delete(self, source: StoredObject) -> Deletion:
        """Delete exactly the listed generation."""

    def close(self) -> None:
        """Give up every idle connection; the next call would open new ones."""


class Finishable(Protocol):
    """One output file of which everything is there."""

    def finish(self, stop: Stop) -> MosaicReport:
        """Complete the file; pixels no part covers are nodata. Idempotent."""

    def valid(self, stop: Stop, on_blocks: Callable[[int, int], None]) -> tuple[int, ...]:
        """
        Return for each band how many pixels of the finished file hold data: exact, none is estimated.

        `on_blocks` is told, in this thread, how many blocks of the file are counted, and of how many.

        Raises:
            Stopped: `stop` was set.
        """


class Mosaic(Finishable, Protocol):
    """One output file being built, resumable after a crash."""

    def place(self, parts: Iterable[tuple[Window, Path | bytes]], on_placed: Callable[[Window], None]) -> None:
        """
        Add verified parts, files or their bytes, each with the window it covers; any order, idempotent.

        `parts` is read ahead and must not block. `on_placed` is told of each part that has become durable, in
        this thread; on return all are. When it raises, the first part not told of is at fault, those before it
        are placed, and those behind it may be placed again.

        Raises:
            IntegrityError: A part's grid, bands, number type or nodata is not the planned one.
        """

    def placed(self) -> frozenset[Window]:
        """Return the windows already placed, in this process or before a crash."""


class Assembler(Protocol):
    """Builds output files out of parts."""

    def open(self, spec: MosaicSpec, work_dir: Path) -> Mosaic:
        """Open the mosaic whose journal and unfinished file lie in `work_dir`, or begin one."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """
    What a sentence of the service asks for.

    Attributes:
        failure: By what must be done about it.
        advice: What a person can do about it, where the sentence alone does not say so.
        wait_seconds: The least pause before anything is tried again.
        steps: How often the step of `failure` may be taken for this sentence; None is as often as there are steps.
        sizes: Bytes or values found and allowed, where the sentence names them.
    """

    failure: Failure
    advice: str = ""
    wait_seconds: float = 0.0
    steps: int | None = None
    sizes: tuple[int, int] | None = None


class RefusedError(PermanentError):
    """The service refused a call in words of its own; `diagnosis` tells what they ask for."""

    def __init__(self, message: str, diagnosis: Diagnosis) -> None:
        super().__init__(message)
        self.diagnosis = diagnosis


class Illustrator(Protocol):
    """Draws the quicklook of a finished file."""

    def draw(self, raster: Path, picture: Path, caption: str) -> None:
        """Write a PNG of `raster` that a person recognises the place in, with `caption` below it."""
