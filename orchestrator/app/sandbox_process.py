"""A sandbox for the time of a block: a process of its own, spoken to only over HTTP; and the settings that name it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from orchestrator.core.errors import UserError
from orchestrator.core.guard import for_children

DEFAULT_BUCKET = "orchestrator-sandbox"
SANDBOX_PROJECT = "orchestrator-sandbox"
_IN_USE = "is in use by another sandbox"  # its own words
# A sandbox answers in milliseconds and has no quota to spare.
_PACE: Mapping[str, Any] = {"poll_min": 0.25, "poll_max": 2.0}
_BRISK: Mapping[str, Any] = {"per_minute": 2000}


def service_at(url: str, project: str = SANDBOX_PROJECT, bucket: str = DEFAULT_BUCKET) -> dict[str, dict[str, Any]]:
    """Return the settings that point every client at one sandbox."""
    ee = {"url": url, "project": project, **_PACE}
    gcs = {"url": url} | ({"bucket": bucket} if bucket else {})
    return {"ee": ee, "gcs": gcs, "drive": {"url": url}, "copernicus": {"url": url, **_BRISK}}


class SandboxProcess:
    """A started sandbox; `wait` returns its address once it answers."""

    def __init__(self, process: subprocess.Popen[bytes], errors: Path) -> None:
        self._process = process
        self._errors = errors

    def wait(self) -> dict[str, Any]:
        """
        Return what the sandbox says of itself: `url`, `project`, `buckets`.

        Raises:
            UserError: It ended instead of answering; its last line is in the message.
        """
        out = self._process.stdout
        line = out.readline() if out else b""
        if not line:
            self._process.wait()
            said = self.said() or ["no reason given"]
            if _IN_USE in said[-1]:
                raise UserError(
                    f"the private sandbox of this state folder is in use: {said[-1].removeprefix('sandbox: ')}. "
                    "Another command runs with --sandbox; wait for its end, name another folder with --state-dir, or "
                    "start `orchestrator sandbox` and give each command --sandbox-url"
                )
            raise UserError(f"the sandbox did not start: {said[-1].removeprefix('sandbox: ')}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def said(self) -> list[str]:
        """Return what it wrote for people to read, a line each: scenes that were left out, why it ended."""
        return self._errors.read_bytes()[: 1 << 16].decode("utf-8", "replace").strip().splitlines()

    def join(self) -> int:
        """Wait for its end; return its exit code."""
        return self._process.wait()


@contextmanager
def private_sandbox(*, scenes: Path | None, data_dir: Path, slots: int = 2) -> Iterator[SandboxProcess]:
    """
    Run a sandbox that ends with the block, or with this process however it dies.

    Objects and operations stay in `data_dir`, so that a run that was killed finds them again.

    Raises:
        UserError: `scenes` is no folder.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    options = ["--slots", str(slots), "--bucket", DEFAULT_BUCKET, "--data-dir", str(data_dir)]
    if scenes is not None:
        if not scenes.is_dir():
            raise UserError(f"--scenes {scenes} is no folder; name one with STAC items or Sentinel-2 products")
        options += ["--scenes", str(scenes)]
    with started(options) as process:
        yield process


@contextmanager
def started(options: list[str]) -> Iterator[SandboxProcess]:
    """Start a sandbox with `options`; it ends with the block, or with this process however it dies."""
    command = [sys.executable, "-m", "orchestrator.sandbox", "--die-with-parent", *options]
    with tempfile.TemporaryDirectory(prefix="sandbox-", ignore_cleanup_errors=True) as folder:
        said = Path(folder) / "said"
        with said.open("wb") as errors:
            process = _start(command, errors)
        try:
            yield SandboxProcess(process, said)
        finally:
            _end(process)


def _start(command: list[str], errors: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  our own module, by the interpreter that runs us
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        # Its matrices are small; threads would only fight over the cores that its tasks use.
        env=for_children() | {"OPENBLAS_NUM_THREADS": "1"},
        # Ctrl-C is for us: a run that stops cleanly still needs its sandbox. The flag is Windows' word for a session.
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        process.stdin.close()
    if os.name != "nt":  # where it would not be asked, but ended in the middle; that its input ends, asks too
        process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()
