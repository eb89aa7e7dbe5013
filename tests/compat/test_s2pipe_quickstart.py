"""The published quick start from its first step to its last: download, two passes, and samples without labels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from schemas import faults, faults_of

from orchestrator.compat import (
    AngleAssetConfig,
    DownloadConfig,
    LabelConfig,
    NormalizeConfig,
    PipelineConfig,
    PreprocessConfig,
    QueryConfig,
    RunControlConfig,
    SelectionConfig,
    prompt_auth,
    run_download,
    run_preprocess,
)
from orchestrator.faces.cli.main import run_cli

BANDS = ("B02", "B03", "B04", "B08", "B11", "B12")
SAMPLE = "processed/tile=T33UWQ/sensing=2025-12-10T100000Z"
EXAMPLES = Path(__file__).parents[2] / "examples" / "s2pipe"


def config(out_dir, **more):
    return PreprocessConfig(
        index_json=Path("./out/meta/step1/index.json"),
        out_dir=Path(out_dir),
        l1c_bands=BANDS,
        to_toa_reflectance=True,
        upsample_method="bilinear",
        downsample_method="average",
        valid_pixel_mask="single",
        **({"target_grid_ref": "scl_20m"} | more),
    )


def normalize(mode, **more):
    return NormalizeConfig(
        mode=mode,
        stats_path=Path("./out/normalize/stats.json"),
        clip_percentiles=(1.0, 99.0),
        hist_range=(-0.2, 2.0),
        hist_bin_width=1e-4,
        max_pixels_per_scene=None,
        seed=0,
        **more,
    )


@pytest.fixture(scope="module")
def downloaded(there):
    query = QueryConfig("33UWQ", "2025-12-01T00:00:00.000Z", "2025-12-15T00:00:00.000Z", cloud_min=10.0, cloud_max=80.0)
    plan = PipelineConfig(
        query,
        SelectionConfig(l1c_bands=BANDS),
        download=DownloadConfig(Path("./out"), dry_run=False),
        control=RunControlConfig(max_pairs=3),
    )
    assert len(run_download(plan, auth=prompt_auth()).pairs) == 1
    return there


@pytest.fixture(scope="module")
def counted(downloaded):
    """Pass 1."""
    assert downloaded == Path.cwd()
    return run_preprocess(config("./out", normalize=normalize("compute_only", save_histograms=True)))


@pytest.fixture(scope="module")
def applied(counted):
    """Pass 2."""
    assert counted.stats_path.is_file()
    angles = AngleAssetConfig(enabled=True, include_sun=True, include_view=True, encode="sin_cos", view_mode="single")
    labels = LabelConfig(enabled=True, backend="scl")
    return run_preprocess(config("./out_norm", angles=angles, labels=labels, normalize=normalize("apply_with_stats")))


@pytest.fixture(scope="module")
def unlabelled(downloaded):
    assert downloaded == Path.cwd()
    more = {"angles": AngleAssetConfig(enabled=True), "labels": LabelConfig(enabled=False)}
    return run_preprocess(
        config("./out_nolabel", target_grid_ref="B02", normalize=NormalizeConfig(mode="none"), **more)
    )


def read(path):
    with rasterio.open(path) as raster:
        return raster.read(), raster.descriptions


def test_pass_1_counts_every_scene_and_writes_none(there, counted):
    assert (counted.processed_count, counted.failed_count, counted.index_path) == (1, 0, None)
    assert counted.stats_path == there / "out" / "normalize" / "stats.json"
    assert (there / "out" / "normalize" / "histogram.npz").is_file()
    assert not (there / "out" / "processed").exists()


def test_statistics_are_what_the_schema_says(counted):
    assert faults_of("normalize-stats.json", counted.stats_path) == []


@pytest.mark.usefixtures("unlabelled")
def test_statistics_are_those_of_the_pixels(there, counted):
    """Independent: percentiles by sorting, moments of what is clipped to them, on the grid of 10 m bands."""
    stats = json.loads(counted.stats_path.read_bytes())
    pixels, names = read(there / "out_nolabel" / SAMPLE / "x.tif")

    # Averages of 2 x 2 pixels of 10 m are what pass 1 has counted on the grid of 20 m.
    band = pixels[names.index("B02")].astype(float)
    halved = band.reshape(band.shape[0] // 2, 2, band.shape[1] // 2, 2).mean(axis=(1, 3)).ravel()
    low, high = (np.sort(halved)[int(np.ceil(p * halved.size)) - 1] for p in (0.01, 0.99))
    clipped = np.clip(halved, low, high)
    expected = (low, high, clipped.mean(), clipped.std())

    found = [stats[f"{what}_by_band"]["B02"] for what in ("clip_low", "clip_high", "mean", "std")]
    assert found == pytest.approx(expected, abs=2e-4)  # two bins


def test_pass_2_makes_bands_of_mean_0_and_standard_deviation_1(there, counted, applied):
    """As near as bins are wide: numbers of whole ten-thousandths lie half a bin from its centre."""
    pixels, names = read(there / "out_norm" / SAMPLE / "x.tif")
    stds = json.loads(counted.stats_path.read_bytes())["std_by_band"]

    assert names == (*BANDS, "valid")
    valid = pixels[-1] == 1
    for name, band in zip(BANDS, pixels, strict=False):
        assert band[valid].mean(dtype=float) == pytest.approx(0, abs=0.5e-4 / stds[name])
        assert band[valid].std(dtype=float) == pytest.approx(1, abs=1e-3)
    assert applied.processed_count == 1


def test_pass_2_makes_labels_and_angles_on_the_grid_of_the_scene_classification(there, applied):
    folder = applied.index_path.parents[2] / SAMPLE
    with rasterio.open(next((there / "out" / "raw" / "L2A").rglob("*_SCL_20m.jp2"))) as scl:
        classes, grid = scl.read(1), (scl.crs, scl.transform, scl.shape)

    for name in ("x.tif", "y.tif", "angles.tif"):
        with rasterio.open(folder / name) as raster:
            assert (raster.crs, raster.transform, raster.shape) == grid
    labels, _ = read(folder / "y.tif")
    np.testing.assert_array_equal(labels[0], np.where((classes >= 1) & (classes <= 11), classes, 255))
    _, names = read(folder / "angles.tif")
    assert names[:4] == ("sun_zen_sin", "sun_zen_cos", "sun_azi_sin", "sun_azi_cos")
    assert len(names) == 8


@pytest.mark.parametrize("name", ["applied", "unlabelled"])
def test_samples_index_and_records_are_what_the_schemas_say(name, request):
    result = request.getfixturevalue(name)
    folder = result.index_path.parents[2]

    assert faults_of("step2-index.json", result.index_path) == []
    assert faults_of("sample-meta.json", folder / SAMPLE / "meta.json") == []
    for line in result.manifest_path.read_text().splitlines():
        assert faults("step2-record.json", json.loads(line)) == []


def test_records_of_pass_1_are_what_the_schema_says(counted):
    for line in counted.manifest_path.read_text().splitlines():
        assert faults("step2-record.json", json.loads(line)) == []


def test_without_labels_there_is_no_y_and_the_index_says_null(there, unlabelled):
    (sample,) = json.loads(unlabelled.index_path.read_bytes())["samples"]

    assert sample["y_path"] is None
    assert not (there / "out_nolabel" / SAMPLE / "y.tif").exists()
    assert (there / "out_nolabel" / SAMPLE / "angles.tif").is_file()


@pytest.mark.usefixtures("applied")
def test_the_commands_make_the_same_samples(there):
    """The example files as they lie in the repository, in a folder of their own, with the same index."""
    shared = ["-q", "--state-dir", "state-of-commands", "s2pipe", "preprocess"]
    where = ["--out", "by_command", "--normalize-stats-path", "by_command/stats.json"]

    codes = [
        run_cli([*shared, "--config", str(EXAMPLES / f"preprocess_{name}.yaml"), *where]) for name in ("stats", "apply")
    ]

    assert codes == [0, 0]
    assert (there / "by_command" / "stats.json").read_bytes() == (
        there / "out" / "normalize" / "stats.json"
    ).read_bytes()
    for name in ("x.tif", "y.tif"):
        one, other = (folder / SAMPLE / name for folder in (there / "by_command", there / "out_norm"))
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.usefixtures("applied")
def test_patches_are_cut_of_the_samples(there):
    """The third step, which s2pipe has planned: 72 pixels a side, nine windows of 24."""
    shared = ["-q", "--state-dir", "state-of-commands", "patches", "cut"]

    code = run_cli([*shared, "out_norm", "--size", "24", "--block", "480", "--max-ignore", "1", "--out", "patches"])

    assert code == 0
    assert faults_of("patches-dataset.json", there / "patches" / "dataset.json") == []
    assert json.loads((there / "patches" / "dataset.json").read_bytes())["windows"] == 9


@pytest.mark.usefixtures("counted")
def test_statistics_of_other_settings_are_not_applied(there, capsys):
    words = ["s2pipe", "preprocess", "--config", str(EXAMPLES / "preprocess_apply.yaml"), "--out", "refused"]

    code = run_cli(["--state-dir", "state-of-commands", *words, "--clip-percentiles", "2", "98"])

    assert code == 2
    assert "clip_percentiles [1.0, 99.0], and here it is [2.0, 98.0]" in capsys.readouterr().err
    assert not (there / "refused" / "processed").exists()
