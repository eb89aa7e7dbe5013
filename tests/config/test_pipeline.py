"""The published configuration, YAML and TOML: every key has its meaning, and what is wrong is named with its line."""

import tomllib
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from orchestrator.config.pipeline import read_download, read_preprocess
from orchestrator.config.published import DownloadKeys
from orchestrator.core.errors import UserError
from orchestrator.products.preprocess.keys import PreprocessKeys

EXAMPLES = Path(__file__).parents[2] / "examples" / "s2pipe"
# The tables of the published documentation and of its dataclasses: keys and defaults of each group.
BANDS = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"]
PUBLISHED = {
    "download.query": {
        "tile_id": "33UWQ",
        "date_from_utc": "2025-12-01T00:00:00.000Z",
        "date_to_utc": "2025-12-15T00:00:00.000Z",
        "product_type_l1c": "S2MSI1C",
        "product_type_l2a": "S2MSI2A",
        "cloud_min": None,
        "cloud_max": None,
        "min_coverage_ratio": 0.0,
        "top": 1000,
        "orderby": "ContentDate/Start asc",
        "include_attributes_in_hits": True,
        "tile_area_m2": 1.21e10,
    },
    "download.selection": {
        "l1c_bands": BANDS,
        "l1c_tile_metadata": True,
        "l1c_product_metadata": True,
        "l2a_scl_20m": True,
        "l2a_aot_20m": False,
        "l2a_wvp_20m": False,
        "l2a_tile_metadata": True,
    },
    "download.nodes_index": {
        "skip_dir_names": ["HTML", "rep_info", "DATASTRIP", "AUX_DATA", "QI_DATA"],
        "skip_prefixes": [],
        "max_dirs_to_visit": 50_000,
        "enable_cache": True,
    },
    "download.download": {
        "out_dir": "./out",
        "overwrite": False,
        "dry_run": True,
        "raw_dirname": "raw",
        "meta_dirname": "meta",
        "tmp_dirname": "tmp",
        "chunk_size_bytes": 8 * 1024 * 1024,
    },
    "download.control": {"max_scenes": None, "max_pairs": None},
    "download.manifest": {
        "write_json": True,
        "runs_dir": "runs",
        "json_name": "manifest.json",
        "index_name": "index.json",
        "export_table": False,
        "table_csv_name": "manifest_table.csv",
        "table_xlsx_name": "manifest_table.xlsx",
        "store_geofootprint": True,
    },
    "preprocess": {
        "index_json": "out/meta/step1/index.json",
        "out_dir": "out",
        "target_grid_ref": "scl_20m",
        "max_scenes": None,
        "run_id": None,
        "l1c_bands": ["B02"],
        "to_toa_reflectance": True,
        "upsample_method": "bilinear",
        "downsample_method": "average",
        "valid_pixel_mask": "single",
        "num_workers": 0,
    },
    "preprocess.angles": {
        "enabled": False,
        "include_sun": True,
        "include_view": True,
        "encode": "sin_cos",
        "view_mode": "per_band",
        "view_bands": [],
        "detector_aggregate": "nanmean",
        "output_name": "angles.tif",
    },
    "preprocess.labels": {
        "enabled": True,
        "backend": "scl",
        "ignore_index": 255,
        "resample": "nearest",
        "mapping": None,
        "src_value_range": 256,
    },
    "preprocess.normalize": {
        "mode": "none",
        "stats_path": None,
        "clip_percentiles": [1.0, 99.0],
        "hist_range": [-0.2, 2.0],
        "hist_bin_width": 1e-4,
        "max_pixels_per_scene": None,
        "seed": 0,
        "save_histograms": False,
    },
}
NEEDED = ("tile_id", "date_from_utc", "date_to_utc", "out_dir", "index_json", "target_grid_ref")


def published():
    """Return the whole configuration with each key at its default."""
    made: dict = {"download": {}, "preprocess": {}}
    for name, keys in PUBLISHED.items():
        group, _, table = name.partition(".")
        (made[group].setdefault(table, {}) if table else made[group]).update(keys)
    return made


def written(tmp_path, content, name="config.yaml"):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def changed(group, **values):
    content = published()
    table = content
    for word in group.split("."):
        table = table[word]
    table.update(values)
    return content


def plain(value):
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def test_every_published_key_is_known_with_its_default(tmp_path):
    path = written(tmp_path, published())

    download, preprocess = read_download(path), read_preprocess(path)

    assert not download.notes
    assert plain(PreprocessKeys.model_validate(preprocess)) == plain(
        PreprocessKeys(
            index_json="out/meta/step1/index.json", out_dir="out", target_grid_ref="scl_20m", l1c_bands=["B02"]
        )
    )


@pytest.mark.parametrize("name", [name for name in PUBLISHED if name.startswith("download.")])
def test_defaults_of_a_download_are_the_published_ones(name):
    table = DownloadKeys.model_fields[name.partition(".")[2]].annotation
    ours = {key: field.default for key, field in table.model_fields.items() if not field.is_required()}

    theirs = {key: value for key, value in PUBLISHED[name].items() if key not in NEEDED}

    assert set(ours) == set(theirs)
    for key in set(ours) - {"l1c_bands"}:  # without bands `[scenes]` takes all
        value = ours[key]
        assert (sorted(value) if isinstance(value, (tuple, frozenset)) else value) == (
            sorted(theirs[key]) if isinstance(theirs[key], list) else theirs[key]
        )


