"""A folder of parts that a user already has, made one clipped GeoTIFF; killed anywhere and begun again, it goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from orchestrator.assemble.mosaic import BlockAssembler, BlockMosaic
from orchestrator.assemble.quicklook import Quicklook
from orchestrator.core import crash
from orchestrator.core.errors import OrchestratorError, Stopped, UserError
from orchestrator.core.files import make_folder, publish, remove_if_empty, remove_tree, sha256_of, write_whole
from orchestrator.core.locks import LockFile
from orchestrator.model.grid import Window
from orchestrator.model.mosaic import MosaicReport
from orchestrator.model.plan_json import grid_json, pixels_json
from orchestrator.model.ports import Stop
from orchestrator.model.validity import valid_json, valid_words, validity
from orchestrator.products.mosaic.parts.request import FoundPart, Prepared, ProgressCallback, Request, prepare

SCHEMA = "orchestrator.assembly/1"


def assemble_folder(
    request: Request, stop: Stop, say: ProgressCallback = lambda _what, _done, _all: None
) -> dict[str, Any]:
    """
    Make the parts in a folder one file, with a proof and a picture beside, and return what was made.

    Nothing of the parts is changed. Begun again after a kill, the same request gives the same file.

    Raises:
        UserError: The parts are not those of one raster, some are missing or overlap, or the result's names are taken.
        Stopped: `stop` was set; the same request continues.
    """
    finished = request.work / "result.json"
    if not finished.is_file():
        _refuse_taken(request)
    prepared = prepare(request, stop, say)
    with _alone(request.work) as lock:
        _begin_anew_unless(request.work, prepared.digest)
        if finished.is_file():
            result: dict[str, Any] = json.loads(finished.read_text(encoding="utf-8"))
        else:
            _refuse_taken(request)
            result = _made(request, prepared, stop, say)
            write_whole(finished, json.dumps(result).encode())
        crash.point("assembly.finished")
        _publish(request)
        _empty(request.work)
        lock.remove()
    remove_if_empty(request.work.parent)
    return result


def _refuse_taken(request: Request) -> None:
    for path in request.results:
        if path.is_dir() and not path.is_symlink():
            raise UserError(f"{path} is a folder; choose another --base-name")
        if os.path.lexists(path) and not request.overwrite:
            raise UserError(f"{path} is there already; choose another --base-name, or replace it with --overwrite")


@contextmanager
def _alone(work: Path) -> Iterator[LockFile]:
    """
    Make the working folder and hold its lock.

    Raises:
        LockedError: Another process works in it.
    """
    try:
        make_folder(work)
    except OSError as error:
        raise UserError(f"{work} cannot be made: {error.strerror}; choose another --output") from None
    lock = LockFile(work / "lock")
    lock.acquire(lambda _: f"{work} is being worked in by another process; wait for its end")
    try:
        yield lock
    finally:
        lock.release()


def _begin_anew_unless(work: Path, digest: str) -> None:
    """Take away what was begun for another request, or of other parts."""
    inputs = work / "inputs"
    if inputs.is_file() and inputs.read_text(encoding="ascii") == digest:
        return
    _empty(work)
    write_whole(inputs, digest.encode())


def _empty(work: Path) -> None:
    """Remove all but the lock, which is ours."""
    for child in work.iterdir():
        if not child.name.startswith("lock"):
            remove_tree(child)


def _made(request: Request, prepared: Prepared, stop: Stop, say: ProgressCallback) -> dict[str, Any]:
    """Build the file, its picture and its proof in the working folder; return what was made."""
    mosaic = BlockAssembler().open(prepared.spec, request.work / "mosaic")
    with ThreadPoolExecutor(1, "sha256") as thread:
        ended = _Ended(stop)
        sums = [thread.submit(sha256_of, found.path, ended) for _window, found in prepared.parts]
        try:
            _place(mosaic, prepared.parts, stop, say)
            say("completing the file", 0, 0)
            report = mosaic.finish(stop)
            whole = thread.submit(sha256_of, report.path, ended)
            counts = mosaic.valid(stop, lambda done, blocks: say("counting valid pixels", done, blocks))
            digests = []
            for number, each in enumerate([*sums, whole]):
                say("reading parts and result for their checksums", number, len(sums) + 1)
                digests.append(each.result())
            return _proved(request, prepared, report, counts, digests[-1], digests[:-1])
        except BaseException:
            ended.set()
            _drop(sums)
            raise


class _Ended:
    """A stop of the process, or the failure of what checksums are wanted for."""

    def __init__(self, stop: Stop) -> None:
        self._stop, self._failed = stop, False

    def set(self) -> None:
        self._failed = True

    def is_set(self) -> bool:
        return self._failed or self._stop.is_set()


def _drop(futures: list[Future[str]]) -> None:
    for future in futures:
        future.cancel()


def _place(mosaic: BlockMosaic, parts: tuple[FoundPart, ...], stop: Stop, say: ProgressCallback) -> None:
    done = 0

    def placed(_window: Window) -> None:
        nonlocal done
        done += 1
        crash.point("assembly.placed")
        say("placing parts", done, len(parts))

    def unless_stopped() -> Iterator[tuple[Window, Path]]:
        for window, found in parts:
            if stop.is_set():
                raise Stopped("stopped; the same command continues with the parts not placed yet")
            yield window, found.path

    mosaic.place(unless_stopped(), placed, stop)


def _proved(
    request: Request,
    prepared: Prepared,
    report: MosaicReport,
    counts: tuple[int, ...],
    sha256: str,
    digests: list[str],
) -> dict[str, Any]:
    """Draw the picture, write the proof, both beside the unfinished file; return the result."""
    spec = prepared.spec
    valid = validity(spec.pixels.bands, counts, prepared.area_pixels)
    method = {k: v for k, v in asdict(report).items() if k not in ("path", "size")}
    picture = True
    try:
        Quicklook().draw(report.path, request.work / "picture", f"{request.base_name}: {valid_words(valid)}")
    except (OrchestratorError, OSError, ValueError, RuntimeError):
        picture = False  # a missing picture is no reason to lose the work
    proof = {
        "schema": SCHEMA,
        "program": f"orchestrator {request.version}",
        "grid": grid_json(spec.grid),
        "pixels": pixels_json(spec.pixels),
        "bands": asdict(spec.appearance) if spec.appearance else {},
        "areas": [{"source": area.source, "sha256": area.sha256} for area in prepared.areas],
        "all_touched": spec.options.all_touched,
        "valid": valid_json(valid, counts, prepared.area_pixels),
        "missing": list(prepared.missing),
        "notes": list(prepared.notes),
        "output": {"file": request.final.name, "bytes": report.size, "sha256": sha256, "assembly": method},
        "parts": [
            {"window": list(asdict(window).values()), "file": str(found.path), "bytes": size, "sha256": digest}
            for (window, found), digest in zip(prepared.parts, digests, strict=True)
            for size in [found.path.stat().st_size]
        ],
    }
    write_whole(request.work / "proof", json.dumps(proof, indent=1, sort_keys=True).encode())
    picture_path, proof_path, final = request.results
    return {
        "path": str(final), "bytes": report.size, "sha256": sha256, "valid": valid, "assembly": method,
        "proof": str(proof_path), "picture": str(picture_path) if picture else "", "parts": len(prepared.parts),
        "missing": list(prepared.missing), "notes": list(prepared.notes),
    }  # fmt: skip


def _publish(request: Request) -> None:
    """Give picture, proof and raster their names; a kill may have come before or after any of these steps."""
    made = (request.work / "picture", request.work / "proof", request.work / "mosaic" / "mosaic.tif")
    for source, target in zip(made, request.results, strict=True):
        if source.is_file():
            publish(source, target)
        crash.point("assembly.published")
