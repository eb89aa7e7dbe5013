"""Named points at which a test may kill the process, to prove that nothing is lost there."""

from __future__ import annotations

import os
import signal

VARIABLE = "ORCHESTRATOR_CRASH_AT"


def point(name: str) -> None:
    """Die by SIGKILL when the environment names this point; otherwise do nothing."""
    if os.environ.get(VARIABLE) == name:
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))  # on Windows either ends a process at once
