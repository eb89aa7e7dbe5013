"""The whole list, each product once, whatever the catalogue's pages do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import shapely
from cdse_kit import World

from orchestrator.core.errors import AreaError, PermanentError, TransientError
from orchestrator.model.files import ProductQuery
from orchestrator.sandbox.cdse.products import ListedProducts
from orchestrator.sandbox.cdse.records import sentinel2_record
from orchestrator.sandbox.cdse.settings import Copernicus
from orchestrator.sandbox.server import Options, Sandbox

START = datetime(2018, 1, 1, tzinfo=UTC)
JANUARY = ProductQuery(START, datetime(2018, 2, 1, tzinfo=UTC))


def name_of(number: int, *, level: str = "1C", tile: str = "31TDH", orbit: int = 51) -> str:
    taken = START + timedelta(seconds=number)
    return f"S2A_MSIL{level}_{taken:%Y%m%dT%H%M%S}_N0206_R{orbit:03d}_T{tile}_20180301T{number % 24:02d}0000.SAFE"


def record(number: int, *, level="1C", tile="31TDH", orbit=51, where=None, cloud=None, **more):
    return sentinel2_record(name_of(number, level=level, tile=tile, orbit=orbit), footprint=where, cloud=cloud, **more)


@pytest.fixture
def world_of(tmp_path):
    """Return a function that serves records; the sandboxes end with the test."""
    running = []

    def serve(records):
        sandbox = Sandbox(None, Options(copernicus=Copernicus(products=ListedProducts(records))), evaluator=object())
        running.append(sandbox)
        return World(sandbox.__enter__(), tmp_path / "state")

    yield serve
    for sandbox in running:
        sandbox.__exit__(None, None, None)


def numbers(found) -> list[str]:
    return [one.name for one in found]


def test_more_products_than_one_list_holds_come_once_each(world_of):
    """The catalogue answers 422 beyond 10,000, where others stop in silence."""
    names = [name_of(number) for number in range(10_050)]
    world = world_of([record(number) | {"Attributes": []} for number in range(10_050)])

    found = world.search(ProductQuery(START, START + timedelta(seconds=10_050)))

    assert numbers(found) == names
    assert not [one for one in world.asked("cdse.products.list") if one["status"] == 422]


def test_products_come_in_the_order_of_sensing_within_each_type(world_of):
    order = [5, 3, 9, 1]
    world = world_of([record(n, level=level) for n in order for level in ("2A", "1C")])

    found = world.search(replace(JANUARY, product_types=("S2MSI1C", "S2MSI2A")))

    assert numbers(found) == [name_of(n, level=level) for level in ("1C", "2A") for n in sorted(order)]


def test_the_end_is_not_within_the_dates(world_of):
    world = world_of([record(0), record(10)])

    assert numbers(world.search(ProductQuery(START, START + timedelta(seconds=10)))) == [name_of(0)]


def test_both_bounds_of_cloud_cover_hold(world_of):
    world = world_of([record(n, cloud=cloud) for n, cloud in enumerate((4.99, 5.0, 20.25, 20.26))])

    assert numbers(world.search(replace(JANUARY, cloud_min=5, cloud_max=20.25))) == [name_of(1), name_of(2)]


def test_a_tile_is_found_also_where_the_attribute_is_lacking(world_of):
    """Names tell the tile of every product of today; the attribute came later."""
    bare = record(1) | {"Attributes": []}
    world = world_of([record(0), bare, record(2, tile="31TCH")])

    assert numbers(world.search(replace(JANUARY, tile="31TDH"))) == [name_of(0), name_of(1)]


def test_an_orbit_is_told_by_the_name(world_of):
    world = world_of([record(0, orbit=51), record(1, orbit=151), record(2, orbit=5)])

    assert numbers(world.search(replace(JANUARY, orbit=51))) == [name_of(0, orbit=51)]


BOX = shapely.box(2, 44, 3, 45)
ISLANDS = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(8, 0, 9, 1)])
COMB = shapely.union_all([shapely.box(0, 0, 10, 0.1), *(shapely.box(n / 20, 0, n / 20 + 0.02, 5) for n in range(199))])


@pytest.mark.parametrize(
    ("area", "inside", "outside"),
    [
        pytest.param(BOX, shapely.box(2.9, 44.9, 4, 46), shapely.box(3.1, 44, 4, 45), id="a polygon"),
        pytest.param(shapely.Point(2.5, 44.5), BOX, shapely.box(2.6, 44, 3, 45), id="a point"),
        pytest.param(ISLANDS, shapely.box(8.5, 0.5, 9.5, 2), shapely.box(3, 0, 5, 1), id="two islands"),
        pytest.param(COMB, shapely.box(1, 1, 2, 2), shapely.box(0.521, 1, 0.549, 2), id="more points than an address"),
        pytest.param(
            shapely.LineString([(0, 0), (10, 10)]), shapely.box(4, 4, 5, 5), shapely.box(8, 0, 9, 1), id="a line"
        ),
        pytest.param(
            shapely.MultiPolygon([shapely.box(n, 0, n + 0.5, 1) for n in range(20)]),
            shapely.box(19.2, 0, 19.3, 1),
            shapely.box(3.6, 0, 3.9, 1),
            id="more polygons than are asked for",
        ),
    ],
)
def test_an_area_brings_what_meets_it(world_of, area, inside, outside):
    """shapely says what meets; the catalogue takes no MULTIPOLYGON, and an address only so many characters."""
    assert (area.intersects(inside), area.intersects(outside)) == (True, False)
    world = world_of([record(0, where=inside), record(1, where=outside)])

    assert numbers(world.search(replace(JANUARY, area=shapely.geometry.mapping(area)))) == [name_of(0)]


def test_a_product_in_two_polygons_comes_once(world_of):
    world = world_of([record(0, where=shapely.box(0.5, 0, 8.5, 1))])

    assert len(world.search(replace(JANUARY, area=shapely.geometry.mapping(ISLANDS)))) == 1


def test_a_footprint_is_read_from_the_catalogues_own_form(world_of):
    """Old products have no GeoFootprint."""
    world = world_of([record(0, where=BOX) | {"GeoFootprint": None}])

    (found,) = world.search(JANUARY)

    assert shapely.geometry.shape(found.footprint).equals(BOX)


def test_what_is_no_area_is_refused_before_anything_is_asked(world_of):
    world = world_of([])

    with pytest.raises(AreaError, match="no GeoJSON geometry"):
        world.search(replace(JANUARY, area={"type": "Circle"}))
    assert world.asked("cdse.products.list") == []


def test_checksums_of_a_product_may_be_lacking(world_of):
    sums = [{"Value": "ABCD", "Algorithm": "MD5", "ChecksumDate": "2018-01-01T00:00:00.000000Z"}]
    world = world_of([record(0), record(1, checksums=sums)])

    assert [[(c.algorithm, c.value) for c in one.checksums] for one in world.search(JANUARY)] == [[], [("MD5", "abcd")]]


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"action": "http", "status": 503}, id="503"),
        pytest.param({"action": "http", "status": 429, "headers": {"Retry-After": "0"}}, id="429"),
        pytest.param({"action": "reset"}, id="a reset"),
        pytest.param({"action": "truncate", "bytes": 40}, id="a short answer"),
        pytest.param({"action": "http", "status": 200, "html": True}, id="a page"),
    ],
)
def test_an_answer_that_fails_for_a_while_is_asked_for_again(world_of, fault):
    world = world_of([record(0)])
    world.order(api="cdse.products.list", **fault)

    assert numbers(world.search(JANUARY)) == [name_of(0)]


def test_a_page_that_lacks_a_product_is_noticed_by_the_count(world_of):
    """Whatever pages say, as many products as are counted must come."""
    world = world_of([record(0), record(1)])
    lacking = '{"value": [' + '{"Id": "a", "Name": "b", "ContentDate": {"Start": "2018-01-01T00:00:00.000000Z"}}' + "]}"
    world.order(api="cdse.products.list", action="http", status=200, body=lacking, skip=1)
    world.order(api="cdse.products.list", action="http", status=200, body='{"value": []}', skip=1)

    assert numbers(world.search(JANUARY)) == [name_of(0), name_of(1)]


def test_a_list_that_never_agrees_with_its_count_is_no_answer(world_of):
    world = world_of([record(0)])
    world.order(
        api="cdse.products.list", action="http", status=200, body='{"@odata.count": 2, "value": []}', count=None
    )

    with pytest.raises(TransientError, match="0 products came, 2 are counted"):
        world.search(JANUARY)


def test_a_refusal_is_told_in_the_services_own_words(world_of):
    world = world_of([record(0)])
    world.order(api="cdse.products.list", action="http", status=400, message="Invalid field: nonsense")

    with pytest.raises(PermanentError, match="HTTP 400: Invalid field: nonsense"):
        world.search(JANUARY)
