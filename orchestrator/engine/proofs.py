"""What of a run's result lies at its final paths, told by its proof: where the state has forgotten it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from orchestrator.core.trees import digest_of, is_there, size_of
from orchestrator.engine.publication import is_file
from orchestrator.model.ports import Stop
from orchestrator.model.result import Result, ResultFile


def find_published(files: Sequence[Path], run_id: str, stop: Stop) -> Result | None:
    """Return the result of a run that lies at its final paths, whole, as the proof there says; None where none does."""
    found = find_named(files, run_id, stop)
    return found if found is not None and is_file(found.main, stop) else None


def find_named(files: Sequence[Path], run_id: str, stop: Stop) -> Result | None:
    """Return what of a run's result has its names, by the proof there; None where there is no proof of the run."""
    *beside, main = files
    proofs = [(path, proof) for path in beside if (proof := read_proof(path)) and proof["run"] == run_id]
    if not proofs:
        return None
    proved, proof = proofs[0]
    output = proof["output"]
    facts = {name: value for name, value in output.items() if name not in ("bytes", "sha256", "file", "folder")}
    others = [_file(path, "proof" if path == proved else _role(path), stop) for path in beside if is_there(path)]
    others.sort(key=lambda file: file.role != "proof")
    return Result((*others, ResultFile(main, output["bytes"], output["sha256"])), facts)


def read_proof(path: Path) -> dict[str, Any] | None:
    """Return what a proof says; None for any other file."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        said: dict[str, Any] = json.loads(path.read_bytes()) if path.suffix == ".json" else {}
        if isinstance(said["run"], str) and isinstance(said["output"]["sha256"], str) and said["output"]["bytes"] >= 0:
            return said
    return None


def _file(path: Path, role: str, stop: Stop) -> ResultFile:
    return ResultFile(path, size_of(path), digest_of(path, stop), role)


def _role(path: Path) -> str:
    return "picture" if path.suffix == ".png" else "item"
