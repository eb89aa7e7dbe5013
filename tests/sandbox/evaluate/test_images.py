"""Images: bands, names, types, algebra and masks."""

from __future__ import annotations

import numpy as np
import pytest
from evaluate_kit import S2, MemoryCatalogue, answer, band, call, exact, load, make_scene, pixels

from orchestrator.sandbox.earthengine.evaluate import EvaluationError

VALUES = np.arange(1, 13, dtype=np.uint16).reshape(3, 4)
HOLES = VALUES % 4 != 0


@pytest.fixture(scope="module")
def catalogue():
    arrays = {"B2": VALUES, "B3": (VALUES * 2).astype(np.uint16), "B8": (VALUES[::-1].copy(), HOLES)}
    scl = (VALUES % 3).astype(np.uint8)
    return MemoryCatalogue([make_scene(S2, "a", {**arrays, "SCL": scl}, cover=7)])


def names(node, catalogue, **values):
    return answer(call("Image.bandNames", image=node), catalogue, **values)


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        pytest.param(["B3"], ["B3"], id="name"),
        pytest.param([1, -1], ["B3", "SCL"], id="index"),
        pytest.param(["B.*"], ["B2", "B3", "B8"], id="pattern"),
        pytest.param(["B2", "B2", "B2"], ["B2", "B2_1", "B2_2"], id="twice"),
    ],
)
def test_bands_are_chosen(catalogue, selectors, expected):
    """Bands are chosen by name, index or pattern, and repetitions are numbered."""
    assert names(call("Image.select", input=load("a"), bandSelectors=selectors), catalogue) == expected


def test_a_pattern_without_a_match_is_refused(catalogue):
    """The message names the pattern."""
    with pytest.raises(EvaluationError, match=r"Image\.select: Band pattern 'B99' did not match any bands"):
        names(band("B99"), catalogue)


def test_clashing_names_are_numbered(catalogue):
    """addBands keeps both bands; overwrite replaces in place."""
    two = call("Image.select", input=load("a"), bandSelectors=["B2", "B3"])

    both = call("Image.addBands", dstImg=two, srcImg=band("B2"))
    over = call("Image.addBands", dstImg=two, srcImg=band("B2"), overwrite=True)

    assert names(both, catalogue) == ["B2", "B3", "B2_1"]
    assert names(over, catalogue) == ["B2", "B3"]


def test_properties_survive_selection_but_not_arithmetic(catalogue):
    """A selection is the same image; a sum is another one."""
    kept = call("Element.get", object=band("B2"), property="cover")
    lost = call("Element.get", object=call("Image.add", image1=band("B2"), image2=1), property="cover")

    assert answer(kept, catalogue) == 7
    assert answer(lost, catalogue) is None


ALGEBRA = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "gt": np.greater,
    "gte": np.greater_equal,
    "lt": np.less,
    "lte": np.less_equal,
    "eq": np.equal,
    "neq": np.not_equal,
    "min": np.minimum,
    "max": np.maximum,
    "and": np.logical_and,
    "or": np.logical_or,
    "bitwiseAnd": np.bitwise_and,
    "mod": np.fmod,
}


@pytest.mark.parametrize("name", ALGEBRA)
def test_binary_operations_agree_with_numpy(catalogue, name):
    """Operations are exact in integers and valid where both operands are."""
    node = call(f"Image.{name}", image1=band("B2"), image2=band("B8"))

    image, (values,), valid = pixels(exact(node, 3, 4), catalogue)

    expected = ALGEBRA[name](VALUES.astype(np.int64), VALUES[::-1].astype(np.int64))
    np.testing.assert_array_equal(valid[0], HOLES)
    np.testing.assert_array_equal(values[HOLES], expected[HOLES])
    assert not values[~HOLES].any()
    assert image.bands[0].name == "B2"


def test_types_hold_every_result(catalogue):
    """The type of a result is wide enough: differences are signed, comparisons are booleans, quotients floats."""

    def dtype(name, **operands):
        operands = operands or {"image1": band("B2"), "image2": band("B8")}
        return pixels(exact(call(f"Image.{name}", **operands), 3, 4), catalogue)[0].bands[0].dtype

    assert dtype("subtract") == "int32"
    assert dtype("add") == "uint32"
    assert dtype("gt") == "uint8"
    assert dtype("divide") == "float32"
    assert dtype("sqrt", value=band("B2")) == "float32"


def test_division_by_zero_is_zero(catalogue):
    """A pixel divided by zero is a valid zero."""
    node = call("Image.divide", image1=band("B2"), image2=band("SCL"))

    _, (values,), valid = pixels(exact(node, 3, 4), catalogue)

    divisor = VALUES % 3
    expected = np.divide(VALUES, divisor, out=np.zeros((3, 4), np.float32), where=divisor != 0)
    np.testing.assert_array_equal(values, expected.astype(np.float32))
    assert valid.all()


