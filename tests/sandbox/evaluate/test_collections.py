"""Collections: laziness, filters, joins, maps; and images made of them."""

from __future__ import annotations

import numpy as np
import pytest
from evaluate_kit import (
    CLOUDS,
    DAY,
    ORIGIN,
    S2,
    MemoryCatalogue,
    answer,
    argument,
    call,
    define,
    exact,
    make_scene,
    pixels,
    value,
)
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from orchestrator.sandbox.earthengine.evaluate import EvaluationError, composite

PLAIN = np.full((8, 8), 5, np.uint16)


def collection(name=S2):
    return call("ImageCollection.load", id=name)


def filtered(condition, source=None):
    return call("Collection.filter", collection=source or collection(), filter=condition)


def dated(start, end, source=None):
    span = call("DateRange", start=start, end=end)
    return filtered(call("Filter.dateRangeContains", leftValue=span, rightField="system:time_start"), source)


def bounded(west, south, east, north, source=None):
    box = call(
        "GeometryConstructors.Polygon",
        coordinates=[[[west, south], [east, south], [east, north], [west, north]]],
        evenOdd=True,
    )
    return filtered(call("Filter.intersects", leftField=".all", rightValue=call("Feature", geometry=box)), source)


def indexes(node, catalogue, **values):
    return answer(
        call("AggregateFeatureCollection.array", collection=node, property="system:index"), catalogue, **values
    )


@pytest.fixture
def catalogue():
    scenes = [
        make_scene(S2, f"s{at}", {"B4": PLAIN + at}, when=at * DAY, cloud=at * 10, tile=f"T{at % 2}", tags=[at, at + 1])
        for at in range(5)
    ]
    masks = [make_scene(CLOUDS, f"s{at}", {"probability": PLAIN}, when=at * DAY) for at in (1, 3)]
    return MemoryCatalogue(scenes + masks)


def test_places_and_times_are_asked_of_the_catalogue(catalogue):
    """Bounds and dates reach the catalogue in one query, whatever their order."""
    found = indexes(dated("1970-01-02", "1970-01-04", bounded(14.9, 46.8, 15.1, 47.1)), catalogue)
    nothing = indexes(bounded(16, 46, 17, 47, dated("1970-01-02", "1970-01-04")), catalogue)

    assert found == ["s1", "s2"]
    assert nothing == []
    (name, region, start, end), other = catalogue.queries
    assert (name, region.bounds, start, end) == (S2, (14.9, 46.8, 15.1, 47.1), DAY, 3 * DAY)
    assert other[2:] == (DAY, 3 * DAY)


def test_nothing_is_enumerated_before_it_is_needed(catalogue):
    """Loading, filtering and mapping ask the catalogue nothing; `first` of an endless collection is found."""
    endless = answer(
        call("Collection.size", collection=dated("1970-01-01", "1970-02-01", collection("ENDLESS"))), catalogue
    )

    with pytest.raises(EvaluationError, match="aborted after accumulating over 5000 elements"):
        indexes(collection("ENDLESS"), catalogue)

    assert endless == 0


def numbered(count):
    features = call("List.map", list=call("List.sequence", start=1, end=count), baseAlgorithm=define("f", "x"))
    return call("Collection.size", collection=call("Collection", features=features))


def test_five_thousand_elements_are_the_most():
    """One element more than 5000 is refused."""
    assert answer(numbered(5000), f=call("Feature")) == 5000
    with pytest.raises(EvaluationError, match="accumulating over 5000 elements"):
        answer(numbered(5001), f=call("Feature"))


def test_an_unknown_collection_is_refused(catalogue):
    """The message names it as the service does."""
    with pytest.raises(EvaluationError, match=r"ImageCollection asset 'LANDSAT/X' not found"):
        indexes(collection("LANDSAT/X"), catalogue)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param(call("Filter.equals", leftField="cloud", rightValue=20), [2], id="equals"),
        pytest.param(
            call("Filter.not", filter=call("Filter.greaterThan", leftField="cloud", rightValue=20)), [0, 1, 2], id="lte"
        ),
        pytest.param(call("Filter.lessThan", leftField="cloud", rightValue=20), [0, 1], id="less"),
        pytest.param(call("Filter.inList", leftField="tile", rightValue=["T1"]), [1, 3], id="in list"),
        pytest.param(call("Filter.listContains", leftField="tags", rightValue=3), [2, 3], id="list contains"),
        pytest.param(call("Filter.stringContains", leftField="system:index", rightValue="4"), [4], id="text"),
        pytest.param(call("Filter.equals", leftField="absent", rightValue=1), [], id="missing property"),
    ],
)
def test_properties_are_filtered(catalogue, condition, expected):
    """Each filter accepts what its name says; a missing property is accepted by none."""
    assert indexes(filtered(condition), catalogue) == [f"s{at}" for at in expected]


