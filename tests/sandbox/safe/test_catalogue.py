"""The catalogue of all products: found by tile and day, made when asked for."""

from __future__ import annotations

import hashlib
import threading
import uuid
from datetime import UTC, datetime

import pytest
import shapely
from sandbox_safe_kit import CUT, parsed

from orchestrator.sandbox.cdse.products import Bounds
from orchestrator.sandbox.safe import default_products
from orchestrator.sandbox.safe.catalogue import SyntheticProducts
from orchestrator.sandbox.safe.product import Options
from orchestrator.sandbox.scenes import mgrs
from orchestrator.sandbox.web import ApiError

JUNE, JULY = datetime(2024, 6, 1, tzinfo=UTC), datetime(2024, 7, 1, tzinfo=UTC)
DAY, NEXT = datetime(2024, 6, 13, tzinfo=UTC), datetime(2024, 6, 14, tzinfo=UTC)
OF_TILE = {"tileId": "33TWL"}


@pytest.fixture
def products(tmp_path):
    """Small products, of one band."""
    return SyntheticProducts(0, tmp_path, Options(CUT, bands=("B01", "SCL")))


def of_day(products, level, start=DAY, end=NEXT):
    kind = f"S2MSI{level[1:]}"
    return list(products.all(Bounds(start, end, values={**OF_TILE, "productType": kind})))


def test_a_month_of_a_tile_is_what_earth_engine_has(tmp_path, earth):
    """As the catalogues are asked: by productType and a part of the name."""
    products = default_products(0, tmp_path)
    tile = mgrs.find("33TWL").outline
    known = earth.scenes("COPERNICUS/S2_SR_HARMONIZED", tile, JUNE.timestamp() * 1000, JULY.timestamp() * 1000)
    names = {f"{scene.properties['PRODUCT_ID']}.SAFE" for scene in known if scene.tile.name == "33TWL"}

    found = products.all(Bounds(JUNE, JULY, ("_T33TWL_",), {"productType": "S2MSI2A"}))

    assert {each.name for each in found if JUNE <= each.start < JULY} == names
    assert len(names) == 12


def test_a_time_is_that_at_which_the_datatake_began(products):
    """The tile itself is seen minutes later."""
    (wanted,) = of_day(products, "L1C")

    found = of_day(products, "L1C", wanted.start, wanted.start)

    assert [each.name for each in found] == [wanted.name]


def test_a_list_without_an_end_ends_now(tmp_path):
    products = SyntheticProducts(0, tmp_path, Options(CUT), now=lambda: datetime(2024, 6, 12, tzinfo=UTC))

    found = products.all(Bounds(JUNE, values={**OF_TILE, "productType": "S2MSI1C"}))

    days = {each.start.day for each in found}
    assert max(days) < 13
    assert min(days) == 3


def test_an_area_is_answered_with_the_products_that_touch_it(products):
    (wanted,) = of_day(products, "L1C")
    area = wanted.footprint.centroid.buffer(0.001)

    found = products.all(Bounds(DAY, NEXT, values={"productType": "S2MSI1C"}, area=area))

    assert [each.name for each in found if each.footprint.intersects(area)] == [wanted.name]


def test_both_levels_are_listed_when_none_is_asked_for(products):
    found = list(products.all(Bounds(DAY, NEXT, values=OF_TILE)))

    assert sorted(each.name[4:10] for each in found) == ["MSIL1C", "MSIL2A"]


def test_a_record_tells_what_the_metadata_of_the_files_tell(products):
    (listed,) = of_day(products, "L2A")

    document = parsed(products.open(listed, "MTD_MSIL2A.xml"))

    told = {name: next(document.iter(name)).text for name in ("PRODUCT_START_TIME", "PRODUCT_URI")}
    positions = [float(each) for each in next(document.iter("EXT_POS_LIST")).text.split()]
    ring = shapely.Polygon(list(zip(positions[1::2], positions[::2], strict=True)))
    assert datetime.fromisoformat(told["PRODUCT_START_TIME"]) == listed.start
    assert told["PRODUCT_URI"] == listed.name
    assert float(next(document.iter("Cloud_Coverage_Assessment")).text) == listed.attributes["Double", "cloudCover"]
    assert listed.footprint.buffer(1e-6).covers(ring)  # what the product was cut from; the files tell of the cut
    assert listed.attributes["String", "tileId"] == "33TWL"