def test_division_by_the_number_zero_is_zero(catalogue):
    """A constant divisor follows the same rule."""
    node = call("Image.divide", image1=band("B2"), image2=call("Image.constant", value=0))

    _, (values,), valid = pixels(exact(node, 3, 4), catalogue)

    assert not values.any()
    assert valid.all()


def test_one_band_meets_every_band(catalogue):
    """A single band is used with each band of the other, whose names are kept."""
    node = call(
        "Image.subtract",
        image1=call("Image.constant", value=100),
        image2=call("Image.select", input=load("a"), bandSelectors=["B2", "B3"]),
    )

    image, values, _ = pixels(exact(node, 3, 4), catalogue)

    assert [item.name for item in image.bands] == ["B2", "B3"]
    np.testing.assert_array_equal(values[1], 100 - 2 * VALUES.astype(int))


def test_unequal_numbers_of_bands_are_refused(catalogue):
    """Two bands cannot meet three."""
    two = call("Image.select", input=load("a"), bandSelectors=["B2", "B3"])
    three = call("Image.select", input=load("a"), bandSelectors=["B.*"])

    with pytest.raises(EvaluationError, match="same number of bands"):
        names(call("Image.add", image1=two, image2=three), catalogue)


def test_masks_narrow_fill_and_show(catalogue):
    """updateMask intersects, mask() shows 0 and 1 everywhere, unmask fills."""
    masked = call("Image.updateMask", image=band("B8"), mask=call("Image.gt", image1=band("B2"), image2=5))
    inside = HOLES & (VALUES > 5)

    _, _, valid = pixels(exact(masked, 3, 4), catalogue)
    _, (shown,), everywhere = pixels(exact(call("Image.mask", image=masked), 3, 6), catalogue)
    _, (filled,), whole = pixels(exact(call("Image.unmask", input=masked, value=99), 3, 4), catalogue)

    np.testing.assert_array_equal(valid[0], inside)
    np.testing.assert_array_equal(shown, np.pad(inside, ((0, 0), (0, 2))))
    assert everywhere.all()
    np.testing.assert_array_equal(filled, np.where(inside, VALUES[::-1], 99))
    assert whole.all()


@pytest.mark.parametrize(("same", "outside"), [pytest.param(True, False, id="in"), pytest.param(False, True, id="out")])
def test_unmask_stays_in_the_footprint_unless_told(catalogue, same, outside):
    """Outside of the scene, filling happens only with sameFootprint false."""
    node = call("Image.unmask", input=band("B8"), value=1, sameFootprint=same)

    _, _, valid = pixels(exact(node, 3, 600), catalogue)

    assert valid[0, :, 500].all() == outside


def test_remap_masks_or_defaults_what_it_does_not_know(catalogue):
    """Unknown values are masked, or become the default."""
    scl = band("SCL")
    bare = call("Image.remap", image=scl, **{"from": [0, 1]}, to=[10, 20])
    full = call("Image.remap", image=scl, **{"from": [0, 1]}, to=[10, 20], defaultValue=7)

    _, (values,), valid = pixels(exact(bare, 3, 4), catalogue)
    _, (filled,), _ = pixels(exact(full, 3, 4), catalogue)

    np.testing.assert_array_equal(valid[0], VALUES % 3 < 2)
    np.testing.assert_array_equal(filled, np.choose(VALUES % 3, [10, 20, 7]))
    np.testing.assert_array_equal(values[valid[0]], filled[valid[0]])


def test_normalized_difference_is_a_ratio(catalogue):
    """(a - b) / (a + b), as a band `nd`."""
    node = call("Image.normalizedDifference", input=load("a"), bandNames=["B3", "B2"])

    image, (values,), _ = pixels(exact(node, 3, 4), catalogue)

    assert image.bands[0].name == "nd"
    np.testing.assert_allclose(values, 1 / 3, rtol=1e-6)


def test_casting_holds_values_in_range(catalogue):
    """Values beyond a type stop at its ends; fractions are cut off."""
    half = call("Image.divide", image1=call("Image.multiply", image1=band("B2"), image2=-70), image2=1.5)

    _, (values,), _ = pixels(exact(call("Image.toInt8", value=half), 3, 4), catalogue)

    np.testing.assert_array_equal(values, np.clip(np.trunc(VALUES * -70.0 / 1.5), -128, 127))


def test_a_cast_adds_the_bands_that_are_missing(catalogue):
    """They are masked, in the order of their names, or of the list that is given."""
    kinds = {"constantValue": {"z": "float", "a": "int8", "B2": "double"}}
    node = call("Image.cast", image=band("B2"), bandTypes=kinds)

    image, _, valid = pixels(exact(node, 3, 4), catalogue)

    assert [(item.name, item.dtype) for item in image.bands] == [("B2", "float64"), ("a", "int8"), ("z", "float32")]
    assert [part.any() for part in valid] == [True, False, False]
    assert names(call("Image.cast", image=band("B2"), bandTypes=kinds, bandOrder=["z", "B2", "a"]), catalogue) == [
        "z",
        "B2",
        "a",
    ]
    with pytest.raises(EvaluationError, match="must match the bands"):
        names(call("Image.cast", image=band("B2"), bandTypes=kinds, bandOrder=["z"]), catalogue)


