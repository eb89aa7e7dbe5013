"""One sandbox per module, spoken to by the real clients; a tiny catalogue whose pixels are known."""

from __future__ import annotations

import itertools
import os
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ee
import googleapiclient.discovery
import numpy as np
import pytest
import requests
import shapely
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from orchestrator.sandbox.faults import Rule
from orchestrator.sandbox.scenes.catalogue import Band, Catalogue, PixelType
from orchestrator.sandbox.server import DEFAULT_BUCKET, Options, Sandbox

# gcsfs decides when it is imported whether it asks for the kind of a bucket by gRPC, which nobody answers here.
os.environ["GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"] = "false"
# pytest's importlib mode puts no folder of tests on the path, and the kit is of use to nobody else.
sys.path.insert(0, str(Path(__file__).parent))

CRS = "EPSG:32633"
TRANSFORM = (10.0, 0.0, 500000.0, 0.0, -10.0, 5200000.0)
SIDE = 1200
COLLECTION = "TEST/RAMPS"


class Ramp:
    """A scene whose `ramp` is row x 40 + col, masked where row < 300 and col < 300; `half` is ramp / 2 as float."""

    def __init__(self, index: str, start_ms: int, cloud: float) -> None:
        self.asset_id = f"{COLLECTION}/{index}"
        self.properties: Mapping[str, Any] = {
            "system:index": index,
            "system:time_start": start_ms,
            "CLOUDY_PIXEL_PERCENTAGE": cloud,
        }
        self.footprint = shapely.box(14.9, 46.8, 15.3, 47.1)
        self.bands = (
            Band("ramp", PixelType("int", 0, 65535), CRS, TRANSFORM, SIDE, SIDE),
            Band("half", PixelType("float"), CRS, TRANSFORM, SIDE, SIDE),
        )

    def read(self, band, level, row, col, height, width):
        rows, cols = np.mgrid[row : row + height, col : col + width] * 2**level
        inside = (rows >= 0) & (cols >= 0) & (rows < SIDE) & (cols < SIDE)
        values = rows * 40 + cols
        values = values.astype(np.uint16) if band == "ramp" else (values / 2).astype(np.float32)
        return values, inside & ~((rows < 300) & (cols < 300))


def expected_ramp():
    rows, cols = np.mgrid[0:SIDE, 0:SIDE]
    return rows * 40 + cols, ~((rows < 300) & (cols < 300))


class Ramps(Catalogue):
    """Five scenes, a day apart."""

    def __init__(self) -> None:
        self._scenes = [Ramp(f"r{day}", 1_700_000_000_000 + day * 86_400_000, 10.0 * day) for day in range(5)]

    def collections(self):
        return {COLLECTION: {"title": "ramps"}}

    def scenes(self, collection, region, start_ms, end_ms):
        for scene in self._scenes if collection == COLLECTION else ():
            at = scene.properties["system:time_start"]
            touches = region is None or scene.footprint.intersects(region)
            if touches and (start_ms is None or at >= start_ms) and (end_ms is None or at < end_ms):
                yield scene

    def scene(self, asset_id):
        return next((each for each in self._scenes if each.asset_id == asset_id), None)


class Connected:
    """What a module needs that starts a sandbox of its own."""

    @staticmethod
    def catalogue(tables):
        """Give the ramps, beside tables by their id."""
        found = Ramps()
        found.table = tables.get
        return found

    @staticmethod
    def to(sandbox: Sandbox) -> None:
        connect(sandbox)


@pytest.fixture(scope="session")
def connected():
    return Connected


def connect(sandbox: Sandbox) -> None:
    """Point the real Earth Engine client at `sandbox`, without retries and with a deadline."""
    ee.Reset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ee.Initialize(credentials=AnonymousCredentials(), url=sandbox.url, project=sandbox.options.project)
    ee.data.setMaxRetries(0)
    ee.data.setDeadline(20_000)


@pytest.fixture(scope="module")
def shared():
    with Sandbox(Ramps(), Options(slots=2)) as running:
        connect(running)
        yield running
    ee.Reset()


@pytest.fixture
def sandbox(shared):
    """The module's sandbox, with no fault left from another test, and no trouble of its own."""
    before = len(shared.journal.summary()["troubles"])
    yield shared
    shared.faults.clear()
    shared.tasks.nudge()
    assert shared.journal.summary()["troubles"][before:] == []


