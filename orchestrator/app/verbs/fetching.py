"""`fetch`: a result that was delivered to a bucket, brought to a folder here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.app.elsewhere import check_service_here
from orchestrator.app.finding import find_head
from orchestrator.app.verbs.busy import Busy, unwatched
from orchestrator.app.verbs.results import result_of
from orchestrator.core.crc32c import crc32c_of, crc32c_text
from orchestrator.core.errors import IntegrityError, UserError
from orchestrator.core.files import make_folder
from orchestrator.engine.delivery import has_content_of
from orchestrator.engine.publication import is_file
from orchestrator.model.address import BucketAddress
from orchestrator.model.job import Job
from orchestrator.model.ports import Stop
from orchestrator.model.result import Result, ResultFile

if TYPE_CHECKING:
    from orchestrator.app.connections import Connections
    from orchestrator.model.objects import StoredObject
    from orchestrator.model.places import ObjectPlace


@dataclass(frozen=True, slots=True)
class Fetched:
    """
    What was brought.

    Attributes:
        run: Whose result it is.
        place: From where: `gs://bucket/prefix`.
        paths: Of the files here, the one that makes the result last.
    """

    run: str
    place: str
    paths: tuple[Path, ...]


def fetch_result(
    app: Connections, name: str, folder: Path, *, overwrite: bool = False, busy: Busy = unwatched
) -> Fetched:
    """
    Bring the files of a run's result from its place to `folder`, whole and verified; those that are here stay.

    All are looked at before the first is brought.

    Raises:
        UserError: No run is called so, its result is in a folder, or other files or folders lie where they go.
        NeedsPerson: It is held for a person.
        RunFailed: It has no result.
        IntegrityError: A file does not lie there as it was delivered.
        TransientError, CredentialError: The place does not answer, or not us.
    """
    head = find_head(app.store, name)
    result_of(head)
    result = Result.from_json(head.result)
    if not result.place:
        raise UserError(f"the result of run {head.id} lies in a folder: {result.main.path}")
    if BucketAddress.parse(result.place).scheme == "gs":
        job, therefore = Job.from_json(app.store.runs.get(head.id).job), "its result does not lie there"
        check_service_here(head.id, job, app.settings, therefore, add="--sandbox-url URL")
    targets = [folder / result.name_of(file) for file in result.files]
    _check_kinds(folder, result)
    if not overwrite:
        _check_free(targets, result)
    with app.lent_place(result.place) as place:
        with busy(f"looking at {result.place}"):
            found = [_delivered(place, result, sent) for sent in result.objects]
        for there in found:
            target = folder / there.name
            make_folder(target.parent)
            with busy(f"bringing {result.place}/{there.name}"):
                place.fetch(there, target, lambda _bytes: None, app.stop)
    for file, target in zip(result.files, targets, strict=True):
        if not _is_fetched(result, file, target, app.stop):
            raise IntegrityError(f"{target} has not the checksum of what was published, {_sum_of(result, file)}")
    return Fetched(head.id, result.place, tuple(targets))


def _delivered(place: ObjectPlace, result: Result, sent: StoredObject) -> StoredObject:
    """
    Return what lies at the place of an object that was delivered.

    Raises:
        IntegrityError: It is gone, or another.
    """
    there = place.stat(sent.name)
    if there is None or not has_content_of(sent, there):
        what = "is gone" if there is None else "is not what was delivered any more: somebody has replaced it"
        raise IntegrityError(
            f"{result.place}/{sent.name} {what}. Nothing was brought; put back the version that was delivered, or take "
            "the other one away and make the result anew: the same `orchestrator run` with --again"
        )
    return there


def _check_kinds(folder: Path, result: Result) -> None:
    """
    Raises:
        UserError: A folder lies where a file is to go, or a file where a folder is: neither is replaced.
    """
    for sent in result.objects:
        target = folder / sent.name
        if target.is_dir():
            raise UserError(f"{target} is a folder, and a file goes there; move it away, or choose another --to")
        above = next((path for path in target.parents if path.exists()), folder)
        if not above.is_dir():
            raise UserError(f"{above} is a file, and a folder goes there; move it away, or choose another --to")


def _check_free(targets: Sequence[Path], result: Result) -> None:
    """
    Raises:
        UserError: A file lies where one is to go, and is another.
    """
    for file, target in zip(result.files, targets, strict=True):
        if os.path.lexists(target) and (target.is_symlink() or not _is_fetched(result, file, target)):
            raise UserError(f"{target} exists already and is another file; choose another --to, or --overwrite")


def _is_fetched(result: Result, file: ResultFile, target: Path, stop: Stop | None = None) -> bool:
    """Tell whether what lies at a path here is a file of a result; of one without SHA-256, its CRC32C tells."""
    if file.sha256:
        return is_file(replace(file, path=target), stop)
    same_size = target.is_file() and target.stat().st_size == file.bytes
    return same_size and crc32c_text(crc32c_of(target, stop)) == _sum_of(result, file)


def _sum_of(result: Result, file: ResultFile) -> str:
    sent = {each.name: each.crc32c for each in result.objects}
    return file.sha256 or sent[result.name_of(file)] or ""
