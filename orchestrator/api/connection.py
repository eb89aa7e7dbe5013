"""Where jobs run and where runs are remembered: Google with one's project, or a sandbox on this machine."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from orchestrator.app.records import Records
from orchestrator.app.sandbox_process import DEFAULT_BUCKET, private_sandbox, service_at
from orchestrator.config import Loaded, load

if TYPE_CHECKING:
    from orchestrator.app import Application

R = TypeVar("R", bound=Records)
Overrides = Mapping[str, Mapping[str, Any]]

_open: list[Connection] = []
_guard = threading.Lock()


class Connection:
    """
    What `connect` and `sandbox` return; jobs go to the one that was opened last and not closed.

    As a context manager it is closed at the end of the block. Closing stops the runs that were submitted in this
    process, cleanly: each commits its state and goes on where it was when its job is run again.

    Attributes:
        url: Address of the sandbox; empty for Google.
    """

    def __init__(self, loaded: Loaded, ending: ExitStack | None = None) -> None:
        self._loaded = loaded
        self._ending = ending or ExitStack()
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()
        self._records: list[Records] = []
        with _guard:
            _open.append(self)

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

    @contextmanager
    def lent(self) -> Iterator[Application]:
        """Lend everything a run works with for the time of a block; the work ends cleanly when its `stop` is set."""
        application = self._application(threading.Event(), self.shared)
        try:
            yield application
        finally:
            _let_go(application)

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
        """Begin something in a thread that ends before the connection does."""
        thread = threading.Thread(target=work, name=name)
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()
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
            _let_go(one)
        self._ending.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        settings = self._loaded.settings
        where = f"sandbox at {settings.ee.url}" if settings.ee.url else f"Google, project {settings.ee.project or '?'}"
        return f"<Connection to {where}, runs remembered in {self.state_dir}>"


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
    Say where jobs run; nothing is asked of anybody yet.

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
    given = _merged({"local": {"state_dir": os.fspath(state_dir)}}, {"gcs": {"bucket": bucket}})
    given = _merged(given, {"ee": {"project": project}})
    if sandbox_url:
        given = _merged(given, service_at(sandbox_url, bucket=bucket or DEFAULT_BUCKET))
    return Connection(load(Path(config) if config else None, profile=profile, overrides=given))


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
        scenes: Folder of real scenes (STAC items with rasters); synthetic ones otherwise.
        state_dir: See `connect`. What the sandbox keeps lies in it, so that a run that was stopped goes on.
        config: See `connect`.
        profile: See `connect`.
        slots: Tasks that run at a time.

    Raises:
        UserError: The sandbox did not start; its own sentence is in the message.
    """
    local = _merged({"local": {"state_dir": os.fspath(state_dir)}})
    path = Path(config) if config else None
    folder = load(path, profile=profile, overrides=local).settings.state_dir / "sandbox"
    with ExitStack() as ending:
        from orchestrator.clients.session import borrowed  # noqa: PLC0415  `ee` costs a second

        source = Path(scenes) if scenes else None
        told = ending.enter_context(private_sandbox(scenes=source, data_dir=folder, slots=slots)).wait()
        ending.enter_context(borrowed(told["url"]))
        given = _merged(local, service_at(told["url"], told["project"]))
        connection = Connection(load(path, profile=profile, overrides=given), ending.pop_all())
    try:
        connection.shared.earth_engine()  # so that images can be made at once
    except BaseException:
        connection.close()
        raise
    return connection


def _let_go(records: Records) -> None:
    """Close the database, where it was opened."""
    if "store" in vars(records):
        records.store.close()


def opened_application() -> Application | None:
    """Return what asks Earth Engine for the connection that is open; None where there is none."""
    with _guard:
        last = _open[-1] if _open else None
    return last.shared if last is not None else None


def current() -> Connection:
    """Return the connection that was opened last; where none is open, the one that the settings name."""
    with _guard:
        last = _open[-1] if _open else None
    return last or connect()


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
