"""Questions to the catalogue: what a filter holds of, in which order, page by page."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.sandbox.cdse.filters import condition_of
from orchestrator.sandbox.cdse.products import ListedProducts, Product
from orchestrator.sandbox.cdse.records import sentinel2_record

TILE, LEVEL2, OLD_BASELINE, S2D, OLD = "T32TQM_20240105T12", "MSIL2A", "N0500", "S2D", "OPER_PRD"


def attribute(kind, name, compared, value):
    inner = f"a/Name eq '{name}' and a/OData.CSC.{kind}Attribute/Value {compared} {value}"
    return f"Attributes/OData.CSC.{kind}Attribute/any(a:{inner})"


FILTERS = [
    pytest.param("Collection/Name eq 'SENTINEL-2'", [TILE, LEVEL2, OLD_BASELINE, S2D, OLD], id="the collection"),
    pytest.param("Collection/Name eq 'SENTINEL-1'", [], id="another collection"),
    pytest.param("contains(Name,'_T33UWQ_')", [S2D], id="contains"),
    pytest.param("startswith(Name,'S2D_')", [S2D], id="startswith"),
    pytest.param("endswith(Name,'20240105T140000.SAFE')", [LEVEL2], id="endswith"),
    pytest.param("not contains(Name,'S2A')", [S2D], id="not"),
    pytest.param("Name eq 'S2D'", [], id="a part of a name is no name"),
    pytest.param("ContentDate/Start ge 2025-12-10T10:03:19.000Z", [S2D], id="ge, exactly"),
    pytest.param("ContentDate/Start gt 2025-12-10T10:03:19.000Z", [], id="gt, exactly"),
    pytest.param("ContentDate/End le 2016-01-01T10:14:21Z", [OLD], id="le, exactly"),
    pytest.param("ContentDate/End lt 2016-01-01T10:14:21Z", [], id="lt, exactly"),
    pytest.param("ContentDate/Start ge 2025-12-10T12:03:19.000+02:00", [S2D], id="a time with a zone"),
    pytest.param("ContentDate/Start ge 2025-12-10T10:03:19", [S2D], id="a time without a zone is UTC"),
    pytest.param("ContentDate/Start ge 2025-12-10", [S2D], id="a day"),
    pytest.param(attribute("String", "productType", "eq", "'S2MSI2A'"), [LEVEL2], id="a text"),
    pytest.param(attribute("String", "tileId", "eq", "'33UWQ'"), [S2D], id="a tile, without its T"),
    pytest.param(attribute("Double", "cloudCover", "le", "21.5"), [TILE, LEVEL2, OLD_BASELINE], id="le of a double"),
    pytest.param(attribute("Double", "cloudCover", "lt", "21.5"), [TILE, OLD_BASELINE], id="lt of a double"),
    pytest.param(attribute("Integer", "relativeOrbitNumber", "eq", "122"), [S2D], id="an integer"),
    pytest.param(attribute("String", "relativeOrbitNumber", "eq", "'122'"), [], id="an integer asked for as a text"),
    pytest.param(attribute("DateTimeOffset", "beginningDateTime", "gt", "2025-01-01T00:00:00Z"), [S2D], id="a date"),
    pytest.param(
        "OData.CSC.Intersects(area=geography'SRID=4326;POINT(11.5 45.5)')", [TILE, LEVEL2, OLD_BASELINE], id="a point"
    ),
    pytest.param(
        "OData.CSC.Intersects(area=geography'SRID=4326;POLYGON((0 0,1 0,1 1,0 0))')", [], id="a polygon elsewhere"
    ),
    pytest.param(
        "OData.CSC.Intersects(area=geography'SRID=4326;POLYGON ((12 46,13 46,13 47,12 46))')",
        [TILE, LEVEL2, OLD_BASELINE],
        id="a polygon that touches a corner",
    ),
    pytest.param(
        f"{attribute('Double', 'cloudCover', 'ge', 20)} and {attribute('Double', 'cloudCover', 'le', '20.0')}",
        [TILE, OLD_BASELINE],
        id="two bounds, each with an any() of its own",
    ),
    pytest.param(
        "contains(Name,'S2D') or contains(Name,'MSIL2A') and contains(Name,'x')", [S2D], id="and binds more than or"
    ),
    pytest.param(
        "(contains(Name,'S2D') or contains(Name,'MSIL2A')) and not contains(Name,'33')", [LEVEL2], id="parentheses"
    ),
]


@pytest.mark.parametrize(("condition", "expected"), FILTERS)
def test_a_filter_finds_what_it_says(space, condition, expected):
    """Each of the forms of the service's pages, against products of which one thing differs."""
    found = space.names(condition)

    assert len(found) == len(expected)
    assert all(any(part in name for name in found) for part in expected)


TWO_BOUNDS = "0 and a/OData.CSC.DoubleAttribute/Value le 9"


def test_two_quotes_inside_a_text_are_one():
    """As OData writes it."""
    assert condition_of("Name eq 'it''s'").holds(Product(sentinel2_record("it's")))


