"""Scenes through a sandbox of Copernicus: what arrives, what is left alone, what is asked for once more."""

from __future__ import annotations

import csv
import hashlib
from datetime import UTC, datetime

import pytest
from scenes_kit import TILE, content_of, files_of, product_name

import orchestrator as orc

L1C, L2A = product_name("L1C"), product_name("L2A")
FOLDER = "tile=T33UWQ/sensing=20251210T100319Z/files"


@pytest.fixture
def pair(world):
    """One scene of both levels, served."""
    world.add(L1C, L2A)
    with world.open():
        yield world


def roles(scene, level="l1c"):
    return {item["role"] for item in scene[f"files_{level}"]["items"]}


def test_the_wanted_files_arrive_and_no_other(pair):
    """In the published layout, byte for byte what the product has; each was sent once."""
    pair.download()

    band = "GRANULE/L1C_T33UWQ_A004000_20251210T100321/IMG_DATA/T33UWQ_20251210T100319_B02.jp2"
    assert set(pair.raw()) == {
        *(f"L1C/{FOLDER}/T33UWQ_20251210T100319_{band}.jp2" for band in ("B02", "B03")),
        *(f"L1C/{FOLDER}/{name}" for name in ("MTD_MSIL1C.xml", "MTD_TL.xml")),
        *(f"L2A/{FOLDER}/{name}" for name in ("T33UWQ_20251210T100319_SCL_20m.jp2", "MTD_TL.xml")),
    }
    assert pair.raw()[f"L1C/{FOLDER}/T33UWQ_20251210T100319_B02.jp2"] == content_of(L1C, band)
    assert max(pair.transfers().values()) == 2  # MTD_TL.xml, which both levels have
    assert sum(pair.transfers().values()) == 6


