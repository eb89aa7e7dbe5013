"""Each dataset's expression against a table that was written by hand: assets, days, conditions, masks and scaling."""

from __future__ import annotations

import itertools
import math

import pytest
from graphs import Read
from recipes_kit import undated

from orchestrator.recipes.presets import ALIASES, find
from orchestrator.recipes.registry import find_recipe

pytestmark = pytest.mark.usefixtures("client")

SR, TOA, S1 = "COPERNICUS/S2_SR_HARMONIZED", "COPERNICUS/S2_HARMONIZED", "COPERNICUS/S1_GRD"
VCF, FIRES, FLOODS = "MODIS/061/MOD44B", "ESA/CCI/FireCCI/5_1", "GLOBAL_FLOOD_DB/MODIS_EVENTS/V1"
PH = "OpenLandMap/SOL/SOL_PH-H2O_USDA-4C1A2A_M/v02"
YEAR = ["2020-01-01 2021-01-01"]
SEASONS = ["2019-12-01 2020-03-01", "2020-03-01 2020-06-01", "2020-06-01 2020-09-01", "2020-09-01 2020-12-01"]
FIRSTS = [f"2020-{month:02d}-01" for month in range(1, 13)] + ["2021-01-01"]
MONTHS = [f"{first} {after}" for first, after in itertools.pairwise(FIRSTS)]
FIVE = [f"{year}-01-01 {year + 1}-01-01" for year in range(2016, 2021)]
FEW_CLOUDS = {("lessThan", "CLOUDY_PIXEL_PERCENTAGE", 20)}
IW = ("equals", "instrumentMode", "IW")
ASC, DES = ("equals", "orbitProperties_pass", "ASCENDING"), ("equals", "orbitProperties_pass", "DESCENDING")
VV, VH = (("listContains", "transmitterReceiverPolarisation", one) for one in ("VV", "VH"))
TEN = "B2 B3 B4 B5 B6 B7 B8 B8A B11 B12"
THIRTEEN = "B1 B2 B3 B4 B5 B6 B7 B8 B8A B9 B10 B11 B12"
FOUR = ("winter", "spring", "summer", "fall")
NUMBERS = [f"{month:02d}" for month in range(1, 13)]
QA60 = "bitwiseAnd 3072"  # 2**10 + 2**11
PICTURE = ("median", QA60, "divide 10000", "visualize 0 0.3 B4 B3 B2", "clamp 1 255", "toByte")
BYTES = ("median", "divide 10000", "multiply 255", "clamp 1 255", "toByte")
# Power is 10 ** (dB / 10).
MEAN = (f"multiply {math.log(10) / 10}", "exp", "mean", "log10", "multiply 10")
DECIBELS = ("subtract -30.0", f"divide {30 / 255}", "round", "clamp 1 255", "toByte")


def each(periods, bands):
    return [f"{period}_{band}" for period in periods for band in bands]


