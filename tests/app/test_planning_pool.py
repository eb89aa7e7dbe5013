"""Drafts are planned in a process of their own: what comes back, what is refused where, and how it is cancelled."""

from __future__ import annotations

import json
import os
import shutil
import threading
from datetime import date
from pathlib import Path

import pytest
import shapely
from pyproj import Geod

from orchestrator.app import Records
from orchestrator.app.planning_pool import BusyError, CancelledError, PlanningPool, PoolSettings
from orchestrator.app.verbs.drafts import GENERAL, DraftError, read_form
from orchestrator.app.verbs.recipes import describe_recipe
from orchestrator.config import load
from orchestrator.core.errors import OrchestratorError
from orchestrator.faces.cli.main import run_cli
from orchestrator.model.job import Job
from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.registry import PARAMETERS, RECIPES, find_recipe

DRAWN = shapely.Polygon([(6.10, 49.60), (6.14, 49.60), (6.12, 49.63)])
GEOJSON = shapely.to_geojson(DRAWN).encode()
HOPELESS_SECONDS = 120
_YEAR = (date(2020, 1, 1), date(2021, 1, 1))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with a config.toml in which one job names Python code, and with a state."""
    root = tmp_path_factory.mktemp("planning")
    (root / "image.py").write_text("def get_ee_image():\n    raise SystemExit\n")
    (root / "config.toml").write_text(
        f'[local]\nstate_dir = "{root}/state"\n[jobs.code]\nrecipe = "image-code"\nbands = ["a"]\narea = "6,49,7,50"\n'
        'output = "o"\nbase_name = "c"\nstart_date = "2024-01-01"\nend_date = "2024-02-01"\n'
        '[jobs.code.params]\nfile = "image.py"\n'
    )
    return root


@pytest.fixture(scope="module")
def pool(root):
    settings = load(root / "config.toml", environment={}).settings
    pool = PlanningPool(PoolSettings(settings, root, root, ("--config", str(root / "config.toml"))))
    yield pool
    pool.close()


@pytest.fixture
def ask(pool):
    def asked(*given, **named):
        question = pool.ask(*given, **named)
        assert question.wait(HOPELESS_SECONDS)
        return question.answer()

    return asked


@pytest.fixture
def form(ask):
    """A mosaic over a drawn area."""
    source = ask("drop", "drawn.geojson", GEOJSON).source
    place = {"area.source": source, "output": "out", "base_name": "drawn"}
    return place | {"start_date": "2024-06-01", "end_date": "2024-07-01", "bands": "B4"}


def refused(ask, *given):
    with pytest.raises(DraftError) as error:
        ask(*given)
    return error.value.fields


def test_a_drawn_area_is_kept_and_looked_at(ask, root):
    """In the state folder, called as it was said; its outline, and its size on the ellipsoid."""
    seen = ask("drop", "../my fields.geojson", GEOJSON)

    assert Path(seen.source) == root / "state" / "areas" / "my_fields.geojson"
    assert Path(seen.source).read_bytes() == GEOJSON
    assert shapely.geometry.shape(seen.outline).equals(DRAWN)
    assert seen.km2 == pytest.approx(abs(Geod(ellps="WGS84").geometry_area_perimeter(DRAWN)[0]) / 1e6)


def test_another_area_of_the_same_name_replaces_nothing(ask, form):
    """A run may rest on the first; the same bytes are the same file."""
    other = shapely.to_geojson(DRAWN.buffer(0.01)).encode()

    second, third = ask("drop", "drawn.geojson", other), ask("drop", "drawn.geojson", GEOJSON)

    assert Path(second.source).name == "drawn-2.geojson"
    assert third.source == form["area.source"]
    assert Path(third.source).read_bytes() == GEOJSON


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        pytest.param("broken.geojson", b'{"type":', "cannot be read", id="damaged"),
        pytest.param("code.py", b"print()", "no vector file", id="of another kind"),
        pytest.param("half.shx", b"x", "into one .zip", id="a part of a shapefile"),
        pytest.param("none.kml", b"", "0 B", id="empty"),
    ],
)
def test_what_is_no_area_is_refused_and_does_not_stay(ask, root, name, content, told):
    """One sentence; no file is left."""
    with pytest.raises(OrchestratorError, match=told):
        ask("drop", name, content)

    assert not (root / "state" / "areas" / name).exists()


def test_the_rectangles_of_the_plan_cover_the_area_once(ask, form):
    """As a map shows them, in degrees: nothing within a pixel of its edge is missing, and none lies over another."""
    planned = ask("plan", read_form(form | {"max_part_size": "500 kB"}))

    shapes = [shapely.geometry.shape(feature["geometry"]) for feature in planned.parts["features"]]
    together = shapely.union_all(shapes)
    assert len(shapes) > 2
    assert together.contains(DRAWN.buffer(-2e-4))
    assert sum(shape.area for shape in shapes) == pytest.approx(together.area, rel=1e-6)


def test_what_is_submitted_is_what_was_planned_and_what_the_command_makes(ask, form, root, capsys, monkeypatch):
    """The run of the page and the run of the printed command are one: the same job in the same state."""
    planned = ask("plan", read_form(form))
    words = planned.command.split()[1:]
    words[words.index("run")] = "submit"
    for name in [name for name in os.environ if name.startswith("ORCHESTRATOR_")]:
        monkeypatch.delenv(name)  # of other rooms, for the whole session

    run = ask("submit", read_form(form), planned.fingerprint)
    assert run_cli(["--json", *words]) == 0

    assert json.loads(capsys.readouterr().out.splitlines()[-1])["run"] == run
    stored = Records(load(root / "config.toml", environment={}).settings).store.runs.get(run)
    assert Job.from_json(stored.job).fingerprint() == planned.fingerprint
    assert ask("plan", read_form(form)).known == run


def test_a_form_that_changed_since_its_plan_is_not_submitted(ask, form):
    """What is submitted was seen."""
    planned = ask("plan", read_form(form))

    fields = refused(ask, "submit", read_form(form | {"grid.scale": "20"}), planned.fingerprint)

    assert "plan it again" in fields[GENERAL]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"area.source": "6,49,5,50"}, "area.source", id="a box that is none"),
        pytest.param({"area.source": "Atlantis"}, "area.source", id="a place that is none"),
        pytest.param({"start_date": "2024-13-01"}, "start_date", id="a month that is none"),
        pytest.param({"start_date": "2024-08-01"}, "start_date", id="reversed dates"),
        pytest.param({"start_date": "2010-01-01", "end_date": "2010-02-01"}, "start_date", id="before the satellite"),
        pytest.param({"bands": "B4, B77"}, "bands", id="a band that is none"),
        pytest.param({"params.dtype": "int99"}, "params.dtype", id="a value of a parameter"),
        pytest.param({"params.colour": "red"}, "params.colour", id="a parameter that is none"),
        pytest.param({"grid.crs": "EPSG:1"}, "grid.crs", id="a CRS that is none"),
        pytest.param({"grid.scale": "1e-7"}, "grid.scale", id="more pixels than there can be"),
        pytest.param({"output": "/proc/out"}, "output", id="a folder that cannot be made"),
        pytest.param({"recipe": "image-code", "params.file": "/other.py"}, "recipe", id="code that no job names"),
        pytest.param(
            {"product": "chips", "chips.tiles": "/none.parquet"}, "chips.tiles", id="tiles that are not there"
        ),
        pytest.param({"product": "table", "table.points": "/none.csv"}, "table.points", id="points that are not there"),
    ],
)
def test_a_refusal_stands_at_the_field_that_it_is_about(ask, form, changes, field):
    """Whichever part of the program refuses it."""
    form = form if "product" not in changes else {key: form[key] for key in form if key != "area.source"}

    assert list(refused(ask, "plan", read_form(form | changes))) == [field]


def test_tiles_over_an_area_are_planned_as_chips(ask, form, root):
    """Squares of the side that is asked for, kept beside the areas; the map shows each."""
    path = ask("tiles", {"source": form["area.source"]}, 1000.0, "my_chips")
    chips = {"product": "chips", "chips.tiles": path, "grid.scale": "10", "base_name": "chips"}

    planned = ask("plan", read_form(form | chips))

    shapes = [shapely.geometry.shape(feature["geometry"]) for feature in planned.parts["features"]]
    sizes = [abs(Geod(ellps="WGS84").geometry_area_perimeter(shape)[0]) for shape in shapes]
    assert Path(path).parent == root / "state" / "areas"
    assert sizes == pytest.approx([1e6] * len(shapes), rel=2e-3)  # UTM's scale is 0.9996 to 1.001
    assert shapely.union_all(shapes).buffer(1e-9).contains(DRAWN)


def test_what_chips_take_is_planned(ask, form):
    """Of 64 × 32 pixels, one band and two bytes each, 4 KiB a chip, by one request; what they cost, as of a mosaic."""
    path = ask("tiles", {"source": form["area.source"]}, 1000.0, "small_chips")
    chips = {"product": "chips", "chips.tiles": path, "chips.width": "64", "chips.height": "32", "grid.scale": "10"}

    planned = ask("plan", read_form(form | chips | {"params.dtype": "uint16", "base_name": "small"}))

    count, rows = len(planned.parts["features"]), dict(planned.rows)
    assert rows["Chips"] == f"{count}, the heaviest 4.0 KiB"
    assert rows["Requests"].startswith(f"{count}, ")
    assert rows["On disk"] == f"{4 * count:.1f} KiB uncompressed"
    assert rows["Compute"].endswith("by Google's benchmarks of 2024-03 of Sentinel-2 composites")


def test_what_is_known_of_a_table_is_planned(ask, form, root):
    """How many places it has; images and rows are asked for when it begins, and that is said."""
    (root / "wells.csv").write_text("name,lon,lat\na,6.11,49.61\nb,6.12,49.61\nc,6.13,49.61\n")
    table = {"product": "table", "table.points": str(root / "wells.csv"), "table.id": "name"}

    planned = ask("plan", read_form(form | table | {"table.collection": "s2-l2a", "base_name": "wells"}))

    rows = dict(planned.rows)
    assert rows["Places"] == "3 points"
    assert rows["Rows"].startswith("one for each place and image")
    assert rows["Compute"].startswith("not known")


def test_planning_goes_on_where_its_folder_of_temporary_files_was_cleared(pool, ask):
    """What keeps /tmp small takes it after some days; a file is unpacked there before it is read."""
    ask("drop", "before.geojson", GEOJSON)
    for thread in [one for one in threading.enumerate() if one.name == "planning"]:
        thread.join(HOPELESS_SECONDS)  # the process that answered waits for the next question then
    (folder,) = [Path(helper._folder) for helper in pool._idle]
    shutil.rmtree(folder)

    assert ask("drop", "after.geojson", GEOJSON).bounds == DRAWN.bounds
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_file_of_somebody_else_is_not_replaced(ask, form, root):
    """It is said before anything is submitted, at the name."""
    (root / "out").mkdir(exist_ok=True)
    (root / "out" / "theirs_clipped.tif").write_bytes(b"precious")

    assert list(refused(ask, "plan", read_form(form | {"base_name": "theirs"}))) == ["base_name"]
    assert (root / "out" / "theirs_clipped.tif").read_bytes() == b"precious"


def test_code_that_a_job_names_may_be_planned(ask, form):
    """The owner of config.toml wrote it down; it is not run for a plan."""
    code = {"recipe": "image-code", "params.file": "image.py", "bands": "a", "base_name": "coded"}

    assert ask("plan", read_form(form | code)).base_name == "coded"


def test_whoever_does_not_want_to_wait_is_free_at_once(pool, ask, form):
    """The process is ended where it stands, and the next question finds another."""
    question = pool.ask("plan", read_form(form | {"area.source": "Canada", "grid.scale": "100"}))

    question.cancel()

    with pytest.raises(CancelledError):
        question.answer()
    assert ask("look", "6,49,7,50").bounds == (6, 49, 7, 50)


def test_who_comes_while_every_process_is_at_work_waits_for_a_turn(pool, form):
    """And who comes when many wait is told, and waits for nobody."""
    large = read_form(form | {"area.source": "Canada", "grid.scale": "100"})
    working = [pool.ask("plan", large) for _ in range(2)]
    waiting = [pool.ask("look", "6,49,7,50") for _ in range(8)]

    with pytest.raises(BusyError, match="try again"):
        waiting += iter(lambda: pool.ask("look", "6,49,7,50"), None)  # until the two have their turn

    for question in working:
        question.cancel()
    assert all(question.wait(HOPELESS_SECONDS) for question in waiting)
    assert {question.answer().bounds for question in waiting} == {(6.0, 49.0, 7.0, 50.0)}


@pytest.mark.parametrize("name", RECIPES)
def test_every_parameter_of_a_recipe_is_explained(name):
    """Those that the recipe reads, with the defaults that it uses: nothing is typed again for a page."""
    told = describe_recipe(name)

    assert all(one.meaning for one in told.parameters)
    assert told.summary[0].isupper()
    assert set(PARAMETERS) == set(RECIPES)
    if name not in ("image-code", "graph", "dataset"):  # which need a file or a name to say anything
        year = ImageRequest({"type": "Point", "coordinates": [6, 49]}, *_YEAR, (), {})
        facts = find_recipe(name).facts(year)["parameters"]
        assert {one.name: one.default for one in told.parameters} == {key: str(facts[key]) for key in facts}