REFUSED = [
    pytest.param("Orbit eq 3", "the field 'Orbit'", id="an unknown field"),
    pytest.param("Name ne 'x'", "the operator 'ne'", id="an unknown operator"),
    pytest.param("Name gt 'x'", "only eq is", id="an order of names"),
    pytest.param("contains(Name,'x'", "expected ')'", id="a parenthesis left open"),
    pytest.param("contains(S3Path,'x')", "S3Path", id="a match of another field"),
    pytest.param("ContentDate/Start gt datetime'2020-01-01'", "expected a time", id="a time of another dialect"),
    pytest.param("ContentDate/Start gt '2020-01-01'", "expected a time", id="a time in quotes"),
    pytest.param("ContentDate/Start gt 2020-13-01", "the time '2020-13-01'", id="a thirteenth month"),
    pytest.param(attribute("Double", "cloudCover", "ge", TWO_BOUNDS), "expected ')'", id="two bounds in one any()"),
    pytest.param(attribute("Integer", "orbitNumber", "eq", "1.5"), "'1.5'", id="an integer with a fraction"),
    pytest.param(attribute("String", "tileId", "ge", "'33UWQ'"), "only eq is", id="an order of texts"),
    pytest.param(
        attribute("Boolean", "sliceProductFlag", "eq", "true"), "Boolean", id="a type that the pages leave out"
    ),
    pytest.param("OData.CSC.Intersects(area=geography'SRID=4326;POLYGON((0 0,1 0,1 1))')", "closed", id="an open ring"),
    pytest.param(
        "OData.CSC.Intersects(area=geography'SRID=4326;MULTIPOLYGON(((0 0,1 0,1 1,0 0)))')",
        "MULTIPOLYGON",
        id="a multipolygon",
    ),
    pytest.param(
        "OData.CSC.Intersects(area=geography'SRID=3857;POINT(1 2)')", "SRID=4326", id="another reference system"
    ),
    pytest.param('Name eq "x"', "cannot read", id="double quotes"),
    pytest.param(
        "contains(Name,'x') contains(Name,'y')", "expected its end", id="two conditions without a word between"
    ),
    pytest.param("(" * 60 + "Name eq 'x'" + ")" * 60, "50 levels", id="too deep"),
]


@pytest.mark.parametrize(("condition", "told"), REFUSED)
def test_a_filter_that_the_service_does_not_take_is_refused(space, condition, told):
    """400, with a detail that names what was found."""
    answer = space.find(condition)

    assert answer.status_code == 400
    assert told in answer.json()["detail"]["message"]


@pytest.mark.parametrize(
    ("option", "value"),
    [("$foo", "1"), ("top", "1"), ("$orderby", "Name"), ("$orderby", "ContentDate/Start up"), ("$count", "yes"),
     ("$expand", "Nodes"), ("$select", "OrbitNumber")],
)  # fmt: skip
def test_an_option_that_does_not_exist_is_refused(space, option, value):
    """By its name, or with the value that is none."""
    answer = requests.get(space.urls["catalogue"] + "/Products", params={option: value}, timeout=20)

    assert answer.status_code == 400
    assert repr(value if option.startswith("$") and option != "$foo" else option) in answer.json()["detail"]["message"]


@pytest.mark.parametrize(
    ("options", "kind", "where", "told"),
    [
        ({"skip": 10001}, "less_than_equal", "$skip", "Input should be less than or equal to 10000"),
        ({"top": 1001}, "less_than_equal", "$top", "Input should be less than or equal to 1000"),
        ({"top": -1}, "greater_than_equal", "$top", "Input should be greater than or equal to 0"),
        ({"top": "many"}, "int_parsing", "$top", "Input should be a valid integer"),
    ],
    ids=["beyond the wall", "too long a page", "negative", "no number"],
)
def test_numbers_out_of_range_are_refused_with_422(space, options, kind, where, told):
    """In the published form of a skip beyond 10,000."""
    answer = space.find(**options)

    (detail,) = answer.json()["detail"]
    assert (answer.status_code, detail["type"], detail["loc"]) == (422, kind, ["query", where])
    assert detail["msg"].startswith(told)
    assert detail["input"] == str(next(iter(options.values())))


def test_an_order_is_complete(space):
    """By a date, and by the Id where dates are the same; upwards unless told otherwise."""
    up = space.find(orderby="ContentDate/Start").json()["value"]
    down = space.find(orderby="ContentDate/Start desc").json()["value"]

    keys = [(each["ContentDate"]["Start"], each["Id"]) for each in up]
    assert keys == sorted(keys)
    assert [each["ContentDate"] for each in down] == [each["ContentDate"] for each in reversed(up)]


def test_without_an_order_there_is_none(space):
    """Products come neither by date nor by name."""
    found = space.find().json()["value"]

    for keys in ([each["ContentDate"]["Start"] for each in found], [each["Name"] for each in found]):
        assert keys not in (sorted(keys), sorted(keys, reverse=True))


