"""One attempt at a task: evaluates the image, writes its files, delivers them, and lets ordered faults act."""

from __future__ import annotations

import shutil
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from orchestrator.sandbox.behaviour import Behaviour
from orchestrator.sandbox.blobs import Blob, Blobs
from orchestrator.sandbox.drive.files import Drive
from orchestrator.sandbox.earthengine import asset_content, exports, raster, table_exports, table_files
from orchestrator.sandbox.earthengine.evaluate import RequestedGrid
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.requested_table import RequestedTable
from orchestrator.sandbox.earthengine.exports import FileWindow, ImageExport
from orchestrator.sandbox.earthengine.operations import TABLE, Task
from orchestrator.sandbox.earthengine.order import AssetDestination, BucketDestination, FileDestination
from orchestrator.sandbox.earthengine.raster import ExportError, Image
from orchestrator.sandbox.faults import Fault
from orchestrator.sandbox.scenes.catalogue import UnboundedQueryError
from orchestrator.sandbox.scenes.owned import IMAGE as IMAGE_ASSET
from orchestrator.sandbox.scenes.owned import TABLE as TABLE_ASSET
from orchestrator.sandbox.scenes.owned import AssetError, AssetStore
from orchestrator.sandbox.storage.buckets import Buckets
from orchestrator.sandbox.web import ApiError

INVALID_ARGUMENT_CODE = 3  # google.rpc.Code, which failed exports carry
HOLD_STEP_SECONDS = 0.02
TIFF = "image/tiff"
DAMAGED_BYTES = 8  # the whole header of a TIFF: byte order, version, place of the first directory


class Evaluator(Protocol):
    """What turns expression graphs into values and images."""

    def value(self, expression: dict[str, Any]) -> Any: ...
    def image(self, expression: dict[str, Any], *, grid: RequestedGrid | None = None) -> Any: ...
    def table(self, expression: dict[str, Any]) -> Any: ...
    def images(self, expression: dict[str, Any], start: int, count: int) -> list[dict[str, Any]]: ...


class TaskCancelled(Exception):  # noqa: N818  no error: somebody asked for it
    pass


class Stopped(Exception):  # noqa: N818  no error: the sandbox is closing, the task begins again at the next start
    pass


class TaskFailed(Exception):  # noqa: N818  the word of the API
    def __init__(self, message: str, code: int = INVALID_ARGUMENT_CODE) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Workplace:
    """What a running task needs around it."""

    evaluator: Evaluator
    buckets: Buckets
    drive: Drive
    scratch: Path
    behaviour: Behaviour
    assets: AssetStore


class Desk(Protocol):
    """Where an attempt reports to."""

    def check_in(self, task: Task, progress: float) -> None:
        """
        Note progress and look for reasons to end.

        Raises:
            Stopped: The sandbox closes.
            TaskCancelled: Somebody cancelled the task.
        """

    def repeat(self, task: Task) -> None:
        """Begin again with the next attempt."""


