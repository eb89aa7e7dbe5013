"""One sandbox per folder: a killed one may still be closing when the next one starts."""

from __future__ import annotations

import fcntl
import time
from pathlib import Path
from typing import TextIO

STEP_SECONDS = 0.05


def take(folder: Path, wait_seconds: float) -> TextIO:
    """
    Take the lock of `folder`; closing the file, or the death of the process, gives it back.

    Raises:
        OSError: If another sandbox still holds it after `wait_seconds`.
    """
    file = (folder / "lock").open("w", encoding="utf-8")
    until = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                file.close()
                raise OSError(f"{folder} is in use by another sandbox") from None
            time.sleep(STEP_SECONDS)
        else:
            return file