def test_filters_combine(catalogue):
    """And, or."""
    low = call("Filter.lessThan", leftField="cloud", rightValue=15)
    odd = call("Filter.equals", leftField="tile", rightValue="T1")
    both = {"arrayValue": {"values": [low, odd]}}

    assert indexes(filtered(call("Filter.and", filters=both)), catalogue) == ["s1"]
    assert indexes(filtered(call("Filter.or", filters=both)), catalogue) == ["s0", "s1", "s3"]


def joined(join):
    same = call("Filter.equals", leftField="system:index", rightField="system:index")
    return call("Join.apply", join=join, primary=collection(), secondary=collection(CLOUDS), condition=same)


def test_joins_save_their_match(catalogue):
    """Unmatched scenes are dropped, unless the join is outer; the match is a property."""
    inner, outer = (joined(call("Join.saveFirst", matchKey="m", outer=outer)) for outer in (False, True))
    match = call(
        "Image.bandNames", image=call("Element.get", object=call("Collection.first", collection=inner), property="m")
    )

    assert indexes(inner, catalogue) == ["s1", "s3"]
    assert len(indexes(outer, catalogue)) == 5
    assert answer(match, catalogue) == ["probability"]


def test_other_joins(catalogue):
    """simple keeps matched scenes, inverted the others, inner makes pairs."""
    assert indexes(joined(call("Join.simple")), catalogue) == ["s1", "s3"]
    assert indexes(joined(call("Join.inverted")), catalogue) == ["s0", "s2", "s4"]
    assert answer(call("Collection.size", collection=joined(call("Join.inner"))), catalogue) == 2


def test_maps_keep_the_index(catalogue):
    """A mapped image knows what it was made of; nulls are dropped only if asked."""
    mapped = call("Collection.map", collection=collection(), baseAlgorithm=define("f", "x"))
    double = call("Image.multiply", image1=argument("x"), image2=2)

    assert indexes(mapped, catalogue, f=double) == [f"s{at}" for at in range(5)]


def test_lists_sort_limit_and_iterate(catalogue):
    """limit with a key sorts first; toList cuts; iterate folds."""
    top = call("Collection.limit", collection=collection(), limit=2, key="cloud", ascending=False)
    total = call("Collection.iterate", collection=collection(), function=define("f", "x", "sum"), first=0)
    step = call("Number.add", left=argument("sum"), right=call("Element.get", object=argument("x"), property="cloud"))

    assert indexes(top, catalogue) == ["s4", "s3"]
    assert answer(total, catalogue, f=step) == 100
    assert len(answer(call("Collection.toList", collection=collection(), count=3, offset=4), catalogue)) == 1


def test_an_empty_collection_has_no_bands(catalogue):
    """Selecting from a composite of nothing names the well known mistake."""
    nothing = call("reduce.median", collection=dated("1980-01-01", "1981-01-01"))

    with pytest.raises(EvaluationError, match="was applied to an Image with no bands"):
        answer(call("Image.select", input=nothing, bandSelectors=["B4"]), catalogue)


STACKS = st.integers(1, 9).flatmap(
    lambda count: st.tuples(
        hnp.arrays(np.uint16, (count, 3, 5), elements=st.integers(0, 60000)), hnp.arrays(np.bool_, (count, 3, 5))
    )
)


def stacked(stack):
    values, valid = stack
    scenes = [
        make_scene(S2, f"s{at:02}", {"B4": (a, m)}, when=at)
        for at, (a, m) in enumerate(zip(values, valid, strict=True))
    ]
    return MemoryCatalogue(scenes), np.where(valid, values.astype(np.float64), np.nan), valid.any(axis=0)


REDUCTIONS = {
    "median": lambda stack: np.nanmedian(stack, axis=0),
    "mean": lambda stack: np.nanmean(stack, axis=0),
    "sum": lambda stack: np.nansum(stack, axis=0),
    "min": lambda stack: np.nanmin(stack, axis=0),
    "max": lambda stack: np.nanmax(stack, axis=0),
}


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.filterwarnings("ignore:All-NaN:RuntimeWarning", "ignore:Mean of empty:RuntimeWarning")
@given(stack=STACKS)
def test_reductions_agree_with_numpy(name, stack):
    """Masked pixels do not take part; a pixel is masked only where all are."""
    catalogue, holes, anywhere = stacked(stack)

    _, (found,), valid = pixels(exact(call(f"reduce.{name}", collection=collection()), 3, 5), catalogue)

    np.testing.assert_array_equal(valid[0], anywhere)
    np.testing.assert_allclose(found[anywhere], REDUCTIONS[name](holes)[anywhere], rtol=1e-6)