def test_index_and_manifest_say_what_was_verified_and_by_what(pair):
    """Size, SHA-256 and the service's own checksum of each file; whose the data are."""
    scenes = pair.download()

    items = pair.index()["scenes"][0]["files_l1c"]["items"]
    for item in items:
        content = (pair.out / item["path"]).read_bytes()
        assert (item["size"], item["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        assert item["checksum"] == f"SHA3-256:{hashlib.sha3_256(content).hexdigest()}"
    assert items == scenes.manifest["scenes"][0]["files_l1c"]["items"]
    for told in (pair.index(), scenes.manifest):
        assert "Contains modified Copernicus Sentinel data [2025]" in told["attribution"]
    assert pair.index()["scenes"][0]["l1c"]["baseline"] == "N0511"
    assert pair.index()["scenes"][0]["l1c"]["coverage_ratio"] == 1.0


def test_bands_that_are_fetched_later_get_into_the_index(pair):
    """And nothing that is there is fetched again."""
    pair.download(l1c_bands=["B02"])
    before = pair.transfers()

    pair.download(l1c_bands=["B02", "B04"])

    assert roles(pair.index()["scenes"][0]) == {
        "l1c.band.B02", "l1c.band.B04", "l1c.product_metadata", "l1c.tile_metadata"
    }  # fmt: skip
    assert {name: n - before.get(name, 0) for name, n in pair.transfers().items() if n != before.get(name, 0)} == {
        "T33UWQ_20251210T100319_B04.jp2": 1
    }


def test_where_every_file_is_there_no_product_is_asked_for_anything(pair):
    """The folder's index knows what each must be; they are read and compared."""
    pair.download()
    before = pair.report()["files"]

    pair.download(again=True)

    assert pair.report()["files"] == before


def test_a_later_run_of_other_bands_alone_keeps_those_of_before(pair):
    """The index belongs to the folder, not to one run."""
    pair.download(l1c_bands=["B02"])

    pair.download(l1c_bands=["B03"], levels=["L1C"])

    scene = pair.index()["scenes"][0]
    assert {"l1c.band.B02", "l1c.band.B03"} <= roles(scene)
    assert "l2a.scl_20m" in roles(scene, "l2a")


@pytest.mark.parametrize(
    ("flag", "name"), [("l1c_product_metadata", "MTD_MSIL1C.xml"), ("l1c_tile_metadata", "MTD_TL.xml")]
)
def test_metadata_of_product_and_tile_hang_on_a_key_each(pair, flag, name):
    """Without the one, the other comes."""
    pair.download(levels=["L1C"], **{flag: False})

    metadata = {"MTD_MSIL1C.xml", "MTD_TL.xml"}
    assert {path.rpartition("/")[2] for path in pair.raw()} & metadata == metadata - {name}


def test_images_of_level_2a_come_in_the_resolution_that_is_named(pair):
    """With the product metadata that says what their numbers mean."""
    pair.download(levels=["L2A"], l2a_bands=["B02", "AOT_20m"], l2a_scl_20m=False, l2a_tile_metadata=False)

    assert roles(pair.index()["scenes"][0], "l2a") == {"l2a.band.B02_10m", "l2a.aot_20m", "l2a.product_metadata"}


def test_a_file_that_is_there_is_not_taken_for_whole(pair):
    """A damaged one is fetched again, since it is ours; the others are not."""
    pair.download()
    path = pair.out / f"raw/L1C/{FOLDER}/T33UWQ_20251210T100319_B02.jp2"
    whole, before = path.read_bytes(), pair.transfers()
    path.write_bytes(bytes(len(whole)))

    pair.download(again=True)

    assert path.read_bytes() == whole
    assert sum(pair.transfers().values()) == sum(before.values()) + 1


@pytest.mark.parametrize("content", [b"mine", bytes(3000)], ids=["another size", "the same size"])
def test_a_file_of_the_users_is_refused_before_a_byte_is_fetched(pair, content):
    """It is named; --overwrite replaces it."""
    path = pair.out / f"raw/L1C/{FOLDER}/T33UWQ_20251210T100319_B03.jp2"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)

    with pytest.raises(orc.UserError, match=r"B03\.jp2 exists already"):
        pair.download()
    assert path.read_bytes() == content
    assert pair.transfers() == {}

    pair.download(overwrite=True)
    assert hashlib.sha256(path.read_bytes()).digest() != hashlib.sha256(content).digest()


def test_a_file_that_somebody_else_brought_whole_is_taken_as_it_is(pair):
    """What the manifest's checksum proves need not be fetched."""
    path = pair.out / f"raw/L1C/{FOLDER}/MTD_MSIL1C.xml"
    path.parent.mkdir(parents=True)
    path.write_bytes(content_of(L1C, "MTD_MSIL1C.xml"))

    pair.download(levels=["L1C"])

    assert "MTD_MSIL1C.xml" not in pair.transfers()


def test_a_scene_without_level_2a_is_brought_and_listed(world):
    """What there is comes; the same call asks for the rest once the catalogue has it, and for nothing else."""
    world.add(L1C)
    with world.open():
        scenes = world.download()
        assert {one["role"] for one in scenes.missing} == {"l2a.scl_20m", "l2a.tile_metadata"}
        assert world.index()["scenes"][0]["l2a"] is None
    world.add(L2A)
    with world.open():
        scenes = world.download()

        assert scenes.missing == ()
        assert set(world.transfers()) == {"T33UWQ_20251210T100319_SCL_20m.jp2", "MTD_TL.xml"}
    assert world.index()["scenes"][0]["l2a"]["product_name"] == L2A


def test_a_file_that_cannot_be_had_is_listed_and_the_same_call_asks_for_it_alone(world):
    """The other files are there, verified."""
    files = files_of(L1C)
    lost = next(path for path in files if path.endswith("B03.jp2"))
    root = world.served / L1C
    world.add(L1C)
    kept = (root / lost).read_bytes()
    (root / lost).unlink()
    with world.open():
        scenes = world.download(levels=["L1C"])
        assert [one["role"] for one in scenes.missing] == ["l1c.band.B03"]
        assert roles(world.index()["scenes"][0]) == {"l1c.band.B02", "l1c.product_metadata", "l1c.tile_metadata"}
    (root / lost).write_bytes(kept)
    with world.open():
        assert world.download(levels=["L1C"]).missing == ()
        assert set(world.transfers()) == {"T33UWQ_20251210T100319_B03.jp2"}


def test_of_several_baselines_the_newest_is_taken_and_named(world):
    """The latest of the same baseline, whatever the order of the catalogue."""
    newest = product_name("L1C", baseline="0511", made="20251222T000000")
    others = [product_name("L1C", baseline="0510", made="20251225T000000"), L1C]
    world.add(newest, *others)
    with world.open():
        scenes = world.download(levels=["L1C"])

    assert scenes.manifest["scenes"][0]["l1c"]["product_name"] == newest
    assert scenes.manifest["scenes"][0]["passed_over"] == sorted(others)
    assert "several baselines" in " ".join(scenes.manifest["notes"])


def test_a_newer_baseline_replaces_every_file_of_the_scene(world):
    """Numbers of two baselines have different offsets: also bands that are not asked for this time come anew."""
    older, newer = product_name("L1C", baseline="0510"), product_name("L1C", made="20251229T000000")
    world.add(older)
    with world.open():
        world.download(levels=["L1C"], l1c_bands=["B02", "B03"])
    world.add(newer)
    with world.open():
        world.download(levels=["L1C"], l1c_bands=["B02"])

    expected = {path.rpartition("/")[2]: content for path, content in files_of(newer).items()}
    for path, content in world.raw().items():
        assert content == expected[path.rpartition("/")[2]]
    assert roles(world.index()["scenes"][0]) >= {"l1c.band.B02", "l1c.band.B03"}


@pytest.fixture
def lost(world):
    """A folder of an older product, and a newer one that lacks a band; the path of what the older had of it."""
    older, newer = product_name("L1C", baseline="0510"), product_name("L1C", made="20251229T000000")
    world.add(older)
    with world.open():
        world.download(levels=["L1C"], dates=("2025-12-10", "2025-12-11"))
    world.add(newer)
    (path,) = (world.served / newer).rglob("*_B03.jp2")
    path.rename(world.folder / "B03.jp2")
    with world.open():
        assert [one["role"] for one in world.download(levels=["L1C"]).missing] == ["l1c.band.B03"]
    (world.folder / "B03.jp2").rename(path)
    old = next(content for at, content in files_of(older).items() if at.endswith("B03.jp2"))
    return world.out / f"raw/L1C/{FOLDER}" / path.name, old, path.read_bytes()


def test_no_file_of_an_earlier_baseline_stays_when_a_newer_one_lacks_it(lost, world):
    """Nobody would know what it is; what is wrong with the folder is that a file is missing."""
    assert not lost[0].exists()
    assert {fault.kind for fault in orc.copernicus.verify(world.out).faults} <= {"missing"}


@pytest.mark.parametrize("left", [False, True], ids=["removed", "left there, as an earlier version did"])
def test_a_newer_baseline_of_which_a_file_could_not_be_had_goes_on_with_the_same_call(lost, world, left):
    """A file of the older one is ours, too."""
    path, old, new = lost
    if left:
        path.write_bytes(old)
    with world.open():
        assert world.download(levels=["L1C"]).missing == ()
        assert set(world.transfers()) == {path.name}

    assert path.read_bytes() == new


def test_names_that_are_not_read_are_told_of_and_the_others_come(world):
    """A satellite D is one of four; a product of before December 2016 is skipped with a reason."""
    old = "S2A_OPER_PRD_MSIL1C_PDMC_20160101T000000_R122_V20251210T100319_20251210T100319.SAFE"
    world.add(product_name("L1C", mission="S2D"))
    world.add(old, start=datetime(2025, 12, 10, tzinfo=UTC), attributes={"productType": "S2MSI1C"})
    with world.open():
        scenes = world.download((), area=(15.5, 49.0, 15.6, 49.1), levels=["L1C"])

    assert [scene["l1c"]["product_name"] for scene in scenes.manifest["scenes"]] == [product_name("L1C", mission="S2D")]
    assert any("before December 2016" in note for note in scenes.manifest["notes"])


def test_a_disk_that_is_too_small_is_told_of_before_the_first_byte(world):
    """How much is free, and how much would come: of one file alone a petabyte."""
    world.add(L1C, huge="B03.jp2")
    with world.open():
        with pytest.raises(orc.UserError, match=r"free, and 4 files of .* are to come; free some space"):
            world.download(levels=["L1C"])
        assert world.transfers() == {}


def test_faults_on_the_way_change_no_byte_and_lose_none(world):
    """Wrong bytes, broken transfers, errors and a full house: every file is what its product has, sessions four."""
    days = range(1, 6)
    world.add(*(product_name("L1C", day) for day in days))
    with world.open():
        world.order("short", bytes=100)
        world.order("reset")
        world.order("flip", offset=17, count=2)
        world.order("truncate", bytes=1000)
        world.order("http", status=500)
        world.order("http", status=429, message="Max session number exceeded", headers={"Retry-After": "0"})
        scenes = world.download(levels=["L1C"])

        assert scenes.missing == ()
        assert orc.copernicus.verify(world.out).faults == ()
        assert world.report()["mostAtOnce"] <= 4
    for day in days:
        name = product_name("L1C", day)
        expected = {path.rpartition("/")[2]: content for path, content in files_of(name).items()}
        mine = {p.rpartition("/")[2]: c for p, c in world.raw().items() if f"202512{day:02}T" in p.split("/")[2]}
        assert mine == {file: expected[file] for file in mine}
        assert len(mine) == 4


def test_tables_have_a_row_for_each_file(pair):
    """As CSV, as a spreadsheet, and as GeoParquet with the footprint."""
    openpyxl = pytest.importorskip("openpyxl", reason="the extra `copernicus` is not installed")
    geopandas = pytest.importorskip("geopandas")
    pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")

    folder = pair.download(table=["csv", "xlsx", "parquet"]).result.path.parent

    levels = [pair.index()["scenes"][0][f"files_{level}"]["items"] for level in ("l1c", "l2a")]
    wanted = sorted((item["role"], item["path"], item["sha256"]) for items in levels for item in items)
    with (folder / "manifest_table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted((row["role"], row["path"], row["sha256"]) for row in rows) == wanted
    sheet = openpyxl.load_workbook(folder / "manifest_table.xlsx")["files"]
    names, *cells = sheet.iter_rows(values_only=True)
    at = [names.index(name) for name in ("role", "path", "sha256")]
    assert sorted(tuple(row[place] for place in at) for row in cells) == wanted
    frame = geopandas.read_parquet(folder / "manifest_table.parquet")
    assert sorted(zip(frame["role"], frame["path"], frame["sha256"], strict=True)) == wanted
    assert frame.crs.to_epsg() == 4326
    assert frame.geometry.iloc[0].equals(TILE)


@pytest.mark.real
def test_a_real_product_arrives_as_its_real_manifest_says(world, data_folder):
    """Its one band and its metadata by their MD5; the bands that were left out of the data are listed."""
    folder = data_folder / "cdse_scene_T31TDH_20180101"
    with world.open(folder):
        scenes = orc.copernicus.download(
            "31TDH", ("2018-01-01", "2018-01-02"), world.out, levels=["L1C"], progress=False,
            connection=world.connection,
        )  # fmt: skip

    safe = next(folder.glob("*.SAFE"))
    md5 = {path.name: hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() for path in safe.rglob("*.*")
           if path.is_file()}  # fmt: skip
    items = scenes.manifest["scenes"][0]["files_l1c"]["items"]
    assert {item["role"] for item in items} == {"l1c.band.B01", "l1c.product_metadata", "l1c.tile_metadata"}
    assert {item["checksum"] for item in items} == {f"MD5:{md5[item['path'].rpartition('/')[2]]}" for item in items}
    assert len(scenes.missing) == 12
    assert scenes.manifest["scenes"][0]["l1c"]["coverage_ratio"] == pytest.approx(0.6, abs=0.15)
