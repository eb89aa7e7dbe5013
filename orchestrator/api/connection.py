"""Where jobs run and where runs are remembered: Google with one's project, or a sandbox on this machine."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pydantic import SecretStr

from orchestrator.api.arguments import check_count, path_of, saying_why
from orchestrator.api.working import at_work, begin, end, refuse_others, stay
from orchestrator.app.records import Records
from orchestrator.app.sandbox_process import DEFAULT_BUCKET, private_sandbox, service_at
from orchestrator.config import Loaded, load
from orchestrator.config.sections import CdseCredentials
from orchestrator.core.errors import UserError
from orchestrator.core.guard import make_private_folder

if TYPE_CHECKING:
    from orchestrator.app import Application

R = TypeVar("R", bound=Records)
Overrides = Mapping[str, Mapping[str, Any]]

_open: list[Connection] = []
_guard = threading.Lock()
# Those that were opened in this thread, or in this task of asyncio's and what it began.
_mine: ContextVar[tuple[Connection, ...]] = ContextVar("connections", default=())


class Connection:
    """
    What `connect` and `sandbox` return; jobs go to the one that this thread opened last and has not closed.

    A thread that opened none takes the one that is open, so that several may work with one.

    As a context manager it is closed at the end of the block. Closing stops the runs that were submitted in this
    process, cleanly: each commits its state and goes on where it was when its job is run again.

    Attributes:
        url: Address of the sandbox; empty for Google.
        opener: The thread that opened it.
    """

    def __init__(self, loaded: Loaded, ending: ExitStack | None = None) -> None:
        self._loaded = loaded
        self._ending = ending or ExitStack()
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()
        self._records: list[Records] = []
        self.opener = threading.current_thread()
        with _guard:
            _open.append(self)
        _mine.set((*(one for one in _mine.get() if one in _open), self))

    @property
    def url(self) -> str:
        return self._loaded.settings.ee.url

    @property
    def state_dir(self) -> Path:
        """Where runs are remembered."""
        return self._loaded.settings.state_dir

    @cached_property
    def records(self) -> Records:
        """What is stored, for who only looks."""
        return self._kept(Records(self._loaded.settings, **self._places()))

    @cached_property
    def shared(self) -> Application:
        """What the runs that were submitted in this process work with."""
        return self._kept(self._application(self._stop))

    @property
    def knows_copernicus_account(self) -> bool:
        """Whether it is said who we are to Copernicus; a sandbox has a user of its own."""
        settings, cdse = self._loaded.settings, self._loaded.settings.credentials.cdse
        return bool(settings.copernicus.url or cdse.key_file or cdse.user or cdse.client_id)

    def as_copernicus_user(self, user: str, password: str, totp: str = "") -> Connection:
        """Return a connection to the same place for another user of Copernicus; it is closed on its own."""
        account = CdseCredentials(user=user, password=SecretStr(password), totp=SecretStr(totp))
        credentials = self._loaded.settings.credentials.model_copy(update={"cdse": account})
        settings = self._loaded.settings.model_copy(update={"credentials": credentials})
        return Connection(replace(self._loaded, settings=settings))

    @contextmanager
    def lent(self) -> Iterator[Application]:
        """
        Lend everything a run works with for the time of a block; the work ends cleanly when its `stop` is set.

        Raises:
            UserError: Another service is at work in this process.
        """
        with self.working():
            application = self._application(threading.Event(), self.shared)
            try:
                yield application
            finally:
                application.close()

    def sign_in(self) -> Self:
        """
        Sign the client `ee` in here and return the connection, so that your own code can make images at once.

        Verbs of ours sign it in themselves; `sandbox` has done it already.

        Raises:
            UserError: Another service is at work in this process, or no project is named.
            CredentialError: Google does not accept who you are.
        """
        with self.working():
            self.shared.earth_engine()
            stay()
        return self

    def working(self) -> AbstractContextManager[None]:
        """Be at work here for the time of a block; errors as `lent`."""
        return at_work(self.place)

    @property
    def place(self) -> str:
        """The service, as a person is told it."""
        ee = self._loaded.settings.ee
        return f"the sandbox at {ee.url}" if ee.url else f"Google, project {ee.project or '?'}"

    def _application(self, stop: threading.Event, beside: Application | None = None) -> Application:
        from orchestrator.app import Application  # noqa: PLC0415  who only looks does not need it

        return Application(self._loaded.settings, stop=stop, beside=beside, **self._places())

    def _places(self) -> dict[str, Any]:
        folder = self._loaded.path.resolve().parent if self._loaded.path else None
        return {"config_dir": folder, "refused_jobs": self._loaded.refused_jobs}

    def _kept(self, records: R) -> R:
        self._records.append(records)
        return records

    def start(self, work: Callable[[], None], name: str) -> threading.Thread:
        """
        Begin something in a thread that ends before the connection does; it is at work here.

        Raises:
            UserError: Another service is at work in this process.
        """
        place = self.place

        def worked() -> None:
            try:
                work()
            finally:
                end(place)

        thread = threading.Thread(target=worked, name=name)
        begin(place)
        try:
            self._threads = [one for one in self._threads if one.is_alive()] + [thread]
            thread.start()
        except BaseException:
            end(place)
            raise
        return thread

    def close(self) -> None:
        """End what runs here, and let go of the database and of the sandbox; again has no effect."""
        with _guard:
            if self not in _open:
                return
            _open.remove(self)
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for one in self._records:
            one.close()
        self._ending.close()
        self._forget()

    def _forget(self) -> None:
        """Let the client not be given back to a service that was used through this connection only."""
        session = sys.modules.get("orchestrator.clients.session")
        with _guard:
            others = {one.place for one in _open}
        if session is not None and self.place not in others:
            ee = self._loaded.settings.ee
            session.CLIENT.forget(ee.url, ee.project)
        if definitions := sys.modules.get("orchestrator.recipes.definitions"):
            definitions.forget()  # what users' files asked of that service

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Connection to {self.place}, runs remembered in {self.state_dir}>"


def connect(
    *,
    project: str = "",
    bucket: str = "",
    state_dir: str | os.PathLike[str] = "",
    config: str | os.PathLike[str] | None = None,
    profile: str = "",
    sandbox_url: str = "",
) -> Connection:
    """
    Say where jobs run; nothing is asked of anybody yet, and `ee` is signed in by `sign_in` or the first verb.

    What is not given is taken from config.toml and the environment, as the command line does.

    Args:
        project: Google Cloud project that is registered for Earth Engine.
        bucket: For the part files.
        state_dir: Where runs are remembered; the command line with the same folder sees them, and goes on with them.
        config: Settings file; by default ./config.toml where there is one.
        profile: Table `[profiles.NAME]` of it.
        sandbox_url: A sandbox that runs already (`orchestrator sandbox`), instead of Google.

    Raises:
        ConfigError: A setting is wrong.
    """
    given = _merged(_state(state_dir), {"gcs": {"bucket": bucket}})
    given = _merged(given, {"ee": {"project": project}})
    if sandbox_url:
        given = _merged(given, service_at(sandbox_url, bucket=bucket or DEFAULT_BUCKET))
    return Connection(load(_config(config), profile=profile, overrides=given))


def sandbox(
    *,
    scenes: str | os.PathLike[str] | None = None,
    state_dir: str | os.PathLike[str] = "",
    config: str | os.PathLike[str] | None = None,
    profile: str = "",
    slots: int = 2,
) -> Connection:
    """
    Start an Earth Engine, a Cloud Storage and a Drive on this machine, without an account; use it with `with`.

    They end when the connection is closed, and the client of Earth Engine, which is signed in to them meanwhile, is
    given back as it was.

    Args:
        scenes: Folder of real scenes (STAC items or Sentinel-2 products); synthetic ones otherwise.
        state_dir: See `connect`. What the sandbox keeps lies in it, so that a run that was stopped goes on.
        config: See `connect`.
        profile: See `connect`.
        slots: Tasks that run at a time.

    Raises:
        UserError: The sandbox did not start, and its own sentence is in the message; or another service is at work in
            this process.
    """
    refuse_others("a sandbox of its own")
    check_count(slots, "slots")
    local = _merged(_state(state_dir))
    path = _config(config)
    folder = load(path, profile=profile, overrides=local).settings.state_dir / "sandbox"
    with ExitStack() as ending:
        from orchestrator.clients.session import borrowed  # noqa: PLC0415  `ee` costs a second

        source = path_of(scenes, "scenes") if scenes else None
        with saying_why(folder):
            make_private_folder(folder.parent)
            told = ending.enter_context(private_sandbox(scenes=source, data_dir=folder, slots=slots)).wait()
        ending.enter_context(borrowed(told["url"]))
        given = _merged(local, service_at(told["url"], told["project"]))
        connection = Connection(load(path, profile=profile, overrides=given), ending.pop_all())
    try:
        return connection.sign_in()
    except BaseException:
        connection.close()
        raise


def _state(folder: object) -> dict[str, dict[str, str]]:
    return {"local": {"state_dir": str(path_of(folder, "state_dir"))}} if folder != "" else {}


def _config(path: object) -> Path | None:
    return path_of(path, "config") if path else None


@contextmanager
def opened_application() -> Iterator[Application | None]:
    """Lend what asks Earth Engine for the connection that jobs go to; None where none is open."""
    last = _newest()
    if last is None:
        yield None
    else:
        with last.working():
            yield last.shared


def current() -> Connection:
    """
    Return the connection that jobs go to where none is named.

    That is the one this thread opened last; where it opened none, the one that is open; where none is, the one that
    the settings name.

    Raises:
        UserError: This thread opened none, and several are open that lead to different places.
    """
    return _newest() or connect()


def _newest() -> Connection | None:
    with _guard:
        here = [one for one in _mine.get() if one in _open]
        here = here or [one for one in _open if one.opener is threading.current_thread()]
        found = here or _open
        if not here and len({(one.place, one.state_dir) for one in _open}) > 1 and _have_several_openers():
            raise UserError(
                f"{len(_open)} connections are open, and this thread opened none of them; say which is meant: "
                "connection=..."
            )
        return found[-1] if found else None


def _have_several_openers() -> bool:
    return len({id(one.opener) for one in _open}) > 1


def _merged(*layers: Overrides) -> dict[str, dict[str, Any]]:
    """Return settings laid over each other; what is empty says nothing."""
    found: dict[str, dict[str, Any]] = {}
    for layer in layers:
        for section, values in layer.items():
            kept = {key: value for key, value in values.items() if value != ""}
            if kept:
                found[section] = {**found.get(section, {}), **kept}
    return found


def _close_all() -> None:
    for connection in reversed(tuple(_open)):
        connection.close()


# Before the executors of the standard library refuse work: a run that was submitted ends cleanly with the program.
getattr(threading, "_register_atexit", atexit.register)(_close_all)
