"""The direct route to a sandbox with one stored image of every number type."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import ee
import pytest
from google.auth.credentials import AnonymousCredentials
from typed_world import ASSET, GRID, TypedCatalogue

import orchestrator as orc
from orchestrator.clients.earthengine import EarthEngine, serialise
from orchestrator.clients.interactive import PIXEL_LIMITS
from orchestrator.clients.pixels import PixelClient
from orchestrator.core.retry import RetryPolicy
from orchestrator.model.direct import PixelRequest
from orchestrator.model.grid import Window
from orchestrator.model.spec import PixelSpec
from orchestrator.routes.pixels import PixelRoute
from orchestrator.sandbox.faults import Rule
from orchestrator.sandbox.server import Options, Sandbox


@pytest.fixture(scope="package")
def shared():
    with Sandbox(TypedCatalogue(), Options()) as running:
        yield running
    ee.Reset()


@pytest.fixture
def sandbox(shared):
    """The sandbox, with no fault and no count left from another test."""
    shared.meter.forget()
    quotas = shared.meter.quotas
    yield shared
    shared.meter.quotas = quotas
    shared.faults.clear()
    assert shared.meter.wait_idle()  # a request whose caller has left must not be counted in the next test


@pytest.fixture
def connection(sandbox, tmp_path):
    """A connection of the Python API; the client is signed in, so that images can be made."""
    how = {"project": sandbox.options.project, "state_dir": tmp_path / "state"}
    with orc.connect(sandbox_url=sandbox.url, **how) as made, made.working():
        made.shared.earth_engine()
        yield made


@pytest.fixture
def order(sandbox):
    """Order a fault for the next fitting request for pixels."""

    def ask(action="http", count=1, **rule):
        sandbox.faults.order(Rule.of({"action": action, "count": count, "api": "image.computePixels", **rule}))

    return ask


@pytest.fixture
def engine(sandbox):
    """A connection that tries once."""
    return EarthEngine(
        project=sandbox.options.project,
        credentials=AnonymousCredentials(),
        url=sandbox.url,
        stop=threading.Event(),
        policy=RetryPolicy(attempts=1),
    )


@pytest.fixture
def connect(engine):
    """`connect(limits=..., high_volume=...)` returns a client of pixels."""

    def make(limits=None, **options):
        return PixelClient(engine, limits=limits or PIXEL_LIMITS, **options)

    return make


@pytest.fixture
def route(connect):
    return PixelRoute(connect())


@pytest.fixture
def ask():
    """`ask(window, dtype, nodata=..., image=...)` returns a request for one band of the stored image."""

    def make(window=None, dtype="uint16", *, nodata=7, image=None, grid=GRID, bands=None):
        expression = ee.Image(ASSET).select([dtype]) if image is None else image
        pixels = PixelSpec(bands or (dtype,), dtype, nodata)
        return PixelRequest(serialise(expression), grid, window or Window(256, 256, 120, 130), pixels)

    return make
