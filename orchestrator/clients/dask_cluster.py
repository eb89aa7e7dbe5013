"""
The workers of a Dask cluster: somebody's own, by the address of its scheduler, or one of ours on this machine.

What is sent is a function of a module, by its name, and some words; nothing comes back but that it ended, or an error.
A future is never the truth: one that is cancelled, lost or done twice is told as what nobody has answered.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from orchestrator.core import log
from orchestrator.core.errors import OrchestratorError, TransientError, UserError
from orchestrator.core.optional import required
from orchestrator.model.carriers import OnEnd, Unanswered
from orchestrator.model.unit import UnitClaim

LOOPBACK = "127.0.0.1"
# How often the cluster is asked which workers it has, and a scheduler that is gone is looked for.
LOOK_SECONDS = 2.0
_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 5.0


class WorkerRefusedError(OrchestratorError):
    """
    A worker cannot do units of this program; said by the worker itself.

    Attributes:
        address: Of the worker, as the scheduler calls it.
    """

    def __init__(self, why: str, address: str = "") -> None:
        super().__init__(why, address)
        self.why, self.address = why, address

    def __str__(self) -> str:
        return self.why


@dataclass(frozen=True, slots=True)
class DaskPlace:
    """
    Which cluster.

    Attributes:
        scheduler: `tcp://host:port` or `tls://host:port`; empty where another field says it.
        scheduler_file: What a scheduler writes with `--scheduler-file`; read at each connection.
        local: So many worker processes of a cluster of ours on this machine instead.
        threads: Units that each of those does at once.
        ca_file: Certificates, PEM: who signs those of the cluster; with it nothing is spoken in the clear.
        cert_file: Ours.
        key_file: Its key.
        resources: What each unit needs of a worker's `--resources`, by name.
        environment: Variables of the processes of a cluster of ours.
    """

    scheduler: str = ""
    scheduler_file: str = ""
    local: int = 0
    threads: int = 1
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    resources: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    def __str__(self) -> str:
        if self.local:
            return f"the Dask cluster of this machine ({self.local} processes)"
        return f"the Dask scheduler at {self.scheduler or self.scheduler_file}"


class DaskWorkers:
    """
    See `model.carriers.UnitCarrier`. Used from any thread; one of its own keeps the connection.

    Attributes:
        place: Which cluster.
    """

    def __init__(self, place: DaskPlace, function: Callable[..., None], version: str, *, in_flight: int = 2) -> None:
        """
        Take what does one unit, a function of a module, and how many units each thread of a worker is sent.

        The function is called with `version`, of this program, and with run, kind, key and fence. It writes down what
        came of the unit and returns nothing, or raises `WorkerRefusedError`.
        """
        self.place, self._version = place, version
        self._function, self._in_flight = function, in_flight
        self._guard = threading.Lock()
        self._under_way: dict[UnitClaim, Any] = {}
        self._numbers = itertools.count()
        self._threads: Mapping[str, int] = {}
        self._refused: dict[str, str] = {}
        self._trouble = ""
        self._client: Any = None
        self._cluster: Any = None
        self._closing = threading.Event()
        self._looked = threading.Event()
        self._library = required("distributed", "dask", '`executor = "dask"`')
        _be_quiet()
        self._keeper = threading.Thread(target=self._keep, name="dask", daemon=True)
        self._keeper.start()

    # -------------------------------------------------------------- for runs

    def room(self) -> int:
        """Return how many more units may be begun now; the first call waits until the cluster was looked at once."""
        self._looked.wait(_CONNECT_SECONDS + _ANSWER_SECONDS)
        with self._guard:
            threads = sum(count for worker, count in self._threads.items() if worker not in self._refused)
            return max(0, threads * self._in_flight - len(self._under_way))

    def trouble(self) -> str:
        """Return why nothing can be begun now; empty where something can, or where workers merely have enough."""
        with self._guard:
            if self._trouble:
                return self._trouble
            if self._looked.is_set() and not self._threads:
                return f"{self.place} has no worker yet; units wait for one"
            if self._threads and self._refused.keys() >= self._threads.keys():
                return next(iter(self._refused.values()))
            return ""

    def beginning(self) -> str:
        if self._looked.is_set():
            return ""
        return f"{self.place} is beginning" if self.place.local else f"connecting to {self.place}"

    def begin(self, claim: UnitClaim, on_end: OnEnd) -> None:
        with self._guard:
            client, refused = self._client, set(self._refused)
            workers = [worker for worker in self._threads if worker not in refused] if refused else None
        if client is None:
            raise TransientError(self._trouble or f"{self.place} is not reached yet")
        words = (self._version, claim.run_id, claim.kind, claim.key, claim.fence)
        name = f"orchestrator-{claim.run_id}-{claim.kind}-{claim.key}-{claim.fence}-{next(self._numbers)}"
        try:
            future = client.submit(
                self._function,
                *words,
                key=name,
                pure=False,
                workers=workers,
                allow_other_workers=workers is not None,  # one that is gone by then is not waited for
                resources=dict(self.place.resources) or None,
            )
        except Exception as error:  # noqa: BLE001  whatever Dask says of a scheduler that is gone
            raise TransientError(f"{self.place} takes nothing: {_told(error)}") from None
        with self._guard:
            self._under_way[claim] = future
        future.add_done_callback(lambda done: self._ended(claim, done, on_end))

    def close(self) -> None:
        """Let go of every future, of the connection, and of a cluster of ours. May be called several times."""
        self._closing.set()
        self._keeper.join(_CONNECT_SECONDS + _ANSWER_SECONDS)
        self._disconnect()

    # ---------------------------------------------------------------- inside

    def _ended(self, claim: UnitClaim, future: Any, on_end: OnEnd) -> None:
        """Called in Dask's own thread; the future is let go of with this."""
        with self._guard:
            self._under_way.pop(claim, None)
        status = future.status
        if status == "finished":
            on_end(None)
        elif status == "error":
            on_end(self._judged(future.exception(timeout=_ANSWER_SECONDS)))
        else:
            on_end(Unanswered(f"{self.place} says that it is {status}", counted=False))

    def _judged(self, error: BaseException) -> Unanswered:
        """Return what an error of a unit means: of its worker, of the cluster, or of the program."""
        if isinstance(error, WorkerRefusedError):
            with self._guard:
                self._refused[error.address] = error.why
            log.get("dask").warning("dask.worker_refused", worker=error.address, why=error.why)
            return Unanswered(error.why, counted=False)
        if isinstance(error, self._library.scheduler.KilledWorker):
            return Unanswered("each worker that did it died, perhaps for lack of memory", counted=True)
        log.get("dask").error("dask.unit_failed", why=_told(error))
        if isinstance(error, ImportError):
            return Unanswered(
                f"a worker of {self.place} cannot load this program ({_told(error)}): install it there, and where the "
                "scheduler runs, in the same version as here",
                counted=True,
            )
        return Unanswered(f"a worker of {self.place} failed: {_told(error)}", counted=True)

    # ------------------------------------------------------------ its own thread

    def _keep(self) -> None:
        """Look at the cluster again and again, and connect anew where the scheduler was begun anew."""
        while not self._closing.is_set():
            try:
                self._look()
            except Exception as error:  # noqa: BLE001  the edge of a thread: whatever it is, it is looked again later
                self._said(
                    _told(error) if isinstance(error, UserError) else f"{self.place} does not answer: {_told(error)}"
                )
            self._looked.set()
            self._closing.wait(LOOK_SECONDS)

    def _look(self) -> None:
        if self._client is not None and self._client.status in ("closing", "closed"):
            self._disconnect(keep_cluster=True)
        if self._client is None:
            client = self._connected()
            with self._guard:
                self._client = client
        threads = self._client.nthreads(callback_timeout=_ANSWER_SECONDS)
        with self._guard:
            self._threads = dict(threads)
            self._refused = {worker: why for worker, why in self._refused.items() if worker in threads}
        self._said("")

    def _said(self, trouble: str) -> None:
        """Remember what is wrong; said once in the log."""
        with self._guard:
            before, self._trouble = self._trouble, trouble
            if trouble:
                self._threads = {}
        if trouble and trouble != before:
            log.get("dask").warning("dask.trouble", why=trouble)
        elif before and not trouble:
            log.get("dask").info("dask.connected", place=str(self.place))

    def _connected(self) -> Any:
        place, security = self.place, self._security()
        if place.local:
            if self._cluster is None:
                self._cluster = self._begun(security)
            return self._library.Client(self._cluster, timeout=_CONNECT_SECONDS, set_as_default=False)
        if place.scheduler_file and not Path(place.scheduler_file).expanduser().is_file():
            raise UserError(
                f"the file {place.scheduler_file} of `scheduler_file` under [dask] is not there: give the path that "
                "the scheduler was begun with (`dask scheduler --scheduler-file PATH`), on a folder that both see"
            )
        where: dict[str, Any] = {"address": place.scheduler} if place.scheduler else {}
        if not place.scheduler:
            where = {"scheduler_file": str(Path(place.scheduler_file).expanduser())}
        return self._library.Client(
            **where, timeout=_CONNECT_SECONDS, set_as_default=False, security=security, name="orchestrator"
        )

    def _security(self) -> Any:
        place, security = self.place, self._library.Security
        if place.local:  # whoever may speak to a scheduler may run code as its user: others of this machine may not
            return self._security_of_ours()
        if not place.ca_file:
            return None
        files = {"tls_ca_file": place.ca_file, "tls_client_cert": place.cert_file, "tls_client_key": place.key_file}
        for name, path in files.items():
            if not path or not Path(path).expanduser().is_file():
                setting = name.removeprefix("tls_").removeprefix("client_").removesuffix("_file")
                raise UserError(f"`{setting}_file` under [dask] is {path or 'not set'}; TLS needs all three files")
        return security(require_encryption=True, **{name: str(Path(path).expanduser()) for name, path in files.items()})

    def _security_of_ours(self) -> Any:
        if not hasattr(self, "_ours"):
            self._ours = self._library.Security.temporary()
        return self._ours

    def _begun(self, security: Any) -> Any:
        """Begin a cluster of ours, of which nothing can be reached from another machine."""
        import dask  # noqa: PLC0415  an extra

        routes: dict[str, list[str]] = {f"distributed.{what}.http.routes": [] for what in ("scheduler", "worker")}
        with dask.config.set(routes):
            cluster = self._library.LocalCluster(
                n_workers=self.place.local,
                threads_per_worker=self.place.threads,
                processes=True,
                host=LOOPBACK,
                dashboard_address=f"{LOOPBACK}:0",
                security=security,
                silence_logs=logging.WARNING,
                env=dict(self.place.environment),
            )
        strange = [address for address in addresses_of(cluster) if address != LOOPBACK]
        if strange:
            cluster.close(timeout=_ANSWER_SECONDS)
            raise UserError(
                f"Dask listens at {', '.join(sorted(strange))}, and not at {LOOPBACK} alone: a configuration of Dask's "
                "own (~/.config/dask, DASK_ variables) says so; take it away, or name a scheduler under [dask]"
            )
        return cluster

    def _disconnect(self, *, keep_cluster: bool = False) -> None:
        with self._guard:
            client, self._client, self._threads = self._client, None, {}
            cluster = None if keep_cluster else self._cluster
            self._cluster = self._cluster if keep_cluster else None
        if client is not None:
            with suppress(Exception):  # what is gone need not be closed
                client.close(timeout=_ANSWER_SECONDS)
        if cluster is not None:
            with suppress(Exception):
                cluster.sync(_end_workers, cluster)
            with suppress(Exception):
                cluster.close(timeout=_ANSWER_SECONDS)