def test_pictures_are_stretched_to_bytes(catalogue):
    """visualize maps min..max to 0..255, and a palette to colours."""
    grey = call("Image.visualize", image=band("B2"), min=1, max=12)
    colour = call("Image.visualize", image=band("B2"), min=1, max=12, palette=["000000", "FF0000"])

    _, (values,), _ = pixels(exact(grey, 3, 4), catalogue)
    image, (red, green, _), _ = pixels(exact(colour, 3, 4), catalogue)

    assert (values[0, 0], values[2, 3]) == (0, 255)
    assert [item.name for item in image.bands] == ["vis-red", "vis-green", "vis-blue"]
    assert (red[2, 3], green.max()) == (255, 0)


@pytest.mark.parametrize(
    ("bands", "options", "names"),
    [
        (["B2"], {}, ["vis-gray"]),
        (["B2"], {"forceRgbOutput": True}, ["vis-red", "vis-green", "vis-blue"]),
        (["B2", "B3", "B2"], {}, ["vis-red", "vis-green", "vis-blue"]),
    ],
    ids=["grey", "forced", "three"],
)
def test_the_bands_of_a_picture_have_the_services_names(catalogue, bands, options, names):
    """One band is grey unless colours are forced."""
    node = call("Image.visualize", image=load("a"), bands=bands, min=0, max=9, **options)

    assert answer(call("Image.bandNames", image=node), catalogue) == names


@pytest.mark.parametrize(
    ("cast", "value", "expected"),
    [("toByte", 51, 51), ("toUint16", 13107, 51), ("toInt16", 0, 128), ("toFloat", 0.2, 51)],
)
def test_pictures_are_stretched_by_the_type_of_their_bands(cast, value, expected):
    """Without a range, fractions run from 0 to 1 and integers over all that their type holds."""
    node = call("Image.visualize", image=call(f"Image.{cast}", value=value))

    _, (found,), _ = pixels(exact(node, 1, 1))

    assert found[0, 0] == expected


def test_a_picture_of_two_bands_is_refused(catalogue):
    """The reference tells of one and of three."""
    with pytest.raises(EvaluationError, match="two bands is not imitated"):
        answer(call("Image.visualize", image=load("a"), bands=["B2", "B3"]), catalogue)


def test_metadata_is_double(catalogue):
    """A constant image of a property has type double, whatever the number."""
    found = answer(call("Image.bandTypes", image=call("Image.metadata", image=load("a"), property="cover")), catalogue)

    assert found == {"cover": {"type": "PixelType", "precision": "double"}}


def test_information_is_the_services(catalogue):
    """getInfo of an image gives bands, id and properties."""
    found = answer(load("a"), catalogue)

    assert found["id"] == f"{S2}/a"
    assert found["bands"][0] == {
        "id": "B2",
        "data_type": {"type": "PixelType", "precision": "int", "min": 0, "max": 65535},
        "dimensions": [4, 3],
        "crs": "EPSG:32633",
        "crs_transform": [10, 0, 500000, 0, -10, 5200000],
    }
    assert found["properties"]["cover"] == 7


def test_values_are_replaced_by_those_of_an_array(catalogue):
    """'from' and 'to' may be arrays; what is not named is masked."""
    old, new = (call("Array", values=values) for values in ([1, 2], [10, 20]))
    node = call("Image.remap", **{"image": band("B2"), "from": old, "to": new})

    _, (values,), (valid,) = pixels(exact(node, 3, 4), catalogue)

    assert (values[valid].tolist(), valid.sum()) == ([10, 20], 2)


@pytest.mark.parametrize(
    ("node", "named"),
    [
        pytest.param(
            call("Image.remap", **{"image": call("Image.constant", value=1), "from": [], "to": []}),
            "at least one; found 0 and 0", id="nothing to replace",
        ),
        pytest.param(call("Image.date", image=call("Image.constant", value=1)), "no property", id="no time"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence(node, named):
    """Never a guess, never a failure without words."""
    with pytest.raises(EvaluationError, match=named):
        answer(node)


def test_bands_are_cast_to_long(catalogue):
    """'long' and 'int64' are whole numbers of 64 bits."""
    node = call("Image.cast", image=band("B2"), bandTypes={"B2": "long"})

    kind = answer(call("Image.bandTypes", image=node), catalogue)["B2"]

    assert (kind["precision"], kind["min"], kind["max"]) == ("int", -(2.0**63), 2.0**63)
