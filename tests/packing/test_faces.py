"""`dataset pack` and `dataset show`, by command and in Python."""

from __future__ import annotations

import hashlib
import io
import json

import numpy as np
import pytest
from chip_kit import IMAGE_ABOUT, IMAGES, LABEL_ABOUT, LABELS, make_place, make_tiles, without, write_dataset
from matplotlib.image import imread

import orchestrator as orc
from orchestrator.core.errors import UserError
from orchestrator.faces.cli.main import run_cli
from orchestrator.packing.bands import shown_bands
from orchestrator.packing.sheet import draw_sheet

CODE = """
class DatasetDefinition:
    def __init__(self, name):
        self.name = name
    def get_dataset_name(self):
        return self.name
    def get_gee_image(self, **kwargs):
        raise AssertionError
    def get_dtype(self):
        return "uint8"
    def map_values(self, array):
        return array // 10
    def include_chip_in_dataset(self, chip):
        return bool(chip["label"][0, 0] == 1)
"""


def commanded(capsys, *words):
    """Return exit code, JSON lines and what went to standard error."""
    code = run_cli(["--json", *map(str, words)])
    told = capsys.readouterr()
    return code, [json.loads(line) for line in told.out.splitlines()], told.err


def packing(place, *more):
    return ["dataset", "pack", place.tiles.path, "--images", IMAGES, "-o", place.root / "set", *more]


def test_the_command_tells_what_it_made(place, capsys):
    """Samples by split and shards, for programs; exit code 0."""
    words = packing(
        place, "--labels", LABELS, "--format", "webdataset", "--shard-size", "4", "--label-map", "10=1,20=2"
    )

    code, told, _ = commanded(capsys, *words)

    assert code == 0
    assert told[-1]["message_type"] == "packed"
    assert (told[-1]["samples"], told[-1]["splits"]) == (12, {"train": 6, "val": 3, "test": 3})
    assert told[-1]["shards"] == {"train": 2, "val": 1, "test": 1}


def test_missing_chips_end_with_exit_code_3(place, capsys):
    """Refused without the option; with it the set is there, and a script still hears that work is missing."""
    without(place.tiles.folder / IMAGES, place.identifiers[0], "FAILED")

    refused, (*_, error), _ = commanded(capsys, *packing(place))
    made, (*_, told), _ = commanded(capsys, *packing(place, "--skip-missing"))

    assert (refused, error["exit_code"], made) == (3, 3, 3)
    assert told["left_out"]["failed"] == 1


@pytest.mark.parametrize(
    ("more", "says"),
    [
        pytest.param(["--shard-size", "big"], "256MB", id="a size that is none"),
        pytest.param(["--labels", LABELS, "--label-map", "10:1"], "10=1", id="a map that is none"),
        pytest.param(["--labels", LABELS, "--label-map", "own"], "10=1,20=2", id="a dataset without a map"),
        pytest.param(["--label-map", "own"], "--labels", id="a map without labels"),
        pytest.param(["--readme", "nothing.md"], "nothing.md", id="no such text"),
        pytest.param(["--run-code"], "--run-code", id="no code"),
    ],
)
def test_what_is_asked_wrongly_ends_with_exit_code_2(place, capsys, more, says):
    """In one line, with what is right, and nothing is written."""
    code, _, error = commanded(capsys, *packing(place, *more))

    assert code == 2
    assert says in error
    assert error.count("\n") == 1
    assert not (place.root / "set").exists()


