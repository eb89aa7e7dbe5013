"""What a test is given: a running sandbox, and in one line each what a test orders of it or asks it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from os import PathLike
from pathlib import Path
from typing import Any

from orchestrator.sandbox.behaviour import Behaviour
from orchestrator.sandbox.cdse_testing import settings_of
from orchestrator.sandbox.clients_here import clients_at
from orchestrator.sandbox.ordered import OrderedSandbox
from orchestrator.sandbox.scenes.catalogue import Catalogue
from orchestrator.sandbox.scenes.stac import ScenesError
from orchestrator.sandbox.server import Options, Sandbox
from orchestrator.sandbox.sources import catalogue
from orchestrator.sandbox.web import ProtocolViolation

SCENES, SEED = "scenes", "seed"
_OPTIONS = tuple(each.name for each in fields(Options) if each.name not in ("tell", "worker"))


class EarthEngineSandbox(OrderedSandbox):
    """
    Earth Engine, Cloud Storage and Drive on loopback, with the real clients pointed at them.

    Attributes:
        sandbox: The services themselves, for whatever this has no line for.
        buckets: The buckets, as google-cloud-storage has them.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.buckets = ClientBuckets(sandbox)

    @property
    def project(self) -> str:
        """The project of whoever names none; every other exists, too."""
        return self.sandbox.options.project

    def scenes(self, source: str | PathLike[str] | Catalogue | None = None) -> None:
        """
        Serve other scenes from here on: those of a folder (STAC items, Sentinel-2 products) or of a catalogue.

        Without any, those again that the sandbox was started with.

        Raises:
            ValueError: The folder holds none that can be served.
        """
        self.sandbox.show(None if source is None else scenes_of(source))

    # ------------------------------------------------------------------- faults

    def fail_task(self, description: str | None = None, *, times: int | None = 1, **order: Any) -> int:
        """
        Let exports fail whose description fits a regular expression, with an internal error unless told otherwise.

        Args:
            description: The expression; None fits all.
            times: How many tasks; None is all.
            order: As of `fail`, such as `sentence="user_memory"`, `after=0.5` or `action="task_lose_file"`.

        Returns:
            The number of the order, for `acted`.

        Raises:
            ValueError: No such fault.
        """
        text = {} if description is None else {"text": description}
        said = {} if "message" in order or order.get("action", "task_fail") != "task_fail" else {"sentence": "internal"}
        return self._order({"action": "task_fail", "count": times, **text, **said, **order})

    # ----------------------------------------------------------------- questions

    def wait(self, task: Any = None, timeout_seconds: float = 60) -> None:
        """
        Wait until an export is over, whatever came of it; without one, until all are.

        Args:
            task: An `ee.batch.Task`, or the id of one.
            timeout_seconds: How long at the most.

        Raises:
            TimeoutError: It is not over by then.
        """
        numbers = [each.id for each in self.sandbox.operations.all()] if task is None else [getattr(task, "id", task)]
        for number in numbers:
            self.sandbox.tasks.wait(number, timeout_seconds=timeout_seconds)

    def drive(self) -> Any:
        """Return Drive's client, v3; its uploads come here, too."""
        from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415  only for whoever asks
        from googleapiclient.discovery import build  # noqa: PLC0415

        where = self.url + "/discovery/v1/apis/{api}/{apiVersion}/rest"
        credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
        return build("drive", "v3", credentials=credentials, discoveryServiceUrl=where, static_discovery=False)


class ClientBuckets:
    """The buckets of a sandbox, each as a `google.cloud.storage.Bucket`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def __iter__(self) -> Iterator[str]:
        return iter(each.name for each in self._client().list_buckets())

    def __getitem__(self, name: str) -> Any:
        """
        Return a bucket.

        Raises:
            KeyError: There is none of this name; it names those there are.
        """
        if not self._sandbox.buckets.exists(name):
            raise KeyError(f"no bucket is named {name!r}; there are {', '.join(self) or 'none'}")
        return self._client().bucket(name)

    def create(self, name: str) -> Any:
        """Make an empty bucket."""
        return self._client().create_bucket(name)

    def _client(self) -> Any:
        from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415  only for whoever asks
        from google.cloud import storage  # noqa: PLC0415

        credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
        where = {"api_endpoint": self._sandbox.url}
        return storage.Client(self._sandbox.options.project, credentials, client_options=where)


def scenes_of(source: str | PathLike[str] | Catalogue) -> Catalogue:
    """
    Return the scenes of a folder, or a catalogue as it is.

    Raises:
        ValueError: The folder holds none that can be served.
    """
    if not isinstance(source, (str, PathLike)):
        return source
    try:
        return catalogue(Path(source), 0)
    except ScenesError as error:
        raise ValueError(str(error)) from None


@contextmanager
def running(scenes: Catalogue, options: Options) -> Iterator[EarthEngineSandbox]:
    """Run a sandbox with the clients of this process pointed at it."""
    with Sandbox(scenes, options) as sandbox, clients_at(sandbox):
        yield EarthEngineSandbox(sandbox)


def changed(scenes: Catalogue, options: Options, changes: Mapping[str, Any]) -> tuple[Catalogue, Options]:
    """
    Return what a sandbox is started with, after a marker's word.

    Args:
        scenes: What it serves, unless `changes` name something else.
        options: The rest.
        changes: Attributes of `Options`; `behaviour`, `quotas` and `copernicus` also as what differs; `scenes`, a
            folder or a catalogue; `seed`, of the invented Earth.

    Raises:
        ValueError: A name is unknown, or its value is none that can be had.
    """
    given = dict(changes)
    if SCENES in given:
        scenes = scenes_of(given.pop(SCENES))
    if SEED in given:
        scenes = catalogue(None, given.pop(SEED))
    if unknown := sorted(set(given) - set(_OPTIONS)):
        raise ValueError(f"the sandbox has no option {unknown[0]!r}; it has {', '.join((*_OPTIONS, SCENES, SEED))}")
    return scenes, replace(options, **{name: _read(name, value, options) for name, value in given.items()})


def _read(name: str, value: Any, options: Options) -> Any:
    """Read an option as it is written by hand."""
    if name in ("buckets", "drive_folders"):
        if isinstance(value, str):
            raise ValueError(f"{name} is a list of names, got {value!r}")
        return tuple(value)
    if name == "behaviour" and isinstance(value, (str, PathLike)):
        return Behaviour.read(Path(value))
    if name == "behaviour" and isinstance(value, Mapping):
        return _behaviour(options.behaviour, value)
    if name == "copernicus" and isinstance(value, Mapping):
        return settings_of(options.copernicus, value)
    if name == "quotas" and isinstance(value, Mapping):
        try:
            return options.quotas.changed(value)
        except ProtocolViolation as error:
            raise ValueError(str(error)) from None
    return value


def _behaviour(usual: Behaviour, told: Mapping[str, Any]) -> Behaviour:
    known = [each.name for each in fields(Behaviour)]
    if unknown := sorted(set(told) - set(known)):
        raise ValueError(f"behaviour has no {unknown[0]!r}; it has {', '.join(known)}")
    return replace(usual, **told)
