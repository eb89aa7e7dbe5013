"""Settings: layers in order, and errors that name the key and the place."""

from __future__ import annotations

import re

import pytest

from orchestrator.config import load, read_job, unknown_variables
from orchestrator.config.layers import as_environment
from orchestrator.core.errors import ConfigError, UserError


@pytest.fixture
def file(tmp_path):
    def write(text: str):
        path = tmp_path / "config.toml"
        path.write_text(text)
        return path

    return write


def test_layers_lie_over_each_other(file):
    """Command line before environment before profile before file before default."""
    path = file(
        '[ee]\nproject = "a"\nlive_tasks = 2\n[serve]\nslots = 2\n[profiles.night.ee]\nlive_tasks = 3\nproject = "b"\n'
    )

    loaded = load(
        path,
        profile="night",
        environment={"ORCHESTRATOR_EE__PROJECT": "c"},
        overrides={"serve": {"slots": 5}},
    )

    ee = loaded.settings.ee
    assert (ee.project, ee.live_tasks, loaded.settings.serve.slots) == ("c", 3, 5)
    assert loaded.settings.ee.poll_max == 30
    assert loaded.origins["ee.project"] == "environment"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        pytest.param("[ee]\nprojekt = 1\n", "ee.projekt", id="unknown key"),
        pytest.param("[moon]\nx = 1\n", "moon", id="unknown section"),
        pytest.param('[gcs]\nmax_bytes = "lots"\n', "gcs.max_bytes", id="no size"),
        pytest.param("[ee]\nlive_tasks = -1\n", "ee.live_tasks", id="out of range"),
        pytest.param("project = 1\n", "project", id="outside a section"),
        pytest.param("[ee\n", "no TOML", id="no TOML"),
    ],
)
def test_a_wrong_file_is_named_with_its_key(file, text, named):
    """One line says where, which key and what is wrong."""
    path = file(text)

    with pytest.raises(ConfigError, match=named) as caught:
        load(path, environment={})

    assert "config.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


GOOD = 'area = "0,0,1,1"\noutput = "o"\nbase_name = "n"\nstart_date = "2024-01-01"\nend_date = "2024-02-01"\n'


@pytest.mark.parametrize(
    ("table", "says"),
    [
        pytest.param('[jobs.bad]\narea = "x"\n', "'output' is missing", id="without output"),
        pytest.param(f"[jobs.bad]\n{GOOD}chron = '@daily'\n", "'chron' is no key", id="a misspelt key"),
        pytest.param(f"[jobs.bad]\n{GOOD}overlap = 'never'\n", "'overlap' is 'never'", id="a value that is none"),
        pytest.param(
            "[jobs.bad]\n" + GOOD.replace('"o"', '"gcs://maps"'), "'output': 'gcs://maps' is no address", id="a scheme"
        ),
        pytest.param("[jobs]\nbad = 3\n", "write a table [jobs.bad]", id="no table"),
    ],
)
def test_a_wrong_job_is_named_and_the_others_are_there(file, table, says):
    """One bad job keeps neither the rest of the file nor the daemon; the line names file, job, key and value."""
    loaded = load(file(f"{table}[jobs.good]\n{GOOD}"), environment={})

    assert list(loaded.settings.jobs) == ["good"]
    assert list(loaded.refused_jobs) == ["bad"]
    assert all(word in loaded.refused_jobs["bad"] for word in ("config.toml", "job bad", says))


def test_a_wrong_variable_is_named_as_such(file):
    """A bad value from the environment is not blamed on the file."""
    with pytest.raises(ConfigError, match=r"environment: 'ee.live_tasks' is 'many'"):
        load(file(""), environment={"ORCHESTRATOR_EE__LIVE_TASKS": "many"})


def test_misspelt_variables_are_found():
    """A name with our prefix that sets nothing does not stay unnoticed."""
    found = unknown_variables({"ORCHESTRATOR_EE__PROJECT": "", "ORCHESTRATOR_EE__PROJCT": "", "PATH": ""})

    assert found == ["ORCHESTRATOR_EE__PROJCT"]