@pytest.fixture
def bucket(sandbox):
    client = storage.Client(
        project="ee-sandbox", credentials=AnonymousCredentials(), client_options={"api_endpoint": sandbox.url}
    )
    yield client.bucket(DEFAULT_BUCKET)
    client.close()


@pytest.fixture
def web(sandbox):
    """`web(method, path, ...)` sends a plain request to the sandbox: what no client of ours would send."""
    with requests.Session() as session:

        def send(method, path, **more):
            url = path if path.startswith("http") else sandbox.url + path
            return session.request(method, url, timeout=20, **more)

        yield send


@pytest.fixture
def home(bucket, prefix):
    """`home(**settings)` makes a bucket of its own; settings as in its resource."""

    def make(**settings):
        client, name = bucket.client, f"home-{prefix.partition('/')[0]}-{next(_numbers)}"
        client._connection.api_request("POST", "/b", query_params={"project": "p"}, data={"name": name, **settings})
        return client.get_bucket(name)

    return make


@pytest.fixture
def drive(sandbox):
    service = googleapiclient.discovery.build(
        "drive",
        "v3",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": sandbox.url + "/drive/v3"},
    )
    yield service
    service.close()


_numbers = itertools.count()


@pytest.fixture
def prefix():
    """A prefix that no other test uses."""
    return f"test-{next(_numbers)}/part"


class Kit:
    """Exports of the ramp through the real client."""

    collection = COLLECTION
    bucket_name = DEFAULT_BUCKET

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    @staticmethod
    def image(*bands: str):
        return ee.Image(f"{COLLECTION}/r0").select(list(bands or ("ramp",)))

    @staticmethod
    def grid(height=600, width=700, row=0, col=0):
        """The export options of a window of the ramp's own grid."""
        x, y = 500000 + 10 * col, 5200000 - 10 * row
        return {"crs": CRS, "crsTransform": [10, 0, x, 0, -10, y], "dimensions": f"{width}x{height}", "maxPixels": 1e9}

    def to_bucket(self, prefix, what=None, **options):
        """Make a task of the real client, not yet started; options override a 700 x 600 window of the ramp."""
        options = {"description": "test", "bucket": DEFAULT_BUCKET, **self.grid(), **options}
        image = self.image() if what is None else what
        return ee.batch.Export.image.toCloudStorage(image, fileNamePrefix=prefix, **options)

    def to_drive(self, prefix, folder, **options):
        options = {"description": "test", **self.grid(), **options}
        return ee.batch.Export.image.toDrive(self.image(), fileNamePrefix=prefix, folder=folder, **options)

    def finish(self, task):
        """Start `task` unless it is started, wait for its end, and return its status as the client tells it."""
        if task.id is None:
            task.start()
        self.sandbox.tasks.wait(task.id)
        return task.status()

    def order(self, action, **rule):
        """Order a fault; return its number."""
        return self.sandbox.faults.order(Rule.of({"action": action, **rule}))

    def consumed(self, number):
        """How often the fault `number` acted."""
        return next(each["consumed"] for each in self.sandbox.faults.report() if each["id"] == number)

    def violations(self):
        return [each["message"] for each in self.sandbox.state()["violations"]]

    def body(self, task):
        """The request that the real client would send for `task`."""
        task.start()
        return dict(self.sandbox.operations.get("ee-sandbox", task.id).request)


@pytest.fixture
def kit(sandbox):
    return Kit(sandbox)


@pytest.fixture
def ramp():
    """Values and validity of the whole ramp, computed without the sandbox."""
    return expected_ramp()


@pytest.fixture(name="connect")
def connect_fixture():
    """`connect(sandbox)` points the real client at another sandbox; leaves it pointing nowhere."""
    yield connect
    ee.Reset()


@pytest.fixture
def kit_of():
    """`kit_of(sandbox)` makes exports on a sandbox that is not the module's."""
    return Kit


@pytest.fixture
def ramps():
    return Ramps()


@pytest.fixture
def tiny(shared):
    """A sandbox of its own with one slot and a queue of four; afterwards the client points at the module's again."""
    with Sandbox(Ramps(), Options(slots=1, queue_limit=4)) as running:
        connect(running)
        yield running
    connect(shared)