def test_the_users_code_runs_only_when_that_is_asked_for(place, capsys):
    """It lies beside the chips, perhaps a stranger's; asked for, it maps labels and says what is packed."""
    folder = place.tiles.folder / LABELS
    (folder / "definition.py").write_text(CODE)
    (folder / "definition.py").chmod(0o644)
    about = LABEL_ABOUT | {"code": "definition.py", "code_sha256": hashlib.sha256(CODE.encode()).hexdigest()}
    (folder / "dataset.json").write_text(json.dumps(about))

    _, (*_, plain), _ = commanded(capsys, *packing(place, "--labels", LABELS))
    _, (*_, told), _ = commanded(capsys, *packing(place, "--labels", LABELS, "--run-code", "--overwrite"))

    wanted = [name for name in place.identifiers if place.labels[name][0, 0, 0] == 10]
    assert plain["samples"] == 12
    assert (told["samples"], told["left_out"]["by_hook"]) == (len(wanted), 12 - len(wanted))
    (path,) = (place.root / "set" / "data").rglob(f"lux_{wanted[0]}.npz")
    raw = place.labels[wanted[0]][0]
    np.testing.assert_array_equal(np.load(path)["label"], np.where(raw == 0, 255, raw // 10))
    assert (place.root / "set" / "sources" / LABELS / "definition.py").read_text() == CODE


IMAGE_CODE = """
def get_ee_image(): pass
def include_chip_in_dataset(chip):
    return chip["label_proportions"]["partitions_aschip"].get("1", 0) >= 0.5
"""


def with_code(folder, about, code):
    (folder / "definition.py").write_text(code)
    (folder / "definition.py").chmod(0o644)
    (folder / "dataset.json").write_text(json.dumps(about | {"code": "definition.py"}))


def test_code_of_images_and_of_labels_is_asked_with_shares_of_mapped_labels(place, capsys):
    """Both must want a chip; `own` is the labels' map_values, and the card's command makes the same set again."""
    with_code(place.tiles.folder / IMAGES, IMAGE_ABOUT, IMAGE_CODE)
    with_code(place.tiles.folder / LABELS, LABEL_ABOUT, CODE)
    labels = ("--labels", LABELS)

    refused, _, said = commanded(capsys, *packing(place, *labels, "--label-map", "own"))
    code, (*_, told), _ = commanded(capsys, *packing(place, *labels, "--label-map", "own", "--run-code"))
    alone, _, asked = commanded(capsys, *packing(place, "--run-code", "--overwrite"))

    classes = {name: raw[0] // 10 for name, raw in place.labels.items()}
    shares = {n: (made == 1).sum() / (place.labels[n][0] != 0).sum() for n, made in classes.items()}
    wanted = [name for name, made in classes.items() if made[0, 0] == 1 and shares[name] >= 0.5]
    assert (refused, "--run-code" in said, code, told["samples"]) == (2, True, 0, len(wanted))
    about = json.loads((place.root / "set" / "pack.json").read_bytes())
    assert (about["label"]["map"], "--label-map own" in about["command"]) == ("own", True)
    before = (place.root / "set" / "SHA256SUMS").read_bytes()
    words = about["command"].replace(" DIR", f" {place.root / 'set'}").split()[1:]
    words[2] = str(place.tiles.path)
    assert run_cli([*words, "--overwrite"]) == 0
    assert (place.root / "set" / "SHA256SUMS").read_bytes() == before
    assert (alone, "give --labels" in asked) == (2, True)


def test_the_map_of_a_dataset_is_taken_by_name(place, capsys):
    """What the dataset tells of itself: `own`."""
    about = LABEL_ABOUT | {"value_map": {"10": 1, "20": 2}}
    (place.tiles.folder / LABELS / "dataset.json").write_text(json.dumps(about))

    code, _, _ = commanded(capsys, *packing(place, "--labels", LABELS, "--label-map", "own"))

    assert code == 0
    told = json.loads((place.root / "set" / "pack.json").read_bytes())["label"]
    assert (told["map"], [one["value"] for one in told["classes"]]) == ("10=1,20=2", [1, 2])


def test_python_makes_the_same_bytes_as_the_command(place, capsys):
    """One way to the set, whoever asks."""
    commanded(capsys, *packing(place, "--labels", LABELS, "--label-map", "10=1,20=2"))

    made = orc.dataset.pack(place.tiles, IMAGES, LABELS, label_map={10: 1, 20: 2}, folder=place.root / "other")

    assert (made.folder / "SHA256SUMS").read_bytes() == (place.root / "set" / "SHA256SUMS").read_bytes()
    assert made.missing == 0


def test_a_sheet_shows_random_chips_in_a_notebook_and_in_a_file(place, capsys):
    """The same seed draws the same chips and the same picture, in the order of the splits."""
    shown = orc.dataset.show(place.tiles, IMAGES, LABELS, count=5, seed=2)
    words = ["dataset", "show", place.tiles.path, "--images", IMAGES, "--labels", LABELS, "--count", 5, "--seed", 2]
    code, (*_, told), _ = commanded(capsys, *words, "-o", place.root / "sheet.png")

    assert code == 0
    assert (place.root / "sheet.png").read_bytes() == shown._repr_png_()
    assert told["chips"] == [sample.identifier for sample in shown.samples]
    assert len(set(told["chips"])) == 5
    splits = [sample.split for sample in shown.samples]
    assert splits == sorted(splits, key=["train", "val", "test"].index)


def test_a_picture_that_is_there_is_not_replaced(place, capsys):
    """Unless --overwrite."""
    (place.root / "sheet.png").write_text("mine")

    code, _, error = commanded(
        capsys, "dataset", "show", place.tiles.path, "--images", IMAGES, "-o", place.root / "sheet.png"
    )

    assert (code, "--overwrite" in error) == (2, True)
    assert (place.root / "sheet.png").read_text() == "mine"


@pytest.mark.parametrize("count", [0, 401])
def test_a_sheet_of_none_or_too_many_is_refused(place, count):
    """Said with what may be asked for."""
    with pytest.raises(UserError, match="1 to 400"):
        draw_sheet(place.tiles, IMAGES, count=count)


def test_a_label_has_the_colours_of_its_classes(tmp_path):
    """A chip of one class is a square of that class's colour in the picture, whatever is beside it."""
    tiles = make_tiles(tmp_path / "work", 1, None)
    write_dataset(tiles, "img", lambda _: np.full((1, 8, 8), 5, "uint8"), {})
    classes = {"10": {"name": "Trees", "color": "#006400"}}
    write_dataset(tiles, "cover", lambda _: np.full((1, 8, 8), 10, "uint8"), {"classes": classes})

    picture = (imread(io.BytesIO(draw_sheet(tiles, "img", "cover").png)) * 255).round().astype(int)

    green = (picture[..., :3] == [0, 0x64, 0]).all(axis=2)
    assert green.sum() > 100 * 100
    assert len(np.unique(np.nonzero(green)[0])) > 100


def test_the_stretch_is_one_for_the_whole_sheet(tmp_path):
    """Of two chips, one dark and one light, one is black and one white: each by itself would be the same grey."""
    tiles = make_tiles(tmp_path / "work", 2, None)
    write_dataset(tiles, "img", lambda n: np.full((1, 8, 8), 10 + 1000 * n, "uint16"), {})

    picture = (imread(io.BytesIO(draw_sheet(tiles, "img").png)) * 255).round().astype(int)

    black, white = (int((picture[..., :3] == value).all(axis=2).sum()) for value in (0, 255))
    assert black > 100 * 100
    assert white > 100 * 100


@pytest.mark.parametrize(
    ("names", "bands"),
    [
        (("B2", "B3", "B4", "B8"), [2, 1, 0]),
        (("winter_B2", "winter_B3", "winter_B4", "spring_B4"), [2, 1, 0]),
        (("vis-red", "vis-green", "vis-blue"), [0, 1, 2]),
        (("nir", "blue", "green", "red"), [3, 2, 1]),
        (("winter_blue", "winter_green", "spring_red", "winter_red", "spring_blue"), [3, 1, 0]),
        (("SR_B2", "SR_B3", "SR_B4", "SR_B5"), [2, 1, 0]),
        (("R_mean", "G_mean", "B_mean", "NIR_mean"), [0, 1, 2]),
        (("VV", "VH"), [0]),
        (("elevation",), [0]),
    ],
)
def test_true_colour_is_found_by_the_names_of_bands(names, bands):
    """B4, B3, B2, also of a season; three bands as they come; else the first in grey."""
    assert shown_bands(names) == bands


def test_a_sheet_passes_over_what_is_missing(tmp_path):
    """A look at what there is needs no complete download."""
    place = make_place(tmp_path, 4)
    without(place.tiles.folder / IMAGES, place.identifiers[0], "FAILED")

    assert len(draw_sheet(place.tiles, IMAGES).samples) == 3
