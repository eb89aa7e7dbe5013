"""A result as a page tells it: what proves it, whose it is, its files, and which others lie beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.app.finding import find_head
from orchestrator.app.records import Records
from orchestrator.app.verbs.results import ResultReport, missing_words, result_of
from orchestrator.core.errors import OrchestratorError, UserError
from orchestrator.core.trees import is_there, size_of
from orchestrator.core.units import format_count
from orchestrator.engine.publication import is_file
from orchestrator.engine.stores.records import Head
from orchestrator.model.audit import AuditReport
from orchestrator.model.result import ResultFile
from orchestrator.model.states import RunState
from orchestrator.model.validity import percent, valid_words

MOST_PROOF_BYTES = 64 << 20  # a proof tells of every part: 40,000 take some 20 MB
_MOST_COMPARED = 50
# What a file is for people, by its role.
ROLES: Mapping[str, str] = {
    "data": "the result",
    "proof": "proof: where every pixel came from",
    "picture": "picture",
    "item": "STAC item, for catalogues",
    "reduced": "reduction over time",
}
# How a proof says that nothing is missing and nothing is there twice: its word, and that for people.
_COVERED = (
    ("each_planned_pixel_once", "pixel of the plan"),
    ("each_pixel_once", "pixel of every chip"),
    ("each_window_once", "window of every date"),
    ("each_planned_pair_once", "pair of a place and an image"),
)


@dataclass(frozen=True, slots=True)
class ShownFile:
    """
    A file of a result, or a folder.

    Attributes:
        name: Without its folder.
        path: Absolute; of a result in a bucket, where the file was made.
        address: Where a person finds it: its path, or its address in a bucket.
        what: What it is, for people.
        role: See `ResultFile`.
        bytes: As published; of a folder those of all its files.
        sha256: As published, hexadecimal.
        folder: Whether it is one: it has no download.
        there: Whether one of this kind and size lies there.
        delivered: Whether it lies in a bucket.
    """

    name: str
    path: Path
    address: str
    what: str
    role: str
    bytes: int
    sha256: str
    folder: bool
    there: bool
    delivered: bool = False


@dataclass(frozen=True, slots=True)
class Comparable:
    """A run whose result can be laid beside another's."""

    run: str
    name: str
    when: str


@dataclass(frozen=True, slots=True)
class ShownResult:
    """
    What is told of a result.

    Attributes:
        run: Its id.
        name: Of its job.
        base_name: Of the result.
        product: Which one.
        dates: First day, and the day after the last one; empty where there are none.
        logical_date: The day it was made for; empty where there is none.
        path: Of what makes the result.
        made: When, RFC 3339.
        took_seconds: How long that took.
        valid: Band and share of the area's pixels that hold data, with the share in words.
        proof: What is proved, in sentences.
        attribution: What the sources ask to be said.
        licence: The address of their terms.
        files: The result first.
        others: With which it can be compared, newest first.
        place: The place in a bucket where it lies; empty where it is in a folder.
    """

    run: str
    name: str
    base_name: str
    product: str
    dates: tuple[str, ...]
    logical_date: str
    path: Path
    made: str
    took_seconds: float
    valid: tuple[tuple[str, float, str], ...]
    proof: tuple[str, ...]
    attribution: str
    licence: str
    files: tuple[ShownFile, ...]
    others: tuple[Comparable, ...] = ()
    place: str = ""


def shown_result(app: Records, name: str) -> ShownResult:
    """
    Return what is told of the result of the run that is called `name`.

    Raises:
        UserError: No run is called so.
        NeedsPerson: It is held for a person.
        RunFailed: It failed, was cancelled, or has no result yet.
    """
    head = find_head(app.store, name)
    report, job = result_of(head), json.loads(head.job)
    proof = _read_proof(report.proof)
    shares = report.kept.get("valid", {})
    return ShownResult(
        run=head.id,
        name=head.job_name,
        base_name=head.base_name,
        product=head.product,
        dates=tuple(filter(None, (job.get("start_date", ""), job.get("end_date", "")))),
        logical_date=head.logical_date,
        path=report.path,
        made=head.updated,
        took_seconds=report.took_seconds,
        valid=tuple((band, float(share), percent(share)) for band, share in shares.items()),
        proof=tuple(_sentences(report, proof)),
        attribution=str(proof.get("attribution", "")),
        licence=str(proof.get("licence", "")),
        files=tuple(_shown(file, report) for file in reversed(report.files)),
        others=() if report.place else tuple(_comparable(app, head)),
        place=report.place,
    )


