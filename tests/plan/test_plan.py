"""The whole plan: its numbers agree, and its picture and GeoJSON show it."""

from __future__ import annotations

import json

import pytest
import shapely
from PIL import Image

from orchestrator.core.errors import PlanError
from orchestrator.model.spec import PixelSpec
from orchestrator.plan import picture
from orchestrator.plan.aoi import read_areas
from orchestrator.plan.budget import MIB, part_bytes_bound
from orchestrator.plan.picture import TASK_COLOURS, draw_plan, parts_geojson, write_parts
from orchestrator.plan.plan import GridRequest, SplitRequest, make_plan
from orchestrator.raster.spans import SpanTable

PIXELS = PixelSpec(("B2", "B3", "B4", "B8"), "uint16", 0)
TRIANGLE = "SRID=32633;POLYGON((500005 5000000,560000 5000000,500005 5040000,500005 5000000))"


@pytest.fixture(scope="module")
def triangle():
    return read_areas(TRIANGLE)[0]


def test_the_parts_hold_every_pixel_of_the_area(triangle):
    """Counted part by part, the area's pixels are all there."""
    plan = make_plan(triangle, PIXELS, split_request=SplitRequest(max_part_bytes=4 * MIB))

    spans = SpanTable.from_geometry(shapely.from_wkb(plan.area_wkb), plan.grid)
    inside = sum(int(spans.mask(part).sum()) for task in plan.tasks for part in task.parts())
    assert inside == plan.area_pixels == spans.pixels()
    assert all(spans.mask(part).any() for task in plan.tasks for part in task.parts())


def test_the_bucket_holds_the_sum_of_all_parts(triangle):
    """Bucket and disk are sums of the same bounds."""
    plan = make_plan(triangle, PIXELS, split_request=SplitRequest(max_part_bytes=4 * MIB))

    bounds = [part_bytes_bound(p.height, p.width, PIXELS) for task in plan.tasks for p in task.parts()]
    assert plan.bucket_bytes == sum(bounds)
    assert max(bounds) <= plan.max_part_bytes == 4 * MIB
    assert plan.disk_bytes > 2 * plan.bucket_bytes


def test_memory_hardly_grows_with_the_area(triangle):
    """A hundred times the pixels need a few MiB more."""
    coarse = make_plan(triangle, PIXELS, GridRequest(scale=100))
    fine = make_plan(triangle, PIXELS, GridRequest(scale=10))

    assert fine.area_pixels > 90 * coarse.area_pixels
    assert fine.memory_bytes < coarse.memory_bytes + 5 * MIB


def test_a_weight_learned_makes_larger_parts(triangle):
    """When finished parts weighed two bytes a pixel, fewer and larger parts fit the threshold."""
    worst = make_plan(triangle, PIXELS, split_request=SplitRequest(max_part_bytes=8 * MIB))
    learned = make_plan(
        triangle, PIXELS, split_request=SplitRequest(max_part_bytes=8 * MIB, learned_bytes_per_pixel=2.0)
    )

    assert learned.part_count < worst.part_count
    assert learned.bucket_bytes < worst.bucket_bytes


def test_an_area_between_pixel_centres_is_refused():
    """Nothing would be left of it; the message says what to change."""
    area = read_areas("SRID=32633;POLYGON((500001 5000001,500004 5000001,500004 5000004,500001 5000001))")[0]

    with pytest.raises(PlanError, match="smaller --scale"):
        make_plan(area, PIXELS)


def test_a_chosen_zone_is_said():
    """Who gave no CRS learns which was taken, and that a continent is too wide for one zone."""
    area = read_areas("10,40,40,41")[0]

    plan = make_plan(area, PIXELS, GridRequest(scale=1000))

    assert any("EPSG:32635" in note for note in plan.notes)
    assert any("6 UTM zones" in note for note in plan.notes)


def test_the_same_area_gives_the_same_plan(triangle):
    """Nothing in a plan depends on chance or time."""
    assert make_plan(triangle, PIXELS) == make_plan(triangle, PIXELS)


