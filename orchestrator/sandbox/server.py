"""The sandbox as a whole: the one place where its parts are joined, and the socket they are reached through."""

from __future__ import annotations

import os
import shutil
import socketserver
import tempfile
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import HTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from orchestrator.sandbox import batch, folder_lock, oauth
from orchestrator.sandbox.behaviour import Behaviour
from orchestrator.sandbox.cdse.service import CopernicusService
from orchestrator.sandbox.cdse.settings import Copernicus
from orchestrator.sandbox.clock import Clock
from orchestrator.sandbox.connection import Connection, Dispatch
from orchestrator.sandbox.control import ControlRoutes
from orchestrator.sandbox.dispatch import Dispatcher
from orchestrator.sandbox.drive.files import FOLDER, Drive
from orchestrator.sandbox.drive.more_routes import MoreDriveRoutes
from orchestrator.sandbox.drive.routes import DriveRoutes
from orchestrator.sandbox.earthengine.asset_routes import AssetRoutes
from orchestrator.sandbox.earthengine.assets import Assets
from orchestrator.sandbox.earthengine.attempt import Evaluator, Workplace
from orchestrator.sandbox.earthengine.collection_routes import CollectionRoutes
from orchestrator.sandbox.earthengine.evaluate import Evaluator as GraphEvaluator
from orchestrator.sandbox.earthengine.operations import Operations
from orchestrator.sandbox.earthengine.pixel_routes import PixelRoutes
from orchestrator.sandbox.earthengine.rendering import Renderer
from orchestrator.sandbox.earthengine.routes import EarthEngineRoutes
from orchestrator.sandbox.earthengine.table_routes import TableRoutes
from orchestrator.sandbox.earthengine.tasks import Tasks
from orchestrator.sandbox.earthengine.view_routes import ViewRoutes
from orchestrator.sandbox.faults import Faults
from orchestrator.sandbox.journal import Journal
from orchestrator.sandbox.quotas import PixelMeter, Quotas
from orchestrator.sandbox.records import Records
from orchestrator.sandbox.scenes.catalogue import Catalogue
from orchestrator.sandbox.scenes.owned import AssetStore, OwnCatalogue
from orchestrator.sandbox.sources import products
from orchestrator.sandbox.storage.buckets import Buckets
from orchestrator.sandbox.storage.routes import StorageRoutes
from orchestrator.sandbox.web import Request, Response, Route, Router
from orchestrator.sandbox.workers import SharedEvaluator, Workers

DEFAULT_PROJECT = "ee-sandbox"
DEFAULT_BUCKET = "ee-sandbox-bucket"


@dataclass(frozen=True, slots=True)
class Options:
    """
    Attributes:
        port: 0 lets the system choose.
        data_dir: Where objects and operations live; None is a temporary folder, removed at the end.
        folder_wait_seconds: How long to wait for another sandbox to leave the folder.
        slots: Tasks that run at a time.
        queue_limit: PENDING tasks beyond which a submission is refused.
        behaviour: What an account would have to tell.
        quotas: What a request for pixels may ask for, and a project at once.
        copernicus: What the Copernicus Data Space serves, and to whom.
        tell: Gets a sentence about what the start is waiting for.
        worker: The command that starts a process which computes windows from the same scenes; empty is none.
    """

    host: str = "127.0.0.1"
    port: int = 0
    data_dir: Path | None = None
    project: str = DEFAULT_PROJECT
    buckets: tuple[str, ...] = (DEFAULT_BUCKET,)
    drive_folders: tuple[str, ...] = ()
    slots: int = 2
    queue_limit: int = 3000
    folder_wait_seconds: float = 15  # longer than a sandbox takes to end
    behaviour: Behaviour = field(default_factory=Behaviour)
    quotas: Quotas = field(default_factory=Quotas)
    copernicus: Copernicus = field(default_factory=Copernicus)
    worker: tuple[str, ...] = ()
    tell: Callable[[str], None] = lambda _: None


class PortError(OSError):
    """A port that cannot be listened at."""

    def __init__(self, error: OSError, port: int) -> None:
        super().__init__(error.errno, error.strerror)
        self.port = port


