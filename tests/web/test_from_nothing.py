"""From an empty folder: one command, and what is drawn in the browser becomes a result on the map."""

from __future__ import annotations

import browsing
import journey_kit as kit
import pytest
import rasterio
import walk
from page_kit import serving
from playwright.sync_api import expect

DONE_MS = 120_000  # of a busy machine
NEAR = "14.90,46.05,14.94,46.08"


@pytest.fixture
def begun(tmp_path, program):
    """`orchestrator serve --sandbox --web` in a folder where nothing is."""
    home = kit.Home(tmp_path, program, None)
    for path in tmp_path.iterdir():
        path.unlink()
    with serving(home, "serve", "--sandbox", "--web", ORCHESTRATOR_WEB__PORT="0") as served:
        yield served


def draw_rectangle(page, shares=(0.45, 0.55)):
    page.get_by_role("button", name="Rectangle").click()
    box = page.locator(".maplibregl-canvas").bounding_box()
    for share in shares:
        page.mouse.move(box["x"] + share * box["width"], box["y"] + share * box["height"])
        page.mouse.down()
        page.mouse.up()
    page.locator("#seen", has_text="what you drew").wait_for()


def test_a_drawn_area_becomes_a_result_on_the_map(chromium, begun, tmp_path):
    """No command is typed: drawn, planned, submitted, watched, and looked at."""
    with browsing.visit(chromium, begun.login, reduced_motion="reduce") as (page, watch):
        page.goto("/")
        page.get_by_role("main").get_by_role("link", name="new").first.click()
        name = page.locator("[name='base_name']")
        first = name.input_value()
        page.locator("[name='area.source']").fill(NEAR)
        page.get_by_role("button", name="Show").click()
        page.locator("#seen", has_text="km²").wait_for()
        walk.draw(page)
        expect(name).not_to_have_value(first)
        page.get_by_role("button", name="Clear").click()
        expect(name).to_have_value(first)  # it was that of the area
        draw_rectangle(page)
        for name, value in {"bands": "B4", "start_date": "2024-06-01", "end_date": "2024-06-15"}.items():
            page.locator(f"[name='{name}']").fill(value)
        page.get_by_role("button", name="Plan", exact=True).click()
        page.get_by_role("heading", name="The plan of").wait_for()
        page.get_by_role("button", name="Submit").click()

        page.wait_for_url("**/runs/*")
        expect(page.locator("h1")).to_contain_text("done", timeout=DONE_MS)
        # The page that Submit opened had no pieces yet; nobody had to load it again.
        expect(page.locator("#map-words")).to_contain_text("placed", timeout=DONE_MS)
        expect(page.locator("#pieces tbody tr")).not_to_have_count(0)
        page.get_by_role("link", name="result").first.click()
        page.wait_for_url("**/result")
        walk.draw(page)

        assert page.evaluate("looks.outline()")["maps"] != []
        assert watch.of(page) == []
    (made,) = tmp_path.rglob("*_clipped.tif")
    with rasterio.open(made) as raster:
        assert raster.count == 1
        assert (raster.read_masks(1) > 0).any()
