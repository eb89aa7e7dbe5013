"""
Pictures of each view for the documents, made by the test run: with ORCHESTRATOR_TEST_PICTURES=1 they are made anew.

What is on them is the state of `stage`, in a window of 1,280 × 800 pixels, light.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

import browsing
import pytest
import walk
from views import VIEWS

from orchestrator.faces.web import views

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SIZE = (1280, 800)
MOST_BYTES = 400_000
# A view's file, and which walk of it is shown.
SHOWN = {"now": "now", "runs": "runs", "run": "run", "result": "result", "chips": "chips", "cube": "cube"}
SHOWN |= {"new": "new", "schedule": "schedule", "doctor": "doctor"}
MAKE = os.environ.get("ORCHESTRATOR_TEST_PICTURES") == "1"


def picture(name):
    return IMAGES / f"page-{name}.png"


@pytest.mark.skipif(not MAKE, reason="ORCHESTRATOR_TEST_PICTURES=1 makes the documents' pictures anew")
@pytest.mark.parametrize("name", SHOWN)
def test_the_picture_of_a_view_is_made(chromium, served, stage, name):
    """As a reader sees it."""
    view, size = VIEWS[SHOWN[name]], {"width": SIZE[0], "height": SIZE[1]}
    how = {"viewport": size, "color_scheme": "light", "locale": "en-GB", "timezone_id": "Europe/Ljubljana"}
    with browsing.visit(chromium, served.login, **how, reduced_motion="reduce") as (page, watch):
        page.goto(view.path.format(**stage.runs))
        walk.settle(page)
        if view.has_map:
            walk.draw(page)
        page.screenshot(path=picture(name))
        assert watch.of(page) == []


def test_every_view_has_its_picture():
    """A view that comes is shown in the documents, too."""
    assert {module.__name__.rpartition(".")[2] for module in views.ALL} == set(SHOWN)


@pytest.mark.parametrize("name", SHOWN)
def test_a_picture_is_one(name):
    """Of the size that was asked for, and light enough for a page of documents."""
    content = picture(name).read_bytes()

    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", content[16:24]) == SIZE
    assert len(content) < MOST_BYTES
