"""What the verbs of geetiles are in the words of this program: a table, without doing any of it."""

from __future__ import annotations

import json

import pytest
from geet_kit import CHIPS, COMMUNES, lay_out, printed

from orchestrator.faces.cli.geet import COMMANDS
from orchestrator.faces.cli.main import run_cli

A, B = f"{CHIPS}.geojson", f"{COMMUNES}.geojson"
MAP = "0=0,10=1,20=2,30=3,40=4,50=5,60=6,70=7,80=8,90=9,95=10,100=11"
# Old words | new words; the second spelling of each is that of 0.1.7.
TABLE = [
    (
        "grid --aoi_wkt_file a.wkt --chip_size_meters 1000 --aoi_name lux --dest_dir .",
        "tiles grid a.wkt --size 1000 --cover legacy --name lux -o . --format geojson",
    ),
    (
        "random --aoi_wkt_file a.wkt --max_rectangle_size_meters 20000 --aoi_name lux --dest_dir .",
        "tiles random a.wkt --max-size 20000 --name lux -o . --format geojson",
    ),
    (
        "select --aoi_wkt_file a.wkt --orig_shapefile c.zip --aoi_name lux --tiles_name communes --dest_dir .",
        (
            "tiles select c.zip --aoi a.wkt --name lux --tiles-name communes --overlap legacy --no-attributes -o . "
            "--format geojson"
        ),
    ),
    (
        f"download --tiles_file {A} --gee_image_pycode esa-world-cover --pixels_lonlat [100,50] --max_downloads 7",
        f"tiles download {A} --dataset esa-world-cover --pixels 100 50 --first 7",
    ),
    (
        f"download --project p --tiles_file {A} --dataset_def s2-2020 --meters_per_pixel 20 --sandbox",
        f"tiles download {A} --dataset s2-2020 --scale 20 --sandbox",
    ),
    (f"intersect --tiles_file {A} --foreign_tiles_file {B}", f"tiles link {A} {B} --legacy"),
    (
        (
            f"split --tiles_file {A} --nbands 8 --train_pct .5 --test_pct 0.3 --val_pct 0.2 --angle -0.78 "
            "--foreign_tiles_name communes"
        ),
        (
            f"tiles split {A} --bands 8 --radians -0.78 --balance width --train 0.5 --test 0.3 --val 0.2 --group-by "
            "communes --overwrite"
        ),
    ),
    (
        f"lp.compute --tiles_file {A} --dataset_name esa-world-cover",
        f"labels count {A} --dataset esa-world-cover --legacy --overwrite",
    ),
    (
        f"lp.compute --tiles_file {A} --labels_dataset_def esa-world-cover",
        f"labels count {A} --dataset esa-world-cover --map own --legacy --overwrite",
    ),
    (
        f"lp.from_foreign --tiles_file {A} --foreign_tiles_file {B} --labels_dataset_def esa-world-cover",
        f"labels from {A} --coarse {B} --dataset esa-world-cover --legacy --overwrite",
    ),
    (
        (
            f"zip.dataset --tiles_file t/{A} --images_dataset_name s2-2020 --labels_dataset_name esa-world-cover "
            f"--label_map [10,20,30,40,50,60,70,80,90,95,100] --foreign_tiles_file t/{B} --readme_file README.txt"
        ),
        (
            f"dataset pack t/{A} --images s2-2020 --labels esa-world-cover --label-map {MAP} --coarse t/{B} --readme "
            "README.txt --format zip-pickle --overwrite -o t/lux_s2-2020_esa-world-cover"
        ),
    ),
    (
        f"zip.dataset --tiles_file {A} --images_dataset_def s2-2020 --labels_dataset_def esa-world-cover",
        (
            f"dataset pack {A} --images s2-2020 --labels esa-world-cover --label-map own --format zip-pickle "
            "--overwrite -o lux_s2-2020_esa-world-cover"
        ),
    ),
    (
        f"zip.dataset --tiles_file {A} --images_dataset_def s2-2020",
        f"dataset pack {A} --images s2-2020 --format zip-pickle --overwrite -o lux_s2-2020",
    ),
    (
        f"mosaic.fromvals --tiles_file {A} --dest_file m.tif --meters_per_pixel 20",
        f"tiles burn {A} --column value --scale 20 -o m.tif",
    ),
    ("aois --showall", "aoi list"),
    ("aois --extract Luxembourg", "aoi extract Luxembourg -o Luxembourg.wkt"),
]


@pytest.fixture
def translated(monkeypatch, tmp_path, capfd):
    """Type old words where none of the files is; return the new words that are said."""
    monkeypatch.chdir(tmp_path)

    def type_in(words):
        run_cli(["geet", *words])
        said = " ".join(capfd.readouterr().err.split())
        return said.split("in new words: `orchestrator ")[1].split("`")[0]

    return type_in


@pytest.mark.parametrize(("old", "new"), TABLE, ids=[old.split()[0] for old, _ in TABLE])
def test_old_words_are_new_words(translated, old, new):
    """Both spellings, with every option."""
    assert translated(old.split()) == new


