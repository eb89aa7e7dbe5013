"""What is said of a set: how cloudy, why windows are not in it, which class is the rarest, how it is read."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import numpy as np
import patch_kit as kit
import pytest
from matplotlib.textpath import TextPath

import orchestrator as orc
from orchestrator.core.errors import UserError
from orchestrator.faces.cli.ends import _holdings
from orchestrator.faces.cli.patches.shown import show_set
from orchestrator.model.credit import sandbox_notice, sentinel_notice
from orchestrator.packing.sheet import fitted
from orchestrator.products.patches.arrange import _nothing
from orchestrator.products.patches.balancing import balanced
from orchestrator.products.patches.document import PatchPlan
from orchestrator.products.patches.keys import PatchKeys
from orchestrator.products.patches.scenes import read_ready_scenes

SIZE = 32
NOTICE = sandbox_notice(sentinel_notice([2025]))


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """192 pixels of vegetation, with water at the upper left, a cloud of 20 × 20 pixels, and a wedge without data."""
    y = np.full((192, 192), 4, np.uint8)
    y[:64, :64] = 6
    y[100:120, 100:120] = 9
    made = kit.write_scene(tmp_path_factory.mktemp("scenes"), x=kit.pixels(192, 192, wedge=40), y=y)
    told = json.loads((made.folder / "meta.json").read_text())
    (made.folder / "meta.json").write_text(json.dumps({**told, "attribution": NOTICE}))
    return made


@pytest.fixture(scope="module")
def cut(scene, tmp_path_factory):
    """Patches of that scene, of 32 pixels every 24, without --max-cloud, in three splits."""
    with orc.connect(state_dir=tmp_path_factory.mktemp("state")) as here:
        where = scene.folder.parents[2]
        keys = {"size": SIZE, "shares": (0.6, 0.2, 0.2), "block": 2000, "stride": 24, "shard_size": "2"}
        return orc.patches.cut(where, where / "patches", **keys, progress=False, connection=here)


def said_by(show, *words):
    """Return the lines that are said."""
    lines = []
    show(*words, SimpleNamespace(quiet=False, say=lines.append))
    return "\n".join(lines)


def test_clouds_are_told_although_nobody_asked(scene, cut):
    """The share of class 9 of each window as numpy counts it."""
    for row in cut.frame.itertuples():
        own = scene.y[row.row : row.row + SIZE, row.col : row.col + SIZE]
        assert row.cloud == (own == 9).mean()
    assert cut.frame["cloud"].max() > 0


def test_clouds_are_not_told_where_labels_do_not_tell(tmp_path):
    """A mapping that joins clouds with others: nobody knows."""
    kit.write_scene(tmp_path, mapping={str(code): int(code > 6) for code in range(12)})
    (joined,) = read_ready_scenes(tmp_path, labels=True, angles=False)

    assert not plan_of(joined).has_clouds


def plan_of(*scenes, **keys):
    return PatchPlan(scenes, PatchKeys(size=SIZE, **keys))


def test_what_a_sandbox_served_is_said_to_be(cut):
    """Card and dataset.json carry the sentence of the samples."""
    assert cut.about["attribution"] == NOTICE
    assert NOTICE in (cut.folder / "README.md").read_text()


def test_cut_says_why_windows_are_not_in_it(cut):
    """As pack does."""
    lost = cut.about["left_out"]["valid"]

    (_, said) = _holdings(cut.about)

    assert lost > 0
    assert f"of 49 windows {lost} hold too little data" in said


def test_the_card_reads_the_shards_that_there_are(cut):
    """Their numbers are those of the files; and pairs are of patches."""
    card = (cut.folder / "README.md").read_text()

    (first, last) = re.search(r'WebDataset\("shards/train-\{(\d{6})\.\.(\d{6})\}\.tar"', card).groups()

    there = sorted(path.name for path in (cut.folder / "shards").glob("train-*.tar"))
    assert [there[0], there[-1]] == [f"train-{first}.tar", f"train-{last}.tar"]
    assert "0 pairs of patches of different splits overlap" in card


def test_a_balance_says_which_class_set_the_limit(cut, tmp_path):
    """The class, how many of it there are, and that those left out are of classes that outnumber it."""
    train = cut.frame[cut.frame["split"] == "train"]
    counts = {False: int((train["label_6"] == 0).sum()), True: int((train["label_6"] > 0).sum())}
    few = min(counts.values())

    packed = orc.patches.pack(cut, tmp_path / "even", balance=[6])

    said = said_by(show_set, packed.folder, packed.about)
    rarest = "class 6 water is the rarest" if counts[True] < counts[False] else "patches of none of the classes are"
    assert rarest in said
    assert f"{few} of it and of each other group stay" in said
    assert f"{max(counts.values()) - few} are of a class that outnumbers the rarest" in said


def test_a_balance_that_would_do_nothing_is_refused(cut):
    """A class that no patch has enough of; one that all have: with what to change."""
    everywhere = cut.frame.assign(label_4=SIZE**2)

    with pytest.raises(UserError, match=r"no patch of train has that class on 90 % of its labelled pixels; lower --pr"):
        balanced(cut.frame, ["9"], 0.9, 0)
    with pytest.raises(UserError, match=r"nothing to balance: all \d+ patches of train have class 4 as the rarest"):
        balanced(everywhere, ["4"], 0.01, 0)


def test_what_earlier_splits_gave_up_is_told(cut, tmp_path):
    """Windows that the first splits gave up cannot come back without the scenes."""
    frame = cut.frame
    lost = int((frame["why"] == "split").sum())

    packed = orc.patches.pack(cut, tmp_path / "one", shares=(1, 0, 0))

    said = said_by(show_set, packed.folder, packed.about)
    assert lost > 0
    assert packed.about["given_up_before"] == lost
    assert f"{lost} of those too near had been given up by earlier splits" in said


@pytest.mark.parametrize(
    ("reason", "says", "other"),
    [
        pytest.param(4, r"have too few others of their place\. Give a smaller --times", "min-valid", id="times"),
        pytest.param(
            1, r"the most data that one holds is 0.5 of its pixels\. Lower --min-valid", "--times", id="valid"
        ),
    ],
)
def test_that_nothing_is_left_names_the_option_that_did_it(scene, reason, says, other):
    """And no other."""
    found = SimpleNamespace(valid=np.array([0.5, 0.2]))

    said = _nothing(plan_of(*read_ready_scenes(scene.folder, labels=True, angles=False)), found, np.full(2, reason))

    assert re.search(says, said)
    assert other not in said


@pytest.mark.parametrize("inches", [1.35, 2.7])
def test_titles_are_no_wider_than_their_cells(inches):
    """As the font of the picture measures them; those of several times are the longest."""
    for key in ("train T33UWQ_20251210T100319_20251220T100319_r00032_c00000", "T33UWQ_20251210T100319_r00032_c00000"):
        title, size = fitted(key, inches)

        widths = [TextPath((0, 0), line, size=size).get_extents().width / 72 for line in title.splitlines()]
        assert max(widths) <= inches
        assert len(widths) <= 2