def test_a_download_becomes_a_job_of_scenes():
    order = read_download(EXAMPLES / "download.yaml")

    assert (order.dry_run, order.overwrite, order.notes) == (True, False, ())
    assert dict(order.content) | {"scenes": {}} == {
        "product": "scenes",
        "output": "./out",
        "start_date": "2025-12-01",
        "end_date": "2025-12-15",
        "scenes": {},
    }
    assert {
        key: list(value) if isinstance(value, tuple) else value for key, value in order.content["scenes"].items()
    } == {
        "tiles": ["33UWQ"],
        "l1c_bands": ["B02", "B03", "B04", "B08", "B11", "B12"],
        "l1c_product_metadata": True,
        "l1c_tile_metadata": True,
        "l2a_scl_20m": True,
        "l2a_tile_metadata": True,
        "cloud_min": 10.0,
        "cloud_max": 80.0,
        "min_coverage": 0.8,
        "max_scenes": 3,
        "footprints": True,
    }


@pytest.mark.parametrize(
    ("group", "key", "value", "scenes"),
    [
        ("query", "cloud_max", 20, {"cloud_max": 20.0}),
        ("query", "min_coverage_ratio", 0.5, {"min_coverage": 0.5}),
        ("selection", "l2a_aot_20m", True, {"l2a_aot_20m": True}),
        ("selection", "l1c_product_metadata", False, {"l1c_product_metadata": False}),
        ("control", "max_scenes", 7, {"max_scenes": 7}),
        ("control", "max_pairs", 7, {"max_scenes": 7}),
        ("manifest", "export_table", True, {"table": ["csv", "xlsx"]}),
        ("manifest", "store_geofootprint", False, {"footprints": False}),
    ],
)
def test_a_key_of_a_download_is_heard(tmp_path, group, key, value, scenes):
    found = read_download(written(tmp_path, changed(f"download.{group}", **{key: value}))).content["scenes"]

    assert scenes.items() <= found.items()


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2025-12-01", "2025-12-02", ("2025-12-01", "2025-12-02", None, None)),
        (
            "2025-12-01T10:00:00Z",
            "2025-12-02T11:30:00.000Z",
            ("2025-12-01", "2025-12-03", "2025-12-01T10:00:00Z", "2025-12-02T11:30:00Z"),
        ),
        ("2025-12-01T01:00:00+01:00", "2025-12-05T00:00:00", ("2025-12-01", "2025-12-05", None, None)),
    ],
    ids=["days", "times within days", "another zone, and none"],
)
def test_times_become_days_and_what_they_leave_of_them(tmp_path, start, end, expected):
    content = read_download(written(tmp_path, changed("download.query", date_from_utc=start, date_to_utc=end))).content

    scenes = content["scenes"]
    assert (content["start_date"], content["end_date"], scenes.get("not_before"), scenes.get("before")) == expected


def test_a_time_without_quotes_is_a_time(tmp_path):
    text = yaml.safe_dump(published()).replace("'2025-12-01T00:00:00.000Z'", "2025-12-01T06:00:00Z")

    assert read_download(written(tmp_path, text)).content["scenes"]["not_before"] == "2025-12-01T06:00:00Z"


@pytest.mark.parametrize(
    ("group", "key", "value"),
    [
        ("query", "top", 50),
        ("query", "orderby", "ContentDate/Start desc"),
        ("query", "tile_area_m2", 1.2e10),
        ("download", "chunk_size_bytes", 1024),
        ("download", "tmp_dirname", "work"),
        ("manifest", "write_json", False),
        ("nodes_index", "max_dirs_to_visit", 9),
    ],
)
def test_a_key_that_means_nothing_here_is_accepted_and_said(tmp_path, group, key, value):
    notes = read_download(written(tmp_path, changed(f"download.{group}", **{key: value}))).notes

    assert any(note.startswith((f"{group}.{key} is of no effect: ", f"{group} is of no effect: ")) for note in notes)


def test_the_same_keys_in_toml_are_the_same(tmp_path):
    text = """
[preprocess]
index_json = "./out/meta/step1/index.json"
out_dir = "./out"
target_grid_ref = "scl_20m"
l1c_bands = ["B02"]
labels.mapping = { 4 = 1, 6 = 2 }
[preprocess.normalize]
mode = "compute_only"
hist_range = [-0.2, 2.0]
"""
    toml = written(tmp_path, text, "config.toml")

    assert read_preprocess(toml) == read_preprocess(written(tmp_path, tomllib.loads(text)))
    assert read_preprocess(toml)["labels"]["mapping"] == {"4": 1, "6": 2}


def test_an_empty_group_has_its_defaults(tmp_path):
    content = changed("preprocess", angles=None, labels=None, normalize=None)

    assert not {"angles", "labels", "normalize"} & set(read_preprocess(written(tmp_path, content)))


