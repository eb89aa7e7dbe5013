"""What is seldom: more bands than a request may ask for, and a user's code that is told what failed."""

from __future__ import annotations

import json

import numpy as np
import pytest
import requests
from chips_kit import WEST, forgive, get, image, order, quick_sandbox, write_cells

pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
MANY = 1030
CODE = """
import ee
import json


class DatasetDefinition:
    def __init__(self, name):
        self.name = name

    def get_dataset_name(self):
        return "own"

    def get_dtype(self):
        return "uint8"

    def get_gee_image(self, **_):
        return ee.Image.constant(7).toByte().rename("seven")

    def on_error(self, tile, error):
        with open(TOLD, "a") as file:
            geometry = [] if tile.tile_geometry is None else list(tile.tile_geometry.bounds)
            file.write(json.dumps([tile.get_filename()[0], geometry, str(error)]) + "\\n")
        raise RuntimeError("what goes wrong here changes nothing")
"""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """One sandbox for the tests of this file, spoken to by this process."""
    with quick_sandbox(tmp_path_factory.mktemp("state")) as connection:
        yield connection


@pytest.fixture
def service(sandbox):
    """The sandbox, which forgets faults and requests afterwards."""
    yield sandbox
    forgive(sandbox)
    requests.delete(f"{sandbox.url}/sandbox/pixels", timeout=30)


def asked(service):
    return requests.get(f"{service.url}/sandbox/pixels", timeout=30).json()["pixels"]


def test_a_chip_of_more_bands_than_a_request_takes_comes_in_groups_of_them(service, tmp_path):
    """1,030 bands in two requests of 515; each band has its own number, in order, in one file."""
    import ee  # noqa: PLC0415

    names = [f"b{number}" for number in range(MANY)]
    many = ee.Image.constant(list(range(MANY))).toInt16().rename(names)

    found = get(write_cells(tmp_path, across=1, down=1), dataset=many, pixels=(4, 4), bands=names)

    chip = found.read(found.frame["identifier"][0])
    assert list(found.frame["bands"][0]) == names
    np.testing.assert_array_equal(chip, np.broadcast_to(np.arange(MANY)[:, None, None], (MANY, 4, 4)))
    assert sorted(len(each["bands"]) for each in asked(service)) == [515, 515]


def test_a_user_s_code_is_told_of_each_chip_that_failed_and_cannot_do_harm(service, tmp_path):
    """Its file's name, its polygon and the service's sentence; that the code itself fails is no matter."""
    code, told = tmp_path / "own.py", tmp_path / "told.json"
    code.write_text(CODE.replace("TOLD", repr(str(told))))
    refused = {"status": 400, "message": "No such thing.", "status_name": "INVALID_ARGUMENT"}
    order(service, refused | {"text": f"translateX.{{1,4}}{WEST + 1000}"})

    found = get(write_cells(tmp_path), dataset=code, name="", bands=["seven"])

    said = [json.loads(line) for line in told.read_text().splitlines()]
    assert sorted(name for name, _, _ in said) == sorted(str(found.folder / f"{name}.tif") for name in found.missing)
    assert len(said) == len(found.missing) == 2
    assert all("No such thing" in sentence for _, _, sentence in said)
    assert all(len(bounds) == 4 for _, bounds, _ in said)


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_chip_that_fails_is_tried_as_often_as_is_asked(service, tmp_path, attempts):
    """So many refusals are counted, and no more."""
    order(
        service,
        {"status": 500, "message": "An internal error has occurred.", "status_name": "INTERNAL", "text": f"{WEST}\\b"},
    )

    found = get(write_cells(tmp_path, across=2, down=1), dataset=image(), attempts=attempts)

    assert len(found.missing) == 1
    (fault,) = requests.get(f"{service.url}/sandbox/faults", timeout=30).json()["faults"]
    assert fault["consumed"] == attempts
