"""
Who may write a final path.

A result replaces nothing but an earlier result of the same job: that is looked at before anything is exported, and once
more before anything is replaced. Who may work on it meanwhile: `output_lock.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from orchestrator.core.errors import UserError
from orchestrator.core.mended import add_mended
from orchestrator.core.trees import as_it_is, check_kinds, digest_of, is_there, name_option, size_of
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import Head, OutputRow
from orchestrator.model.objects import StoredObject
from orchestrator.model.places import ObjectPlace
from orchestrator.model.result import Result

_DESCRIBED = "dataset.json"  # what a folder says of itself, where its proof tells how many files it has

# Tells of a file at a result's place, by what it says: "" is of this very job, a sentence whose else; None is neither.
Whose = Callable[[Path], str | None]


def untold(_file: Path) -> None:
    """What a file says of itself is no proof."""
    return


@dataclass(frozen=True, slots=True)
class Claimant:
    """
    Who wants to write a final path.

    Attributes:
        declaration: Of the job, the same from date to date.
        fingerprints: Of the job with its dates.
        job_name: What people call it.
        run_id: The run, once there is one.
        overwrite: Whether files that the job did not make may be replaced.
        product: What it delivers.
        whose: Knows a result of the same job that another installation has made, or that was carried here.
        final: The path that makes the result, for who looks at a place by names alone.
    """

    declaration: str
    fingerprints: Sequence[str]
    job_name: str
    run_id: str = ""
    overwrite: bool = False
    product: str = ""
    whose: Whose = untold
    final: str = ""


def claimant(run: Head, whose: Whose = untold, final: str = "") -> Claimant:
    """Return who a run is to its output."""
    return Claimant(run.declaration, (run.fingerprint,), run.job_name, run.id, run.overwrite, run.product, whose, final)


def check_owner(files: Sequence[Path], who: Claimant, store: Store) -> None:
    """
    Make sure that nothing would be replaced that the job did not make.

    Args:
        files: Every path that the result may take, the one that makes it last.
        who: Who wants to write them.
        store: What tells whose they are.

    Raises:
        UserError: Something would; the message says whose it is.
    """
    check_kinds(files)
    *_, final = files
    taken = [path for path in (final, *files[:-1]) if os.path.lexists(path)]
    if not taken:
        return
    if who.overwrite:
        _check_folders(files, taken, who, store)
        return
    row = store.outputs.at(str(final))
    foreign = taken if row is None or not _is_ours(row, who, store) else _not_as_made(final, taken, row, store)
    foreign = [path for path in foreign if path.is_symlink() or who.whose(path) != ""]
    if foreign:
        maker = _maker(files, foreign[0], who, store)
        kept = foreign[0].is_dir() and not _is_made(foreign[0], files, store)
        raise UserError(
            f"{foreign[0]} exists already and is not this job's: {maker}; choose another "
            f"{name_option(final, who.product)}, or {'move it away' if kept else 'let it be replaced with --overwrite'}"
        )


def check_place(
    place: ObjectPlace, there: Mapping[str, StoredObject], who: Claimant, store: Store
) -> Mapping[str, StoredObject]:
    """
    Make sure that nothing would be replaced at a place that the job did not make; return what may be, by name.

    Args:
        place: Where the result is delivered to.
        there: What lies at the names of its files there, and below those of folders.
        who: Who wants to write them, with the path of the one that makes the result.
        store: What tells whose they are.

    Raises:
        UserError: Something would; the message says what.
    """
    if not there:
        return there
    row = store.outputs.at(who.final)
    ours = _delivered(who, store) if row is not None and _is_ours(row, who, store) else frozenset()
    for name, found in there.items():
        if {(name, found.size, found.crc32c or None), (name, found.generation, None)} & ours:
            continue
        if who.overwrite and "/" not in name:
            continue
        # As of folders here: what is below one may be anything, and would be deleted with it.
        remedy = "move it away" if "/" in name else "let it be replaced with --overwrite"
        raise UserError(
            f"{place.url}/{name} exists already and is not this job's; choose another --base-name or --output, "
            f"or {remedy}"
        )
    return there


def _delivered(who: Claimant, store: Store) -> frozenset[tuple[str, int | str, str | None]]:
    """Return names of what runs of a job have brought to a place, with size and checksum, and with generation."""
    known = delivered_before(who, store)
    sums: set[tuple[str, int | str, str | None]] = {(sent.name, sent.size, sent.crc32c) for sent in known}
    return frozenset(sums | {(sent.name, sent.generation, None) for sent in known if sent.generation})


def delivered_before(who: Claimant, store: Store) -> list[StoredObject]:
    """Return what runs that made the same result have brought to its place, or were about to."""
    results = map(Result.from_json, store.outputs.results(who.final))
    return [sent for one in results if one.place for sent in (*one.objects, *one.before)]


def _check_folders(files: Sequence[Path], taken: Sequence[Path], who: Claimant, store: Store) -> None:
    """
    Make sure that no folder is replaced but a result, as it was made: whatever else is in it would go with it.

    Raises:
        UserError: One would be, whatever was consented to.
    """
    folders = [path for path in taken if path.is_dir() and not path.is_symlink()]
    if not folders or _has_begun(files[0], who, store):
        return
    for path in folders:
        if any(path.iterdir()) and not _is_made(path, files, store):
            raise UserError(
                f"{path} is a folder that was not made here, or holds more than was made; it is not replaced, with "
                f"--overwrite either: choose another {name_option(path, who.product)}, or move it away"
            )


def _has_begun(first: Path, who: Claimant, store: Store) -> bool:
    """Tell whether the run has named its first file, after a look at what the others were."""
    told = store.runs.get(who.run_id).result if who.run_id else ""
    if not told:
        return False
    file = Result.from_json(told).files[0]
    return file.path == first and _is_one_of(first, {file.sha256: file.bytes})


def _is_made(folder: Path, files: Sequence[Path], store: Store) -> bool:
    """Tell whether a folder is what was published there, by whom ever: our store or the proof beside it says so."""
    if not is_there(folder):
        return False
    known = {one.main.sha256: one.main.bytes for one in map(Result.from_json, store.outputs.results(str(folder)))}
    known |= dict(filter(None, map(_proven, files)))
    add_mended(folder, known)
    return _is_one_of(folder, known) or any(_is_damaged(folder, path) for path in files)


def _is_damaged(folder: Path, proof: Path) -> bool:
    """Tell whether a folder is what a proof beside it is of, with files that are other or gone, and with none more."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        told = json.loads(proof.read_bytes())["output"] if proof.suffix == ".json" else {}
        named = told["folder"] == folder.name and (folder / _DESCRIBED).is_file()
        return bool(named and sum(len(names) for _, _, names in os.walk(folder)) <= told["files"])
    return False


