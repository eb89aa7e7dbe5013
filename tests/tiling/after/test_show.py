"""`tiles show`: a picture of tiles."""

from __future__ import annotations

import json
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pytest
import shapely
from after_kit import chips_of, tiles_in
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text

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


@pytest.mark.parametrize(("spelt", "green"), [("color", "#006400"), ("colour", "006400"), ("color", "DarkGreen")])
def test_classes_have_the_names_and_colours_of_their_dataset(tmp_path, monkeypatch, spelt, green):
    """As dataset.json beside the chips says them."""
    words = legend(monkeypatch)
    shares = [{"10": 1.0}, {"10": 0.6, "20": 0.4}, {"20": 0.9, "10": 0.1}, None, {"20": 1.0}, {"10": 1.0}]
    tiles = tiles_in(tmp_path, columns={"wc_proportions": shares})
    chips_of(tiles, "wc", about={"classes": {"10": {"name": "trees", spelt: green}, "20": ["shrubs", "ffbb22"]}})

    run_cli(["tiles", "show", str(tiles.path), "--by", "class", "-o", str(tmp_path / "p.png")])

    assert [label for _, label in words] == ["10 trees  3", "20 shrubs  2", "none  1"]
    assert {"#006400", "#ffbb22"} <= set(colours_in(tmp_path / "p.png"))


def test_classes_made_by_a_map_have_not_the_names_of_the_values_before_it(tmp_path):
    """What the file remembers goes before what lies beside it."""
    tiles = tiles_in(tmp_path, columns={"wc_proportions": [{"1": 1.0}] * 6})
    chips_of(tiles, "wc", about={"classes": {"1": ["shadow", "000000"], "10": ["trees", "006400"]}})
    told = {"wc_proportions": {"classes": {"1": {"name": "trees", "colour": "006400"}}, "map": "10=1"}}

    colouring = values_of_tiles(replace(tiles, about={"labels": told}), "class")

    assert (colouring.names["1"], colouring.colours["1"]) == ("trees", "#006400")


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


def test_a_split_has_the_same_colour_also_where_others_are_missing(tmp_path, monkeypatch):
    """Pictures of two datasets can be compared."""
    words = legend(monkeypatch)
    tiles = tiles_in(tmp_path, columns={"split": ["test", "test", "val", None, None, None]})

    draw_tiles(tiles.frame, "t", values_of_tiles(tiles, "split"))

    assert [colour for colour, _ in words[:2]] == [picture.SPLIT_COLOURS["val"], picture.SPLIT_COLOURS["test"]]


@pytest.mark.parametrize(("area", "drawn"), [("", 0), ("lux", 1)])
def test_an_outline_is_drawn_where_one_is_asked_for(tmp_path, monkeypatch, area, drawn):
    """Not that of a namesake, whose line lies some kilometres off those that the tiles were laid by."""
    outlines = []
    monkeypatch.setattr(picture, "_draw_outline", lambda _axes, rings: outlines.append(len(rings)))

    orc.tiles.show(tiles_in(tmp_path, name="luxembourg"), area=area)

    assert outlines == [drawn]


LONG = "the-shares-of-a-dataset-with-a-very-long-name-$x_1-2020"


@pytest.mark.parametrize(
    ("column", "values"),
    [
        pytest.param(f"{LONG}_proportions", [{"10": 1.0}, {"20": 1.0}] * 3, id="classes"),
        pytest.param("name", [f"{LONG}${at}" for at in range(6)], id="texts"),
        pytest.param(LONG, [n / 7 for n in range(20)], id="a scale"),
    ],
)
def test_every_word_is_within_the_picture(tmp_path, monkeypatch, column, values):
    """However long names are; a dollar in them is one."""
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda self, *_, **__: (figures.append(self), self.canvas.draw()))
    frame = tiles_in(tmp_path, rows=2, cols=len(values) // 2, columns={column: values}).frame
    tiles = name_tiles(frame.drop(columns="identifier"), LONG.replace("$", "").replace("_", ""), "t")

    draw_tiles(tiles.frame, tiles.name.stem, values_of_tiles(tiles, column))

    whole = figures[0].bbox
    boxes = [text.get_window_extent() for text in figures[0].findobj(Text) if len(text.get_text()) > len("0.12345")]
    assert len(boxes) >= 4  # both axes, the title, and what is beside the tiles
    assert all(min(box.x0, box.y0) >= 0 and box.x1 <= whole.x1 and box.y1 <= whole.y1 for box in boxes)


def test_a_scale_of_numbers_near_each_other_shows_them_whole(tmp_path, monkeypatch):
    """0.40992, not 2e-5 beside a mark that says +4.099e-1."""
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda self, *_, **__: (figures.append(self), self.canvas.draw()))
    tiles = tiles_in(tmp_path, rows=4, cols=5, columns={"size": [0.4099 + n * 1e-6 for n in range(20)]})

    draw_tiles(tiles.frame, "t", values_of_tiles(tiles, "size"))

    scale = figures[0].axes[1].yaxis
    assert scale.get_offset_text().get_text() == ""
    assert all(0.4098 < float(text.get_text()) < 0.41 for text in scale.get_ticklabels() if text.get_text())