class Attempt:
    """One attempt at one task."""

    def __init__(
        self, desk: Desk, task: Task, workplace: Workplace, fault: Fault | None, *, form: str | None = None
    ) -> None:
        self._desk = desk
        self._task = task
        self._place = workplace
        self._fault = fault
        self._form = form
        self._struck = False
        self._pixels_done = 0
        self.seconds_elsewhere = 0.0  # of processors, spent for it beside its own thread
        self._pixels = 1

    def export(self) -> tuple[str, ...]:
        """
        Evaluate and write everything; return the destination's addresses.

        Raises:
            TaskFailed: With Earth Engine's sentence.
        """
        self._strike(0.0)
        try:
            address = self._export_table() if self._task.kind == TABLE else self._export_image()
        except (ExportError, EvaluationError, UnboundedQueryError) as error:
            raise TaskFailed(_with_code(str(error))) from error
        self._strike(1.0)
        return (address,)

    def _export_image(self) -> str:
        export = exports.read(self._task.request)
        image: Any = self._place.evaluator.image(dict(export.expression))
        self._pixels = image.grid.height * image.grid.width
        try:
            return self._export_files(export, image)
        finally:
            self.seconds_elsewhere = image.seconds_elsewhere

    def _export_files(self, export: ImageExport, image: Any) -> str:
        place = export.destination
        if isinstance(place, AssetDestination):
            refuse_too_many(export, image)
            return self._keep(place, lambda folder: asset_content.write_image(image, place, folder, self._note))
        for number, file in enumerate(plan(export, image, form=self._names(export), prefix=place.prefix)):
            self._write(export, image, file, number)
        return self._address(place)

    def _export_table(self) -> str:
        export = table_exports.read(self._task.request)
        table: RequestedTable = self._place.evaluator.table(dict(export.expression))
        self._desk.check_in(self._task, 0.5)
        if export.max_vertices is not None and any(n > export.max_vertices for n in table_files.vertices(table)):
            raise ExportError("Geometries cut at maxVertices are not imitated by this sandbox.")
        place = export.destination
        if isinstance(place, AssetDestination):
            return self._keep(place, lambda folder: asset_content.write_table(table, place, folder))
        with tempfile.TemporaryDirectory(dir=self._place.scratch) as folder:
            written = table_files.write(table, export.format, export.selectors, Path(folder))
            for number, (extension, path, content_type) in enumerate(written):
                if not self._spoils("task_lose_file", number):
                    self._deliver(place, f"{place.prefix}.{extension}", path, number, content_type)
        self._desk.check_in(self._task, 1.0)
        return self._address(place)

    def _keep(self, place: AssetDestination, write: Callable[[Path], dict[str, Any]]) -> str:
        """Make an asset of what `write` puts into a folder and tells of it."""
        kind, store = TABLE_ASSET if self._task.kind == TABLE else IMAGE_ASSET, self._place.assets
        folder = store.scratch()
        try:
            store.check(place.name, kind, overwrite=place.overwrite)
            store.put(write(folder), overwrite=place.overwrite, source=folder)
        except AssetError as error:
            raise ExportError(str(error)) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return f"https://code.earthengine.google.com/?asset={place.name}"

    def _names(self, export: ImageExport) -> str:
        usual = exports.DASHED if self._place.behaviour.dashed(export.destination.kind) else exports.PLAIN
        return usual if self._form is None else self._form

    def _write(self, export: ImageExport, image: Image, file: FileWindow, number: int) -> None:
        scratch = self._place.scratch / f"{uuid.uuid4().hex}.tif"
        try:
            found = raster.write(image, file, export, self._place.behaviour, scratch, self._note)
            if not self._spoils("task_lose_file", number) and (found or not export.skip_empty):
                self._deliver(_files(export), file.name, scratch, number, TIFF)
        finally:
            scratch.unlink(missing_ok=True)
            scratch.with_suffix(".plain.tif").unlink(missing_ok=True)

    def _deliver(self, place: FileDestination, name: str, scratch: Path, number: int, content_type: str) -> None:
        if isinstance(place, BucketDestination):
            blob = self._adopt(self._place.buckets.blobs, scratch, number)
            try:
                self._place.buckets.put(place.bucket, name, blob, content_type=content_type)
            except ApiError as error:
                raise ExportError(error.message) from error
        else:
            folder = self._place.drive.folder(place.folder)
            blob = self._adopt(self._place.drive.blobs, scratch, number)
            self._place.drive.create(name, mime_type=content_type, parents=(folder.id,), blob=blob)

    def _adopt(self, blobs: Blobs, scratch: Path, number: int) -> Blob:
        """Hand over the file, damaged where a fault wants it so."""
        if self._fault is None or not self._spoils("task_damage_file", number):
            return blobs.adopt(scratch)
        rule = self._fault.rule
        zeros = bytes(DAMAGED_BYTES if rule.bytes is None else rule.bytes)
        if rule.stale_checksum:
            blob = blobs.adopt(scratch)
            _overwrite(blobs.path(blob), zeros)
            return blob
        _overwrite(scratch, zeros)
        return blobs.adopt(scratch)

    def _address(self, place: FileDestination) -> str:
        if isinstance(place, BucketDestination):
            folder = place.prefix.rpartition("/")[0]
            return f"https://console.developers.google.com/storage/browser/{place.bucket}/{folder}"
        return f"https://drive.google.com/#folders/{self._place.drive.folder(place.folder).id}"

    def _note(self, pixels: int) -> None:
        self._pixels_done += pixels
        share = min(1.0, self._pixels_done / self._pixels)
        self._desk.check_in(self._task, share)
        self._strike(share)

    def _spoils(self, action: str, number: int) -> bool:
        """Say whether the fault does `action` to the file `number`."""
        return self._fault is not None and self._fault.rule.action == action and self._fault.rule.offset == number

    def _strike(self, share: float) -> None:
        """Let the fault act once, as soon as `share` of the work is done."""
        if self._fault is None or self._struck or share < self._fault.rule.after:
            return
        self._struck = True
        rule = self._fault.rule
        if rule.action == "task_fail":
            raise TaskFailed(rule.message or "Internal error.", rule.code)
        if rule.action == "task_cancelled":
            raise TaskCancelled
        if rule.action == "task_retried":
            self._desk.repeat(self._task)
        if rule.action == "task_hold":
            self._hold(self._fault, share)

    def _hold(self, fault: Fault, share: float) -> None:
        """Stay RUNNING until released; a cancellation or the end of the sandbox gets through."""
        until = time.monotonic() + (fault.rule.seconds if fault.rule.seconds is not None else 86_400)
        while not fault.released and time.monotonic() < until:
            self._desk.check_in(self._task, share)
            time.sleep(HOLD_STEP_SECONDS)


