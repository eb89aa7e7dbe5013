"""The queue of tasks: slots that take the most urgent, run it through its states, and write what it exports."""

from __future__ import annotations

import threading
import time
import traceback
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from orchestrator.sandbox.drive.files import Drive
from orchestrator.sandbox.earthengine import exports, raster
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.exports import BucketDestination, FileWindow, ImageExport
from orchestrator.sandbox.earthengine.operations import CANCELLED_CODE, TERMINAL, Operations, Task, requeue_interrupted
from orchestrator.sandbox.earthengine.raster import ExportError, Image, Profile
from orchestrator.sandbox.faults import Fault, Faults
from orchestrator.sandbox.journal import Journal
from orchestrator.sandbox.scenes.catalogue import UnboundedQueryError
from orchestrator.sandbox.storage.buckets import Buckets
from orchestrator.sandbox.web import ApiError

INVALID_ARGUMENT_CODE = 3  # google.rpc.Code, which failed exports carry
STAGES = ("Create Local Files", "Write Files to Destination")
HOLD_STEP_SECONDS = 0.02
STOP_SECONDS = 10  # a window under way is finished within this time, or abandoned with the process
TIFF = "image/tiff"
ALREADY_STARTED = "A different Operation was already started with the given request_id."


class Evaluator(Protocol):
    """What turns expression graphs into values and images."""

    def value(self, expression: dict[str, Any]) -> Any: ...
    def image(self, expression: dict[str, Any]) -> Any: ...


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
    profile: Profile