def test_sizes_of_the_tree_are_those_of_the_files(products):
    (listed,) = of_day(products, "L1C")

    tree = products.tree(listed)

    granule = next(iter(tree["GRANULE"]))
    for name, size in tree["GRANULE"][granule]["IMG_DATA"].items():
        assert products.open(listed, f"GRANULE/{granule}/IMG_DATA/{name}").stat().st_size == size
    assert tree["AUX_DATA"] == {}


def test_nothing_is_made_for_a_list(products, tmp_path):
    of_day(products, "L1C")

    assert list(tmp_path.iterdir()) == []


def test_a_product_is_found_again_by_its_id_in_another_process(products, tmp_path):
    (listed,) = of_day(products, "L1C")

    found = SyntheticProducts(0, tmp_path, Options(CUT)).get(listed.id)

    assert found.name == listed.name
    assert str(uuid.UUID(listed.id)) == listed.id


@pytest.mark.parametrize(
    "number",
    [
        pytest.param("none", id="no UUID"),
        pytest.param("00000000-0000-4000-8000-000031544448", id="another product's"),
        pytest.param("33335457-4c41-4000-8000-00000000ffff", id="an orbit that does not pass"),
        pytest.param("ffffffff-ff41-4000-8000-00000000ffff", id="no tile"),
    ],
)
def test_an_unknown_id_is_nobodys(products, number):
    assert products.get(number) is None


def test_each_product_has_an_id_of_its_own(products):
    found = list(
        products.all(Bounds(datetime(2021, 6, 1, tzinfo=UTC), datetime(2021, 7, 1, tzinfo=UTC), values=OF_TILE))
    )

    assert len({each.id for each in found}) == len({each.name for each in found}) == len(found) > 20


def test_what_was_sensed_before_2022_is_there_again_as_collection_1(products):
    found = of_day(products, "L2A", datetime(2021, 6, 14, tzinfo=UTC), datetime(2021, 6, 15, tzinfo=UTC))

    names = sorted(each.name for each in found)
    assert [name[26:33] for name in names] == ["_N0300_", "_N0500_"]
    assert names[0][:26] == names[1][:26]
    assert names[0][-20:] < names[1][-20:]


def test_all_can_be_there_again_with_a_baseline(tmp_path):
    products = SyntheticProducts(0, tmp_path, Options(CUT, bands=("B01",)), reprocessed="05.11")

    first, second = of_day(products, "L1C")

    assert ("_N0510_" in first.name, "_N0511_" in second.name) == (True, True)
    assert products.get(second.id).name == second.name
    assert parsed(products.open(second, "MTD_MSIL1C.xml")).find(".//PROCESSING_BASELINE").text == "05.11"


def test_many_who_ask_at_once_get_one_product(products):
    (listed,) = of_day(products, "L1C")
    digests = []

    def ask():
        digests.append(hashlib.sha256(products.open(listed, "manifest.safe").read_bytes()).hexdigest())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(digests) == 4
    assert len(set(digests)) == 1


@pytest.mark.parametrize(
    "bounds",
    [
        pytest.param(Bounds(DAY, NEXT), id="no place"),
        pytest.param(Bounds(area=shapely.box(-10, 35, 30, 60)), id="a continent for twenty years"),
    ],
)
def test_what_cannot_be_listed_is_refused(products, bounds):
    with pytest.raises(ApiError) as refusal:
        list(products.all(bounds))

    assert refusal.value.status == 400


def test_a_cut_that_the_orbit_does_not_see_is_no_product(tmp_path):
    products = default_products(0, tmp_path, "1700,1806,24,24")

    assert of_day(products, "L1C") == []