@given(stack=STACKS)
def test_the_last_valid_image_is_on_top(stack):
    """A mosaic shows the last valid pixel; a count counts them, and is masked where there is none."""
    catalogue, holes, anywhere = stacked(stack)

    _, (top,), valid = pixels(exact(call("ImageCollection.mosaic", collection=collection()), 3, 5), catalogue)
    _, (count,), counted = pixels(exact(call("reduce.count", collection=collection()), 3, 5), catalogue)

    expected = np.zeros((3, 5))
    for plane in holes:
        expected = np.where(np.isnan(plane), expected, plane)
    np.testing.assert_array_equal(valid[0], anywhere)
    np.testing.assert_array_equal(top, expected)
    np.testing.assert_array_equal(count, (~np.isnan(holes)).sum(axis=0))
    np.testing.assert_array_equal(counted[0], anywhere)


def test_the_best_quality_wins_for_all_bands():
    """qualityMosaic takes every band from the image whose quality is highest."""
    rng = np.random.default_rng(3)
    quality = rng.permuted(np.arange(4)[:, None, None] + np.zeros((4, 6, 6)), axis=0).astype(np.uint16)
    value = rng.integers(0, 1000, (4, 6, 6)).astype(np.uint16)
    catalogue = MemoryCatalogue(
        [make_scene(S2, f"s{at}", {"q": quality[at], "v": value[at]}, when=at) for at in range(4)]
    )

    node = call("ImageCollection.qualityMosaic", collection=collection(), qualityBand="q")
    _, (best, found), _ = pixels(exact(node, 6, 6), catalogue)

    assert (best == 3).all()
    np.testing.assert_array_equal(found, np.take_along_axis(value, quality.argmax(axis=0)[None], axis=0)[0])


def test_percentiles_get_suffixes(catalogue):
    """reduce with a reducer names bands after its outputs."""
    node = call(
        "ImageCollection.reduce", collection=collection(), reducer=call("Reducer.percentile", percentiles=[0, 50])
    )

    image, (low, middle), _ = pixels(exact(node, 2, 2), catalogue)

    assert [item.name for item in image.bands] == ["B4_p0", "B4_p50"]
    assert (low[0, 0], middle[0, 0]) == (5, 7)


def test_a_large_stack_is_cut_without_seams(monkeypatch):
    """A window whose stack would not fit is computed in pieces with the same result."""
    values = np.random.default_rng(1).integers(0, 9999, (5, 200, 180)).astype(np.uint16)
    scenes = [make_scene(S2, f"s{at}", {"B4": plane}, when=at) for at, plane in enumerate(values)]
    node = exact(call("Image.focalMax", image=call("reduce.median", collection=collection()), radius=2), 200, 180)
    _, (whole,), _ = pixels(node, MemoryCatalogue(scenes))

    monkeypatch.setattr(composite, "_STACK_BYTES", 100_000)
    _, (cut,), _ = pixels(node, MemoryCatalogue(scenes))

    np.testing.assert_array_equal(whole, cut)


def test_scenes_beside_the_window_are_not_visited():
    """A composite reads only scenes that touch the window."""
    near = make_scene(S2, "near", {"B4": PLAIN})
    far = make_scene(S2, "far", {"B4": PLAIN}, origin=(ORIGIN[0] + 50_000, ORIGIN[1]))

    pixels(exact(call("reduce.median", collection=collection()), 8, 8), MemoryCatalogue([near, far]))

    assert near.reads["B4"] == 1
    assert not far.reads


def test_an_image_is_found_by_its_index_in_a_collection_without_end():
    """Equality of `system:index` asks for the one scene, as programs look up the mask of an image."""
    scene = make_scene("ENDLESS", "one", {"B1": PLAIN})
    asked = {"Filter.equals": ["system:index", "one"]}

    found = {"Collection.filter": [{"ImageCollection.load": ["ENDLESS"]}, asked]}

    assert value({"Collection.size": [found]}, MemoryCatalogue([scene])) == 1
    assert value({"Collection.size": [found]}, MemoryCatalogue()) == 0


@pytest.mark.parametrize(
    "written",
    [
        pytest.param({"AggregateFeatureCollection.array": [{"ImageCollection.load": [S2]}, "system:id"]}, id="array"),
        pytest.param(
            {
                "Dictionary.get": [
                    {
                        "Collection.reduceColumns": [
                            {"ImageCollection.load": [S2]},
                            {"Reducer.toList": []},
                            ["system:id"],
                        ]
                    },
                    "list",
                ]
            },
            id="reduceColumns",
        ),
    ],
)
def test_the_id_of_an_image_is_a_property_wherever_one_is_read(written):
    """`system:id`, as clients ask for it in columns."""
    catalogue = MemoryCatalogue([make_scene(S2, "one", {"B1": PLAIN})])

    assert value(written, catalogue) == [f"{S2}/one"]
