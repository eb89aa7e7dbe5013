"""Files beside a published result that are written anew, as a proof is by an audit: they stay the run's own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from orchestrator.core import crash
from orchestrator.core.errors import UserError
from orchestrator.core.files import sha256_of, write_whole
from orchestrator.engine.stores.contract import Store
from orchestrator.model.result import Result, ResultFile


def files_beside(result: Result) -> dict[str, Path]:
    """
    Return the proof of a result, and the item where it is as published, by role.

    Raises:
        UserError: The proof is gone, or somebody has written another one.
    """
    listed = result.file("proof")
    proof = listed.path if listed else result.main.path.with_suffix(".json")
    if not proof.is_file():
        raise UserError(f"{proof}, the proof of {result.main.path.name}, is gone; put it back")
    if not (_is_published(proof, result) if listed else result.main.sha256.encode() in proof.read_bytes()):
        raise UserError(f"{proof} is not the proof that was published, or is another run's; put the published one back")
    item = result.file("item")
    return {"proof": proof} | ({"item": item.path} if item and _is_published(item.path, result) else {})


def _is_published(path: Path, result: Result) -> bool:
    """Tell whether a file is as the manifest lists it, now or before it was last written anew."""
    known = [file for file in (*result.files, *result.earlier) if file.path == path]
    return path.is_file() and sha256_of(path) in [file.sha256 for file in known]


def amend(store: Store, run_id: str, result: Result, contents: Mapping[Path, bytes]) -> Result:
    """
    Write files beside a published result anew, and return its manifest.

    Order: the manifest with the new files and the earlier ones is committed, each file is replaced by one rename, then
    the manifest with the new ones alone. After a kill in between each file is one of the two, and the run's own.
    """
    old = tuple(file for file in result.files if file.path in contents)
    files = tuple(_with(file, contents[file.path]) if file in old else file for file in result.files)
    amended = replace(result, files=files, earlier=(*old, *result.earlier))
    store.runs.amend_result(run_id, amended.to_json())
    crash.point("result.amended")
    for path, content in contents.items():
        write_whole(path, content)
        crash.point("result.rewritten")
    amended = replace(amended, earlier=())
    store.runs.amend_result(run_id, amended.to_json())
    return amended


def _with(file: ResultFile, content: bytes) -> ResultFile:
    return replace(file, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
