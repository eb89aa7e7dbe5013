"""Messages lead to what was meant."""

from __future__ import annotations

import pytest

DATES = ["--start-date", "2024-01-01", "--end-date", "2024-02-01"]
WHOLE = ["--area", "1,2,3,4", "--output", "o", "--base-name", "a", *DATES]


@pytest.mark.parametrize(
    ("words", "listed"),
    [
        (["--bands", "B2,", "B3"], "--bands B2,B3"),
        (["--bands", "B2", "B3", "B4"], "--bands B2,B3,B4"),
        (["--bands", "B2", ",B3"], "--bands B2,B3"),
        (["--bands", "B2,", "B3,", "B4"], "--bands B2,B3,B4"),
    ],
    ids=["comma and blank", "blanks", "comma in front", "three"],
)
def test_a_band_list_with_blanks_is_said_to_be_one(call, words, listed):
    """A shell makes several words of it; the message gives the list to copy."""
    called = call("run", *WHOLE, *words)

    assert called.code == 2
    assert called.err.strip().endswith(listed)


@pytest.mark.parametrize("text", ["B2, B3", "B2 B3", "B2,B3", " B2 ,  B3,"])
def test_a_quoted_band_list_may_have_blanks(call, text):
    """In one word, blanks and commas separate alike."""
    called = call("plan", *WHOLE, "--scale", "10000", "--sandbox", "--bands", text, "--json")

    assert called.messages[-1]["bands"] == ["B2", "B3"], called.err


@pytest.mark.parametrize("name", ["area.gpkg", "Area.SHP", "a.geojson", "a.kml", "a.zip"])
def test_an_area_in_the_place_of_a_job_file_is_named(call, name):
    """Whether it exists or not, its ending tells; the message says which option it needs."""
    called = call("run", name, *WHOLE)

    assert called.code == 2
    assert f"--shapefile {name}" in called.err


def test_a_box_in_the_place_of_a_job_file_is_named(call):
    """Numbers are no file."""
    called = call("run", "14.4,46,14.5,46.1", "--output", "o", "--base-name", "a", *DATES)

    assert called.code == 2
    assert "--area 14.4,46,14.5,46.1" in called.err


def test_a_job_file_in_the_place_of_an_area_is_named(call, tmp_path):
    """The other way round; also inside a job file."""
    (tmp_path / "job.toml").write_text("")

    called = call("run", "--output", "o", "--base-name", "a", *DATES, "--shapefile", "job.toml")

    assert called.code == 2
    assert "orchestrator run job.toml" in called.err


def test_settings_in_the_place_of_a_job_file_are_named(call, tmp_path):
    """config.toml is for --config; its jobs are for the daemon."""
    (tmp_path / "config.toml").write_text('[jobs.east]\narea = "x"\n')

    called = call("run", "config.toml")

    assert called.code in (2, 4)
    assert "--config" in called.err or "jobs.east" in called.err


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('bandz = ["B2"]', "'bands'"),
        ('base_nmae = "x"', "'base_name'"),
        ('[write]\ncompres = "zstd"', "'write.compress'"),
        ('[area]\nsorce = "x"', "'area.source'"),
        ("[grid]\nScale = 10", "'grid.scale'"),
    ],
)
def test_a_misspelt_key_of_a_job_is_answered_by_the_nearest(call, tmp_path, text, meant):
    """With the file's name, and before what else is missing."""
    (tmp_path / "job.toml").write_text(text)

    called = call("run", "job.toml")

    assert called.code == 2
    assert "job.toml" in called.err
    assert f"did you mean {meant}" in called.err


def test_a_key_that_is_like_none_is_answered_by_all(call, tmp_path):
    """Where nothing is near, the keys that may stand there are listed."""
    (tmp_path / "job.toml").write_text("[grid]\nzzzzz = 1")

    assert "scale, crs, crs_transform" in call("run", "job.toml").err


def test_options_complete_a_job_file(call, tmp_path):
    """What the file does not say may be said beside it; options go before the file."""
    (tmp_path / "job.toml").write_text('recipe = "soup"\n[grid]\nscale = 10')

    called = call("plan", "job.toml", *WHOLE)

    assert called.code == 2
    assert "soup" in called.err  # nothing was missing any more


