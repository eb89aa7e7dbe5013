"""A real browser walks every view: by its structure, with the keyboard alone, in three widths, light and dark."""

from __future__ import annotations

import functools
from itertools import pairwise

import browsing
import pytest
import walk
from views import VIEWS


@pytest.fixture(scope="module")
def walks(chromium, served, stage):
    """What each view showed; each is opened once, by one reader who goes from view to view."""
    with browsing.visit(chromium, served.login, color_scheme="light", reduced_motion="reduce") as (first, watch):

        @functools.cache
        def through(name):
            stage.beat(seconds_ago=-50)
            watch.heard.clear()
            with first.context.new_page() as page:
                return walk.walk(page, watch, VIEWS[name], stage.runs)

        yield through


@pytest.fixture(scope="module", params=list(VIEWS))  # so that all tests of a view stand together, in one process
def view(request, walks):
    """A view, and what it showed."""
    return VIEWS[request.param], walks(request.param)


def test_a_view_says_where_one_is(view):
    """One heading of the first level, in the title, too; one main part; the navigation's link is marked."""
    said, found = view

    outline = found.outline
    assert (found.status, outline["mains"], outline["lang"], len(outline["h1"])) == (200, 1, "en", 1), outline["text"]
    assert said.heading in outline["h1"][0]
    assert said.heading in outline["title"]
    assert outline["current"] == [said.nav]


def test_a_view_shows_what_it_is_for(view):
    """Its words are there; its map is drawn, and has a name for who does not see it."""
    said, found = view

    assert [word for word in said.shows if word not in found.outline["text"]] == []
    assert bool(found.outline["maps"]) == said.has_map
    assert all(width and height and label for width, height, label in found.outline["maps"])


def test_headings_leave_out_no_level(view):
    """Who jumps from heading to heading misses none, and no name is given twice."""
    levels = view[1].outline["levels"]

    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels
    assert view[1].outline["doubled"] == []


def test_tab_reaches_every_control_and_shows_where_it_is(view):
    """In the order of the page, and round again; the first leads past the navigation."""
    found = view[1]

    assert "skip" in found.reached[0].lower()
    assert sorted(found.reached) == sorted(found.controls)
    assert found.unseen == []


@pytest.mark.parametrize("width", [400, 1600, 3840])
def test_nothing_sticks_out_or_lies_on_another(view, width):
    """On a phone, in a window and on a large screen; what is wider than the window scrolls in a place of its own."""
    assert view[1].misfits[width] == []


@pytest.mark.parametrize("light", ["light", "dark"])
def test_rules_of_accessibility_are_kept(view, light):
    """Every rule of axe in a window, light: names, roles, contrast; on a phone, dark, those that this can break."""
    assert view[1].axe[light] == []


def test_a_view_asks_nobody_else_and_breaks_nothing(view):
    """No error of a script, no request to another host, nothing that the page's own policy must refuse."""
    assert view[1].heard == []


def test_what_strangers_say_stays_text(view):
    """A service's sentence with markup in it makes no element and no dialog."""
    assert view[1].outline["canaries"] == 0
    assert not view[1].outline["stale"]
