"""What is stored about runs, for those who only look: no cloud, no raster, no area is needed for that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType

from orchestrator.config import Settings
from orchestrator.core.clock import SystemClock
from orchestrator.core.errors import OrchestratorError, UserError
from orchestrator.core.guard import make_private, make_private_folder, read_secret
from orchestrator.core.locks import LockedError, LockFile, exclusive, holder_of
from orchestrator.core.machine import kernel
from orchestrator.engine.leadership import Term
from orchestrator.engine.leases import Lease, RunLeases, Worker, taken
from orchestrator.engine.standing import Standing, standing
from orchestrator.engine.stores.address import with_password
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.database import is_begun
from orchestrator.engine.stores.records import LeaseRow
from orchestrator.engine.stores.sql import SqlStore


class Records:
    """The state folder of some settings, opened when first needed."""

    def __init__(
        self,
        settings: Settings,
        *,
        refused_jobs: Mapping[str, str] = MappingProxyType({}),
        config_dir: Path | None = None,
    ) -> None:
        self.settings = settings
        self.refused_jobs = refused_jobs  # of config.toml: name and what is wrong
        self.config_dir = config_dir or Path.cwd()  # what relative paths of jobs in config.toml count from
        self.clock = SystemClock()
        self.term: Term | None = None  # while this process leads

    @property
    def database(self) -> Path:
        """The file that everything is remembered in."""
        return self.settings.state_dir / "state.db"

    def folder(self) -> Path:
        """Return the state folder, made where it is not there, into which nobody else may look."""
        make_private_folder(self.settings.state_dir)
        return self.settings.state_dir

    @property
    def making_root(self) -> Path:
        """Below which results are made that are delivered elsewhere."""
        work = self.settings.local.work_dir
        return Path(work).expanduser().resolve() if work else self.settings.state_dir

    @cached_property
    def store_url(self) -> str:
        """
        The address of the database, with its password.

        Raises:
            ConfigError: `[store] url` is none, or its password's file cannot be used.
        """
        url = self.settings.store.url.get_secret_value().strip()
        return self.with_password(url) if url else f"sqlite:///{self.database}"

    def with_password(self, url: str) -> str:
        """Return the address of a database with the password that `[store] password_file` holds; errors as above."""
        if not (path := self.settings.store.password_file):
            return url
        return with_password(url, _password_in(path))

    @property
    def is_file(self) -> bool:
        """Whether the database is a file of the state folder, and not a server's."""
        return not self.settings.store.url.get_secret_value().strip()

    def has_state(self) -> bool:
        """
        Tell whether anything was ever stored here; asking makes nothing.

        Raises:
            ConfigError, TransientError, StateError: A server that would have it cannot be asked.
        """
        if self.is_file:
            return self.database.is_file()
        return "store" in self.__dict__ or is_begun(self.store_url)

    @cached_property
    def store(self) -> Store:
        self.folder()
        if self.is_file:
            make_private(self.database)  # and what SQLite puts beside it has the same mode
        path = self.settings.store.password_file
        return SqlStore(self.store_url, self.clock, partial(_password_in, path) if path and not self.is_file else None)

    def close(self) -> None:
        """Let go of the database, where it was opened."""
        if "store" in self.__dict__:
            self.store.close()

    @cached_property
    def kernel(self) -> str:
        """
        Within which processes the lock files tell who is dead.

        That is a running kernel; where other state folders share a server's database, also this folder: they have lock
        files of their own.
        """
        if self.is_file:
            return kernel()
        about = self.folder().stat()
        return f"{kernel()}/{about.st_dev}:{about.st_ino}"

    @cached_property
    def leases(self) -> RunLeases:
        """The runs that this process has."""
        seconds, worker = self.settings.serve.lease, replace(Worker.here(), kernel=self.kernel)
        return RunLeases(lambda: self.store, self.clock, seconds, worker, self.check_leader)

    def check_leader(self) -> None:
        """
        Make sure, before an effect elsewhere, that no other daemon leads where this process did.

        Raises:
            FencedError: Another does.
            TransientError, SpaceError: The store cannot say so now.
        """
        if self.term is not None:
            self.term.check()

    @property
    def is_deposed(self) -> bool:
        """Whether this process led, and another is known to do so by now."""
        if self.term is not None and not self.term.is_lost:
            with suppress(OrchestratorError):
                self.term.check()
        return self.term is not None and self.term.is_lost

    @contextmanager
    def lock(self, run_id: str) -> Iterator[Lease]:
        """
        Hold a run for this process: by its lease, and on one host by a lock file, which dies with its process.

        Raises:
            LockedError: Another process has it; the message says which, and since when.
        """
        self.folder()
        with ExitStack() as stack:
            try:
                taken = exclusive(self._lock_of(run_id), f"run {run_id}", lambda pid: self._is_deposed(run_id, pid))
                stack.enter_context(taken)
            except LockedError as error:
                raise LockedError(self._holder(run_id) or str(error)) from None
            yield stack.enter_context(self.leases.hold(run_id))

    def _is_deposed(self, run_id: str, pid: str) -> bool:
        """Tell whether the process that has a run's lock file led before this one, and was stopped meanwhile."""
        deposed = Worker.parse(self.leases.deposed)
        return (
            deposed is not None
            and (str(deposed.pid), deposed.kernel) == (pid, self.kernel)
            and self.store.leases.at(run_id).worker == self.leases.deposed
        )

    def _holder(self, run_id: str) -> str:
        """Say who has a run whose lock file is held, where its lease is of the same process."""
        with suppress(OrchestratorError):
            worker = self.store.leases.at(run_id).worker
            found = Worker.parse(worker)
            if found and str(found.pid) == holder_of(self._lock_of(run_id)):
                return taken(run_id, worker)
        return ""

    def forget_lock(self, run_id: str) -> None:
        """Remove the lock file of a run that is not there any more."""
        file = LockFile(self._lock_of(run_id))
        with suppress(LockedError, UserError):
            file.acquire(lambda _said: "")
            file.remove()

    def standing(self) -> Standing:
        """Return how the limits of the project stand, as every process of this state has written them down."""
        now = self.clock.now().timestamp()
        live, most, scopes = self.store.tasks.live(), self.settings.ee.live_tasks, self.scopes
        found = standing(self.store.limits, live, most, now, scopes)
        if found.limits or self.settings.ee.url or self.settings.ee.project:
            return found
        # Who names neither a project nor an address looks at what `--sandbox` or `--sandbox-url` did.
        return standing(self.store.limits, live, most, now, dict.fromkeys(scopes, "@sandbox"))

    @property
    def scopes(self) -> Mapping[str, str]:
        """What the names of limits end with, by the word that they begin with: a sandbox has limits of its own."""
        google = "@sandbox" if self.settings.ee.url else ""
        copernicus = "@sandbox" if self.settings.copernicus.url else ""
        return {"ee": google, "gcs": google, "downloads": google, "copernicus": copernicus}

    def worker(self, run_id: str) -> str:
        """Return the id of the process that works on a run, with its host where that is another; empty: none does."""
        return self.worker_of(run_id, self.store.leases.at(run_id))

    def worker_of(self, run_id: str, lease: LeaseRow) -> str:
        """As `worker`, of a run with this lease."""
        if pid := holder_of(self._lock_of(run_id)):
            return pid
        found = Worker.parse(lease.worker)
        if lease.left_seconds <= 0 or found is None or found.is_told_by_locks(self.leases.worker):
            return ""
        return f"{found.pid} on {found.host}"

    def _lock_of(self, run_id: str) -> Path:
        return self.settings.state_dir / "locks" / run_id


def _password_in(path: str) -> str:
    return read_secret(Path(path).expanduser(), "[store]: password_file").strip("\r\n")
