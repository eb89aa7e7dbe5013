"""Sandboxes that `orchestrator.sandbox(...)` begins, as forks of the program that is loaded instead of interpreters."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from unittest.mock import patch

from journey_kit import Program

from orchestrator.app import sandbox_process
from orchestrator.core.guard import for_children


class ForkedSandbox:
    """One of them: what `sandbox_process` asks of a `Popen`."""

    def __init__(self, program: Program, arguments: list[str], errors: IO[bytes]) -> None:
        said = Path(errors.name)
        running = program.start(arguments, said.parent, script="orchestrator.sandbox", pipes=True, **for_children())
        said.unlink()
        said.symlink_to(running.err)
        self.stdin, self.stdout = running.given.open("wb"), running.out.open("rb")
        self._running = running
        self._code: int | None = None

    def terminate(self) -> None:
        self._running.signal(signal.SIGTERM)  # one that has ended is a zombie until it is waited for

    def kill(self) -> None:
        self._running.signal(signal.SIGKILL)

    def wait(self, _seconds: float | None = None) -> int:
        """Wait for its end, however long it takes."""
        if self._code is None:
            self._code = self._running.program.wait(self._running.pid)
        return self._code


@contextmanager
def forking(program: Program) -> Iterator[None]:
    """Have sandboxes forked inside the block."""

    def start(command: list[str], errors: IO[bytes]) -> ForkedSandbox:
        return ForkedSandbox(program, command[command.index("--die-with-parent") :], errors)

    with patch.object(sandbox_process, "_start", start):
        yield
