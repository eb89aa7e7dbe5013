"""What a run has delivered, or why it has not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestrator.core.errors import NeedsPerson, RunFailed
from orchestrator.core.log import one_line
from orchestrator.core.units import format_count
from orchestrator.engine.stores.records import Head
from orchestrator.model.result import Result, ResultFile
from orchestrator.model.states import RunState

_MOST_SAID = 600  # letters of the reasons of what is missing


@dataclass(frozen=True, slots=True)
class ResultReport:
    """
    What a run has delivered.

    Attributes:
        run: Its id.
        state: Of the run.
        path: Of the result; where it was delivered to a bucket, the one that it was made at.
        proof: Path of what says where every pixel came from, JSON, likewise.
        picture: Path of the picture, likewise; it may be missing.
        took_seconds: From the run's beginning to its end.
        kept: What the run keeps of its result: `bytes`, `sha256`, `valid`, `assembly`, ...
        files: Every file of it, the one that makes it last; results of the first version list only that one.
        addresses: Where a person finds each file, by its path: that, or its address in a bucket.
        place: The place in a bucket that it was delivered to; empty where it is in a folder.
    """

    run: str
    state: RunState
    path: Path
    proof: Path
    picture: Path
    took_seconds: float
    kept: dict[str, Any]
    files: tuple[ResultFile, ...]
    addresses: Mapping[Path, str]
    place: str

    def address_of(self, path: Path) -> str:
        """Return where a person finds a file."""
        return self.addresses.get(path, str(path))


def result_of(run: Head) -> ResultReport:
    """
    Return what a run has delivered.

    Raises:
        NeedsPerson: It is held for a person.
        RunFailed: It failed, was cancelled, or has no result yet.
    """
    if run.state is not RunState.CLEANED:
        raise _lacking(run)
    kept: dict[str, Any] = json.loads(run.result)
    final = Path(kept["path"])
    took = datetime.fromisoformat(run.updated) - datetime.fromisoformat(run.created)
    files = Result.from_json(run.result)
    proof, picture = (
        found.path if (found := files.file(role)) else final.with_suffix(suffix)
        for role, suffix in (("proof", ".json"), ("picture", ".png"))
    )
    found_at = {file.path: files.address_of(file) for file in files.files}
    if files.place:
        kept["path"] = files.address_of(files.main)
        kept["files"] = [told | {"path": found_at[Path(told["path"])]} for told in kept["files"]]
    seconds, place = took.total_seconds(), files.place
    return ResultReport(run.id, run.state, final, proof, picture, seconds, kept, files.files, found_at, place)


def missing_words(kept: Mapping[str, Any]) -> str:
    """Say what is missing of a result, and why; empty where nothing is. `kept` is what its run keeps of it."""
    missing = kept.get("missing", 0)
    if not missing:
        return ""
    are, reasons = "is" if missing == 1 else "are", "; ".join(map(str, kept.get("reasons", ())))
    things = kept.get("things", "chips")  # in the plural; the key beside it counts all that there should be
    count = kept[f"{things}_wanted"] if f"{things}_wanted" in kept else kept[things]
    return f"{missing:,} of {format_count(count, things[:-1])} {are} missing: {one_line(reasons, _MOST_SAID)}"


def _lacking(run: Head) -> NeedsPerson | RunFailed:
    if run.needs_person:
        return NeedsPerson(f"run {run.id} is held: {run.reason}")
    if run.state is RunState.FAILED:
        return RunFailed(f"run {run.id} failed: {run.reason}")
    if run.state is RunState.CANCELLED:
        return RunFailed(f"run {run.id} was cancelled; `orchestrator clean {run.id}` takes away what it left")
    return RunFailed(f"run {run.id} is {run.state} and has no result yet")
