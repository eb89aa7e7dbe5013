"""What is done to one scene, in a thread or in a process of its own."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

from orchestrator.core import crash
from orchestrator.core.errors import PermanentError, Stopped, UserError
from orchestrator.core.files import make_folder, remove_tree, sha256_of, write_whole
from orchestrator.core.system import sync_folder
from orchestrator.model.ports import Stop
from orchestrator.products.preprocess.counting import count_scene, settings_of
from orchestrator.products.preprocess.document import ScenePlan
from orchestrator.products.preprocess.keys import PreprocessKeys
from orchestrator.products.preprocess.meta import (
    META,
    SampleRecipe,
    is_made,
    meta_json,
    notice_for,
    read_inputs,
    settings_json,
    stranger_in,
)
from orchestrator.products.preprocess.normalisation.archive import packed
from orchestrator.products.preprocess.normalisation.reading import read_stats
from orchestrator.products.preprocess.sample import make_sample

_LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class SceneTask:
    """
    One scene to be done.

    Attributes:
        scene: It.
        keys: The configuration.
        run_id: Whose sample it will be.
        final: Where the sample will lie.
        made: Where it is made until then, a folder that nobody else writes into.
        counts: Where its histogram goes, in the counting pass.
        stats: Path of the statistics that are applied; empty where none are.
        version: Of the program.
        threads: At once, for this scene.
    """

    scene: ScenePlan
    keys: PreprocessKeys
    run_id: str
    final: Path
    made: Path
    counts: Path
    stats: str
    version: str
    threads: int


@dataclass(frozen=True, slots=True)
class SceneOutcome:
    """
    What came of a scene.

    Attributes:
        made: The folder that waits for its name; None where the sample is there already, or none is made.
        result: What the unit keeps.
    """

    made: Path | None
    result: Mapping[str, Any]


def do_scene(request: SceneTask, stop: Stop) -> SceneOutcome:
    """
    Count a scene, or make its sample where it is not there yet.

    Raises:
        PermanentError: A file is not what it should be.
        Stopped: `stop` was set.
        SpaceError, OSError: The disk of the samples.
    """
    if request.scene.grid is None:  # said by whoever opens it now
        from orchestrator.products.preprocess.raster import grid_of  # noqa: PLC0415
        from orchestrator.products.preprocess.roles import grid_role  # noqa: PLC0415

        reference = request.scene.path(grid_role(request.keys))
        grid_of(reference)
        raise PermanentError(f"{reference} could not be opened when the run was planned; begin the run again")
    try:
        with ThreadPoolExecutor(request.threads, thread_name_prefix="scene") as pool:
            return _counted(request, stop, pool) if not request.keys.writes_samples else _made(request, stop, pool)
    except UserError as error:  # of this scene's files: the others can be made
        raise PermanentError(str(error)) from None


def _counted(request: SceneTask, stop: Stop, pool: ThreadPoolExecutor) -> SceneOutcome:
    histogram = count_scene(request.scene, request.keys, stop, pool)
    make_folder(request.counts.parent)
    write_whole(request.counts, packed(histogram, settings_of(request.keys)))
    return SceneOutcome(None, {"counted": int(histogram.counts.sum())})


def _made(request: SceneTask, stop: Stop, pool: ThreadPoolExecutor) -> SceneOutcome:
    scene, keys = request.scene, request.keys
    stats_sha256 = sha256_of(Path(request.stats)) if request.stats else ""
    recipe = SampleRecipe(
        request.run_id, settings_json(keys), read_inputs(scene, stop), stats_sha256, scene.from_sandbox
    )
    if is_made(request.final, recipe, stop):
        return SceneOutcome(None, {"sha256": sha256_of(request.final / META), "kept": True})
    if other := stranger_in(request.final):
        raise PermanentError(other)
    for folder in _earlier(request.made):  # finished before a crash, and without its name
        if is_made(folder, recipe, stop):
            return SceneOutcome(folder, {"sha256": sha256_of(folder / META)})
        remove_tree(folder)
    make_folder(request.made)
    stats = read_stats(Path(request.stats)) if request.stats else None
    tags = (("TIFFTAG_SOFTWARE", f"orchestrator {request.version}"), ("TIFFTAG_COPYRIGHT", notice_for(scene)))
    sample = make_sample(scene, keys, stats, request.made, tags, stop, pool)
    digests = {asset.name: sha256_of(request.made / asset.name, stop) for asset in sample.assets.values()}
    write_whole(request.made / META, meta_json(scene, keys, recipe, sample, digests))
    sync_folder(request.made)
    crash.point("sample.made")
    return SceneOutcome(request.made, {"sha256": sha256_of(request.made / META)})


def _earlier(made: Path) -> list[Path]:
    """Return the folders of claims before this one; whoever had them lost the scene, or is dead."""
    found = made.parent.glob("[0-9]*") if made.parent.is_dir() else ()
    return sorted(folder for folder in found if int(folder.name) < int(made.name))


class Workers(Protocol):
    """Where scenes are computed."""

    def do(self, request: SceneTask, stop: Stop) -> SceneOutcome:
        """Do one scene and wait for it. Errors as `do_scene`."""

    def close(self) -> None:
        """End; what is being computed is given up."""


class Here:
    """In the thread that asks."""

    def do(self, request: SceneTask, stop: Stop) -> SceneOutcome:
        return do_scene(request, stop)

    def close(self) -> None:
        """Nothing lives on."""


class WorkerProcesses:
    """
    In so many processes, which end with this one.

    When one dies, all scenes that were being computed are lost, and nobody knows which was at fault: each is computed
    again in a process of its own, and the one with which that dies, too, is given up.
    """

    def __init__(self, count: int) -> None:
        """Begin none before the first scene."""
        self._count, self._context = count, get_context("spawn")
        self._stop = self._context.Event()
        self._pool = self._begun(count)
        self._renewing, self._alone = threading.Lock(), threading.Lock()

    def do(self, request: SceneTask, stop: Stop) -> SceneOutcome:
        pool = self._pool
        try:
            return self._waited(pool, request, stop)
        except BrokenProcessPool:
            self._renew(pool)
        with self._alone, self._begun(1) as own:
            try:
                return self._waited(own, request, stop)
            except BrokenProcessPool:
                raise PermanentError(
                    f"the process that computed {request.scene.name} died twice, once with this scene alone: a file of "
                    "it is damaged, or memory is too small for it"
                ) from None

    def _begun(self, count: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(count, self._context, _begin, (self._stop, os.getpid()))

    def _renew(self, broken: ProcessPoolExecutor) -> None:
        with self._renewing:
            if self._pool is broken:
                self._pool = self._begun(self._count)

    def _waited(self, pool: ProcessPoolExecutor, request: SceneTask, stop: Stop) -> SceneOutcome:
        future: Future[SceneOutcome] = pool.submit(_do, request)
        while True:
            try:
                return future.result(_LOOK_SECONDS)
            except TimeoutError:
                if future.done():
                    raise
            if stop.is_set():
                self._stop.set()
                future.cancel()
                raise Stopped("stopped; the same command begins this scene again")

    def close(self) -> None:
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)


class _WorkerStop:
    """In a worker: whether it was told to end, or the process that began it is gone."""

    def __init__(self, told: threading.Event, parent: int) -> None:
        self._told, self._parent = told, parent

    def is_set(self) -> bool:
        return self._told.is_set() or os.getppid() != self._parent

    def wait(self, timeout: float | None = None) -> bool:
        until = None if timeout is None else time.monotonic() + timeout
        while not self.is_set() and (until is None or time.monotonic() < until):
            self._told.wait(_LOOK_SECONDS)
        return self.is_set()


_STOPS: list[_WorkerStop] = []


def _begin(told: Any, parent: int) -> None:
    os.environ["GDAL_NUM_THREADS"] = "1"  # processes are the parallelism that was asked for
    _STOPS.append(_WorkerStop(told, parent))


def _do(request: SceneTask) -> SceneOutcome:
    return do_scene(request, _STOPS[0])