class Tasks:
    """Run tasks in `slots` threads, by priority, then by submission."""

    def __init__(
        self,
        operations: Operations,
        faults: Faults,
        journal: Journal,
        workplace: Workplace,
        *,
        slots: int = 2,
        queue_limit: int = 3000,
    ) -> None:
        self._operations = operations
        self._faults = faults
        self._journal = journal
        self._workplace = workplace
        self._wake = threading.Condition()
        self._stopping = False
        self._drawn: dict[str, Fault] = {}
        self._burnt: set[str] = set()
        self._queue_limit = queue_limit
        self._threads = [threading.Thread(target=self._work, name=f"slot-{i}", daemon=True) for i in range(slots)]

    def start(self) -> None:
        requeue_interrupted(self._operations)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop the slots; what was running stays RUNNING on disk and is queued again at the next start."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        until = time.monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def submit(self, project: str, body: Mapping[str, Any], export: ImageExport, *, refuse_known: bool = False) -> Task:
        """
        Queue an export that has been checked. A request id seen before starts nothing: the same request gets the
        same task again, unless `refuse_known` chooses the other answer that Google may give.

        Raises:
            ApiError: 400 for a request id that belongs to another task or is burnt; 429 if the queue is full.
        """
        with self._wake:
            known = self._operations.by_request_id(export.request_id)
            if known is not None and dict(known.request) == dict(body) and not refuse_known:
                return known
            if known is not None or export.request_id in self._burnt:
                raise ApiError(400, ALREADY_STARTED)
            if self.pending() >= self._queue_limit:
                raise ApiError(
                    429,
                    f"Too many tasks already in the queue ({self._queue_limit}). "
                    "Please wait for some of them to complete.",
                )
            task = self._operations.add(project=project, request=body, priority=export.priority)
            fault = self._faults.for_task(task.description)
            if fault is not None:
                self._drawn[task.id] = fault
            self._wake.notify_all()
        return task

    def burn(self, request_id: str) -> None:
        """Refuse `request_id` from now on, although no task carries it."""
        with self._wake:
            self._burnt.add(request_id)

    def cancel(self, task: Task) -> None:
        """
        Ask for the end of `task`; a running one ends at its next window.

        Raises:
            ApiError: 400 if it is done.
        """
        with self._wake:
            current = self._operations.get(task.project, task.id)
            if current.done:
                raise ApiError(400, "Operation is already done.")
            if current.state == "PENDING":
                self._operations.change(task.id, state="CANCELLED", error=(CANCELLED_CODE, "Cancelled."))
            elif current.state == "RUNNING":
                self._operations.change(task.id, state="CANCELLING")

    def nudge(self) -> None:
        """Look at the queue again: a stuck task may have been released."""
        with self._wake:
            self._wake.notify_all()

    def wait(self, number: str, *states: str, timeout_seconds: float = 60) -> Task:
        """
        Wait until the task `number` is in one of `states`; without states, until it is done.

        Raises:
            TimeoutError: If it does not get there in time.
        """
        wanted = frozenset(states) or TERMINAL

        def found() -> Task | None:
            return next((each for each in self._operations.all() if each.id == number and each.state in wanted), None)

        with self._wake:
            self._wake.wait_for(lambda: found() is not None, timeout_seconds)
            task = found()
        if task is None:
            raise TimeoutError(f"operation {number} is in none of {sorted(wanted)}")
        return task

    def pending(self) -> int:
        return sum(1 for each in self._operations.all() if each.state == "PENDING")

    def _work(self) -> None:
        while (task := self._take()) is not None:
            self._run(task)

    def _take(self) -> Task | None:
        """Wait for the most urgent task and mark it RUNNING; None when the sandbox closes."""
        with self._wake:
            while not self._stopping:
                ready = [each for each in self._operations.all() if each.state == "PENDING" and not self._stuck(each)]
                if ready:
                    best = min(ready, key=lambda each: (-each.priority, each.order))
                    self._wake.notify_all()
                    # A task that has just begun shows its stages without numbers.
                    return self._operations.change(
                        best.id, state="RUNNING", stages=tuple({"displayName": name} for name in STAGES)
                    )
                self._wake.wait(timeout=60)
        return None

    def _stuck(self, task: Task) -> bool:
        fault = self._drawn.get(task.id)
        return fault is not None and fault.rule.action == "task_stuck" and not fault.released

    def _run(self, task: Task) -> None:
        began = time.thread_time()
        try:
            uris = _Run(self, task, self._workplace).export()
        except Stopped:
            return
        except TaskCancelled:
            self._end(task, began, state="CANCELLED", error=(CANCELLED_CODE, "Cancelled."))
        except TaskFailed as failure:
            self._end(task, began, state="FAILED", error=(failure.code, str(failure)))
        except Exception as error:  # noqa: BLE001  the edge of the slot's thread: recorded, and the task fails
            self._journal.trouble(traceback.format_exc())
            self._end(task, began, state="FAILED", error=(13, f"An internal error has occurred: {error!r}"))
        else:
            self._end(task, began, state="SUCCEEDED", progress=1.0, uris=uris)

    def _end(self, task: Task, began: float, **changes: Any) -> None:
        with self._wake:
            if self._stopping:  # the sandbox has closed its books; the task begins again at the next start
                return
            stages = tuple({"displayName": name, "completeWorkUnits": 1, "totalWorkUnits": "1"} for name in STAGES)
            seconds = max(0.001, time.thread_time() - began)
            self._operations.change(task.id, eecu_seconds=seconds, stages=stages, **changes)
            self._drawn.pop(task.id, None)
            self._wake.notify_all()

    def repeat(self, task: Task) -> None:
        """Do what the service does after an intermittent failure: begin again with the next attempt."""
        with self._wake:
            if self._operations.get(task.project, task.id).state == "RUNNING":
                self._operations.change(task.id, state="PENDING", attempt=task.attempt + 1, progress=0.0)
                self._operations.change(task.id, state="RUNNING")

    def fault_of(self, task: Task) -> Fault | None:
        return self._drawn.get(task.id)

    def check_in(self, task: Task, progress: float) -> None:
        """
        Note progress and look for reasons to end.

        Raises:
            Stopped: The sandbox closes.
            TaskCancelled: Somebody cancelled the task.
        """
        if self._stopping:
            raise Stopped
        if self._operations.advance(task.id, progress).state == "CANCELLING":
            raise TaskCancelled


