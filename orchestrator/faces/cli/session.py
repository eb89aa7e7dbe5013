"""What every command needs: settings, an application, a stop that signals set, perhaps a private sandbox."""

from __future__ import annotations

import signal
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.app.records import Records
from orchestrator.app.sandbox_process import DEFAULT_BUCKET, SANDBOX_PROJECT, private_sandbox, service_at
from orchestrator.config import Loaded, load, load_part
from orchestrator.core.errors import UserError
from orchestrator.core.guard import make_private_folder
from orchestrator.faces.cli.called import Called
from orchestrator.faces.cli.output import Output

if TYPE_CHECKING:
    from orchestrator.app import Application


_NOT_STARTED = "http://127.0.0.1:0"  # the address of a private sandbox that does not run; no client is given it


@dataclass(slots=True)
class Context:
    """The options before the command."""

    config: Path | None = None
    profile: str = ""
    state_dir: str = ""
    as_json: bool = False
    quiet: bool = False
    verbose: bool = False
    project: str = ""  # which some commands name for themselves
    stop: threading.Event = field(default_factory=threading.Event)
    signalled: threading.Event = field(default_factory=threading.Event)  # `stop` was set by a signal
    called: Called = field(default_factory=Called)

    def __post_init__(self) -> None:
        self.called.options = self.words

    def words(self) -> list[str]:
        """Return the options that another command needs too, to look at the same runs with the same settings."""
        given = {"--config": self.config, "--profile": self.profile, "--state-dir": self.state_dir}
        return [word for name, value in given.items() if value for word in (name, str(value))]

    def overrides(self) -> dict[str, dict[str, Any]]:
        """Return what the options before the command set."""
        found: dict[str, dict[str, Any]] = {}
        if self.state_dir:
            found["local"] = {"state_dir": self.state_dir}
        if self.project:
            found["ee"] = {"project": self.project}
        if self.verbose:
            found["log"] = {"level": "debug"}
        return found

    def load(self, more: Mapping[str, Mapping[str, Any]] | None = None) -> Loaded:
        """Read the settings with the options laid over them."""
        merged = self.overrides()
        for section, values in (more or {}).items():
            merged[section] = {**merged.get(section, {}), **values}
        return load(self.config, profile=self.profile, overrides=merged)

    def load_part(self, names: Collection[tuple[str, str]]) -> tuple[Loaded, str]:
        """Read the settings for a command that needs these alone; say what is wrong with the others, else nothing."""
        return load_part(names, self.config, profile=self.profile, overrides=self.overrides())

    def go_on(self) -> bool:
        """Begin anew after a stop that no signal asked for; tell whether that is so."""
        if not self.signalled.is_set():
            self.stop = threading.Event()  # what still waits for the other one is over
        return not self.signalled.is_set()

    def output(self) -> Output:
        return Output(as_json=self.as_json, quiet=self.quiet, called=self.called)


def looking(context: Context) -> Records:
    """Return what is stored, whether or not there is anything yet."""
    loaded = context.load()
    folder = loaded.path.resolve().parent if loaded.path else None
    return Records(loaded.settings, refused_jobs=loaded.refused_jobs, config_dir=folder)


def resting(context: Context) -> Records:
    """
    Return what is stored, for a look at it; nothing is made where nothing is.

    Raises:
        UserError: Nothing has ever been run with this state folder.
    """
    records = looking(context)
    if not records.has_state():
        raise UserError(f"there is no run yet in {records.settings.state_dir}; name another folder with --state-dir")
    return records


@contextmanager
def opened(context: Context, given: Mapping[str, Any], output: Output) -> Iterator[Application]:
    """Yield the application for the service that the options name; a private sandbox ends with the block."""
    loaded = loaded_for(context, given)
    context.called.service = _service_words(given)
    if not given.get("sandbox"):
        yield application(context, loaded, output)
        return
    make_private_folder(loaded.settings.state_dir)
    with private_sandbox(scenes=given.get("scenes"), data_dir=loaded.settings.state_dir / "sandbox") as sandbox:
        with output.busy("starting a sandbox"):
            told = sandbox.wait()
        for sentence in sandbox.said():
            output.note(sentence)
        overrides = service_at(told["url"], told["project"], given.get("bucket") or DEFAULT_BUCKET)
        yield application(context, context.load(overrides), output)


def loaded_for(context: Context, given: Mapping[str, Any]) -> Loaded:
    """
    Return the settings for the service that the options name; nothing is started and nobody is asked.

    A private sandbox has a bucket and a project before it has an address.

    Raises:
        UserError: The options contradict each other.
    """
    _check_service_options(given)
    if not given.get("sandbox") and not given.get("sandbox_url"):
        return context.load({"gcs": {"bucket": given["bucket"]}} if given.get("bucket") else None)
    url = given.get("sandbox_url") or _NOT_STARTED
    return context.load(service_at(url, SANDBOX_PROJECT, given.get("bucket") or DEFAULT_BUCKET))


def _service_words(given: Mapping[str, Any]) -> list[str]:
    words = ["--sandbox"] if given.get("sandbox") else []
    named = {"--sandbox-url": given.get("sandbox_url"), "--bucket": given.get("bucket")}
    return words + [word for name, value in named.items() if value for word in (name, str(value))]


def _check_service_options(given: Mapping[str, Any]) -> None:
    if given.get("scenes") and not given.get("sandbox"):
        raise UserError("--scenes feeds the private sandbox; add --sandbox")
    if given.get("scenes") and not Path(given["scenes"]).is_dir():
        raise UserError(f"--scenes {given['scenes']} is no folder; name one with STAC items or Sentinel-2 products")
    if given.get("sandbox") and given.get("sandbox_url"):
        raise UserError("--sandbox starts a sandbox, --sandbox-url uses one that runs; give one of them")


def application(context: Context, loaded: Loaded, output: Output) -> Application:
    """Return the application, with logging set up and signals obeyed."""
    from orchestrator.app import Application  # noqa: PLC0415  who only looks does not need it
    from orchestrator.core import log  # noqa: PLC0415

    settings = loaded.settings
    log.configure(
        settings.log.level if context.verbose else _calmer(settings.log.level), settings.log.style, output.log_stream()
    )
    obey_signals(context.stop, context.signalled)
    folder = loaded.path.resolve().parent if loaded.path else None
    return Application(
        settings, stop=context.stop, notify=output.event, config_dir=folder, refused_jobs=loaded.refused_jobs
    )


def _calmer(level: str) -> str:
    """In a foreground command the output tells the story; the log is for what is wrong."""
    return "warning" if level in ("debug", "info") else level


def obey_signals(stop: threading.Event, signalled: threading.Event | None = None) -> None:
    """The first signal asks for a clean end, and says so; the second one ends at once."""

    def ask(number: int, _frame: object) -> None:
        if signalled is not None:
            signalled.set()
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, ask)
        if signalled is not None and signalled.is_set():  # it came while nobody listened
            stop.set()
