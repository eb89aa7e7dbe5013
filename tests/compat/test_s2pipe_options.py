"""Options of `s2pipe preprocess`, each as the key that it goes before."""

from __future__ import annotations

from pathlib import Path

import pytest
import rich_click as click

from orchestrator.core.errors import UserError
from orchestrator.faces.cli.main import run_cli
from orchestrator.faces.cli.s2pipe.preprocess import asked, s2pipe_preprocess

APPLY = Path(__file__).parents[2] / "examples" / "s2pipe" / "preprocess_apply.yaml"
# Every option that s2pipe 0.4 has beside --config, as its help lists them.
OPTIONS = [
    (["--out", "elsewhere"], "out_dir", "elsewhere"),
    (["--max-scenes", "3"], "max_scenes", 3),
    (["--run-id", "again"], "run_id", "again"),
    (["--target-grid-ref", "B02"], "target_grid_ref", "B02"),
    (["--num-workers", "2"], "num_workers", 2),
    (["--toa"], "to_toa_reflectance", True),
    (["--no-toa"], "to_toa_reflectance", False),
    (["--labels"], "labels.enabled", True),
    (["--no-labels"], "labels.enabled", False),
    (["--label-backend", "scl"], "labels.backend", "scl"),
    (["--upsample-method", "cubic"], "upsample_method", "cubic"),
    (["--downsample-method", "mode"], "downsample_method", "mode"),
    (["--valid-pixel-mask", "per_band"], "valid_pixel_mask", "per_band"),
    (["--normalize-mode", "none"], "normalize.mode", "none"),
    (["--normalize-stats-path", "s.json"], "normalize.stats_path", "s.json"),
    (["--save-histograms"], "normalize.save_histograms", True),
    (["--no-save-histograms"], "normalize.save_histograms", False),
    (["--max-pixels-per-scene", "9"], "normalize.max_pixels_per_scene", 9),
    (["--clip-percentiles", "2", "98"], "normalize.clip_percentiles", (2.0, 98.0)),
    (["--no-clip"], "normalize.clip_percentiles", None),
    (["--hist-range", "-1", "3"], "normalize.hist_range", (-1.0, 3.0)),
    (["--hist-bin-width", "0.001"], "normalize.hist_bin_width", 0.001),
    (["--norm-seed", "7"], "normalize.seed", 7),
]


def keys(*words):
    """Return the keys of the job that a line asks for."""
    with click.Context(s2pipe_preprocess) as above:
        given = dict(s2pipe_preprocess.make_context("preprocess", ["--config", str(APPLY), *words], above).params)
    for name in ("again", "overwrite"):
        given.pop(name)
    return asked(given.pop("file"), given, no_clip=given.pop("no_clip"))._keys


@pytest.mark.parametrize(("words", "key", "value"), OPTIONS, ids=[words[0] for words, _, _ in OPTIONS])
def test_an_option_goes_before_what_the_file_says(words, key, value):
    found = keys(*words)
    for name in key.split("."):
        found = getattr(found, name)

    assert found == value


def test_what_no_option_names_is_as_the_file_says():
    assert keys("--norm-seed", "0") == keys()
    assert keys().normalize.clip_percentiles == (1.0, 99.0)


def test_percentiles_and_none_contradict_each_other():
    with pytest.raises(UserError, match="--no-clip contradict"):
        keys("--no-clip", "--clip-percentiles", "1", "99")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        pytest.param(
            "download", "download: {queri: {}}", "'download.queri' is no setting; did you mean", id="download"
        ),
        pytest.param("preprocess", "preprocess: {index: a}", "'preprocess.index' is no setting", id="preprocess"),
    ],
)
def test_a_key_that_is_none_is_one_line_and_exit_code_2(tmp_path, capsys, monkeypatch, name, text, said):
    monkeypatch.chdir(tmp_path)
    Path("wrong.yaml").write_text(text)

    code = run_cli(["--state-dir", "state", "s2pipe", name, "--config", "wrong.yaml"])

    error = capsys.readouterr().err
    assert code == 2
    assert said in error
    assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["wrong.yaml"]