class _Server(socketserver.ThreadingMixIn, HTTPServer):
    daemon_threads = True
    block_on_close = False  # keep-alive connections of clients that live on must not hold up the end
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], dispatch: Dispatch, journal: Journal) -> None:
        self.dispatch = dispatch
        self._journal = journal
        try:
            super().__init__(address, Connection)
        except OSError as error:
            raise PortError(error, address[1]) from error

    def server_bind(self) -> None:
        """Bind without asking the name service who we are, as the standard library's server would."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  the standard library's names
        self._journal.trouble(traceback.format_exc())


class Sandbox:
    """
    Earth Engine, Cloud Storage, Drive and the Copernicus Data Space on loopback, in this process; a context manager.

    Between `__enter__` and `__exit__` the services answer at `url`, and Copernicus' downloads at `download_url`. A
    folder given as `data_dir` keeps objects and operations; what was running when the last sandbox on it ended is
    queued again with the next attempt.
    """

    def __init__(
        self, catalogue: Catalogue, options: Options | None = None, *, evaluator: Evaluator | None = None
    ) -> None:
        self.options = options or Options()
        self._catalogue = catalogue
        self._workers = self._hire()
        self._given = evaluator
        self._own_folder: Path | None = None
        self.clock = Clock()
        self.faults = Faults(self.clock)
        self.journal = Journal()
        self.meter = PixelMeter(self.options.quotas)

    def __enter__(self) -> Self:
        folder = self._folder()
        self._lock = folder_lock.take(folder, self.options.folder_wait_seconds, self.options.tell)
        try:
            return self._open(folder)
        except BaseException:
            self._lock.close()
            self._remove_own_folder()
            raise

    def _open(self, folder: Path) -> Self:
        self._records = Records(folder / "records.sqlite")
        self.buckets = Buckets(folder / "objects", self._records, self.clock)
        self.drive = Drive(folder / "drive", self._records, self.clock)
        self.operations = Operations(self._records, self.clock)
        self.assets = AssetStore(folder / "assets", self._records, self.clock)
        self._known = OwnCatalogue(self._catalogue, self.assets)
        given = self.options.copernicus
        self.copernicus = CopernicusService(given, products(given, folder), self.clock, lambda: self.download_url)
        self._evaluator = self._given or self._own_evaluator()
        self._furnish()
        self.tasks = self._tasks(folder)
        self._server = _Server((self.options.host, self.options.port), self._dispatcher(), self.journal)
        try:
            self._downloads = self._download_server()
        except PortError:
            self._server.server_close()
            raise
        self.tasks.start()
        for each in (self._server, self._downloads):
            threading.Thread(target=each.serve_forever, args=(0.02,), name="sandbox", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in (self._server, self._downloads):
            each.shutdown()
            each.server_close()
        self.tasks.stop()
        if self._workers is not None:
            self._workers.close()
        self.faults.release()  # last: a task held by a fault must stop, not go on
        self._records.close()
        self._lock.close()
        self._remove_own_folder()

    def _own_evaluator(self) -> Evaluator:
        if self._workers is None:
            return GraphEvaluator(self._known)
        return SharedEvaluator(self._known, self._workers)

    def _hire(self) -> Workers | None:
        """Workers are of use where there is more than one processor."""
        processors = os.cpu_count() or 1
        return Workers(self.options.worker, processors) if self.options.worker and processors > 1 else None

    @property
    def url(self) -> str:
        return f"http://{self.options.host}:{self._server.server_port}"

    @property
    def download_url(self) -> str:
        """Where the downloads of Copernicus answer: another host, as far as a client can tell."""
        return f"http://{self.options.host}:{self._downloads.server_port}"

    @property
    def copernicus_urls(self) -> dict[str, str]:
        """Catalogue, downloads, tokens and S3 of Copernicus."""
        return self.copernicus.urls(self.url)

    def show(self, catalogue: Catalogue | None) -> None:
        """Serve other scenes and tables from here on; with None, those again that it was started with."""
        self._known.show(catalogue or self._catalogue)

    def apis(self) -> set[str]:
        """Return the names of all calls that a fault can be ordered for."""
        return self._dispatch.apis() | {each.api for each in self.copernicus.download_routes()}

    def about(self) -> dict[str, Any]:
        """Tell which process this is, what it was started with, and which scenes it serves now."""
        named = {"project": self.options.project, "buckets": list(self.options.buckets)}
        places = {"copernicus": self.copernicus_urls}
        return {"pid": os.getpid(), **named, "scenes": self._known.identity(), **places}

    def state(self) -> dict[str, Any]:
        """Report what `GET /sandbox/state` reports."""
        return self._control.state()

    def _folder(self) -> Path:
        if self.options.data_dir is not None:
            self.options.data_dir.mkdir(parents=True, exist_ok=True)
            return self.options.data_dir
        self._own_folder = Path(tempfile.mkdtemp(prefix="sandbox-"))
        return self._own_folder

    def _remove_own_folder(self) -> None:
        if self._own_folder is not None:
            shutil.rmtree(self._own_folder, ignore_errors=True)

    def _furnish(self) -> None:
        for name in self.options.buckets:
            if not self.buckets.exists(name):
                self.buckets.create(name, settings={})
        for name in self.options.drive_folders:
            if not self.drive.find(lambda each, name=name: each.name == name):  # type: ignore[misc]  # bound at once
                self.drive.create(name, mime_type=FOLDER)

    def _tasks(self, folder: Path) -> Tasks:
        scratch = folder / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)  # what a killed process was writing
        scratch.mkdir()
        place = Workplace(self._evaluator, self.buckets, self.drive, scratch, self.options.behaviour, self.assets)
        return Tasks(
            self.operations,
            self.faults,
            self.journal,
            place,
            slots=self.options.slots,
            queue_limit=self.options.queue_limit,
            answer_repeated=self.options.behaviour.repeated_request_id == "answered",
        )

    def _dispatcher(self) -> Dispatcher:
        self._control = ControlRoutes(
            self.journal,
            self.faults,
            self.clock,
            self.operations,
            self.tasks,
            self.buckets,
            self.drive,
            self.meter,
            self.about,
            self.apis,
            self.copernicus.report,
        )
        assets = Assets(self._known, self.assets)
        renderer = Renderer(self._evaluator, self.options.behaviour)
        earthengine = EarthEngineRoutes(
            self._evaluator,
            assets,
            self.operations,
            self.tasks,
            self.buckets,
            self.faults,
            self.clock,
        )
        storage = StorageRoutes(self.buckets)
        routes = [
            *self._control.routes(),
            *storage.routes(),
            *batch.routes("storage", "/batch/storage/v1", self._answer_one),
            *DriveRoutes(self.drive).routes(),
            *batch.routes("drive", "/batch/drive/v3", self._answer_one),
            *MoreDriveRoutes(self.drive).routes(),
            *PixelRoutes(renderer, assets, self.meter, self.faults).routes(),
            *ViewRoutes(renderer, self.meter, self.clock).routes(),
            *TableRoutes(self._evaluator, assets, self.clock).routes(),
            *CollectionRoutes(self._evaluator).routes(),
            *AssetRoutes(self.assets, assets).routes(),
            *earthengine.routes(),
            *self.copernicus.routes(),
            *oauth.routes(self.options.project),
            *storage.xml_routes(),
        ]
        self._dispatch = self._dispatcher_of(routes)
        return self._dispatch

    def _dispatcher_of(self, routes: list[Route]) -> Dispatcher:
        worded = self.options.behaviour.worded
        return Dispatcher(Router(routes), self.faults, self.journal, self.clock, self.meter, worded)

    def _download_server(self) -> _Server:
        """Listen at a port of its own: whoever needs it is told by a redirect, or by `/sandbox/about`."""
        address = (self.options.host, self.options.copernicus.port)
        return _Server(address, self._dispatcher_of(self.copernicus.download_routes()), self.journal)

    def _answer_one(self, request: Request) -> Response | None:
        """Answer a call of a batch: counted, and spoilt by faults that come before its body, as if it came alone."""
        return self._dispatch(request).response