def _files(export: ImageExport) -> FileDestination:
    """Give where the files of an export go, which has some."""
    assert not isinstance(export.destination, AssetDestination)  # noqa: S101  assets have no files
    return export.destination


def refuse_too_many(export: ImageExport, image: Image) -> None:
    """
    Hold an export to its `maxPixels`.

    Raises:
        ExportError: If the image has more.
    """
    height, width = image.grid.height, image.grid.width
    if height * width > export.max_pixels:
        raise ExportError(
            f"Export too large: specified {height * width} pixels (max: {export.max_pixels}). "
            "Specify higher maxPixels value if you intend to export a large area."
        )


def plan(export: ImageExport, image: Image, *, form: str, prefix: str) -> list[FileWindow]:
    """
    Cut the image into files; `form` as in `exports.files`.

    Raises:
        ExportError: If the image has too many pixels, or a file too many bytes.
    """
    refuse_too_many(export, image)
    height, width = image.grid.height, image.grid.width
    bytes_per_pixel = raster.common_type(image).itemsize * len(image.bands)
    side = exports.file_side(bytes_per_pixel, export.shard_size)
    file_height, file_width = export.file_size or (side, side)
    # Whether Google counts the asked file or the part of it that the image fills is not known; the stricter is kept.
    size = file_height * file_width * bytes_per_pixel
    if export.file_size is not None and size >= exports.MAX_FILE_BYTES:
        raise ExportError(
            "File dimensions are too large for the number of bands and data type: the total file size requested is "
            f"{size} bytes before compression ({bytes_per_pixel} bytes per pixel), but must be less than "
            f"{exports.MAX_FILE_BYTES} bytes."
        )
    return list(exports.files(prefix, height, width, file_height, file_width, form=form))


def _overwrite(path: Path, data: bytes) -> None:
    with path.open("r+b") as file:
        file.write(data)


def _with_code(message: str) -> str:
    """Failed tasks name their code at the end of the sentence, except where the sentence says how to go on."""
    bare = message.startswith("Export too large") or "(Error code:" in message
    return message if bare else f"{message} (Error code: {INVALID_ARGUMENT_CODE})"