def test_overrides_take_the_place_of_values(tmp_path):
    path = written(tmp_path, published())

    found = read_preprocess(path, {"out_dir": "elsewhere", "normalize": {"clip_percentiles": None, "seed": 5}})

    assert found["out_dir"] == "elsewhere"
    assert (found["normalize"]["clip_percentiles"], found["normalize"]["seed"]) == (None, 5)
    assert found["normalize"]["hist_range"] == [-0.2, 2.0]


def test_what_a_file_lacks_may_come_from_overrides(tmp_path):
    content = published()
    del content["download"]["download"]

    assert read_download(written(tmp_path, content), {"download": {"out_dir": "x"}}).content["output"] == "x"


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        pytest.param(
            "tile_id:", "tile_idd:", r"line {line}: 'download.query.tile_idd' .*'download.query.tile_id'", id="key"
        ),
        pytest.param(
            "dry_run: true", "dry_run: 3", "line {line}: 'download.download.dry_run' is 3: write true", id="flag"
        ),
        pytest.param("download:\n  control", "downlod:\n  control", "'downlod' is no group; did you mean", id="group"),
        pytest.param("cloud_min: null", "cloud_min: much", "'download.query.cloud_min' is 'much'", id="number"),
        pytest.param("max_pairs: null", "max_pairs: 0", "'download.control.max_pairs' is 0", id="none of them"),
        pytest.param("raw_dirname: raw", "raw_dirname: x", "raw_dirname' is 'x': Input should be 'raw'", id="layout"),
        pytest.param("2025-12-15", "2025-11-15", "date_to_utc 2025-11-15.* is not after", id="backwards"),
        pytest.param("'2025-12-15T00:00:00.000Z'", "soon", "date_to_utc' is 'soon': it is no time", id="no time"),
        pytest.param("seed: 0", "seed: 0\n    seed: 1", r"line \d+: 'seed' stands on line \d+ already", id="twice"),
        pytest.param("encode: sin_cos", "encode: radians", "'preprocess.angles.encode' is 'radians'", id="choice"),
        pytest.param("hist_bin_width: 0.0001", "hist_bin_width: 0.03", "preprocess.normalize: hist_range", id="bins"),
        pytest.param("max_scenes: null\n  normalize", "max_scene: 1\n  normalize", "max_scenes'", id="near"),
        pytest.param(
            "tile_id: 33UWQ", "tile_id: 3UWQQ", "download: query.tile_id is '3UWQQ': .*no MGRS tile", id="tile"
        ),
        pytest.param(
            "cloud_max: null", "cloud_max: 300", "download: query.cloud_max is 300.0: .* equal to 100", id="percent"
        ),
        pytest.param("- B05\n", "- B99\n", "download: selection.l1c_bands is 'B99': .*band", id="band"),
        pytest.param("download:\n  control", "download: {\n  control", r"line \d+ is no YAML", id="no YAML"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, wrong, right, said):
    text = yaml.safe_dump(published())
    said = said.replace("{line}", str(1 + text[: text.index(wrong)].count("\n")))
    path = written(tmp_path, text.replace(wrong, right, 1))

    with pytest.raises(UserError, match=said) as caught:  # noqa: PT012  whichever of them holds the key
        read_download(path)
        read_preprocess(path)

    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_wrong_in_toml_is_named_with_its_line(tmp_path):
    path = written(tmp_path, '[preprocess]\nout_dir = "out"\n\n[preprocess.labels]\nbackends = "scl"\n', "config.toml")

    with pytest.raises(
        UserError, match=r"config.toml, line 5: 'preprocess.labels.backends' .* 'preprocess.labels.backend'"
    ):
        read_preprocess(path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        pytest.param("a.ini", "", "ends in '.ini'; a configuration is .yaml, .yml, .toml", id="ending"),
        pytest.param("a.yaml", "", "no group `download:` with keys in it; there is nothing", id="empty"),
        pytest.param("a.yaml", "- 1", "holds no keys", id="a list"),
        pytest.param("a.yaml", "download: 3", "line 1: `download:` holds no keys", id="a number"),
        pytest.param("a.yaml", "download: &a [*a]", "line 1: `download:` holds no keys", id="itself"),
        pytest.param(
            "a.yaml", "preprocess: {}", "no group `download:` with keys in it; there is preprocess", id="other"
        ),
        pytest.param("a.yaml", "a: !!python/object:os.system x", "is no YAML: could not determine", id="an object"),
        pytest.param("a.toml", "download =", "is no TOML", id="no TOML"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path, name, content, said):
    with pytest.raises(UserError, match=said):
        read_download(written(tmp_path, content, name))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none.yaml cannot be read: No such file"):
        read_download(tmp_path / "none.yaml")


def test_one_number_for_two_names_of_the_same_is_wanted(tmp_path):
    with pytest.raises(UserError, match="max_scenes is 3 and max_pairs is 4; they mean the same"):
        read_download(written(tmp_path, changed("download.control", max_scenes=3, max_pairs=4)))
