"""A filled-in form, the job that it makes, the command and the job file that say the same."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path

import pytest
import rich_click as click
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.app.verbs.commands import command_of, job_file, job_table, shell_line
from orchestrator.app.verbs.drafts import DraftError, content_of, declared, form_of, job_of, read_form
from orchestrator.config import JobTable, load, read_table
from orchestrator.faces.cli import cube, table
from orchestrator.faces.cli.copernicus import choosing
from orchestrator.faces.cli.main import cli
from orchestrator.faces.cli.options import build_table
from orchestrator.faces.cli.tiles import download
from orchestrator.model.job import Job

SERVICES = {"earthengine": "google", "copernicus": "copernicus", "here": "here"}
BOX = "-6.12,49.60,-6.10,49.61"
MOSAIC = {
    "area.source": BOX,
    "output": "/results of mine",
    "base_name": "corner",
    "start_date": "2024-06-01",
    "end_date": "2024-07-01",
}
FORMS = {
    "the least": MOSAIC,
    "a mosaic of everything": MOSAIC
    | {
        "product": "mosaic",
        "area.crs": "EPSG:4326",
        "recipe": "sentinel2-cloudscore",
        "params.method": "quality",
        "params.threshold": "0.65",
        "bands": "B4, B3,B2",
        "grid.scale": "20.5",
        "grid.crs": "EPSG:32632",
        "route": "auto",
        "split": "square",
        "max_part_size": "1234567",
        "min_valid": "0.9",
        "audit": "3",
        "max_eecu_hours": "1.5",
        "mosaic.compress": "zstd",
        "mosaic.block": "512",
        "mosaic.all_touched": "true",
        "priority": "-3",
    },
    "dates that move": MOSAIC | {"start_date": "today-30d", "end_date": "today", "base_name": "month_{date}"},
    "some features of a file": MOSAIC
    | {"area.source": "/a b/it's.gpkg", "area.layer": "two words", "area.where": "name = 'O''Brien $HOME `x`'"},
    "no dates": {key: MOSAIC[key] for key in ("area.source", "output", "base_name")}
    | {"recipe": "terrain", "grid.scale": "30"},
    "a cube": MOSAIC
    | {
        "product": "cube",
        "cube.collection": "s2-l2a",
        "cube.max_cloud": "20",
        "cube.filter": "MGRS_TILE == 33TVM\nA > 1",
        "cube.format": "cog",
        "cube.clip": "false",
        "cube.smooth_20m": "true",
        "cube.reduce": "median, p90",
        "cube.nodata": "-1",
        "bands": "B4,B8",
        "grid.scale": "10",
    },
    "a table of polygons": {key: MOSAIC[key] for key in ("output", "base_name", "start_date", "end_date")}
    | {
        "product": "table",
        "table.polygons": "/fields.gpkg",
        "table.id": "name",
        "table.collection": "s2-l2a",
        "table.reducer": "mean,count",
        "table.format": "parquet",
    },
    "a table of pixels": MOSAIC | {"product": "table", "recipe": "terrain", "table.keep_empty": "true"},
    "chips": {
        "product": "chips",
        "chips.tiles": "/tiles of mine.parquet",
        "chips.width": "100",
        "chips.height": "64",
        "chips.outside": "nodata",
        "base_name": "rgb",
        "recipe": "sentinel2-cloudless",
        "params.dtype": "uint16",
        "start_date": "2024-06-01",
        "end_date": "2024-07-01",
        "bands": "B4,B3,B2",
        "grid.scale": "10",
    },
    "scenes": {
        "product": "scenes",
        "scenes.tiles": "33UWQ, 33UWP",
        "scenes.levels": "L2A",
        "scenes.cloud_max": "40",
        "scenes.l2a_bands": "B02, B11_20m",
        "scenes.l2a_scl_20m": "false",
        "scenes.missions": "S2A S2B",
        "start_date": "2025-12-01",
        "end_date": "2025-12-15",
        "output": "/scenes",
        "base_name": "two",
    },
}
forms = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())


def job_made(form) -> Job:
    return job_of(read_form(form), SERVICES, Path("/"))


def job_typed(words, product) -> Job:
    """The job that our own command line makes of words, by the parsers of its commands."""
    command, context, rest = cli, None, list(words[1:])
    while isinstance(command, click.Group):
        context = command.make_context(command.name, rest, parent=context)
        _, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
    given = command.make_context(command.name, rest, parent=context).params
    tables = {
        "mosaic": lambda: build_table(given),
        "cube": lambda: build_table(*cube._laid(given)),
        "table": lambda: build_table(*table._laid(given)),
        "chips": lambda: build_table(*download.laid_out(None, given)[0]),
        "scenes": lambda: choosing.declared(given),
    }
    made, base = tables[product]()
    return made.job(base, SERVICES)


@forms
def test_the_command_makes_the_same_job(form):
    """Read by the command line itself, after a shell has read it."""
    words = command_of(read_form(form), ["--state-dir", "/my state"], ["--sandbox-url", "http://127.0.0.1:1"])
    words = words[:-2] if form.get("product") in ("cube", "chips", "table", "scenes") else words

    typed = job_typed(shlex.split(shell_line(words)), form.get("product", "mosaic"))

    assert typed.fingerprint() == job_made(form).fingerprint()
    assert (typed.min_valid, typed.audit) == (job_made(form).min_valid, job_made(form).audit)


@forms
def test_the_job_file_makes_the_same_job(form, tmp_path):
    """Read as `orchestrator run FILE` reads it."""
    path = tmp_path / "job.toml"
    path.write_text(job_file(read_form(form)))

    read = JobTable.model_validate(read_table(path)).job(tmp_path, SERVICES)

    assert read == job_made(form)


@forms
def test_the_table_of_config_toml_makes_the_same_job(form, tmp_path):
    """Read as the daemon reads it; it is called like the result."""
    path = tmp_path / "config.toml"
    path.write_text(job_table(read_form(form), "mine"))

    read = load(path, environment={}).settings.jobs["mine"].job(tmp_path, SERVICES)

    assert read == job_made(form)


@forms
def test_a_stored_job_fills_in_the_form_that_makes_it_again(form):
    """From the snapshot that a run keeps; parameters come as text, as a form gives them."""
    job = Job.from_json(job_made(form).to_json())

    again = job_of(read_form(form_of(content_of(job))), SERVICES, Path("/"))

    assert again == job


@settings(max_examples=25)
@given(
    scale=st.floats(1e-4, 1e5),
    size=st.integers(1, 2**40),
    share=st.floats(0, 1),
    where=st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40).filter(str.strip),
)
def test_numbers_and_texts_survive_every_way_of_writing(scale, size, share, where):
    """Command, job file and stored job: all digits, any letters, quotes and dashes."""
    numbers = {"grid.scale": repr(scale), "max_part_size": str(size), "min_valid": repr(share)}
    form = MOSAIC | numbers | {"area.where": where}
    content = read_form(form)
    job = job_of(content, SERVICES, Path("/"))

    assert job.grid.scale == scale
    assert job_typed(command_of(content), "mosaic") == job
    assert JobTable.model_validate(tomllib.loads(job_file(content))).job(Path("/"), SERVICES) == job
    assert job_of(read_form(form_of(content_of(job))), SERVICES, Path("/")) == job


def test_what_no_option_says_is_left_to_a_job_file():
    """A folder for chips: `tiles download` has no option for it."""
    form = FORMS["chips"] | {"output": "/elsewhere"}

    assert command_of(read_form(form)) == []


def test_each_refusal_is_said_of_its_field():
    """All at once, so that a person mends them together."""
    wrong = {
        "grid.scale": "ten",
        "recipe": "sentinel2-cloudles",
        "mosaic.block": "7",
        "base_name": "../up",
        "output": "",
    }

    with pytest.raises(DraftError) as refused:
        declared(read_form(MOSAIC | wrong))

    assert set(refused.value.fields) == set(wrong)
    assert "did you mean" in refused.value.fields["recipe"]


def test_an_empty_form_says_what_is_needed():
    """Field by field, and what to do."""
    with pytest.raises(DraftError) as refused:
        declared(read_form({"product": "mosaic", "recipe": "sentinel2-cloudless"}))

    assert set(refused.value.fields) == {"area.source", "output", "base_name", "start_date", "end_date"}


def test_a_product_that_says_where_leaves_the_map_out():
    """The area on the map stays filled in while a person looks at points, or at tiles."""
    points = {"product": "table", "table.points": "/wells.csv"}

    assert "area" not in read_form(MOSAIC | points)
    assert "area" not in read_form(MOSAIC | {"product": "chips", "chips.tiles": "/tiles.parquet"})
    assert "area" in read_form(MOSAIC | {"product": "table"})


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        pytest.param({"product": "chips"}, {"chips.tiles"}, id="chips of nothing"),
        pytest.param({"product": "cube"}, {"cube.collection", "bands"}, id="a cube of nothing"),
    ],
)
def test_what_a_product_needs_is_said_of_its_field(form, fields):
    """Before anybody is asked."""
    with pytest.raises(DraftError) as refused:
        declared(read_form(MOSAIC | form))

    assert set(refused.value.fields) == fields


def test_fields_of_other_products_say_nothing():
    """They stay filled in while a person tries one product and the other."""
    assert "cube" not in read_form(MOSAIC | {"product": "mosaic", "cube.clip": "false"})
