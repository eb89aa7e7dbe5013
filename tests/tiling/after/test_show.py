"""`tiles show`: a picture of tiles."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pytest
import shapely
from after_kit import chips_of, tiles_in
from matplotlib.image import imread

import orchestrator as orc
from orchestrator.faces.cli.main import run_cli
from orchestrator.tiling import picture
from orchestrator.tiling.file import name_tiles
from orchestrator.tiling.picture import draw_tiles
from orchestrator.tiling.shown import values_of_tiles

SPLITS = ["train", "train", "train", "test", "val", None]


def colours_in(path):
    """Return the colours of a picture, as #rrggbb, with how many dots each has."""
    dots = (imread(path)[..., :3].reshape(-1, 3) * 255).round().astype(int)
    found, counts = np.unique(dots, axis=0, return_counts=True)
    return {f"#{r:02x}{g:02x}{b:02x}": count for (r, g, b), count in zip(found.tolist(), counts.tolist(), strict=True)}


def legend(monkeypatch):
    """Return a list into which the words of the legend come."""
    words, drawn = [], picture._legend
    monkeypatch.setattr(
        picture, "_legend", lambda axes, entries, title: (words.extend(entries), drawn(axes, entries, title))
    )
    return words


def test_a_split_has_its_colours_and_counts(tmp_path, monkeypatch):
    """Three parts of train are three times as large as one of test; the legend counts them."""
    words = legend(monkeypatch)
    tiles = tiles_in(tmp_path, columns={"split": SPLITS})

    code = run_cli(["tiles", "show", str(tiles.path), "-o", str(tmp_path / "p.png")])

    colours = colours_in(tmp_path / "p.png")
    train, test = colours[picture.SPLIT_COLOURS["train"]], colours[picture.SPLIT_COLOURS["test"]]
    assert code == 0
    assert train / test == pytest.approx(3, rel=0.06)
    assert [label for _, label in words] == ["train  3", "val  1", "test  1", "none  1"]


def test_classes_have_the_names_and_colours_of_their_dataset(tmp_path, monkeypatch):
    """As dataset.json beside the chips says them."""
    words = legend(monkeypatch)
    shares = [{"10": 1.0}, {"10": 0.6, "20": 0.4}, {"20": 0.9, "10": 0.1}, None, {"20": 1.0}, {"10": 1.0}]
    tiles = tiles_in(tmp_path, columns={"wc_proportions": shares})
    classes = {"10": {"name": "trees", "color": "#006400"}, "20": ["shrubs", "#ffbb22"]}
    chips_of(tiles, "wc", about={"classes": classes})

    run_cli(["tiles", "show", str(tiles.path), "--by", "class", "-o", str(tmp_path / "p.png")])

    assert [label for _, label in words] == ["10 trees  3", "20 shrubs  2", "none  1"]
    assert {"#006400", "#ffbb22"} <= set(colours_in(tmp_path / "p.png"))


@pytest.mark.parametrize(
    ("by", "scale", "values"),
    [
        ("number", True, [float(n) for n in range(20)]),
        ("fold", False, [n % 5 for n in range(20)]),
        ("wc_proportions:10", True, [n / 20 for n in range(20)]),
    ],
)
def test_many_numbers_are_a_scale_and_few_are_a_list(tmp_path, by, scale, values):
    """Shares of one class are numbers too."""
    columns = {"wc_proportions": [{"10": n / 20, "20": 1 - n / 20} for n in range(20)], by: values}
    tiles = tiles_in(tmp_path, rows=4, cols=5, columns={k: v for k, v in columns.items() if ":" not in k})

    colouring = values_of_tiles(tiles, by)

    assert colouring.is_scale == scale
    assert colouring.series.tolist() == pytest.approx(values)
    assert draw_tiles(tiles.frame, "t", colouring).startswith(b"\x89PNG")


@pytest.mark.parametrize("count", [13, 40])
def test_more_categories_than_a_legend_holds_are_counted_together(tmp_path, monkeypatch, count):
    """Nothing is left out of the sum."""
    words = legend(monkeypatch)
    tiles = tiles_in(tmp_path, rows=5, cols=10, columns={"name": [f"n{at % count:02d}" for at in range(50)]})

    draw_tiles(tiles.frame, "t", values_of_tiles(tiles, "name"))

    assert len(words) == 12
    assert words[-1][1].startswith(f"{count - 11} others")
    assert sum(int(label.rpartition("  ")[2]) for _, label in words) == 50


def test_a_notebook_shows_tiles_by_themselves(tmp_path):
    """As a PNG; `orc.tiles.show` returns one, too."""
    tiles = tiles_in(tmp_path, columns={"split": SPLITS})

    shown = orc.tiles.show(tiles.path, "split")

    assert tiles._repr_png_().startswith(b"\x89PNG")
    assert shown._repr_png_() == shown.path.read_bytes()
    assert shown.path == tiles.path.with_suffix(".png")


def test_the_outline_is_that_of_the_area(tmp_path):
    """A named one; another of the same name far away is not drawn for tiles that are called so."""
    tiles = tiles_in(tmp_path, columns={"split": SPLITS})
    run_cli(["tiles", "show", str(tiles.path), "-o", str(tmp_path / "a.png")])
    run_cli(["tiles", "show", str(tiles.path), "--area", "lux", "-o", str(tmp_path / "b.png")])

    train = picture.SPLIT_COLOURS["train"]

    assert colours_in(tmp_path / "b.png").get(train, 0) < colours_in(tmp_path / "a.png")[train] / 100


@pytest.mark.parametrize(
    ("boxes", "name"),
    [
        ([(179.9, -17, 180, -16.9), (-180, -17, -179.9, -16.9)], "across longitude 180"),
        ([(10, -85, 12, -84.9)], "near a pole"),
        ([(6, 49, 6.00001, 49.00001)], "of a metre"),
        ([(-120, 30, -119, 31), (140, 30, 141, 31)], "far apart"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_tiles_anywhere_can_be_drawn(boxes, name):
    """Also where a UTM zone would not hold them."""
    frame = gpd.GeoDataFrame(geometry=[shapely.box(*each) for each in boxes], crs="EPSG:4326")

    assert draw_tiles(name_tiles(frame, "a", "t").frame, name).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--by", "splitt"], "did you mean 'split'?"),
        (["--by", "class"], "labels count"),
        (["--area", "atlantis"], "no such file"),
        (["-o", "p.jpg"], "a picture is written as .png"),
        (["-o", "there.png"], "is there already"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_line(tmp_path, monkeypatch, capsys, words, said):
    """And nothing is replaced."""
    tiles = tiles_in(tmp_path, columns={"split": SPLITS})
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.png").write_text("mine")

    code = run_cli(["tiles", "show", str(tiles.path), *words, *([] if "-o" in words else ["-o", "p.png"])])

    error = capsys.readouterr().err
    assert (code, len(error.splitlines())) == (2, 1)
    assert said in error
    assert (tmp_path / "there.png").read_text() == "mine"
    assert not (tmp_path / "p.png").exists()


def test_one_colour_may_be_asked_for(tmp_path, capsys):
    """Though they have a split; programs are told."""
    tiles = tiles_in(tmp_path, columns={"split": SPLITS})

    run_cli(["--json", "tiles", "show", str(tiles.path), "--column-less", "-o", str(tmp_path / "p.png")])

    assert json.loads(capsys.readouterr().out.splitlines()[-1])["by"] == ""
    assert picture.SPLIT_COLOURS["test"] not in colours_in(tmp_path / "p.png")
