"""Results over HTTP: what comes back, and that nothing else of the disk does."""

from __future__ import annotations

import io
import json
import threading

import numpy as np
import pytest
import rasterio
from previews_kit import publish, write_raster
from starlette.testclient import TestClient

from orchestrator.app.application import Application
from orchestrator.config import load
from orchestrator.faces.listening import Listening
from orchestrator.faces.web.gate import Options
from orchestrator.faces.web.joined import make
from orchestrator.faces.web.site import make_site

TOKEN = "0123456789abcdef"  # noqa: S105  nobody's
CANARY = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A page over a state with one result, and who is logged in."""
    folder = tmp_path_factory.mktemp("served")
    settings = load(None, environment={}, overrides={"local": {"state_dir": str(folder / "state")}}).settings
    app = Application(settings, stop=threading.Event())
    values = np.arange(64 * 64, dtype="uint16").reshape(1, 64, 64)
    raster = write_raster(folder / "east_clipped.tif", values, names=(CANARY,))
    (folder / "east_clipped.json").write_text(json.dumps({"attribution": CANARY, "notes": [CANARY]}))
    (folder / "secret.tif").write_bytes(raster.read_bytes())
    run = publish(app, [("proof", folder / "east_clipped.json"), ("data", raster)], name="east")
    site = make_site(app, Options(Listening("127.0.0.1", 8765, token=TOKEN, section="web"), frozenset()))
    client = TestClient(make(site), base_url="http://127.0.0.1:8765", headers={"authorization": f"Bearer {TOKEN}"})
    yield client, f"/runs/{run.id}", raster
    app.store.close()


def test_a_file_comes_whole_or_in_the_part_that_is_asked_for(served):
    """So that a GIS reads a GeoTIFF over HTTP, and a download goes on (RFC 9110, 14)."""
    client, run, raster = served
    content = raster.read_bytes()

    whole = client.get(f"{run}/files/east_clipped.tif")
    part = client.get(f"{run}/files/east_clipped.tif", headers={"range": "bytes=8-107"})

    assert (whole.status_code, whole.content) == (200, content)
    assert 'attachment; filename="east_clipped.tif"' in whole.headers["content-disposition"]
    assert (part.status_code, part.content) == (206, content[8:108])
    assert part.headers["content-range"] == f"bytes 8-107/{len(content)}"
    with rasterio.open(io.BytesIO(whole.content)) as file:
        assert file.read(1)[63, 63] == 64 * 64 - 1


@pytest.mark.parametrize(
    "name", ["secret.tif", "..%2Fstate%2Fstate.db", "%2Fetc%2Fpasswd", "east_clipped.tif%00", "state/state.db"]
)
def test_no_other_file_of_the_disk_comes(served, name):
    """Whatever lies beside the result, however it is spelt."""
    client, run, _ = served

    assert client.get(f"{run}/files/{name}").status_code in (400, 404)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("tiles/2/x/0.png", "x is 'x', must be a whole number"),
        ("tiles/2/0/0.png?bands=1&ranges=a:b", "ranges is 'a', must be a number"),
        ("tiles/2/0/0.png?bands=1&ranges=nan:1", "is not of finite numbers"),
        ("tiles/2/0/0.png?bands=1,1&ranges=0:1,0:1", "choose one, or three"),
        ("tiles/2/0/0.png?bands=1&ranges=0:1&colours=verdis", "did you mean 'viridis'"),
        ("tiles/99/0/0.png", "zoom 99 is none"),
        ("pixel.json?lon=a&lat=1", "lon is 'a', must be a number"),
        ("pixel.json?lon=1&lat=1&layer=x", "has no layer 'x'"),
        ("series.json?lon=1&lat=1", "is no Zarr store"),
        ("part/chips", "made no chips but a mosaic"),
        ("difference/2/0/0.png?with=nobody&bands=1&ranges=0:1", "'nobody' is no run"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(served, path, says):
    """With what is wrong; no fault of the page."""
    client, run, _ = served

    answer = client.get(f"{run}/{path}", headers={"accept": "application/json"})

    assert (answer.status_code, says in answer.text.replace('\\"', '"')) == (400, True), answer.text


def test_layers_and_pixel_come_as_json(served):
    """Every pixel holds its own number, counted row by row."""
    client, run, _ = served
    (layer,) = client.get(f"{run}/layers.json").json()
    west, _, _, north = layer["bounds"]

    (pixel,) = client.get(f"{run}/pixel.json", params={"lon": west + 0.0002, "lat": north - 0.0002}).json()

    assert (layer["key"], layer["bands"], layer["crs"]) == ("data", [CANARY], "EPSG:32632")
    assert pixel["values"] == {CANARY: pixel["row"] * 64 + pixel["col"]}


def test_words_of_others_create_no_element(served):
    """Of a proof, a licence, the name of a band."""
    client, run, _ = served

    text = client.get(f"{run}/result").text

    assert "&lt;img src=x" in text
    assert CANARY not in text