async def _end_workers(cluster: Any) -> None:
    """
    End the processes of a cluster of ours at once, in its loop.

    They may die at any moment: what a unit has written down stays, and the rest is begun again. To end by themselves
    they take seconds each, on a busy machine more than they are given, and then they are killed with a warning.
    """
    import psutil  # type: ignore[import-untyped]  # noqa: PLC0415  comes with the extra; ships no types

    for nanny in cluster.workers.values():
        nanny.close_gracefully()  # so that it begins no other one instead
        if nanny.pid:
            with suppress(psutil.Error):
                psutil.Process(nanny.pid).kill()


def address_of_worker() -> str:
    """Return what the scheduler calls the worker that this thread does a unit for."""
    return str(required("distributed", "dask", "a worker of Dask's").get_worker().address)


def addresses_of(cluster: Any) -> set[str]:
    """Return the addresses that a cluster of this process listens at: its scheduler, its workers, their pages."""
    scheduler = cluster.scheduler
    found = {_host(listener.contact_address) for listener in scheduler.listeners}
    found |= {_host(listener.listen_address) for listener in scheduler.listeners}
    found |= {each.getsockname()[0] for each in scheduler.http_server._sockets.values()}  # noqa: SLF001  nobody says it
    for worker in scheduler.workers.values():
        found |= {_host(worker.address), *([_host(worker.nanny)] if worker.nanny else [])}
    return found


def _host(address: str) -> str:
    return address.rsplit("://", maxsplit=1)[-1].rsplit(":", 1)[0]


def _told(error: BaseException) -> str:
    return log.one_line(
        f"{type(error).__name__}: {error}" if not isinstance(error, OrchestratorError) else str(error), 300
    )


def _be_quiet() -> None:
    """
    Let what the library logs in this process become warnings of ours.

    Its errors are none of a run's: one that has lost its scheduler waits for it, and says so itself.
    """
    for name in ("distributed", "distributed.client", "distributed.gc", "tornado", "tornado.application"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name not in _LOUDEST
        logger.setLevel(logging.WARNING)
    for name in _LOUDEST:
        logging.getLogger(name).addHandler(_OfLibrary(logging.WARNING))


_LOUDEST = ("distributed", "tornado")


class _OfLibrary(logging.Handler):
    """Writes a line of the library as a warning of ours, in one line without its traceback."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(Exception):  # a line is not worth an error
            log.get("dask").warning("dask.library_said", who=record.name, why=log.one_line(record.getMessage(), 300))
