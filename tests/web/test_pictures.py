"""
Pictures of each view for the documents, made by the test run: with ORCHESTRATOR_TEST_PICTURES=1 they are made anew.

What is on them is the state of `stage` without its strangers' texts, in a window of 1,280 × 1,100 pixels,
light. Its folder is called `/data` on them, wherever it is.
"""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import browsing
import journey_kit as kit
import pytest
import stage as staging
import walk
from page_kit import serving
from PIL import Image
from views import VIEWS

from orchestrator.faces.web import views

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SIZE = (1280, 1100)
MOST_BYTES = 400_000
# A view's file, and which walk of it is shown.
SHOWN = {"now": "now", "runs": "runs", "run": "run", "result": "result", "chips": "chips", "cube": "cube"}
SHOWN |= {"new": "new", "schedule": "schedule", "doctor": "doctor"}
# What these files answer stands within another view.
WITHIN = {"actions", "rasters", "scenes", "cube"}
# A mosaic as people make them, of an invented Earth.
SUMMER = ["run", "--shapefile", "area.geojson", "--output", "out", "--base-name", "summer", "--bands", "B4,B3,B2"]
SUMMER += ["--start-date", "2024-06-01", "--end-date", "2024-07-01", "--crs", "EPSG:32633", "--scale", "20"]
# No picture tells whose machine it was made on.
NAMED = """(folder) => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replaceAll(folder, "/data");
  for (const each of document.querySelectorAll("input")) each.value = each.value.replaceAll(folder, "/data");
}"""
MAKE = os.environ.get("ORCHESTRATOR_TEST_PICTURES") == "1"


def plan(page):
    """Fill in an area, and show its plan."""
    page.locator("[name='area.source']").fill("14.90,46.05,14.94,46.08")
    page.get_by_role("button", name="Show").click()
    page.locator("#seen", has_text="km²").wait_for()
    page.get_by_role("button", name="Plan", exact=True).click()
    page.get_by_role("heading", name="The plan of").wait_for()
    page.evaluate("window.scrollTo(0, 0)")
    walk.draw(page)


def picture(name):
    return IMAGES / f"page-{name}.png"


@pytest.fixture(scope="module")
def clean(tmp_path_factory, program):
    """The state as it is without what strangers say, and its page."""
    folder = tmp_path_factory.mktemp("pictures") / "mosaics"
    folder.mkdir()
    with kit.Service(program, folder.parent / "sandbox") as service:
        stage = staging.make(folder, program, service, spoilt=False)
        run = [*SUMMER, "--sandbox-url", service.url, "--bucket", kit.BUCKET, "--state-dir", "state"]
        program.start(run, folder).wait().expect(0)
    with stage.store() as store:
        stage.runs["done"] = store.runs.named("summer")[0].id
    stage.beat(seconds_ago=-50)
    with serving(stage.home, NO_GCE_CHECK="true") as served:
        yield stage, served


@pytest.mark.skipif(not MAKE, reason="ORCHESTRATOR_TEST_PICTURES=1 makes the documents' pictures anew")
@pytest.mark.parametrize("name", SHOWN)
def test_the_picture_of_a_view_is_made(chromium, clean, name):
    """As a reader sees it."""
    stage, served = clean
    stage.beat(seconds_ago=-50)
    view, size = VIEWS[SHOWN[name]], {"width": SIZE[0], "height": SIZE[1]}
    how = {"viewport": size, "color_scheme": "light", "locale": "en-GB", "timezone_id": "Europe/Ljubljana"}
    with browsing.visit(chromium, served.login, **how, reduced_motion="reduce") as (page, watch):
        page.goto(view.path.format(**stage.runs))
        walk.settle(page)
        if view.has_map:
            walk.draw(page)
        if name == "new":
            plan(page)
        if name == "doctor":
            page.get_by_role("button", name="Look again").and_(page.locator(":enabled")).wait_for()
        page.evaluate(NAMED, str(stage.folder))
        drawn = Image.open(io.BytesIO(page.screenshot()))
        drawn.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(picture(name), optimize=True)
        assert watch.of(page) == []


def test_every_view_has_its_picture():
    """A view that comes is shown in the documents, too."""
    assert {module.__name__.rpartition(".")[2] for module in views.ALL} - WITHIN == set(SHOWN) - WITHIN


@pytest.mark.parametrize("name", SHOWN)
def test_a_picture_is_one(name):
    """Of the size that was asked for, and light enough for a page of documents."""
    content = picture(name).read_bytes()

    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", content[16:24]) == SIZE
    assert len(content) < MOST_BYTES
