"""A download by the words of s2pipe, in Python and by command, dry and real: files, index and manifest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from schemas import faults_of

import orchestrator as orc
from orchestrator.compat.s2pipe.download.auth import CDSEAuth, prompt_auth
from orchestrator.compat.s2pipe.download.cfg import (
    DownloadConfig,
    ManifestConfig,
    NodesIndexConfig,
    PipelineConfig,
    QueryConfig,
    RunControlConfig,
    SelectionConfig,
)
from orchestrator.compat.s2pipe.download.pipeline import run_download
from orchestrator.core.errors import CredentialError, UserError
from orchestrator.faces.cli.main import run_cli

SCENE = ("T33UWQ", "2025-12-10T10:00:00Z")  # the only one of the invented Earth with 10 to 80 % of cloud
RAW = "raw/{}/tile=T33UWQ/sensing=20251210T100000Z/files"


def config(*, dry_run=True, out_dir="./out", **selection):
    """Return the configuration that the published page prints."""
    return PipelineConfig(
        query=QueryConfig(
            tile_id="33UWQ",
            date_from_utc="2025-12-01T00:00:00.000Z",
            date_to_utc="2025-12-15T00:00:00.000Z",
            cloud_min=10.0,
            cloud_max=80.0,
            min_coverage_ratio=0.8,
            top=50,
        ),
        selection=SelectionConfig(**selection),
        nodes_index=NodesIndexConfig(),
        download=DownloadConfig(out_dir=Path(out_dir), dry_run=dry_run),
        control=RunControlConfig(max_pairs=3),
        manifest=ManifestConfig(export_table=True),
    )


@pytest.fixture(scope="module")
def planned(there):
    assert Path.cwd() == there
    return run_download(config(), auth=prompt_auth())


@pytest.fixture(scope="module")
def brought(planned):
    """Run what the dry run has told of, with two bands; then with three."""
    assert planned.pairs
    first = run_download(config(dry_run=False, l1c_bands=("B01", "B02")), auth=prompt_auth())
    return first, run_download(config(dry_run=False, l1c_bands=("B01", "B02", "B11")), auth=prompt_auth())


def items(result, level):
    (scene,) = result.scenes
    return getattr(scene, f"files_{level}").items


def test_a_dry_run_tells_the_pairs_and_writes_their_manifest(planned):
    (pair,) = planned.pairs

    assert (pair.key.tile_id, pair.key.sensing_start_utc) == SCENE
    assert planned.manifest_path.is_file()
    assert faults_of("step1-manifest.json", planned.manifest_path) == []
    assert {one.planned for one in items(planned, "l1c")} == {True}
    assert len(items(planned, "l1c")) == 13 + 2
    assert [one.role for one in items(planned, "l2a")] == ["l2a.tile_metadata", "l2a.scl_20m"]


@pytest.mark.usefixtures("planned")
def test_a_dry_run_brings_nothing(there):
    assert not (there / "out" / "raw").exists()
    assert not (there / "out" / "meta" / "step1" / "index.json").exists()


@pytest.mark.usefixtures("brought")
def test_files_come_where_they_are_published_to_be(there):
    names = {
        path.relative_to(there / "out").as_posix() for path in (there / "out" / "raw").rglob("*") if path.is_file()
    }

    l1c = {f"{RAW.format('L1C')}/T33UWQ_20251210T100000_{band}.jp2" for band in ("B01", "B02", "B11")}
    l1c |= {f"{RAW.format('L1C')}/{name}" for name in ("MTD_MSIL1C.xml", "MTD_TL.xml")}
    l2a = {f"{RAW.format('L2A')}/{name}" for name in ("MTD_TL.xml", "T33UWQ_20251210T100000_SCL_20m.jp2")}
    assert names == l1c | l2a


def test_manifest_and_index_are_what_the_schemas_say(there, brought):
    for result in brought:
        assert faults_of("step1-manifest.json", result.manifest_path) == []
    assert faults_of("step1-index.json", there / "out" / "meta" / "step1" / "index.json") == []


@pytest.mark.usefixtures("brought")
def test_bands_that_come_later_are_in_the_index(there):
    """Defect 2: there the first entry of a scene stays for ever."""
    (scene,) = json.loads((there / "out" / "meta" / "step1" / "index.json").read_bytes())["scenes"]

    roles = {item["role"] for item in scene["files_l1c"]["items"] if item["present"]}

    assert {"l1c.band.B01", "l1c.band.B02", "l1c.band.B11", "l1c.product_metadata", "l1c.tile_metadata"} == roles


def test_tables_are_beside_the_manifest(brought):
    for result in brought:
        assert result.table_csv_path.parent == result.manifest_path.parent
        assert result.table_xlsx_path.is_file()


@pytest.mark.usefixtures("brought")
def test_the_command_brings_the_same_files(there, sandbox):
    content = {
        "query": {
            "tile_id": "33UWQ",
            "date_from_utc": "2025-12-01T00:00:00.000Z",
            "date_to_utc": "2025-12-15T00:00:00.000Z",
            "cloud_min": 10.0,
            "cloud_max": 80.0,
        },
        "selection": {"l1c_bands": ["B01", "B02", "B11"]},
        "download": {"out_dir": "elsewhere"},
    }
    (there / "download.yaml").write_text(yaml.safe_dump({"download": content}))

    code = command("download", "--config", "download.yaml", "--no-dry-run", "--out", "by_command", url=sandbox.url)

    assert code == 0
    assert not (there / "elsewhere").exists()
    one, other = (
        {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}
        for folder in (there / "out" / "raw", there / "by_command" / "raw")
    )
    assert one == other


def command(*words, url):
    return run_cli(["-q", "--state-dir", "state-of-commands", "s2pipe", *words, "--sandbox-url", url])


def test_a_dry_run_of_the_command_writes_its_manifest(there, sandbox):
    text = yaml.safe_dump(
        {
            "download": {
                "query": {"tile_id": "T33UWQ", "date_from_utc": "2025-12-10", "date_to_utc": "2025-12-11"},
                "selection": {"l1c_bands": ["B01"]},
                "download": {"out_dir": "./dry"},
            }
        }
    )
    (there / "dry.yaml").write_text(text)

    assert command("download", "--config", "dry.yaml", url=sandbox.url) == 0

    (path,) = (there / "dry").rglob("*.json")
    assert faults_of("step1-manifest.json", path) == []
    assert path.parts[-3:-1] == ("runs", "T33UWQ_2025-12-10_2025-12-11")


def test_a_wrong_value_is_named_before_anybody_is_asked():
    wrong = PipelineConfig(QueryConfig("33UWQ", "2025-12-01", "2025-11-01"))

    with pytest.raises(UserError, match=r"PipelineConfig: download.query: date_to_utc .* is not after"):
        run_download(wrong)


@pytest.mark.usefixtures("planned")
def test_a_wrong_password_is_said_before_a_file_is_made(there):
    with pytest.raises(CredentialError, match="somebody") as caught:
        run_download(config(dry_run=False, out_dir="none"), auth=CDSEAuth("somebody", "wrong"))

    assert "wrong" not in str(caught.value)
    assert not [path for path in (there / "none").rglob("*") if path.is_file()]


def test_who_you_are_is_asked_only_where_nobody_says_it(tmp_path, monkeypatch):
    monkeypatch.setenv("ORCHESTRATOR_CREDENTIALS__CDSE__USER", "me@example.org")
    monkeypatch.setenv("ORCHESTRATOR_CREDENTIALS__CDSE__PASSWORD", "secret")

    with orc.connect(state_dir=tmp_path):
        assert prompt_auth() == CDSEAuth()


def test_without_a_terminal_it_is_said_how_to_name_yourself(tmp_path, monkeypatch):
    monkeypatch.delenv("ORCHESTRATOR_CREDENTIALS__CDSE__USER", raising=False)

    with orc.connect(state_dir=tmp_path), pytest.raises(CredentialError, match="ORCHESTRATOR_CREDENTIALS__CDSE__USER"):
        prompt_auth()


def test_secrets_are_not_shown():
    assert "hidden" not in repr(CDSEAuth("me", "hidden", totp="hidden"))
