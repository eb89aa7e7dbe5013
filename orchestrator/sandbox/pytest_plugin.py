"""
Fixtures for other people's tests: Earth Engine, Cloud Storage and Drive of their program are a sandbox.

    # conftest.py
    pytest_plugins = ["orchestrator.sandbox.pytest_plugin"]

Nothing happens to a test that asks for no fixture. `docs/howto/test-your-program.md` shows how they are used.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from orchestrator.sandbox.scenes.catalogue import Catalogue
    from orchestrator.sandbox.server import Options, Sandbox


@pytest.fixture(scope="session")
def earthengine_catalogue() -> Catalogue:
    """Scenes and tables of the sandbox: the invented Earth. Override it to have others, or another seed."""
    from orchestrator.sandbox.scenes.world import WorldCatalogue  # noqa: PLC0415  whoever overrides it needs none

    return WorldCatalogue()


@pytest.fixture(scope="session")
def earthengine_options() -> Options:
    """Buckets, folders, slots, behaviour and quotas of the sandbox. Override it to have others."""
    from orchestrator.sandbox.server import Options  # noqa: PLC0415  a second, for whoever asks

    return Options()


@pytest.fixture(scope="session")
def earthengine_sandbox(earthengine_catalogue: Catalogue, earthengine_options: Options) -> Iterator[Sandbox]:
    """A sandbox that runs as long as the session; no client is pointed at it yet."""
    from orchestrator.sandbox.server import Sandbox  # noqa: PLC0415  a second, for whoever asks

    with Sandbox(earthengine_catalogue, earthengine_options) as running:
        yield running


@pytest.fixture
def ee_initialized(earthengine_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """
    The sandbox, with the real clients pointed at it for one test.

    `ee` is initialized. The program's own `ee.Initialize(...)` leads to the sandbox, too, whatever credentials and
    project it names (the project is kept), and `ee.Authenticate()` is content. google-cloud-storage and gcsfs find it
    by STORAGE_EMULATOR_HOST. Afterwards no fault is left, and `ee` is where it was before its first use.
    """
    import ee  # noqa: PLC0415  slow, and only for whoever asks
    from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415

    real, project = ee.Initialize, earthengine_sandbox.options.project

    def initialize(*_: Any, **named: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # anonymous credentials name no project for quotas
            chosen = named.get("project") or project
            real(credentials=AnonymousCredentials(), url=earthengine_sandbox.url, project=chosen)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(ee, "Initialize", initialize)
    monkeypatch.setattr(ee, "Authenticate", lambda *_, **__: True)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", earthengine_sandbox.url)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", project)
    ee.Reset()
    initialize()
    yield earthengine_sandbox
    ee.Reset()
    earthengine_sandbox.faults.clear()
    earthengine_sandbox.tasks.nudge()