class _Run:
    """One attempt at one task."""

    def __init__(self, tasks: Tasks, task: Task, workplace: Workplace) -> None:
        self._tasks = tasks
        self._task = task
        self._place = workplace
        self._fault = tasks.fault_of(task)
        self._struck = False
        self._pixels_done = 0
        self._pixels = 1

    def export(self) -> tuple[str, ...]:
        """
        Evaluate and write everything; return the destination's addresses.

        Raises:
            TaskFailed: With Earth Engine's sentence.
        """
        self._strike(0.0)
        export = exports.read(self._task.request)
        try:
            image: Image = self._place.evaluator.image(dict(export.expression))
            files = plan(export, image)
            self._pixels = image.grid.height * image.grid.width
            for number, file in enumerate(files):
                self._write(export, image, file, lost=self._loses(number))
        except (ExportError, EvaluationError, UnboundedQueryError) as error:
            raise TaskFailed(_with_code(str(error))) from error
        self._strike(1.0)
        return (self._address(export),)

    def _write(self, export: ImageExport, image: Image, file: FileWindow, *, lost: bool) -> None:
        scratch = self._place.scratch / f"{uuid.uuid4().hex}.tif"
        try:
            found = raster.write(image, file, export, self._place.profile, scratch, self._note)
            if not lost and (found or not export.skip_empty):
                self._deliver(export, file, scratch)
        finally:
            scratch.unlink(missing_ok=True)
            scratch.with_suffix(".plain.tif").unlink(missing_ok=True)

    def _deliver(self, export: ImageExport, file: FileWindow, scratch: Path) -> None:
        place = export.destination
        if isinstance(place, BucketDestination):
            blob = self._place.buckets.blobs.adopt(scratch)
            try:
                self._place.buckets.put(place.bucket, file.name, blob, content_type=TIFF)
            except ApiError as error:
                raise ExportError(error.message) from error
        else:
            folder = self._place.drive.folder(place.folder)
            blob = self._place.drive.blobs.adopt(scratch)
            self._place.drive.create(file.name, mime_type=TIFF, parents=(folder.id,), blob=blob)

    def _address(self, export: ImageExport) -> str:
        place = export.destination
        if isinstance(place, BucketDestination):
            folder = place.prefix.rpartition("/")[0]
            return f"https://console.developers.google.com/storage/browser/{place.bucket}/{folder}"
        return f"https://drive.google.com/#folders/{self._place.drive.folder(place.folder).id}"

    def _note(self, pixels: int) -> None:
        self._pixels_done += pixels
        share = min(1.0, self._pixels_done / self._pixels)
        self._tasks.check_in(self._task, share)
        self._strike(share)

    def _loses(self, number: int) -> bool:
        return (
            self._fault is not None
            and self._fault.rule.action == "task_lose_file"
            and (self._fault.rule.offset == number)
        )

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
            self._tasks.repeat(self._task)
        if rule.action == "task_hold":
            self._hold(self._fault, share)

    def _hold(self, fault: Fault, share: float) -> None:
        """Stay RUNNING until released; a cancellation or the end of the sandbox gets through."""
        until = time.monotonic() + (fault.rule.seconds if fault.rule.seconds is not None else 86_400)
        while not fault.released and time.monotonic() < until:
            self._tasks.check_in(self._task, share)
            time.sleep(HOLD_STEP_SECONDS)


def plan(export: ImageExport, image: Image) -> list[FileWindow]:
    """
    Cut the image into files.

    Raises:
        ExportError: If the image has too many pixels, or a file too many bytes.
    """
    height, width = image.grid.height, image.grid.width
    if height * width > export.max_pixels:
        raise ExportError(
            f"Export too large: specified {height * width} pixels (max: {export.max_pixels}). "
            "Specify higher maxPixels value if you intend to export a large area."
        )
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
    return list(exports.files(export.destination.prefix, height, width, file_height, file_width))


def _with_code(message: str) -> str:
    """Failed tasks name their code at the end of the sentence, except where the sentence says how to go on."""
    bare = message.startswith(("Export too large", "Exported bands"))
    return message if bare else f"{message} (Error code: {INVALID_ARGUMENT_CODE})"