# Name: assets; days; conditions; operations on pixels in no order; bands.
TABLE = {
    "sentinel2-rgb-median-2020": (SR, YEAR, FEW_CLOUDS, PICTURE, ["red", "green", "blue"]),
    "s2-2020": (SR, SEASONS, FEW_CLOUDS, BYTES, each(FOUR, TEN.split())),
    "s2_13bands-2020": (TOA, SEASONS, FEW_CLOUDS, BYTES, each(FOUR, THIRTEEN.split())),
    "s2_raw-2020": (SR, SEASONS, FEW_CLOUDS, ("median", "toFloat"), each(FOUR, TEN.split())),
    "s2rgb-2020": (SR, SEASONS, FEW_CLOUDS, PICTURE, each(FOUR, ["red", "green", "blue"])),
    "s2rgbm-2020": (SR, MONTHS, FEW_CLOUDS, PICTURE, each(NUMBERS, ["red", "green", "blue"])),
    "s1grd-2020": (
        S1, SEASONS, {IW, ASC, DES, VV, VH}, ("median", *DECIBELS), each(FOUR, ["vvasc", "vvdes", "vhasc", "vhdes"])
    ),
    "s1grdm-2020-asc": (
        S1, MONTHS, {IW, ASC, VV, VH}, (*MEAN, *DECIBELS), each(NUMBERS, ["vv", "vh"])
    ),
    "s1grdm-2020-des": (
        S1, MONTHS, {IW, DES, VV, VH}, (*MEAN, *DECIBELS), each(NUMBERS, ["vv", "vh"])
    ),
    "s1count-2020": (
        S1, MONTHS, {IW, ASC, DES, VV, VH}, ("count", "unmask 0", "min 254", "toByte"),
        each(NUMBERS, ["vvasc", "vvdes", "vhasc", "vhdes"]),
    ),
    "s1grdobs-202002": (
        S1,
        [f"2020-02-{day:02d} 2020-02-{day + 1:02d}" for day in range(1, 29)] + ["2020-02-29 2020-03-01"],
        {IW, ASC, DES, VV, VH},
        ("max", "toFloat"),
        each(
            [f"2020-02-{day:02d}" for day in range(1, 30)],
            [f"{way}_{band}" for way in ("ASC", "DES") for band in ("VV", "VH", "angle")],
        ),
    ),
    "esa-world-cover": ("ESA/WorldCover/v100", [], set(), ("first", "toByte"), ["Map"]),
    "esaworldcover-2020": ("ESA/WorldCover/v100", [], set(), ("first", "toByte"), ["Map"]),
    "esaworldcover-2021": ("ESA/WorldCover/v200", [], set(), ("first", "toByte"), ["Map"]),
    "canadacrop2020": ("AAFC/ACI", YEAR, set(), ("mosaic", "toByte"), ["landcover"]),
    "srtm": ("CGIAR/SRTM90_V4", [], set(), ("resample", "slope", "toFloat"), ["elevation", "slope"]),
    "usnedlandforms": ("CSP/ERGo/1_0/US/landforms", [], set(), ("toByte",), ["constant"]),
    "treecover2020": (VCF, YEAR, set(), ("mosaic", "lte 100", "toByte"), ["Percent_Tree_Cover"]),
    "modis44b006veg": (
        VCF, FIVE, set(), ("mosaic", "lte 100", "toByte"), [f"Percent_Tree_Cover_{year}" for year in range(2016, 2021)]
    ),
    "firecci51": (
        FIRES, FIVE, set(), ("max", "toInt16"), each(range(2016, 2021), ["BurnDate", "ConfidenceLevel", "LandCover"])
    ),
    "globalfloods-2018": (
        FLOODS, ["2018-01-01 2019-01-01"], set(), ("max", "sum", "toUint16"),
        ["floods", "flooded", "duration", "clear_views", "clear_perc", "jrc_perm_water"],
    ),
    "humanpop2015": ("JRC/GHSL/P2023A/GHS_POP/2015", [], set(), ("toFloat",), ["population_count"]),
    **dict.fromkeys(
        ("soilph", "soilphbenelux", "soilphcolombia"),
        (PH, [], set(), ("toByte",), ["b0", "b10", "b30", "b60", "b100", "b200"]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_an_expression_is_what_its_name_says(name):
    """Assets, days up to before the next period, filters, masks and scaling are in the graph; and no others."""
    assets, days, conditions, operations, bands = TABLE[name]
    found = Read(find_recipe("dataset").image(undated(name=name)))

    assert found.assets == {assets}
    assert sorted(map(" ".join, found.days)) == sorted(days)
    assert found.conditions == conditions
    assert found.operations == set(operations)
    assert list(find(name).bands) == bands


@pytest.mark.parametrize("alias", ALIASES, ids=lambda alias: alias.form)
def test_every_form_of_names_is_in_the_table(alias):
    """A new one needs its row."""
    assert any(find(name).alias == alias for name in TABLE)


@pytest.mark.parametrize(
    ("year", "classes"),
    [
        pytest.param(2021, set(), id="flags"),
        pytest.param(2022, {8, 9, 10}, id="flags end in January 2022"),
        pytest.param(2024, {8, 9, 10}, id="flags begin anew in March 2024"),
        pytest.param(2025, set(), id="flags again"),
    ],
)
def test_clouds_are_told_by_classes_where_the_flags_are_masked(year, classes):
    """QA60 is masked from 2022-01-25 to 2024-02-28 inclusive (Earth Engine Data Catalog), so that nothing were left."""
    found = Read(find_recipe("dataset").image(undated(name=f"sentinel2-rgb-median-{year}")))

    assert {int(text.split()[1]) for text in found.operations if text.startswith("neq")} == classes
    assert ("unmask 0" in found.operations) == bool(classes)


def test_only_the_bands_that_are_asked_for_are_computed():
    """Of twelve months one is in the expression."""
    found = Read(find_recipe("dataset").image(undated(["07_green"], name="s2rgbm-2021")))

    assert found.days == {("2021-07-01", "2021-08-01")}
