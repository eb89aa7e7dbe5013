"""A job and a job file are one thing."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import orchestrator as orc
from orchestrator.config import read_job
from orchestrator.faces.cli.options import build_table, job_options

DATES = ("2024-05-01", "2024-06-01")
BOX = (14.4, 46.0, 14.5, 46.1)


def declared(job, base="/anywhere"):
    """Return the declaration that the command line makes of a job's file."""
    return read_job(job).job(Path(base), "sandbox")


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.one_of(texts, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False))
names = st.text(string.ascii_letters + string.digits, min_size=1, max_size=20)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names,
    st.dictionaries(texts, values | st.lists(values, max_size=3), max_size=4),
    st.lists(names, max_size=3, unique=True),
    st.one_of(st.none(), st.floats(1e-6, 1e6)),
    st.sampled_from([{}, {"mosaic": {"compress": "zstd", "block": 512}}, {"min_valid": 0.5, "split": "square"}]),
)
def test_what_is_written_reads_as_the_same_job(tmp_path, name, params, bands, scale, more):
    """Whatever names, parameters, bands and options it has; also by the reader of the command line."""
    job = orc.Job(BOX, dates=DATES, name=name, params=params, bands=bands, scale=scale, output=tmp_path, **more)

    file = job.to_file(tmp_path / "job.toml")

    assert orc.Job.from_file(file) == job
    assert declared(file).params == params
    assert declared(file).bands == tuple(bands)


def test_a_file_may_be_written_anywhere(tmp_path, monkeypatch):
    """Paths in it are those that were meant where the job was declared."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "area.wkt").write_text("POLYGON ((14 46, 14.1 46, 14.1 46.1, 14 46))")
    (tmp_path / "image.py").write_text("def get_ee_image(): ...")
    job = orc.Job("area.wkt", "image-code", DATES, name="a", bands=["x"], params={"file": "image.py"}, output="out")
    (tmp_path / "deep").mkdir()

    file = job.to_file(tmp_path / "deep" / "job.toml")

    monkeypatch.chdir("/")
    found = declared(file, file.parent)
    assert found.area.source == str(tmp_path / "area.wkt")
    assert found.params["file"] == str(tmp_path / "image.py")
    assert found.output == str(tmp_path / "out")


def test_the_same_job_by_options_has_the_same_fingerprint(tmp_path, monkeypatch):
    """What `orchestrator run` begins, `orc.run` continues."""
    monkeypatch.chdir(tmp_path)
    words = {"area": "14.4,46.0,14.5,46.1", "output": "out", "base_name": "a", "bands": "B4", "scale": 20.0}
    options = [param.name for param in job_options(lambda: None).__click_params__]
    given = dict.fromkeys(options) | {"job_file": (), "start_date": DATES[0], "end_date": DATES[1]} | words

    table, base = build_table(given)

    job = orc.Job(BOX, dates=DATES, name="a", bands=["B4"], scale=20, output="out")
    theirs = table.job(base, "google").fingerprint()
    assert (
        declared(job.to_file("job.toml"), tmp_path).fingerprint()
        == read_job(Path("job.toml")).job(tmp_path, "sandbox").fingerprint()
    )
    assert read_job(Path("job.toml")).job(tmp_path, "google").fingerprint() == theirs


def test_a_schedule_in_a_file_is_kept(tmp_path):
    """Reading and writing loses no key."""
    (tmp_path / "one.toml").write_text(
        'area = "14,46,14.1,46.1"\noutput = "o"\nbase_name = "n_{date}"\nstart_date = "today-30d"\nend_date = "today"\n'
        'cron = "0 1 * * *"\noverwrite = true\n[grid]\ncrs_transform = [10, 0, 0, 0, -10, 0]\n'
    )

    file = orc.Job.from_file(tmp_path / "one.toml").to_file(tmp_path / "two.toml")

    assert read_job(file).model_copy(update={"output": "o"}) == read_job(tmp_path / "one.toml")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        pytest.param({"params": {"x": None}}, "params.x is None", id="nothing"),
        pytest.param({"params": {"x": {1}}}, r"params.x is \{1\} \(set\)", id="a set"),
        pytest.param({"params": {"x": "\ud800"}}, "half a character", id="half a character"),
        pytest.param({"params": {"x": 2**63}}, "64 bits", id="too large"),
        pytest.param({"image": lambda: None, "bands": ["x"]}, "a function, which no file", id="a function"),
    ],
)
def test_what_no_file_can_hold_is_said(given, named, tmp_path):
    """With its name, and nothing is written."""
    job = orc.Job(BOX, dates=DATES, name="a", output=tmp_path, **given)

    with pytest.raises(orc.UserError, match=named):
        job.to_file(tmp_path / "job.toml")

    assert not (tmp_path / "job.toml").exists()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        pytest.param({"scael": 20}, "did you mean 'scale'|'scael' is no key", id="misspelt"),
        pytest.param({"scale": 0}, "'grid.scale' is 0", id="no scale"),
        pytest.param({"dates": "2024-05-01"}, "give two", id="one date"),
        pytest.param({"dates": None}, "'start_date' is missing", id="no dates"),
        pytest.param({"name": "a/b"}, "base name 'a/b'", id="hostile name"),
        pytest.param({"image": 3}, "type int", id="no image"),
        pytest.param({"image": "sentinel"}, "sentinel2-cloudless", id="unknown recipe"),
        pytest.param({"route": "dirve"}, "did you mean 'drive'", id="unknown route"),
        pytest.param({"min_valid": 90}, "0.9 for 90 %", id="a percentage"),
    ],
)
def test_a_wrong_argument_is_named_at_once(given, named):
    """In one line, when the job is declared."""
    with pytest.raises(orc.UserError, match=named) as caught:
        orc.Job(**{"area": BOX, "dates": DATES, "name": "a", **given})

    assert "\n" not in str(caught.value)


def test_a_job_with_a_column_is_taken_one_by_one(tmp_path):
    """Each of its values makes a result of its own."""
    squares = ((x, f"POLYGON (({x} 46, {x}.1 46, {x}.1 46.1, {x} 46))") for x in (14, 15))
    rows = "".join(
        f'{{"type":"Feature","properties":{{"city":"c{x}"}},"geometry":{{"type":"Polygon",'
        f'"coordinates":[[[{x},46],[{x}.1,46],[{x}.1,46.1],[{x},46]]]}}}}{"," if x == 14 else ""}'
        for x, _ in squares
    )
    (tmp_path / "a.geojson").write_text(f'{{"type":"FeatureCollection","features":[{rows}]}}')
    job = orc.Job(tmp_path / "a.geojson", dates=DATES, name="n", each="city", scale=1000, output=tmp_path)

    with pytest.raises(orc.UserError, match="makes 2 results"):
        orc.plan(job)
    assert [orc.plan(one).report.base_name for one in job.pieces()] == ["n_c14", "n_c15"]


def test_a_plan_leaves_nothing_behind(tmp_path):
    """No state is made by asking, and no service is needed for a recipe."""
    with orc.connect(state_dir=tmp_path / "state"):
        plan = orc.plan(orc.Job(BOX, dates=DATES, name="a", bands=["B4"], scale=500, output=tmp_path / "out"))

    assert plan.shape[0] == 1
    assert not (tmp_path / "state").exists()
