"""A run of 40,000 parts: all of them on the map, and only what is new is told; figures: benchmarks/page_browser.py."""

from __future__ import annotations

from collections import Counter

import browsing
import journey_kit as kit
import large
import pytest
import walk
from page_kit import serving
from playwright.sync_api import expect

SHARE = large.SIDE**2 // 100
# The legend's letters for what parts are; see `app/verbs/run_map.py`.
PLACED, CHECKED = "P", "V"


@pytest.fixture(scope="module")
def home(tmp_path_factory, program):
    """A state of one such run."""
    home = kit.Home(tmp_path_factory.mktemp("large"), program, None)
    home.run_id = large.make(home.folder)
    return home


def legend(page):
    rows = page.locator("#legend li")
    found = rows.evaluate_all("rows => rows.map((e) => [e.dataset.stage, e.querySelector('output').textContent])")
    return Counter({stage: int(number) for stage, number in found})


def test_every_part_is_on_the_map_and_an_update_is_small(home, chromium):
    """Fifty parts are placed: the numbers follow, the map is the one that was there, and little is sent for it."""
    sizes = []
    with serving(home) as served, browsing.visit(chromium, served.login, reduced_motion="reduce") as (page, watch):
        page.on("response", lambda answer: sizes.append(len(answer.body())) if "/map.json" in answer.url else None)
        page.goto(f"/runs/{home.run_id}")
        walk.draw(page)
        before = legend(page)
        page.evaluate("window.drawn = document.querySelector('.map canvas')")
        worker = large.Worker(home.folder, home.run_id)
        worker.turn(50)
        worker.close()

        expect(page.locator(f"#legend [data-stage={PLACED}] output")).to_have_text(str(before[PLACED] + 50))
        after = legend(page)
        kept = page.evaluate("window.drawn === document.querySelector('.map canvas') && window.drawn.isConnected")
        assert watch.of(page) == []
    assert before.total() == after.total() == 100 * SHARE
    assert before[PLACED] == SHARE * (large.SHARES["CLEANED"] + large.SHARES["MERGED"])
    assert before[CHECKED] - after[CHECKED] == 50
    assert kept
    assert max(sizes[1:]) < sizes[0] / 50
