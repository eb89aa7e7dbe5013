"""A new job by a browser: an area drawn, dropped or written, one press on Plan, and what is told where."""

from __future__ import annotations

import json
import re

import pytest
from page_kit import serving

from orchestrator.faces.web.new_fields import in_words

BOX = "14.90,46.05,14.94,46.08"
FIELD = {
    "type": "Feature",
    "properties": {},
    "geometry": {"type": "Polygon", "coordinates": [[[14.9, 46.05], [14.94, 46.05], [14.92, 46.08], [14.9, 46.05]]]},
}
HOPELESS_MS = 90_000  # the first question loads what reads areas
IDLE = "#map[data-idle=yes]"


def press_plan(page):
    page.get_by_role("button", name="Plan", exact=True).click()
    page.get_by_role("heading", name="The plan of").wait_for()


def facts(page):
    """The plan's facts, by their names."""
    names, words = (page.locator(f"#planned {tag}").all_inner_texts() for tag in ("dt", "dd"))
    return dict(zip(names, words, strict=True))


def km2(page):
    """The size of the area that is said below the map."""
    return float(re.search(r"([\d.,]+) km²", page.locator("#seen").inner_text())[1].replace(",", ""))


@pytest.fixture(scope="module")
def served(stage):
    """The page over the state of `stage`, of a user of Google: a mosaic is planned without asking anybody."""
    with serving(stage.home, NO_GCE_CHECK="true") as page:
        yield page


@pytest.fixture
def new(page):
    """The form, with an area in words that the map shows."""
    page.set_default_timeout(HOPELESS_MS)
    page.goto(f"/new?area.source={BOX}")
    page.locator("#seen", has_text="km²").wait_for()
    page.wait_for_selector(IDLE)
    return page


def test_what_is_drawn_becomes_a_plan_by_one_press(new, stage):
    """
    A rectangle is dragged; nothing else is filled in. Its size is said before it is planned, its file is kept in the
    state folder, and the parts stand on the map.
    """
    new.get_by_role("button", name="Clear").click()
    new.get_by_role("button", name="Rectangle").click()
    assert "Drag from one corner" in new.locator("#seen").inner_text()
    box = new.locator(".maplibregl-canvas").bounding_box()
    new.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.4 * box["height"])
    new.mouse.down()
    new.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.6 * box["height"], steps=5)
    new.mouse.up()
    new.locator("#seen", has_text="what you drew").wait_for()
    drawn = km2(new)

    press_plan(new)

    assert drawn == pytest.approx(km2(new), rel=0.02)  # by the sphere beside by the ellipsoid
    kept = new.locator("[name='area.source']").input_value()
    assert kept.startswith(str(stage.folder / "state" / "areas"))
    assert re.fullmatch(r"[\d,]+ × [\d,]+ pixels of 10 × 10 in EPSG:32633", facts(new)["Grid"])
    assert new.get_by_role("button", name="Submit").is_enabled()


def test_a_dropped_file_is_read_and_kept(new, stage):
    """As `--area` reads it; below the state folder, by its name."""
    new.set_input_files(
        "#file-input", {"name": "my field.geojson", "mimeType": "", "buffer": json.dumps(FIELD).encode()}
    )
    new.locator("[name='base_name']").and_(new.locator("[value]")).wait_for()
    new.locator("#seen", has_text="km²").wait_for()

    press_plan(new)

    assert (stage.folder / "state" / "areas" / "my_field.geojson").is_file()
    assert new.get_by_role("heading", name="The plan of").inner_text().startswith("The plan of")


def test_a_changed_form_is_planned_anew_before_it_is_submitted(new):
    """What is submitted was seen."""
    press_plan(new)

    new.locator("[name='grid.scale']").fill("20")

    assert new.get_by_role("button", name="Submit").is_disabled()
    assert "plan it again" in new.locator("#submit-hint").inner_text()


def test_what_is_wrong_is_said_beside_its_field(new):
    """All of it, the first has the focus; an area that was never meant keeps its sentence."""
    new.locator("[name='bands']").fill("B4, B77")
    new.locator("[name='grid.crs']").fill("EPSG:1")

    new.get_by_role("button", name="Plan", exact=True).click()
    new.locator("#w-bands", has_text="B77").wait_for()

    assert "EPSG:1" in new.locator("#w-grid-crs").inner_text()
    assert new.locator("[aria-invalid=true]").count() == 2
    assert new.evaluate("document.activeElement.name") == "bands"


def test_without_a_mouse_an_area_in_words_is_planned(new):
    """Enter shows the area, Enter on the button plans it; the plan's heading has the focus then."""
    new.locator("[name='area.source']").fill("14.90,46.05,14.92,46.06")
    new.keyboard.press("Enter")
    new.locator("#seen", has_text="km²").wait_for()

    new.locator("#plan").focus()
    new.keyboard.press("Enter")
    new.get_by_role("heading", name="The plan of").wait_for()

    assert new.evaluate("document.activeElement.id") == "h-plan"


def test_a_run_fills_in_the_form_that_made_it(page, stage):
    """Product, fields of its own, bands and dates, as they were declared."""
    page.goto(f"/new?from={stage.runs['table']}")

    values = {name: page.locator(f"[name='{name}']").input_value() for name in ("product", "table.points", "bands")}
    assert values == {"product": "table", "table.points": str(stage.folder / "wells.csv"), "bands": "B4"}
    assert page.locator("[name='table.points']").is_visible()
    assert page.locator("[name='cube.collection']").is_hidden()


def test_python_code_that_no_job_names_is_not_run_for_a_page(page, stage):
    """A run of the command line had it; the form of that run is refused at its recipe."""
    page.goto(f"/new?from={stage.runs['waiting']}")
    page.locator("#recipe summary").wait_for()

    page.get_by_role("button", name="Plan", exact=True).click()

    page.locator("#w-recipe", has_text="is Python code").wait_for()


def test_a_sentence_names_the_field_and_not_an_option():
    """Who fills in a form has no `--scale`; what the form does not have stays as it is called."""
    assert in_words("give a larger --scale, or fewer --bands") == "give a larger “Pixel size”, or fewer “Bands”"
    assert in_words("the side, --scale METRES; --again") == "the side, “Pixel size”; --again"


def test_a_name_that_is_markup_stays_text(served):
    """Of a dropped file; what comes back is data, and its file has a plain name."""
    answer = served.post("/new/area", params={"name": "<img src=x onerror=alert(1)>.geojson"}, data=json.dumps(FIELD))

    assert answer.headers["content-type"] == "application/json"
    assert re.fullmatch(r"[A-Za-z0-9._-]+", answer.json()["name"])


def test_what_is_refused_leaves_nothing(served, stage):
    """A file that is no area, however it is called, does not stay in the state folder."""
    answer = served.post("/new/area", params={"name": "../../evil.geojson"}, data=b"{")

    assert (answer.status_code, set(answer.json())) == (400, {"error"})
    assert not list(stage.folder.rglob("*evil*"))


def test_a_form_without_a_plan_is_not_submitted(served):
    """Whoever sends one by hand is told to plan first; no run is made."""
    form = {"product": "mosaic", "area.source": BOX, "output": "new", "base_name": "unplanned"}
    dates = {"start_date": "2024-05-01", "end_date": "2024-06-01", "planned": "0" * 64}

    answer = served.post("/new/submit", data=form | dates).json()

    assert answer["state"] == "refused"
    assert "plan it again" in answer["fields"][""]
