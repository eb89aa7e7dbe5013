"""An asset that cannot be loaded: of another kind, not imitated, or nobody's."""

from __future__ import annotations

import pytest
from evaluate_kit import answer, call

from orchestrator.sandbox.earthengine.evaluate import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.errors import NotImitatedError
from orchestrator.sandbox.scenes import known
from orchestrator.sandbox.scenes.folder import FolderCatalogue
from orchestrator.sandbox.scenes.tables import shipped
from orchestrator.sandbox.scenes.world import WorldCatalogue

WORLD = WorldCatalogue()


def image(name):
    return call("Image.load", id=name)


def collection(name):
    return call("ImageCollection.load", id=name)


@pytest.mark.parametrize(
    ("loaded", "sentence"),
    [
        (collection("AHN/AHN3"), "ImageCollection.load: the collection AHN/AHN3 is not imitated by this sandbox"),
        (image("AHN/AHN3/tile"), "Image.load: the collection AHN/AHN3 is not imitated"),
        (image("CSP/ERGo/1_0/Global/SRTM_mTPI"), "the image CSP/ERGo/1_0/Global/SRTM_mTPI is not imitated"),
        (call("Collection.loadTable", tableId="USGS/WBD/2017/HUC04"), "the table USGS/WBD/2017/HUC04 is not imitated"),
    ],
)
def test_what_google_has_and_the_sandbox_has_not_is_no_typo(loaded, sentence):
    """The refusal says whose limit it is."""
    with pytest.raises(NotImitatedError, match=sentence):
        answer(loaded, WORLD)


@pytest.mark.parametrize("loaded", [collection("AHN/AHN33"), image("COPERNICUS/S2/none"), collection("users/a/b")])
def test_what_nobody_knows_is_not_found(loaded):
    """In Google's sentence."""
    with pytest.raises(EvaluationError, match=r"not found \(does not exist or caller does not have access\)"):
        answer(loaded, WORLD)


@pytest.mark.parametrize(
    ("loaded", "sentence"),
    [
        (image("COPERNICUS/S2"), "Image.load: Asset 'COPERNICUS/S2' is not an Image"),
        (image("TIGER/2018/States"), "Asset 'TIGER/2018/States' is not an Image"),
        (collection("USGS/SRTMGL1_003"), "Asset 'USGS/SRTMGL1_003' is not an ImageCollection"),
        (
            call("Collection.loadTable", tableId="USGS/SRTMGL1_003"),
            "'USGS/SRTMGL1_003' is not a Collection of features",
        ),
    ],
)
def test_an_asset_of_another_kind_is_not_said_to_be_missing(loaded, sentence):
    """It is there, and is something else."""
    with pytest.raises(EvaluationError, match=sentence):
        answer(loaded, WORLD)


def test_a_folder_of_scenes_says_what_it_has_alone():
    """With `--scenes` the rest of the invented Earth is absent."""
    folder = FolderCatalogue.__new__(FolderCatalogue)  # only its collections are asked for
    folder._scenes, folder._missing = {}, {}

    with pytest.raises(NotImitatedError, match=r"LANDSAT/LC08/C02/T1_L2 is not .*it has COPERNICUS/S2_SR_HARMONIZED"):
        answer(collection("LANDSAT/LC08/C02/T1_L2"), folder)


def test_all_that_is_served_is_among_the_known_ids():
    """So that it is known where it is not served."""
    assert {*WORLD.collections(), *WORLD.images(), *shipped.TABLES} <= set(known.known())
