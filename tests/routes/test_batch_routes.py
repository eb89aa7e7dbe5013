"""The contract of batch routes, kept by those of the registry: real clients, and the sandbox for a service."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace

import ee
import pytest
from google.auth.credentials import AnonymousCredentials
from route_contract import RUN, SEVERAL, BatchRouteContract, Place, image, plan

from orchestrator.clients.drive import connect_drive
from orchestrator.clients.earthengine import EarthEngine
from orchestrator.clients.gcs import connect_gcs
from orchestrator.core.errors import ConfigError, UserError
from orchestrator.core.retry import RetryPolicy
from orchestrator.model.batch import ExportOrder
from orchestrator.routes.names import Naming
from orchestrator.routes.registry import BATCH, Services, batch_route
from orchestrator.sandbox.faults import Rule
from orchestrator.sandbox.server import DEFAULT_BUCKET, Options, Sandbox
from orchestrator.transfer.download import DownloadPolicy
from orchestrator.transfer.store import CheckedStore

EAGER = RetryPolicy(attempts=2, first_wait_seconds=0.0)
FOLDER = "our exports"
_numbers = itertools.count()


class NoScenes:
    """A catalogue of nothing."""

    def collections(self):
        return {}

    def scenes(self, *_):
        return iter(())

    def scene(self, _asset_id):
        return None

    def images(self):
        return ()

    def is_crowded(self, *_):
        return False

    def table(self, _asset_id):
        return None


@pytest.fixture(scope="module")
def shared():
    with Sandbox(NoScenes(), Options(slots=2)) as running:
        yield running
    ee.Reset()


@pytest.fixture
def sandbox(shared):
    """The module's sandbox, with no fault left from another test."""
    yield shared
    shared.faults.clear()
    shared.tasks.nudge()


@pytest.fixture
def services(sandbox):
    """What the routes are made of; each test is an installation of its own."""
    stop, nobody = threading.Event(), AnonymousCredentials()
    project = sandbox.options.project
    engine = EarthEngine(project=project, credentials=nobody, url=sandbox.url, stop=stop, policy=EAGER)
    bucket = connect_gcs(sandbox.url, project, nobody, DEFAULT_BUCKET, 2, stop)
    drive = connect_drive(sandbox.url, nobody, FOLDER, 2, stop)
    return Services(
        earth_engine=lambda: engine,
        bucket=lambda: CheckedStore(bucket, DownloadPolicy(retry=EAGER), stop),
        drive=lambda: CheckedStore(drive, DownloadPolicy(retry=EAGER), stop),
        bucket_name=DEFAULT_BUCKET,
        folder_name=FOLDER,
        naming=Naming(f"owner{next(_numbers)}", "ours"),
    )


class Suite(BatchRouteContract):
    """A route of the registry, by its name."""

    name = ""

    @pytest.fixture
    def place(self, sandbox, services):
        def finish(operation):
            sandbox.tasks.wait(operation.rpartition("/")[2])

        route = batch_route(self.name, services)
        yield Place(
            route,
            services.earth_engine().operations,
            order=lambda **rule: sandbox.faults.order(Rule.of(rule)),
            started=lambda: len(sandbox.operations.all(sandbox.options.project)),
            finish=finish,
            put=lambda name: self.put(sandbox, name),
        )
        route.close()

    def put(self, sandbox, name):
        raise NotImplementedError


class TestCloudStorage(Suite):
    """`gcs`."""

    name = "gcs"

    def put(self, sandbox, name):
        sandbox.buckets.put(DEFAULT_BUCKET, name, blob(sandbox.buckets.blobs))


class TestDrive(Suite):
    """`drive`."""

    name = "drive"

    def put(self, sandbox, name):
        folder = sandbox.drive.folder(FOLDER)
        sandbox.drive.create(name, mime_type="text/plain", parents=(folder.id,), blob=blob(sandbox.drive.blobs))


def blob(blobs):
    return blobs.store(b"a note")


def test_every_batch_route_of_the_registry_passes_the_contract():
    """A new line in the registry without a suite here is found."""
    assert {suite.name for suite in Suite.__subclasses__()} == set(BATCH)


def test_a_route_that_is_none_is_named(services):
    """With those there are."""
    with pytest.raises(UserError, match=r"'ftp' is no route .* gcs \(.*needs gcs.bucket\), drive \("):
        batch_route("ftp", services)


def test_a_missing_bucket_is_told_before_anybody_is_asked(services):
    """The settings are at fault, whether Earth Engine can be reached or not."""

    def no_bucket():
        raise ConfigError("no bucket is named")

    def asked():
        raise AssertionError("Earth Engine was asked")

    with pytest.raises(ConfigError, match="no bucket"):
        batch_route("gcs", replace(services, bucket=no_bucket, earth_engine=asked))


@pytest.mark.parametrize(("rung", "side"), [(0, 256), (1, 128), (2, 64), (7, 64)])
@pytest.mark.parametrize("name", list(BATCH))
def test_a_rung_is_a_side_of_earth_engines_tiles(sandbox, services, name, rung, side):
    """A quarter of the pixels at once for each; the files stay as large as they were (whole tiles)."""
    route = batch_route(name, services)
    names = route.name_attempt(RUN, "0001", 1)

    started = route.start(image(), plan(), ExportOrder(names, SEVERAL.window, 256, 256, rung, ("b",)))

    request = sandbox.operations.get(sandbox.options.project, started.name.rpartition("/")[2]).request
    told = request["fileExportOptions"]["geoTiffOptions"]
    assert told["tileSize"] == {"value": side}
    assert told["tileDimensions"] == {"width": 256, "height": 256}
