"""`copernicus preprocess`: a job file, as the other commands have it, with options laid over it."""

import pytest
import rich_click as click

from orchestrator.config.pipeline import read_preprocess
from orchestrator.core.errors import UserError
from orchestrator.faces.cli.copernicus.preprocess import job_table, preprocess
from orchestrator.faces.cli.main import run_cli

JOB = """
product = "preprocess"
output = "made"

[preprocess]
index_json = "raw/meta/step1/index.json"
target_grid_ref = "scl_20m"
l1c_bands = ["B02", "B11"]

[preprocess.normalize]
mode = "compute_only"
seed = 7
"""


@pytest.fixture
def path(tmp_path):
    """A job file in a folder of its own."""
    path = tmp_path / "there" / "job.toml"
    path.parent.mkdir()
    path.write_text(JOB)
    index = path.parent / "raw" / "meta" / "step1" / "index.json"
    index.parent.mkdir(parents=True)
    index.write_text("{}")
    return path


def job(*words):
    """Return the job that a line asks for."""
    with click.Context(preprocess) as above:
        given = dict(preprocess.make_context("preprocess", [*words], above).params)
    for name in ("again", "overwrite", "config"):
        given.pop(name)
    table, base = job_table(given.pop("job_file"), given)
    return table.job(base, "")


def test_paths_of_a_job_file_count_from_its_folder(path):
    found = job(str(path))

    assert (found.product, found.base_name) == ("preprocess", "preprocess-compute_only")
    assert found.output == str(path.parent / "made")
    assert found.keys["index_json"] == str(path.parent / "raw/meta/step1/index.json")


def test_options_go_before_a_job_file_and_their_paths_count_from_here(path, tmp_path, monkeypatch):
    """What an inner table says beside them stays."""
    monkeypatch.chdir(tmp_path)

    found = job(str(path), "--out", "here", "--run-id", "second", "--index", "i.json", "--normalize", "none")

    assert (found.output, found.base_name) == (str(tmp_path / "here"), "second")
    assert found.keys["index_json"] == str(tmp_path / "i.json")
    assert found.keys["normalize"] == {"seed": 7}


def test_a_job_of_another_product_is_refused_by_its_name(path):
    path.write_text('product = "patches"\noutput = "made"\n[patches]\nindex = "i.json"\n')

    with pytest.raises(UserError, match='says product = "patches"; expected "preprocess"'):
        job(str(path), "--no-angles")


def test_a_job_file_as_a_configuration_says_how_it_is_given(path):
    with pytest.raises(UserError, match=r"is a job file .*`orchestrator copernicus preprocess .*job\.toml`"):
        read_preprocess(path)


def test_a_job_file_and_a_configuration_at_once_are_refused(path, capsys):
    assert run_cli(["copernicus", "preprocess", str(path), "--config", str(path)]) == 2
    assert "give one of them" in capsys.readouterr().err
