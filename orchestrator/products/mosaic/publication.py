"""From a finished raster to the files of a result: how much of it holds data, picture, proof, catalogue item."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.core.crc32c import crc32c_and_sha256_of
from orchestrator.core.files import sha256_of, write_whole
from orchestrator.core.percent import Percent
from orchestrator.model.mosaic import MosaicReport
from orchestrator.model.places import PlacedObject
from orchestrator.model.plan import Plan
from orchestrator.model.ports import Finishable, Illustrator, Stop
from orchestrator.model.product import Evidence, Finishing, Made, MadeFile, OutputLostError
from orchestrator.model.validity import valid_json, validity
from orchestrator.products.demand import demand
from orchestrator.products.mosaic.files import ITEM, PICTURE, PROOF, beside, raster_path
from orchestrator.products.mosaic.item import BandNumbers, item
from orchestrator.products.mosaic.picture import draw
from orchestrator.products.mosaic.proof import parts_of, proof
from orchestrator.products.mosaic.verdict import before_publication
from orchestrator.products.stac import COG, ItemFile

if TYPE_CHECKING:
    from orchestrator.products.mosaic.audit import MosaicAudit


# What a report says of the file itself, and not of how it was made.
_OF_THE_FILE = ("path", "size", "placed", "crc32c")


def make_result(
    about: Finishing,
    plan: Plan,
    mosaic: Finishable,
    evidence: Evidence,
    *,
    audit: Callable[[], MosaicAudit],
    raster_of: Callable[[MosaicReport], Path | PlacedObject],
    illustrator: Illustrator,
    version: str,
    today: date,
) -> Made:
    """
    Complete the raster and make what goes with it, in the working folder.

    `raster_of` returns where its pixels can be read.

    Raises:
        OutputLostError: The unfinished output is not what it was.
        DecisionError: It holds less data than was asked for, or other data than the service answers.
    """
    about.say("completing the file")
    report = mosaic.finish(about.stop)
    if not report.path.is_file():
        raise OutputLostError(f"{report.path} was complete, but is gone")
    final = raster_path(about.run.job)
    with _reading(report, about) as reading:
        counts = mosaic.valid(reading.stop, Percent("counting valid pixels", report.size, about.say).share)
        valid = validity(plan.pixels.bands, counts, plan.area_pixels)
        pixels = raster_of(report)
        waits = f"the finished file waits as {pixels}. Start a job with wider dates, or publish it as it is"
        demand(valid, about, "the area's pixels", waits)
        audits = [before_publication(audit(), about, pixels, parts_of(evidence))] if about.audit else []
        about.say("drawing the quicklook")
        picture = draw(report.path, about.run.job.base_name, valid, illustrator, _told(about, final))
        sha256 = reading.sha256()
    method = {k: v for k, v in asdict(report).items() if k not in _OF_THE_FILE}
    facts = {"assembly": method, "valid": valid}
    output = {"bytes": report.size, "sha256": sha256, **facts, "file": final.name} | _sum_of(report)
    counted = valid_json(valid, counts, plan.area_pixels)
    proved = proof(about.run, plan, evidence, output, counted, version, audits)
    files = [
        _written(about.folder, "proof", proved, beside(final, PROOF)),
        *([MadeFile("picture", picture, beside(final, PICTURE))] if picture else []),
        MadeFile("data", report.path, final, sha256, report.placed),
    ]
    described = item(about.run, plan, _assets(files), _numbers(report.path, counts), version, today)
    files.insert(-1, _written(about.folder, "item", described, beside(final, ITEM)))
    return Made(tuple(files), facts, {"valid": valid, "method": report.method})


def _sum_of(report: MosaicReport) -> dict[str, Any]:
    """
    Return what the proof says of a raster that nobody has read.

    Its checksum is that of the strips' objects put together, each of which was compared when it was sent, and what the
    service says of the whole.
    """
    return {"crc32c": report.placed.crc32c, "joined_at_its_place": True} if report.placed else {}


def _told(about: Finishing, final: Path) -> Callable[[str], None]:
    picture = str(beside(final, PICTURE))
    return lambda error: about.record("quicklook.failed", {"path": picture, "error": error})


def _written(folder: Path, role: str, content: bytes, final: Path) -> MadeFile:
    made = folder / f"made.{role}.json"
    write_whole(made, content)
    return MadeFile(role, made, final, hashlib.sha256(content).hexdigest())


class _Either:
    """A stop of the process, or of this piece of work alone."""

    def __init__(self, other: Stop) -> None:
        self._other, self._own = other, threading.Event()

    def set(self) -> None:
        self._own.set()

    def is_set(self) -> bool:
        return self._own.is_set() or self._other.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        return self._own.is_set() or self._other.wait(timeout)


class _Reading:
    """
    The finished file while it is read for its SHA-256, beside whatever else is done with it.

    One that was put together at its place is not read, and has no SHA-256.
    """

    def __init__(self, report: MosaicReport, about: Finishing, thread: Executor) -> None:
        self.stop = _Either(about.stop)
        self._say = about.say
        self._percent = Percent("reading the result for its checksum", report.size, lambda _text: None)
        self._digest: Future[str] | None = None
        if report.placed is None:
            self._digest = thread.submit(sha256_of_finished, report, self.stop, self._percent.add)

    def sha256(self) -> str:
        """Wait for the SHA-256; from now on nothing else is being done, so that it is told how far the reading is."""
        self._percent.say = self._say
        return "" if self._digest is None else self._digest.result()


@contextmanager
def _reading(report: MosaicReport, about: Finishing) -> Iterator[_Reading]:
    with ThreadPoolExecutor(1, "sha256") as thread:
        reading = _Reading(report, about, thread)
        try:
            yield reading
        except BaseException:
            reading.stop.set()  # nobody waits for the checksum any more
            raise


def sha256_of_finished(report: MosaicReport, stop: Stop, on_bytes: Callable[[int], None] = lambda _size: None) -> str:
    """
    Return the SHA-256 of the finished file.

    Raises:
        OutputLostError: Its bytes are not those that it was put together of; it is taken away.
    """
    if not report.crc32c:
        return sha256_of(report.path, stop, on_bytes)
    found = crc32c_and_sha256_of(report.path, stop, on_bytes)
    if found.crc32c != report.crc32c:
        # Left there, the next join would meet it at its name.
        report.path.unlink(missing_ok=True)
        raise OutputLostError(
            f"{report.path} has checksum {found.crc32c}, and what it was put together of {report.crc32c}: it was "
            "damaged on this disk; it is made again of the parts"
        )
    return found.sha256


_ASSETS: Mapping[str, tuple[str, str, tuple[str, ...], str]] = {
    "data": ("data", COG, ("data",), "The mosaic"),
    "picture": ("thumbnail", "image/png", ("thumbnail", "overview"), "Quicklook"),
    "proof": ("proof", "application/json", ("metadata",), "Proof: every part with its origin, and how good it is"),
}


def _assets(files: list[MadeFile]) -> list[ItemFile]:
    """Return the files as the item lists them, the raster first."""
    listed = []
    for file in reversed(files):
        key, kind, roles, title = _ASSETS[file.role]
        sha256 = file.sha256 if file.sha256 or file.placed else sha256_of(file.made)
        listed.append(ItemFile(key, file.final.name, kind, roles, title, file.made.stat().st_size, sha256))
    return listed


def _numbers(raster: Path, counts: tuple[int, ...]) -> list[BandNumbers]:
    import rasterio  # noqa: PLC0415  GDAL is heavy

    with rasterio.open(raster, driver="GTiff") as source:
        tags: list[dict[str, Any]] = [source.tags(number) for number in source.indexes]
    return [BandNumbers(count, found) for count, found in zip(counts, tags, strict=True)]
