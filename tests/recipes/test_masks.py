"""Which pixels recipes leave out, by the bits of their quality: every bit of the data sheets, on made-up pixels."""

from __future__ import annotations

from datetime import date

import ee
import pytest
from recipes_kit import REGION, patch

from orchestrator.recipes import composing, landsat, ndvi, temperature
from orchestrator.recipes.contract import ImageRequest

pytestmark = pytest.mark.usefixtures("client")


def kept(image):
    """Return whether an image of constants has its first pixel."""
    return bool(patch(image.mask().rename("m").toFloat())["m"][0, 0])


def test_bits_are_read_as_numbers_are_written():
    """Against Python's own shifts."""
    flags = [0, 1, 6, 0b1011_0100, 65_535]
    image = ee.Image.constant(flags).rename([f"f{number}" for number in range(len(flags))])

    fields, clear = patch(composing.field(image, 2, 4)), patch(composing.none_set(image, [1, 3]))

    assert [fields[name][0, 0] for name in fields.dtype.names] == [flag >> 2 & 0b111 for flag in flags]
    assert [clear[name][0, 0] for name in clear.dtype.names] == [flag & 0b1010 == 0 for flag in flags]


@pytest.mark.parametrize(
    ("params", "saturated", "expected"),
    [
        pytest.param({}, 0, {0, 1, 2, 3, 4}, id="usually"),
        pytest.param({"mask_snow": True}, 0, {0, 1, 2, 3, 4, 5}, id="snow"),
        pytest.param({}, 8, set(range(16)), id="saturated"),
        pytest.param({"mask_saturated": False}, 8, {0, 1, 2, 3, 4}, id="saturated is taken"),
    ],
)
def test_landsat_leaves_out_fill_clouds_cirrus_and_shadows(params, saturated, expected):
    """Bits of QA_PIXEL: 0 fill, 1 dilated cloud, 2 cirrus, 3 cloud, 4 cloud shadow, 5 snow."""
    mission, asked = landsat.MISSIONS["8"], landsat.LandsatParameters(**params)
    images = [
        landsat.clear_counts(
            ee.Image.constant([9000, 1 << bit, saturated]).rename(["SR_B5", "QA_PIXEL", "QA_RADSAT"]),
            mission,
            ["nir"],
            asked,
        )
        .mask()
        .toFloat()
        for bit in range(16)
    ]
    names = [f"b{bit}" for bit in range(16)]

    masks = patch(ee.Image.cat(images).rename(names))

    assert {bit for bit, name in enumerate(names) if not masks[name][0, 0]} == expected


@pytest.mark.parametrize(("quality", "expected"), [(0, True), (1, True), (2, False), (3, False)])
def test_ndvi_of_modis_leaves_out_snow_and_cloud(quality, expected):
    """SummaryQA: 0 good, 1 marginal, 2 snow, 3 cloudy."""
    image = ee.Image.constant([5000, quality]).rename(["NDVI", "SummaryQA"])

    assert kept(ndvi.good_index(image)) == expected


@pytest.mark.parametrize(
    ("params", "expected"),
    [({"quality": "made"}, [0, 1, 0b1100_0001]), ({"quality": "good"}, [0])],
    ids=["made", "good"],
)
def test_temperatures_are_taken_by_their_first_two_bits(params, expected):
    """QC: 0 good, 1 other quality, 2 and 3 not made; the other bits tell details."""
    asked = temperature.TemperatureParameters(**params)
    flags = [0, 1, 2, 3, 0b1100_0001]

    found = [
        flag
        for flag in flags
        if kept(temperature.good_look(ee.Image.constant([14_000, flag]).rename(["LST_Day_1km", "QC_Day"]), asked))
    ]

    assert found == expected


def test_both_satellites_are_read():
    """On the invented ground they see the same temperatures, so the expression is looked at."""
    request = ImageRequest(REGION, date(2024, 5, 1), date(2024, 6, 1), (), {"satellite": "both"})
    recipe = temperature.SurfaceTemperature()

    expression = recipe.image(request).serialize()

    assert "MODIS/061/MOD11A2" in expression
    assert "MODIS/061/MYD11A2" in expression
    assert recipe.survey(request)[0][1].getInfo() == 6  # days 129, 137 and 145 of the year, of each
