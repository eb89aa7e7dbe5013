"""How names of datasets are read, and what is said of those that are none."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from orchestrator.core.errors import RecipeError
from orchestrator.recipes.presets import ALIASES, find
from orchestrator.recipes.presets.labels import label_map


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("sentinel2-rgb-median-2020", "sentinel2-rgb-median-YYYY"),
        ("sentinel2-rgb-median-2023", "sentinel2-rgb-median-YYYY"),
        ("esa-world-cover", "esa-world-cover"),
        ("esaworldcover-2020", "esaworldcover-YYYY"),
        ("s2-2021", "s2-YYYY"),
        ("S2-2021", "s2-YYYY"),
        ("s2_13bands-2021", "s2_13bands-YYYY"),
        ("s1grdm-2020-des", "s1grdm-YYYY-asc|des"),
        ("s1grdobs-202012", "s1grdobs-YYYYMM"),
        ("treecover2020", "treecoverYYYY"),
        ("treecover-2020", "treecoverYYYY"),
        ("humanpop-2015", "humanpopYYYY"),
        ("srtm", "srtm"),
        ("srtm-lux", "srtm"),
        ("firecci51-benelux", "firecci51"),
    ],
)
def test_a_name_is_read_whole_without_hyphens_or_by_what_stands_before_the_first(name, form):
    """What follows a name without a year is a label; the dataset keeps the name that was typed."""
    preset = find(name)

    assert preset.alias.form == form
    assert preset.name == name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("s2-2016", "of the year 2016; s2-YYYY may be of 2017 to today"),
        ("esaworldcover-2022", "of the year 2022; esaworldcover-YYYY may be of 2020 to 2021"),
        ("globalfloods-2019", "may be of 2000 to 2018"),
        ("humanpop2016", "may be of 1975 to 2030 every 5 years"),
        ("s1grdobs-202013", "of the month 13; months go from 01 to 12"),
        ("s2", "such names are s2-YYYY"),
        ("s2-20", "such names are s2-YYYY"),
        ("s1grdm-2020", "such names are s1grdm-YYYY-asc|des"),
        ("s1grdm-2020-up", "such names are s1grdm-YYYY-asc|des"),
        ("srtm-2020", "such names are srtm, which has no year"),
        ("senitnel2-rgb-median-2019", "did you mean 'sentinel2-rgb-median-2019'"),
        ("soilphbenelx", "did you mean 'soilphbenelux'"),
        ("corine", "`orchestrator dataset list` tells which there are; a dataset of your own is a Python file"),
    ],
)
def test_a_name_that_is_none_is_answered_with_what_there_is(name, said):
    """One line, with the name, the years that there are, or the nearest names."""
    with pytest.raises(RecipeError) as refused:
        find(name)

    assert repr(name) in str(refused.value)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("alias", ALIASES, ids=lambda alias: alias.form)
def test_everything_is_known_of_a_dataset_beforehand(alias):
    """Sources, terms, bands, number type and a nodata value that its type holds and no true value is."""
    preset = find(alias.example())
    spec = preset.spec()

    assert preset.attribution
    assert preset.licence.startswith(("https://", "CC-BY"))
    assert preset.steps
    assert preset.scale > 0
    assert spec.nodata == preset.nodata
    assert not preset.valid[0] <= preset.nodata <= preset.valid[1]
    assert all(preset.valid[0] <= each.value <= preset.valid[1] for each in preset.classes)


def test_names_are_found_without_the_client_of_earth_engine():
    """Nor numpy, nor geometries: a list of datasets answers at once."""
    code = (
        "import sys; from orchestrator.app.verbs.datasets import listed; listed();"
        "print([name for name in ('ee', 'numpy', 'shapely') if name in sys.modules])"
    )

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout.strip() == "[]"


WORLDCOVER = dict(zip([10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100], range(1, 12), strict=True))


def test_labels_of_worldcover_are_0_to_11_and_nodata_stays():
    """0 is what is no class; 255 is where nothing was seen."""
    values = np.array([[0, *WORLDCOVER], [7, *[255] * 11]], np.uint8)

    labels = label_map(find("esaworldcover-2021"))(values)

    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, [[0, *WORLDCOVER.values()], [0, *[255] * 11]])


@pytest.mark.parametrize(
    ("name", "values", "labels"),
    [
        ("treecover2020", [0, 19, 20, 39, 40, 60, 80, 100, 255], [0, 0, 1, 1, 2, 3, 4, 4, 255]),
        ("soilphbenelux", [42, 53, 56, 66, 81, 110, 255], [0, 1, 2, 3, 4, 4, 255]),
        ("soilphcolombia", [48, 49, 52, 57, 60], [0, 1, 2, 3, 4]),
        ("soilph", [56, 57, 64, 80], [0, 1, 2, 3]),
        ("humanpop2015", [0.0, 0.99, 1.0, 11.0, 290.99, 291.0, -9999.0], [0, 0, 1, 2, 29, 30, -9999.0]),
    ],
)
def test_labels_by_thresholds_begin_with_0(name, values, labels):
    """Of several bands they are those of the first; nodata stays."""
    preset = find(name)
    first = np.array([values], preset.dtype)
    several = np.stack([first, np.zeros_like(first)])

    found = label_map(preset)(several)

    np.testing.assert_array_equal(found, [[labels]])


def test_maps_without_classes_of_labels_are_their_own():
    """There is nothing to be changed."""
    assert label_map(find("canadacrop2020")) is None
