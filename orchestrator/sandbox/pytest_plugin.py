"""
Fixtures for other people's tests: Earth Engine, Cloud Storage, Drive and Copernicus of their program are a sandbox.

pytest finds this by itself where the package is installed, and reads nothing else of it before a test asks for a
fixture. `docs/howto/test-your-program.md` shows how they are used.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from orchestrator.sandbox.cdse.settings import Copernicus
    from orchestrator.sandbox.cdse_testing import CopernicusSandbox
    from orchestrator.sandbox.scenes.catalogue import Catalogue
    from orchestrator.sandbox.server import Options, Sandbox
    from orchestrator.sandbox.testing import EarthEngineSandbox

MARKER = "earth_engine_sandbox"
COPERNICUS_MARKER = "copernicus_sandbox"
SCOPE = "earth_engine_sandbox_scope"
SCOPES = ("function", "class", "module", "package", "session")
_shared = pytest.StashKey[list["EarthEngineSandbox"]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting of the scope."""
    parser.addini(SCOPE, "how long a sandbox of `earth_engine_sandbox` lives: function or session", default="function")


def pytest_configure(config: pytest.Config) -> None:
    """Tell what the marker is."""
    config.addinivalue_line(
        "markers", f"{MARKER}(**options): buckets, slots, behaviour, quotas, scenes, seed ... of a test's sandbox"
    )
    config.addinivalue_line(
        "markers", f"{COPERNICUS_MARKER}(**settings): folder, accounts, totp_secret, at_once ... of a test's Copernicus"
    )
    config.stash[_shared] = []
    _scope(config)  # what is none is said before anything is collected


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse options of a test where the sandbox is not its own."""
    if (scope := _scope(config)) == "function":
        return
    for item in items:
        if next(item.iter_markers(MARKER), None) is not None:
            raise pytest.UsageError(
                f"{item.nodeid} has a marker {MARKER}, but with {SCOPE} = {scope} it shares its sandbox with others: "
                "override the fixture earthengine_options for all of them, or take the setting away"
            )


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Let no fault of a test act in the next one, also where they share a sandbox."""
    for sandbox in item.config.stash[_shared]:
        sandbox.recover()


def _scope(config: pytest.Config) -> str:
    scope = str(config.getini(SCOPE))
    if scope not in SCOPES:
        raise pytest.UsageError(f"{SCOPE} is {scope!r}; choose one of {', '.join(SCOPES)}")
    return scope


def _scope_of_fixture(fixture_name: str, config: pytest.Config) -> Any:  # noqa: ARG001  pytest's own names
    return _scope(config)


@pytest.fixture(scope="session")
def earthengine_catalogue() -> Catalogue:
    """Scenes and tables of every sandbox: the invented Earth. Override it to have others, or another seed."""
    from orchestrator.sandbox.scenes.world import WorldCatalogue  # noqa: PLC0415  whoever overrides it needs none

    return WorldCatalogue()


@pytest.fixture(scope="session")
def earthengine_options() -> Options:
    """Buckets, folders, slots, behaviour and quotas of every sandbox. Override it to have others."""
    from orchestrator.sandbox.server import Options  # noqa: PLC0415  a second, for whoever asks

    return Options()


@pytest.fixture(scope="session")
def _ee_as_it_was() -> Iterator[None]:
    """`ee` keeps the functions it has learnt from test to test, and forgets them in the end."""
    yield
    if "ee" in sys.modules:
        from orchestrator.sandbox.clients_here import forget_functions  # noqa: PLC0415

        forget_functions()


@pytest.fixture(scope=_scope_of_fixture)
def earth_engine_sandbox(
    request: pytest.FixtureRequest,
    earthengine_catalogue: Catalogue,
    earthengine_options: Options,
    _ee_as_it_was: None,
) -> Iterator[EarthEngineSandbox]:
    """
    A running sandbox, empty, with `ee` initialized and google-cloud-storage pointed at it.

    Each test has its own, started as `@pytest.mark.earth_engine_sandbox(buckets=["mine"], slots=1, ...)` says; or all
    share one, by `earth_engine_sandbox_scope = session` among pytest's settings.
    """
    from orchestrator.sandbox.testing import changed, running  # noqa: PLC0415  seconds, for whoever asks

    trouble = ""
    try:
        scenes, options = changed(earthengine_catalogue, earthengine_options, _asked_for(request, MARKER))
    except ValueError as error:
        trouble = str(error)
    if trouble:  # outside, where pytest shows nothing but the sentence
        pytest.fail(trouble, pytrace=False)
    shared = request.config.stash[_shared]
    with running(scenes, options) as sandbox:
        shared.append(sandbox)
        yield sandbox
        shared.remove(sandbox)


def _asked_for(request: pytest.FixtureRequest, name: str) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers(name))):  # the nearest has the last word
        if marker.args:
            raise ValueError(f"the marker {name} takes options by their names, got {marker.args[0]!r}")
        changes |= marker.kwargs
    return changes


@pytest.fixture(scope="session")
def copernicus_settings() -> Copernicus:
    """Products, accounts and limits of every `copernicus_sandbox`. Override it to have others."""
    from orchestrator.sandbox.cdse.settings import Copernicus  # noqa: PLC0415  a second, for whoever asks

    return Copernicus()


@pytest.fixture
def copernicus_sandbox(request: pytest.FixtureRequest, copernicus_settings: Copernicus) -> Iterator[CopernicusSandbox]:
    """
    A running Copernicus Data Space of the test's own, with nobody logged in and nothing fetched.

    It is started as `@pytest.mark.copernicus_sandbox(folder=..., at_once=2, ...)` says. The program under test is given
    its addresses as it is given the service's.
    """
    from orchestrator.sandbox.cdse_testing import running, settings_of  # noqa: PLC0415  seconds, for whoever asks

    with ExitStack() as stack:
        trouble = ""
        try:
            settings = settings_of(copernicus_settings, _asked_for(request, COPERNICUS_MARKER))
            sandbox = stack.enter_context(running(settings))
        except ValueError as error:
            trouble = str(error)
        if trouble:  # outside, where pytest shows nothing but the sentence
            pytest.fail(trouble, pytrace=False)
        yield sandbox


@pytest.fixture(scope="session")
def earthengine_sandbox(earthengine_catalogue: Catalogue, earthengine_options: Options) -> Iterator[Sandbox]:
    """A bare `Sandbox` that runs as long as the session; no client is pointed at it yet."""
    from orchestrator.sandbox.server import Sandbox  # noqa: PLC0415  seconds, for whoever asks

    with Sandbox(earthengine_catalogue, earthengine_options) as bare:
        yield bare


@pytest.fixture
def ee_initialized(earthengine_sandbox: Sandbox, _ee_as_it_was: None) -> Iterator[Sandbox]:
    """The session's bare `Sandbox`, with the clients pointed at it for one test; no fault is left afterwards."""
    from orchestrator.sandbox.clients_here import clients_at  # noqa: PLC0415  a second, for whoever asks

    with clients_at(earthengine_sandbox):
        yield earthengine_sandbox
    earthengine_sandbox.faults.clear()
    earthengine_sandbox.tasks.nudge()