def compare_checksum(app: Records, name: str) -> str:
    """
    Read every file of a result to its end, and say whether each is the one that was published.

    Raises:
        UserError: No run is called so, or files are gone or others.
        NeedsPerson: See `shown_result`.
        RunFailed: See `shown_result`.
    """
    report = result_of(find_head(app.store, name))
    _check_here(report)
    wrong = [file.path.name for file in report.files if not is_file(file)]
    if wrong:
        raise UserError(
            f"{', '.join(wrong)}: gone, or not what was published; put the published files back, or make them again"
        )
    every = "the file is what was published" if len(report.files) == 1 else "every file is what was published"
    return f"{every}: {format_count(len(report.files), 'checksum')} compared"


def listed_file(app: Records, name: str, file_name: str) -> ResultFile:
    """
    Return the file of a result that has this name: only such as the result lists, and no folder.

    It is the one that was published, as `previews.source.stamp` tells.

    Raises:
        UserError: The result has none of that name, it is a folder, it is gone, or another one.
        NeedsPerson: See `shown_result`.
        RunFailed: See `shown_result`.
    """
    from orchestrator.previews.source import PublishedRaster, stamp  # noqa: PLC0415  GDAL is heavy

    report = result_of(find_head(app.store, name))
    found = next((file for file in report.files if file.path.name == file_name), None)
    if found is None:
        names = ", ".join(file.path.name for file in report.files)
        raise UserError(f"the result of run {report.run} has no file {file_name!r}; it has {names}")
    _check_here(report)
    if found.path.is_dir():
        raise UserError(f"{found.path} is a folder; copy it from there")
    if not is_there(found.path):
        raise UserError(f"{found.path} is there no more; put it back, or make it again")
    stamp(PublishedRaster(found.path, found.sha256, found.bytes))
    return found


def _check_here(report: ResultReport) -> None:
    """
    Raises:
        UserError: The result lies in a bucket.
    """
    if report.place:
        raise UserError(f"the result lies in {report.place}; `orchestrator fetch {report.run}` brings it here")


def _read_proof(path: Path) -> Mapping[str, Any]:
    """Return the proof; nothing where it is gone or no JSON: the page says so, and shows the rest."""
    with suppress(OSError, ValueError):
        if path.is_file() and path.stat().st_size <= MOST_PROOF_BYTES:
            found = json.loads(path.read_bytes())
            return found if isinstance(found, dict) else {}
    return {}


def _sentences(report: ResultReport, proof: Mapping[str, Any]) -> Iterator[str]:
    if report.place:
        yield f"The result lies in {report.place}, with its proof; `orchestrator fetch {report.run}` brings both."
    elif not proof:
        yield f"The proof {report.proof.name} cannot be read; the result is as it was, but nothing is proved here."
    cover = proof.get("cover", {})
    if isinstance(cover, Mapping):
        pieces = len(proof.get("parts", ()))
        for key, what in _COVERED:
            if cover.get(key):
                yield f"Every {what} came exactly once, in {format_count(pieces, 'verified piece')}."
    if shares := report.kept.get("valid"):
        words = valid_words(shares)
        yield f"{words[0].upper()}{words[1:]}."
    if missing := missing_words(report.kept):
        yield f"Not whole: {missing}."
    if proof or not report.place:
        yield from _audits(proof)
    yield from (f"Note: {note}" for note in proof.get("notes", ()) if isinstance(note, str))


def _audits(proof: Mapping[str, Any]) -> Iterator[str]:
    audits = proof.get("audit", ())
    if not audits:
        yield "It was not audited: no window was asked for once more."
        return
    last = audits[-1]
    try:
        yield f"Audit: {AuditReport.from_json(last).words()}."
    except (KeyError, TypeError, ValueError):
        yield "It was audited; the proof tells the outcome."


def _shown(file: ResultFile, report: ResultReport) -> ShownFile:
    folder = file.path.is_dir()
    there = is_there(file.path) and (folder or size_of(file.path) == file.bytes)
    what = ROLES.get(file.role, file.role)
    address, size, sha256 = report.address_of(file.path), file.bytes, file.sha256
    delivered = bool(report.place)
    return ShownFile(file.path.name, file.path, address, what, file.role, size, sha256, folder, there, delivered)


def _comparable(app: Records, head: Head) -> Iterator[Comparable]:
    """Yield the runs of the same job, or over the same area, whose result is a raster that is there."""
    if not head.result or Path(json.loads(head.result)["path"]).suffix != ".tif":
        return
    area = json.loads(head.job)["area"]
    seen = {json.loads(head.result)["path"]}
    for other in app.store.runs.heads(_MOST_COMPARED):
        if other.state is not RunState.CLEANED or not other.result or other.product != head.product:
            continue
        path = json.loads(other.result)["path"]
        if path in seen or not (other.job_name == head.job_name or json.loads(other.job)["area"] == area):
            continue
        with suppress(OrchestratorError, OSError):
            if size_of(Path(path)) == json.loads(other.result)["bytes"]:
                seen.add(path)
                yield Comparable(other.id, other.base_name, other.logical_date or other.updated)