def test_paths_of_a_job_count_from_its_file(tmp_path):
    """A job file can be started from any folder."""
    (tmp_path / "area.geojson").write_text("{}")
    path = tmp_path / "job.toml"
    path.write_text(
        'area = "area.geojson"\noutput = "out"\nbase_name = "a"\nstart_date = "2024-01-01"\nend_date = "2024-02-01"\n'
        'max_part_size = "8MiB"\n[params]\nmax_scene_cloud = 20\n[grid]\nscale = 20\n'
    )

    job = read_job(path).job(tmp_path, "google")

    assert job.area.source == str(tmp_path / "area.geojson")
    assert job.output == str(tmp_path / "out")
    assert (job.max_part_bytes, job.params["max_scene_cloud"], job.grid.scale) == (8 * 2**20, 20, 20)


SERVICES = ("ee", "gcs", "drive")


@pytest.mark.parametrize("given", [("ee",), ("gcs",), ("drive",), ("ee", "gcs"), ("ee", "drive"), ("gcs", "drive")])
def test_half_a_sandbox_is_refused(file, given):
    """One address without the others would speak to Google's buckets; what lacks is named with its variable."""
    path = file("".join(f'[{name}]\nurl = "http://127.0.0.1:1"\n' for name in given))

    with pytest.raises(ConfigError) as caught:
        load(path, environment={})

    lacking = set(SERVICES) - set(given)
    assert all(f"[{name}] (ORCHESTRATOR_{name.upper()}__URL)" in str(caught.value) for name in lacking)
    assert "config.toml" in str(caught.value)


def test_a_whole_sandbox_is_accepted(file):
    """From wherever the three addresses come."""
    path = file("".join(f'[{name}]\nurl = "http://127.0.0.1:1"\n' for name in SERVICES[:2]))

    assert load(path, environment={"ORCHESTRATOR_DRIVE__URL": "http://127.0.0.1:1"}).settings.service == "sandbox"


def test_a_misspelt_setting_is_answered_by_the_nearest(file):
    """With the section it stands in."""
    with pytest.raises(ConfigError, match=r"did you mean 'ee\.project'"):
        load(file("[ee]\nprojekt = 1\n"), environment={})


def test_a_misspelt_key_of_a_job_is_answered_before_what_is_missing(file):
    """The slip is why the right one is missing."""
    with pytest.raises(UserError, match="did you mean 'base_name'"):
        read_job(file("basename = 1\n"))


def test_a_file_of_the_recipe_counts_from_the_job_file(tmp_path, monkeypatch):
    """`file = "image.py"` beside the job file is found from any folder; one in the current folder goes before it."""
    (tmp_path / "here").mkdir()
    (tmp_path / "image.py").write_text("")
    path = tmp_path / "job.toml"
    path.write_text(
        'area = "1,2,3,4"\noutput = "out"\nbase_name = "a"\nstart_date = "2024-01-01"\nend_date = "2024-02-01"\n'
        'params = { file = "image.py" }\n'
    )
    monkeypatch.chdir(tmp_path / "here")

    there = read_job(path).job(tmp_path, "google").params["file"]
    (tmp_path / "here" / "image.py").write_text("")
    here = read_job(path).job(tmp_path, "google").params["file"]

    assert there == str(tmp_path / "image.py")
    assert here == "image.py"


@pytest.mark.parametrize(
    ("text", "environment"),
    [
        pytest.param('[credentials.google]\nkey_file = "k"\n', {}, id="file"),
        pytest.param('[credentials]\nkey_file = "k"\n', {}, id="file, earlier name"),
        pytest.param("", {"ORCHESTRATOR_CREDENTIALS__GOOGLE__KEY_FILE": "k"}, id="environment"),
        pytest.param("", {"ORCHESTRATOR_CREDENTIALS__KEY_FILE": "k"}, id="environment, earlier name"),
        pytest.param('[credentials.google]\nkey_file = "x"\n', {"ORCHESTRATOR_CREDENTIALS__KEY_FILE": "k"},
                     id="the environment has the last word, by either name"),
        pytest.param('[credentials]\nkey_file = "k"\n[credentials.google]\nkey_file = "k"\n', {}, id="both, equal"),
    ],
)  # fmt: skip
def test_a_key_file_is_found_under_its_present_and_its_earlier_name(file, text, environment):
    """A setting that moved goes on to work where it was, and loses no neighbour by it."""
    path = file(text + '[profiles.night.credentials.google]\nimpersonate = "me"\n')

    loaded = load(path, profile="night", environment=environment)

    assert loaded.settings.credentials.google.key_file == "k"
    assert loaded.settings.credentials.google.impersonate == "me"
    assert "credentials.google.key_file" in loaded.origins