def _proven(path: Path) -> tuple[str, int] | None:
    """Return checksum and bytes of the output that a proof is of."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        output = json.loads(path.read_bytes())["output"] if path.suffix == ".json" else {}
        return str(output["sha256"]), int(output["bytes"])
    return None


def _is_ours(row: OutputRow, who: Claimant, store: Store) -> bool:
    if row.run_id == who.run_id or (row.declaration and row.declaration == who.declaration):
        return True
    if row.declaration:
        return False
    # A result of the first version, which wrote down no declaration: the same job, or a later date of a scheduled one.
    earlier = store.runs.get(row.run_id)
    return earlier.fingerprint in who.fingerprints or bool(earlier.logical_date and earlier.job_name == who.job_name)


def _not_as_made(final: Path, taken: Sequence[Path], row: OutputRow, store: Store) -> list[Path]:
    """Return the files that are not what was published there, by a run that may have died before it wrote that down."""
    rasters = {row.sha256: row.bytes} if row.sha256 else {}
    if told := store.runs.get(row.run_id).result:
        main = Result.from_json(told).main
        rasters[main.sha256] = main.bytes
    results = [Result.from_json(text) for text in store.outputs.results(str(final))]
    listed: dict[Path, dict[str, int]] = {final: dict(rasters)}
    for file in (file for result in results for file in (*result.files[:-1], *result.earlier)):
        listed.setdefault(file.path, {})[file.sha256] = file.bytes
    if final.is_dir():
        add_mended(final, listed[final])
    foreign = [path for path in taken if not _is_one_of(path, listed.get(path, {}))]
    whole = {result.main.sha256 for result in results if result.whole}
    if unlisted := {sha256: size for sha256, size in rasters.items() if sha256 not in whole}:
        return [path for path in foreign if path == final or not _is_unlisted(path, final, unlisted)]
    return foreign


def _is_one_of(final: Path, known: Mapping[str, int]) -> bool:
    if not is_there(final):
        return False
    size = size_of(final)
    if size not in known.values():
        return False
    return known.get(_digest(final, as_it_is(final))) == size


@lru_cache(maxsize=16)
def _digest(final: Path, _as_it_was: tuple[object, ...]) -> str:
    """Return the SHA-256, read once while it stays as it was: it is asked for before each rename."""
    return digest_of(final)


def _is_unlisted(path: Path, final: Path, known: Mapping[str, int]) -> bool:
    """
    Tell whether a file lies beside a result of the first version, which listed its raster alone.

    Its proof names the raster's checksum; a picture cannot, and is ours where the raster and the proof are.
    """
    if path.suffix == ".json":
        return _speaks_of(path, known)
    return _is_one_of(final, known) and _speaks_of(final.with_suffix(".json"), known)


def _speaks_of(path: Path, known: Mapping[str, int]) -> bool:
    """Tell whether what lies beside a result names its checksum, as proofs and items do."""
    with suppress(OSError):
        text = path.read_bytes()
        return any(sha256.encode() in text for sha256 in known)
    return False


def _maker(files: Sequence[Path], taken: Path, who: Claimant, store: Store) -> str:
    """Say who made the file, as far as it can be told."""
    if taken.is_symlink():
        return "it is a symbolic link"
    if said := who.whose(taken):
        return said
    for path in files:
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            proof: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.suffix == ".json" else {}
            if _is_known(str(proof["run"]), who, store):
                return "a proof of this job lies there, but the file was put there or changed by somebody else"
            job = proof["job"]
            days = f" from {job['start_date']} to {job['end_date']}" if job["start_date"] else ""
            return (
                f"its proof names run {proof['run']} of {job['base_name']}{days}, another job, another "
                "installation, or a file that was changed since"
            )
    return "no proof of ours lies beside it"


def _is_known(run_id: str, who: Claimant, store: Store) -> bool:
    """Tell whether a run is one of the claimant's own job."""
    with suppress(UserError):
        run = store.runs.head(run_id)
        return run.fingerprint in who.fingerprints or bool(run.declaration and run.declaration == who.declaration)
    return False
