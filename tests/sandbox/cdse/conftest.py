"""A Copernicus Data Space on loopback, spoken to over HTTP; two small SAFE trees whose bytes are known."""

from __future__ import annotations

import os
import re
import signal
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
import shapely

from orchestrator.sandbox.cdse.products import ListedProducts
from orchestrator.sandbox.cdse.records import sentinel2_record
from orchestrator.sandbox.cdse.settings import Copernicus
from orchestrator.sandbox.faults import Rule
from orchestrator.sandbox.scenes.catalogue import Catalogue
from orchestrator.sandbox.server import Options, Sandbox

L1C = "S2A_MSIL1C_20240105T101411_N0510_R022_T32TQM_20240105T121000.SAFE"
AREA = shapely.box(11.0, 45.0, 12.0, 46.0)
BAND = bytes(range(256)) * 40  # 10,240 bytes
GRANULE = "GRANULE/L1C_T32TQM_A044600_20240105T101410"
FILES = {
    "manifest.safe": b"<xfdu/>",
    "MTD_MSIL1C.xml": b"<n1:Level-1C_User_Product xmlns:n1='n'/>",
    "AUX_DATA/ECMWFT": b"",
    f"{GRANULE}/IMG_DATA/T32TQM_20240105T101411_B02.jp2": BAND,
    f"{GRANULE}/MTD_TL.xml": b"<tile/>",
}


class Nothing(Catalogue):
    """Earth Engine without scenes."""

    def collections(self):
        return {}

    def scenes(self, collection, region, start_ms, end_ms):  # noqa: ARG002  the protocol's names
        return iter(())

    def scene(self, asset_id):  # noqa: ARG002
        return None


class Space:
    """One sandbox, with one line for each thing that tests do with it."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.urls = sandbox.copernicus_urls
        self.web = requests.Session()

    def login(self, **changes):
        """Ask for a token; a form's field that is None is left out."""
        form = {"grant_type": "password", "username": "user", "password": "password", "client_id": "cdse-public"}
        fields = {name: value for name, value in {**form, **changes}.items() if value is not None}
        return self.web.post(self.urls["identity"], data=fields, timeout=20)

    def bearer(self, **changes):
        return {"Authorization": f"Bearer {self.login(**changes).json()['access_token']}"}

    def find(self, condition=None, **options):
        """Ask the catalogue; `top=5` is `$top=5`."""
        told = {f"${name}": value for name, value in options.items()}
        if condition is not None:
            told["$filter"] = condition
        return self.web.get(self.urls["catalogue"] + "/Products", params=told, timeout=20)

    def names(self, condition=None, **options):
        answer = self.find(condition, **options)
        assert answer.status_code == 200, answer.text
        return [each["Name"] for each in answer.json()["value"]]

    def node(self, product, path="", end="", host="download"):
        """The address of a node of a product; `path` begins inside the SAFE folder."""
        names = [product["Name"], *(path.split("/") if path else [])]
        steps = "".join(f"/Nodes({name})" for name in names)
        return f"{self.urls[host]}/Products({product['Id']}){steps}{end}"

    def value(self, product, path, headers, **more):
        return self.web.get(self.node(product, path, "/$value"), headers=headers, timeout=20, **more)

    def order(self, action, **rule):
        return self.sandbox.faults.order(Rule.of({"action": action, **rule}))

    def report(self):
        """What was transferred, once nothing is under way."""
        assert self.sandbox.copernicus.transfers.wait_idle()
        return self.sandbox.state()["copernicus"]


@pytest.fixture(scope="session")
def spaces():
    """`spaces(**settings)` starts a sandbox that lives as long as the session."""
    with ExitStack() as stack:

        def start(**settings):
            options = Options(copernicus=Copernicus(**settings))
            return Space(stack.enter_context(Sandbox(Nothing(), options)))

        yield start


def written(folder, files):
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


@pytest.fixture(scope="session")
def safe(tmp_path_factory):
    """A SAFE tree with an empty file, and a second, empty granule folder."""
    folder = written(tmp_path_factory.mktemp("safe") / L1C, FILES)
    (folder / "GRANULE/L1C_T32TQM_A044600_null").mkdir()
    return folder


@pytest.fixture(scope="session")
def shared_space(spaces, safe):
    """A space with the tree, and records without files: an L2A, two baselines of a sensing, another satellite."""
    names = {
        L1C: {"footprint": AREA, "cloud": 20.0, "size": sum(map(len, FILES.values()))},
        "S2A_MSIL2A_20240105T101411_N0510_R022_T32TQM_20240105T140000.SAFE": {"footprint": AREA, "cloud": 21.5},
        "S2A_MSIL1C_20240105T101411_N0500_R022_T32TQM_20240301T121000.SAFE": {"footprint": AREA, "cloud": 20.0},
        "S2D_MSIL1C_20251210T100319_N0511_R122_T33UWQ_20251210T120000.SAFE": {"cloud": 80.0},
        "S2A_OPER_PRD_MSIL1C_PDMC_20160101T000000_R022_V20160101T101411_20160101T101411.SAFE": {
            "start": datetime(2016, 1, 1, 10, 14, 11, tzinfo=UTC),
            "end": datetime(2016, 1, 1, 10, 14, 21, tzinfo=UTC),
        },
    }
    records = [sentinel2_record(name, **told) for name, told in names.items()]
    return spaces(products=ListedProducts(records, lambda each: safe if each.name == L1C else None))


@pytest.fixture
def space(shared_space):
    """The session's space, with no fault left from another test, and no trouble of its own."""
    before = len(shared_space.sandbox.journal.summary()["troubles"])
    yield shared_space
    shared_space.sandbox.faults.clear()
    assert shared_space.sandbox.journal.summary()["troubles"][before:] == []


@pytest.fixture
def product(space):
    """The record of the product that has files."""
    (found,) = space.find(f"Name eq '{L1C}'").json()["value"]
    return found


@pytest.fixture(scope="session")
def bearer(shared_space):
    """The header of a login."""
    return shared_space.bearer()


@pytest.fixture
def band():
    """Where the tree's raster lies, and its bytes."""
    return next((path, data) for path, data in FILES.items() if re.search("B02", path))


@pytest.fixture(scope="session")
def real_data():
    beside = Path(__file__).parents[4] / "shared" / "data"
    folder = Path(os.environ.get("ORCHESTRATOR_TEST_DATA", beside))
    if not folder.is_dir():
        pytest.skip("the folder of real scenes is absent; set ORCHESTRATOR_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def write():
    """`write(folder, files)` writes bytes by path."""
    return written


@pytest.fixture
def _process_as_it_was(monkeypatch):
    """The command says what ends it, and how much memory GDAL has."""
    monkeypatch.setenv("GDAL_CACHEMAX", "64")
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