def test_a_page_has_what_is_asked_for_and_no_more(space):
    """Attributes only where expanded, fields only where selected; the context tells which."""
    plain, more, few = space.find(top=1), space.find(top=1, expand="Attributes,Locations"), space.find(select="Id,Name")

    assert "Attributes" not in plain.json()["value"][0]
    assert more.json()["@odata.context"] == "$metadata#Products(Attributes(),Locations())"
    assert {"Attributes", "Locations"} <= set(more.json()["value"][0])
    assert {*few.json()["value"][0]} == {"@odata.mediaContentType", "Id", "Name"}


@pytest.mark.real
@pytest.mark.parametrize("page", [1, 3])
def test_a_page_is_shaped_as_recorded_ones(space, real_data, page):
    """The same fields of a page, a product, a checksum and an attribute, in the same order, of the same types."""
    recorded = json.loads((real_data / f"cdse_responses/cdsetool_s1_odata_page_{page}.json").read_text())
    count = {"count": "true"} if page == 1 else {}
    told = space.find(top=2, expand="Attributes", orderby="ContentDate/Start asc", **count).json()

    assert list(told) == list(recorded)
    theirs, ours = recorded["value"][0], told["value"][0]
    assert list(ours) == list(theirs)
    assert {k: type(v) for k, v in ours.items() if v} == {
        k: type(theirs[k]) if theirs[k] else type(v) for k, v in ours.items() if v
    }
    assert list(ours["Attributes"][0]) == list(theirs["Attributes"][0])
    assert told["@odata.nextLink"].partition("?")[2] == (
        ("%24top=2&%24expand=Attributes&%24orderby=ContentDate%2FStart+asc" + ("&%24count=true" if count else ""))
        + "&%24skip=2"
    )


def test_one_product_is_found_by_its_id(space, product):
    """As in a page; an Id that nobody has is 404."""
    where = space.urls["catalogue"] + "/Products"
    found = requests.get(f"{where}({product['Id']})", timeout=20).json()

    assert found.pop("@odata.context") == "$metadata#Products/$entity"
    assert found == product
    assert requests.get(f"{where}({product['Id'][:-1]}0)", timeout=20).status_code == 404


@pytest.fixture(scope="module")
def many(spaces):
    """10,050 products in one tile, a minute apart."""
    first = datetime(2020, 1, 1, tzinfo=UTC)
    times = [first + timedelta(minutes=each) for each in range(10_050)]
    names = [f"S2A_MSIL1C_{each:%Y%m%dT%H%M%S}_N0500_R022_T32TQM_{each:%Y%m%dT%H%M%S}.SAFE" for each in times]
    return spaces(products=ListedProducts(sentinel2_record(name) for name in names))


def test_pages_end_at_the_wall(many):
    """The link after 10,000 leads to the last page that may be asked for; that page has none, though there is more."""
    page = many.find(top=1000, skip=9000, orderby="ContentDate/Start", select="Id", count="true").json()
    last = requests.get(page["@odata.nextLink"], timeout=20).json()

    assert page["@odata.count"] == 10_050
    assert len(last["value"]) == 50
    assert "@odata.nextLink" not in last
    assert "@odata.nextLink" not in many.find(top=20, skip=10_000, select="Id").json()


def test_the_links_of_pages_lead_through_everything_once(many):
    """With an order, in a stretch of less than the wall."""
    seen, link = [], None
    page = many.find("ContentDate/Start lt 2020-01-01T12:00:00Z", top=300, select="Id", orderby="ContentDate/Start")
    while page is not None:
        seen += [each["Id"] for each in page.json()["value"]]
        link = page.json().get("@odata.nextLink")
        page = None if link is None else requests.get(link, timeout=20)

    assert len(seen) == len(set(seen)) == 720


_clouds = st.integers(0, 100)


@given(st.recursive(_clouds, lambda inner: st.tuples(st.sampled_from(["and", "or", "not"]), inner, inner)), _clouds)
@settings(max_examples=60)
def test_any_nesting_means_what_it_means_in_python(tree, cloud):
    """`and`, `or`, `not` and parentheses, written as a filter and computed directly."""
    product = Product(
        sentinel2_record("S2A_MSIL1C_20240105T101411_N0510_R022_T32TQM_20240105T121000.SAFE", cloud=cloud)
    )

    assert condition_of(as_filter(tree)).holds(product) is as_truth(tree, cloud)


def as_filter(tree):
    if isinstance(tree, int):
        return attribute("Double", "cloudCover", "le", tree)
    word, left, right = tree
    return f"not ({as_filter(left)})" if word == "not" else f"({as_filter(left)}) {word} ({as_filter(right)})"


def as_truth(tree, cloud):
    if isinstance(tree, int):
        return cloud <= tree
    word, left, right = tree
    if word == "not":
        return not as_truth(left, cloud)
    return (all if word == "and" else any)([as_truth(left, cloud), as_truth(right, cloud)])
