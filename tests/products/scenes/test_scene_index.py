"""The index of step one: read as it is published, merged so that nothing of before is lost."""

import json
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.errors import IntegrityError, UserError
from orchestrator.products.scenes.index import merge_into, read_scenes, scene_json
from orchestrator.products.scenes.scene import IndexedScene, ProductInfo, SceneFile, SceneKey, looked_at, merge

KEY = SceneKey("T33UWQ", "2025-12-10T10:03:19Z")
L1C = ProductInfo("1", "S2B_MSIL1C_20251210T100319_N0511_R122_T33UWQ_20251212T162649.SAFE", "N0511", "R122")
BANDS = [f"l1c.band.B{number:02}" for number in range(1, 10)]


def file_of(role: str, sha256: str = "") -> SceneFile:
    return SceneFile(role, f"raw/L1C/tile=T33UWQ/sensing=20251210T100319Z/files/{role}.jp2", sha256=sha256)


def scene_of(*roles: str, product: ProductInfo = L1C) -> IndexedScene:
    return IndexedScene(KEY, product, items=tuple(map(file_of, roles)))


@pytest.mark.real
def test_the_real_index_is_read_and_written_as_it_stands(data_folder: Path) -> None:
    """The scenes of a live run: every key back where it was."""
    path = data_folder / "cdse_responses" / "s2pipe_step1_index.json"

    index = read_scenes(path)

    assert [scene_json(scene) for scene in index.scenes] == json.loads(path.read_bytes())["scenes"]
    assert set(index.scenes[0].files) == {
        "l1c.product_metadata", "l1c.tile_metadata", "l1c.band.B01", "l1c.band.B02", "l2a.tile_metadata", "l2a.scl_20m"
    }  # fmt: skip


@given(st.sets(st.sampled_from(BANDS)), st.sets(st.sampled_from(BANDS)))
def test_bands_of_a_later_run_get_in_and_those_of_an_earlier_one_stay(first: set[str], later: set[str]) -> None:
    """Of the same product, in whichever order."""
    merged = merge(scene_of(*first), scene_of(*later))

    assert {item.role for item in merged.items} == first | later


def test_a_file_that_came_again_is_told_of_as_it_is_now() -> None:
    """Its checksum is the later one."""
    merged = merge(replace(scene_of(), items=(file_of("l1c.band.B01", "old"),)), scene_of("l1c.band.B01"))

    assert [item.sha256 for item in merged.items] == [""]


def test_a_product_of_another_baseline_takes_the_place_of_the_earlier_one() -> None:
    """Files of two baselines have different offsets: they are not mixed."""
    newer = replace(L1C, name=L1C.name.replace("N0511", "N0512"), baseline="N0512")

    merged = merge(scene_of("l1c.band.B01", "l1c.band.B02"), scene_of("l1c.band.B02", product=newer))

    assert merged.l1c == newer
    assert [item.role for item in merged.items] == ["l1c.band.B02"]


def test_a_level_that_a_run_did_not_ask_for_stays() -> None:
    """Level-2A files of an earlier run, when a later one brings Level-1C alone."""
    l2a = ProductInfo("2", "S2B_MSIL2A_x.SAFE", scl={"WATER_PERCENTAGE": 1.0})
    scl = SceneFile("l2a.scl_20m", "raw/L2A/tile=T33UWQ/sensing=20251210T100319Z/files/SCL_20m.jp2")

    merged = merge(IndexedScene(KEY, None, l2a, (scl,)), scene_of("l1c.band.B01"))

    assert (merged.l1c, merged.l2a) == (L1C, l2a)
    assert {item.role for item in merged.items} == {"l1c.band.B01", "l2a.scl_20m"}


def test_the_index_says_what_lies_on_the_disk(tmp_path: Path) -> None:
    """A file that was taken away is planned, no longer present."""
    scene = looked_at(scene_of("l1c.band.B01", "l1c.band.B02"), tmp_path)
    (there, _) = scene.items
    (tmp_path / there.path).parent.mkdir(parents=True)
    (tmp_path / there.path).write_bytes(b"x")

    merge_into(tmp_path / "meta" / "step1" / "index.json", [scene], "2026-01-01T00:00:00Z", Event())

    content = json.loads((tmp_path / "meta" / "step1" / "index.json").read_bytes())
    told = {item["role"]: (item["planned"], item["present"]) for item in content["scenes"][0]["files_l1c"]["items"]}
    assert told == {"l1c.band.B01": (False, True), "l1c.band.B02": (True, False)}
    assert (content["schema"], content["query"]) == ("s2pipe.step1.index.v2", {"aggregate": True})


def test_a_folder_that_was_moved_is_read_where_it_is(tmp_path: Path) -> None:
    """Paths start from the folder that holds meta/step1."""
    merge_into(tmp_path / "a" / "meta" / "step1" / "index.json", [scene_of("l1c.band.B01")], "", Event())
    (tmp_path / "a").rename(tmp_path / "b")

    assert read_scenes(tmp_path / "b" / "meta" / "step1" / "index.json").root == tmp_path / "b"


def test_a_role_that_is_missing_is_refused_with_what_there_is(tmp_path: Path) -> None:
    """No other file takes its place."""
    scene = replace(scene_of("l1c.band.B01"), root=tmp_path)
    path = tmp_path / scene.items[0].path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")

    with pytest.raises(UserError, match=r"T33UWQ 2025-12-10T10:03:19Z lacks l1c.band.B02; there is l1c.band.B01"):
        scene.require(["l1c.band.B01", "l1c.band.B02"])


def test_two_files_of_one_role_are_refused() -> None:
    """Whichever was taken, it could be the wrong one."""
    with pytest.raises(IntegrityError, match=r"two files of the role l1c\.band\.B01"):
        scene_of("l1c.band.B01", "l1c.band.B01")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "cannot be read"),
        (b'{"schema": "s2pipe.step1.index.v1"}', "'s2pipe.step1.index.v1'; expected 's2pipe.step1.index.v2'"),
        (b'{"schema": "s2pipe.step1.index.v2", "scenes": [{}]}', "scenes[0].key is missing"),
        (b"[]", "schema None"),
    ],
)
def test_what_is_no_index_is_refused_in_a_line(tmp_path: Path, content: bytes, said: str) -> None:
    """It names the file and what was expected."""
    path = tmp_path / "index.json"
    path.write_bytes(content)

    with pytest.raises(UserError) as caught:
        read_scenes(path)

    assert said in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(("checksum", "told"), [("MD5:00ff", "MD5:00ff"), ("", None)])
def test_a_file_of_which_no_checksum_was_known_says_so(checksum: str, told: str | None) -> None:
    """With null; its size and SHA-256 are those of what arrived."""
    file = SceneFile("l1c.band.B01", "raw/x.jp2", True, 3, "ab", checksum)

    (item,) = scene_json(IndexedScene(KEY, L1C, items=(file,)))["files_l1c"]["items"]

    assert (item["size"], item["sha256"], item["checksum"]) == (3, "ab", told)