def test_two_names_of_one_setting_that_disagree_are_refused(file):
    """Both are named, with their values and their variables."""
    path = file('[credentials]\nimpersonate = "a@x"\n[credentials.google]\nimpersonate = "b@x"\n')

    with pytest.raises(ConfigError) as caught:
        load(path, environment={})

    told = str(caught.value)
    assert all(word in told for word in ("[credentials]", "[credentials.google]", "'a@x'", "'b@x'", "config.toml"))
    assert "ORCHESTRATOR_CREDENTIALS__GOOGLE__IMPERSONATE" in told


def test_a_wrong_key_of_a_table_in_a_section_names_its_file(file):
    """The place that set it is known for nested tables too."""
    with pytest.raises(ConfigError, match=r"config.toml: 'credentials.google.keyfile' is no setting; did you mean"):
        load(file('[credentials.google]\nkeyfile = "x"\n'), environment={})


def test_both_names_are_variables_that_set_something():
    """`doctor` complains of neither."""
    assert unknown_variables({f"ORCHESTRATOR_CREDENTIALS__{g}KEY_FILE": "" for g in ("", "GOOGLE__")}) == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[local]\nkeep_parts = "no"', "'local.keep_parts' is 'no': write true or false"),
        ("[local]\nkeep_parts = 0", "'local.keep_parts' is 0: write true or false"),
        ("[ee]\nlive_tasks = true", "'ee.live_tasks' is True"),
        ("[pixels]\nper_second = true", "'pixels.per_second' is True"),
    ],
)
def test_true_and_false_are_no_numbers_nor_words(file, text, named):
    """A file has words of its own for them."""
    with pytest.raises(ConfigError, match=named):
        load(file(text), environment={})


@pytest.mark.parametrize(
    ("text", "wanted"), [("false", False), ("0", False), ("No", False), ("true", True), ("1", True)]
)
def test_a_variable_may_say_true_or_false_in_several_words(text, wanted):
    """It is text, whatever is meant."""
    loaded = load(environment={"ORCHESTRATOR_LOCAL__KEEP_PARTS": text})

    assert loaded.settings.local.keep_parts is wanted


def test_a_variable_that_is_neither_true_nor_false_is_refused():
    """With its name."""
    with pytest.raises(ConfigError, match="keep_parts' is 'perhaps'"):
        load(environment={"ORCHESTRATOR_LOCAL__KEEP_PARTS": "perhaps"})


def test_settings_as_variables_are_read_as_the_same_settings():
    """Also secrets, numbers with units, words for true, and a profile's: whatever another process finds besides."""
    given = {
        "ORCHESTRATOR_EE__PROJECT": "p",
        "ORCHESTRATOR_GCS__MAX_BYTES": "3GiB",
        "ORCHESTRATOR_CREDENTIALS__CDSE__PASSWORD": "secret word",
        "ORCHESTRATOR_LOCAL__KEEP_PARTS": "no",
        "ORCHESTRATOR_NOTIFY__URLS": "jsons://user:secret@example.com",
        "ORCHESTRATOR_DASK__RESOURCES": "orchestrator=1, GPU=0.5",
    }
    settings = load(environment=given).settings

    assert load(environment=as_environment(settings)).settings == settings


def test_keys_that_do_not_go_together_are_told_with_the_places_that_set_them(tmp_path):
    """A variable of the environment is not looked for in the file."""
    file = tmp_path / "config.toml"
    file.write_text("[dask]\nlocal = 2\n", encoding="utf-8")

    with pytest.raises(ConfigError, match=r"^environment: dask: `scheduler` is '127.0.0.1:8786'"):
        load(
            tmp_path / "config.toml",
            environment={"ORCHESTRATOR_DASK__SCHEDULER": "127.0.0.1:8786"},
            overrides={"dask": {"local": 0}},
        )
    with pytest.raises(ConfigError, match=rf"^{re.escape(str(file))} and environment: dask: `scheduler` and `local`"):
        load(file, environment={"ORCHESTRATOR_DASK__SCHEDULER": "tcp://127.0.0.1:8786"})