def test_the_geojson_lists_every_part_where_it_lies(triangle):
    """Each outline, back on the grid, is the part's window."""
    plan = make_plan(triangle, PIXELS, split_request=SplitRequest(max_part_bytes=4 * MIB))

    collection = json.loads(json.dumps(parts_geojson(plan)))

    assert collection["type"] == "FeatureCollection"
    assert len(collection["features"]) == plan.part_count
    feature, part = collection["features"][-1], plan.tasks[-1].parts()[-1]
    stated = feature["properties"]
    assert (stated["row"], stated["col"], stated["height"], stated["width"]) == (
        part.row, part.col, part.height, part.width,
    )  # fmt: skip
    assert stated["task"] == plan.tasks[-1].index
    assert 0 < stated["max_bytes"] <= plan.max_part_bytes
    west, south, east, north = shapely.geometry.shape(feature["geometry"]).bounds
    assert 14.9 < west < east < 16
    assert 45.1 < south < north < 45.6


def test_parts_are_written_some_at_a_time_and_numbered_through(triangle, tmp_path, monkeypatch):
    """The file of parts has each once, in the order of the plan, however many are written at once."""
    monkeypatch.setattr(picture, "WRITTEN_AT_ONCE", 3)
    plan = make_plan(triangle, PIXELS, split_request=SplitRequest(max_part_bytes=4 * MIB))

    write_parts(plan, tmp_path / "parts.geojson")

    written = [each["properties"] for each in json.loads((tmp_path / "parts.geojson").read_text())["features"]]
    windows = [(each["row"], each["col"], each["height"], each["width"]) for each in written]
    assert [each["part"] for each in written] == list(range(plan.part_count))
    assert windows == [(w.row, w.col, w.height, w.width) for task in plan.tasks for w in task.parts()]


def test_the_picture_shows_tasks_parts_and_what_is_left_out(triangle, tmp_path):
    """Eight tasks have eight colours, and no unfinished file lies beside it."""
    plan = make_plan(triangle, PIXELS, split_request=SplitRequest(max_part_bytes=4 * MIB))
    path = tmp_path / "plan.png"

    draw_plan(plan, path, "A triangle")

    with Image.open(path) as image:
        assert image.format == "PNG"
        assert min(image.size) > 500
        colours = image.convert("RGB").getcolors(maxcolors=1 << 24)
    shown = {f"#{red:02x}{green:02x}{blue:02x}" for count, (red, green, blue) in colours if count > 500}
    assert len(shown.intersection(TASK_COLOURS)) == len(plan.tasks) == 8
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan.png"]


@pytest.mark.real
def test_slovenia_lies_on_the_lattice_of_its_scenes(real_areas):
    """The border on the scenes' own 120 m lattice: origin whole pixels away, all pixels covered."""
    area = read_areas(str(real_areas / "svn_border.geojson"))[0]

    plan = make_plan(area, PIXELS, GridRequest(crs="EPSG:32633", crs_transform=(120, 0, 499980, 0, -120, 5200020)))

    assert (plan.grid.transform[2] - 499980) % 120 == 0
    assert (plan.grid.transform[5] - 5200020) % 120 == 0
    assert plan.area_pixels == pytest.approx(area.geometry.area / 120**2, rel=1e-3)


@pytest.mark.real
def test_a_country_of_thousands_of_parts_is_planned_and_drawn(real_areas, tmp_path):
    """Cambodia at 10 m in parts of at most 2 MiB: more than 20,000 parts, each touching the country."""
    shapefile = real_areas / "naturalearth_lowres" / "naturalearth_lowres.shp"
    area = read_areas(str(shapefile), where="name = 'Cambodia'")[0]

    plan = make_plan(area, PIXELS, split_request=SplitRequest(max_part_bytes=2 * MIB))
    draw_plan(plan, tmp_path / "cambodia.png", "Cambodia")

    assert plan.part_count > 20_000
    assert len(plan.tasks) < 300
    assert plan.area_pixels == pytest.approx(1.82e9, rel=0.01)