def test_chips_of_a_folder_are_those_of_the_tiles_beside_it(translated, tmp_path):
    """`mosaic` and `cleanup` name a folder; it says which tiles and which dataset."""
    folder = tmp_path / CHIPS / "esa-world-cover"
    folder.mkdir(parents=True)
    file = tmp_path / A
    file.touch()

    joined = translated(["mosaic", "--basedir", str(folder), "--dest_file", "m.tif", "--meters_per_pixel", "10"])
    cleaned = translated(["cleanup", "--basedir", str(folder)])

    assert joined == f"tiles mosaic {file} --dataset esa-world-cover --scale 10 -o m.tif"
    assert cleaned == f"tiles verify {file} --dataset esa-world-cover --fix"


def test_every_verb_has_a_line_in_the_table():
    """Those of 0.1.7 and of 0.1.3."""
    told = {old.split()[0] for old, _ in TABLE} | {"mosaic", "cleanup"}

    assert told == set(COMMANDS)


def test_what_means_nothing_here_is_said(capfd, tmp_path, monkeypatch):
    """Accepted, so that the line runs as it is; each with a word."""
    monkeypatch.chdir(tmp_path)
    ignored = (
        "--shuffle --skip_if_exists --skip_confirm --n_processes 20 --dtype uint8 --ee_auth_mode x --gee_auth_mode y"
    )

    run_cli(["geet", "download", "--tiles_file", A, "--dataset_def", "esa-world-cover", "--pixels_lonlat", "[9,9]",
             *ignored.split()])  # fmt: skip

    told = " ".join(capfd.readouterr().err.split())
    assert all(f"note: {word} is ignored: " in told for word in ignored.split() if word.startswith("--"))


@pytest.mark.parametrize(
    "text",
    ["__import__('os').system('touch pwned')", "[100]", "[100,0]", "[100,1.5]", "[100,", "100", "[[1,2]]", "[1,2,3]"],
)
def test_a_size_is_read_and_never_executed(capfd, tmp_path, monkeypatch, text):
    """One line, with what is to be written; exit code 2; nothing was run."""
    monkeypatch.chdir(tmp_path)

    code = run_cli(["geet", "download", "--tiles_file", A, "--dataset_def", "x", "--pixels_lonlat", text])

    assert code == 2
    assert "--pixels_lonlat [100,100]" in " ".join(capfd.readouterr().err.split())
    assert not list(tmp_path.iterdir())


def test_a_list_of_classes_is_read_and_never_executed(capfd, tmp_path, monkeypatch):
    """As above."""
    monkeypatch.chdir(tmp_path)
    words = ["--images_dataset_name", "x", "--labels_dataset_name", "y", "--label_map", "[exit(0)]"]

    code = run_cli(["geet", "zip.dataset", "--tiles_file", A, *words])

    assert code == 2
    assert "--label_map [10,20,30]" in " ".join(capfd.readouterr().err.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["lp.compute", "--tiles_file", A], "--labels_dataset_def or --dataset_name is", id="neither"),
        pytest.param(
            ["lp.compute", "--tiles_file", A, "--labels_dataset_def", "a", "--dataset_name", "b"],
            "they mean the same",
            id="two that differ",
        ),
        pytest.param(["download", "--tiles_file", A, "--dataset_def", "a"], "either --pixels_lonlat", id="no size"),
        pytest.param(["grid", "--aoi_wkt_file", "a.wkt"], "Missing option '--chip_size_meters'", id="what is required"),
        pytest.param(["download", "--tiles_file", A, "--dataset_def", "a", "--aoi", "FR", "--pixels_lonlat", "[9,9]"],
                     "tiles download --where", id="choices of tiles"),
        pytest.param(["aois"], "--showall, or --extract NAME", id="nothing"),
        pytest.param(["cleanup", "--basedir", "x"], "is no folder of chips", id="a folder without tiles"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(capfd, tmp_path, monkeypatch, words, said):
    """It names the option as it is spelled there; exit code 2."""
    monkeypatch.chdir(tmp_path)

    assert run_cli(["geet", *words]) == 2
    assert said in " ".join(capfd.readouterr().err.split())


def test_a_printed_line_is_one_that_is_printed():
    """Fourteen, all of verbs that are known."""
    assert len(printed()) == 14
    assert {words[0] for words in printed()} <= set(COMMANDS)


def test_the_random_partition_tells_its_seed(capfd, tmp_path, monkeypatch):
    """Which there is lost: the same tiles can be made again."""
    lay_out(tmp_path)
    monkeypatch.chdir(tmp_path)
    words = ["random", "--aoi_wkt_file", "luxembourg.wkt", "--max_rectangle_size_meters", "2000", "--aoi_name", "lux"]

    assert run_cli(["--json", "geet", *words, "--dest_dir", "one"]) == 0
    told = json.loads(capfd.readouterr().out.splitlines()[-1])
    again = [
        "tiles",
        "random",
        "luxembourg.wkt",
        "--max-size",
        "2000",
        "--name",
        "lux",
        "-o",
        "two",
        "--format",
        "geojson",
    ]
    assert run_cli([*again, "--seed", str(told["about"]["seed"])]) == 0

    (one,), (two,) = ((tmp_path / each).iterdir() for each in ("one", "two"))
    assert (one.name, one.read_bytes()) == (two.name, two.read_bytes())