@pytest.mark.parametrize(
    "words",
    [
        ["--block", "7"],
        ["--max-size-mb", "0"],
        ["--scale", "-1"],
        ["--crs-transform", "1,2"],
        ["--param", "x"],
    ],
    ids=" ".join,
)
def test_a_bad_option_is_asked_wrongly(call, words):
    """Exit code 2; 4 is for settings and credentials."""
    called = call("plan", *WHOLE, *words)

    assert called.code == 2, called.err


def test_a_wrong_schedule_names_its_job(call, tmp_path):
    """`doctor` says which of the jobs it is, and looks at the others too."""
    job = 'area = "1,2,3,4"\noutput = "o"\nbase_name = "a"\nstart_date = "2024-01-01"\nend_date = "2024-02-01"\n'
    text = f'[jobs.east]\n{job}cron = "0 99 * * *"\n[jobs.west]\n{job.replace("1,2,3,4", "nowhere.gpkg")}every = "1d"\n'
    (tmp_path / "config.toml").write_text(text)

    called = call("doctor", "--offline")

    assert "0 99 * * *" in called.out
    assert "nowhere.gpkg" in called.out
    assert "east" in called.out
    assert "west" in called.out


def test_scenes_that_are_no_folder_are_asked_wrongly(call):
    """Said with the folder's name before a sandbox is started for them."""
    called = call("run", *WHOLE, "--sandbox", "--scenes", "nowhere")

    assert called.code == 2
    assert "nowhere" in called.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param(["--recipe", "terain"], "did you mean 'terrain'?", id="an unknown recipe before missing dates"),
        pytest.param(["--recipe", "terrain", *DATES[:2]], "missing: --end-date;", id="one date of two"),
        pytest.param(["--recipe", "terrain", *DATES[2:]], "missing: --start-date;", id="the other one"),
        pytest.param([], "missing: --start-date, --end-date;", id="both"),
    ],
)
def test_what_is_wrong_is_said_before_what_follows_from_it(call, options, says):
    """A recipe without dates is known only when its name is right."""
    called = call("plan", "--sandbox", "--area", "10,50,10.1,50.1", "--output", "o", "--base-name", "a", *options)

    assert called.code == 2
    assert says in called.err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        pytest.param('recipe = "mosaic"\n[cube]\ncollection = "s2-l2a"', "a cube has no recipe", id="the whole"),
        pytest.param("audit = 3\n[cube]\n", "a cube is not audited", id="a key beside it"),
        pytest.param('[cube]\nscenes = "a"\nfilter = "X > 1"', "a filter is applied by Earth Engine", id="the table"),
        pytest.param("[cube]\nmax_cloud = 500", "'cube.max_cloud' is 500", id="a key of it"),
    ],
)
def test_a_mistake_in_a_job_file_is_the_files(call, tmp_path, more, said):
    """Its area may be written as one text: the options are not blamed for what is read out of it."""
    head = 'product = "cube"\narea = "15,45,15.1,45.1"\noutput = "o"\nbase_name = "a"\n'
    (tmp_path / "job.toml").write_text(f'{head}start_date = "2024-05-01"\nend_date = "2024-06-01"\n{more}\n')

    called = call("run", "job.toml")

    assert called.err.startswith("orchestrator: job.toml: ")
    assert said in called.err
    assert not call("run", "--end-date", "2024-07-01", "job.toml").err.startswith("orchestrator: options")


def test_a_mistake_in_an_option_is_not_the_files(call, tmp_path):
    """Though the file has that key, too, and rightly."""
    head = 'product = "cube"\narea = "15,45,15.1,45.1"\noutput = "o"\nbase_name = "a"\nsplit = "blocks"\n'
    (tmp_path / "job.toml").write_text(f'{head}start_date = "2024-05-01"\nend_date = "2024-06-01"\n')

    assert call("run", "--min-valid", "7", "job.toml").err.startswith("orchestrator: options: ")


def test_a_table_that_is_to_be_called_otherwise_is_called_by_its_file(call):
    """The advice can be followed as it stands."""
    called = call("table", "--points", "POINT (14.5 46)", "--collection", "s2-l2a", "-o", "o/a.csv", "--base-name", "b")

    assert called.code == 2
    assert "-o o/b.csv" in called.err
