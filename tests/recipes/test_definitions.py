"""Datasets that users define in Python files, in both of the published forms, and what becomes of their errors."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace

import ee
import numpy as np
import pytest
import shapely
from recipes_kit import BOX, undated

from orchestrator.core.errors import RecipeError
from orchestrator.model.hooks import FailedTile
from orchestrator.model.tile_expression import depends_on_tile, for_tile
from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.definitions import hooks_of, load_definition
from orchestrator.recipes.registry import find_recipe

pytestmark = pytest.mark.usefixtures("client")

# A row of a hundred tiles, 0.1 degrees each, from 6 degrees east on.
TILES = tuple(tuple(shapely.box(6 + n / 10, 49, 6.1 + n / 10, 49.1).exterior.coords) for n in range(100))
# The form that the published README prints.
FUNCTIONS = """
import ee

def get_ee_image():
    return ee.Image('USGS/GFSAD1000_V1').select('landcover')

def get_dataset_name():
    return 'crops'
"""
CLASS = """
import ee

class DatasetDefinition:

    def __init__(self, dataset_name):
        self.dataset_name = dataset_name
        self.built = 0

    def build(self):
        self.built += 1

    def get_dataset_name(self):
        return self.dataset_name

    def get_dtype(self):
        return 'uint16'

    def get_gee_image(self, tile_geometry, **kwargs):
        assert self.built == 1
        tile = ee.Geometry.Polygon(list(tile_geometry.boundary.coords))
        return ee.Image.constant([7, 9]).rename(['a', 'b']).clip(tile)

    def must_get_gee_image(self, filename):
        return not filename.endswith('skip.tif')

    def map_values(self, array):
        return array[:, :, 1] * 2

    def post_process_tilefile(self, filename):
        with open(filename, 'a') as file:
            file.write('seen')

    def on_error(self, tile, error):
        with open(tile.get_filename()[0] + '.nodata', 'w') as file:
            file.write(str(error))

    def include_chip_in_dataset(self, chip):
        return chip['label_proportions']['partitions_aschip'].get('0', 0) < 0.5
"""


@pytest.fixture
def write(tmp_path):
    """Write a file of code, and return its path."""

    def written(source, name="mine.py"):
        (tmp_path / name).write_text(source)
        return str(tmp_path / name)

    return written


def pixels(expression, box, side=4):
    """Return what an expression is on a grid of `side` x `side` pixels over a box, as a structured array."""
    west, south, east, north = box
    grid = {
        "dimensions": {"width": side, "height": side},
        "affineTransform": {
            "scaleX": (east - west) / side, "shearX": 0, "translateX": west,
            "shearY": 0, "scaleY": (south - north) / side, "translateY": north,
        },
        "crsCode": "EPSG:4326",
    }  # fmt: skip
    image = ee.Image(ee.deserializer.decodeCloudApi(json.loads(expression))).unmask(0, False)
    return np.load(io.BytesIO(ee.data.computePixels({"expression": image, "fileFormat": "NPY", "grid": grid})))


def expression_of(bands, file, **params):
    asked = replace(undated(bands, file=file, **params), tiles=(*TILES, tuple(shapely.box(*BOX).exterior.coords)))
    image = find_recipe("dataset").image(asked)
    return json.dumps(ee.serializer.encode(image, for_cloud_api=True))


def test_a_file_of_functions_is_a_dataset(write):
    """Its name is what it says, and its image is one for all tiles."""
    file = write(FUNCTIONS)

    expression = expression_of(["landcover"], file, dtype="uint8")

    assert load_definition(file).name == "crops"
    assert not depends_on_tile(expression)
    assert set(np.unique(pixels(expression, (14.0, 45.5, 15.0, 46.5))["landcover"])) <= set(range(6))


def test_a_class_is_a_dataset_whose_image_follows_the_tile(write):
    """The polygon of each tile is put where the file used it: outside of it there is nothing."""
    expression = expression_of(["a", "b"], write(CLASS))
    ring = tuple(shapely.box(10.0, 45.0, 10.5, 46.0).exterior.coords)

    found = pixels(for_tile(expression, ring), (10.0, 45.0, 11.0, 46.0))

    assert depends_on_tile(expression)
    assert found["b"].tolist() == [[9, 9, 0, 0]] * 4


def test_its_number_type_is_what_the_class_says(write):
    """The job may say another."""
    file = write(CLASS)

    assert find_recipe("dataset").pixels(undated(["a"], file=file, nodata="0")).dtype == "uint16"
    assert find_recipe("dataset").pixels(undated(["a"], file=file, dtype="int32")).dtype == "int32"
    assert find_recipe("dataset").pixels(undated(["a"], file=write(FUNCTIONS))).dtype == "float32"


def test_numbers_are_of_the_type_that_the_class_says_though_stored_in_a_wider_one(write):
    """Of bytes there is none to spare for masked pixels; what a byte cannot hold is its least or greatest number."""
    source = (
        "import ee\ndef get_ee_image():\n    return ee.Image([-3, 7.2, 300])\ndef get_dtype():\n    return 'uint8'\n"
    )
    file, bands = write(source), ["constant", "constant_1", "constant_2"]

    found = pixels(expression_of(bands, file), (14.0, 45.5, 15.0, 46.5), 1)
    asked = undated(bands, file=file)

    assert found[0, 0].tolist() == (0, 7, 255)
    assert found.dtype[0] == np.int16
    assert find_recipe("dataset").pixels(asked).nodata == -1
    assert find_recipe("dataset").facts(asked)["image_dtype"] == "uint8"


@pytest.mark.parametrize(
    ("source", "name", "called"),
    [
        pytest.param(CLASS, "", "mine", id="like the file"),
        pytest.param(CLASS, "other", "other", id="as asked for"),
        pytest.param(FUNCTIONS, "", "crops", id="as the file says"),
        pytest.param(FUNCTIONS, "crop", "crop", id="as asked for, whatever the file says"),
        pytest.param(FUNCTIONS.replace("get_dataset_name", "unused"), "", "mine", id="like a file that does not say"),
    ],
)
def test_a_dataset_is_called_as_asked_for_or_as_its_file_says(write, source, name, called):
    """A class is handed the name that was asked for."""
    assert load_definition(write(source), name).name == called


def test_a_class_may_take_no_name(write):
    """Some of the published ones do not."""
    source = "import ee\nclass DatasetDefinition:\n    def get_gee_image(self):\n        return ee.Image(1)\n"

    definition = load_definition(write(source))

    assert definition.name == "mine"
    assert not definition.takes_tile


@pytest.mark.parametrize(
    ("body", "same"),
    [
        pytest.param("ee.Geometry.Polygon(list(tile_geometry.boundary.coords))", True, id="corners"),
        pytest.param("ee.Geometry.Polygon(list(tile_geometry.exterior.coords)[:-1])", True, id="open ring"),
        pytest.param("ee.Geometry.Rectangle(list(tile_geometry.bounds))", True, id="bounds"),
        pytest.param("ee.Geometry(tile_geometry.__geo_interface__)", True, id="GeoJSON"),
        pytest.param("ee.Geometry.Polygon(list(tile_geometry.exterior.coords)).buffer(100)", True, id="wider, by ee"),
        pytest.param(
            "ee.Geometry.Polygon(list(tile_geometry.buffer(0.1).exterior.coords))", False, id="wider, by shapely"
        ),
        pytest.param("ee.Geometry.Point(list(tile_geometry.centroid.coords[0]))", False, id="centre"),
        pytest.param(
            "ee.Geometry.Point([0, 0]).buffer(1e6 if tile_geometry.bounds[0] > 0 else 10)", False, id="decided"
        ),
        pytest.param(
            "ee.Geometry.Point([0, 0]).buffer(1e6 if tile_geometry.bounds[0] > 15.8 else 10)", False, id="by few tiles"
        ),
        pytest.param("ee.Geometry.Point([0, 0] if tile_geometry.bounds[0] > -170 else None)", False, id="fails there"),
    ],
)
def test_what_a_file_makes_of_the_tile_is_put_for_each_tile_or_refused(write, body, same):
    """The same expression as if the file had been called for that tile; where that is not so, a run never begins."""
    source = f"import ee\ndef get_ee_image(tile_geometry):\n    return ee.Image(1).rename('a').clip({body})\n"
    file = write(source)
    tile = shapely.Polygon([(6.0, 49.0), (6.02, 49.01), (6.01, 49.03), (5.99, 49.02)])
    ring = tuple(tile.exterior.coords)

    if not same:
        with pytest.raises(RecipeError, match="depends on the tile by more than its polygon"):
            expression_of(["a"], file)
        return
    asked = load_definition(file).image(ring).select(["a"]).cast({"a": "uint8"})
    wanted = pixels(json.dumps(ee.serializer.encode(asked, for_cloud_api=True)), tile.bounds, 8)["a"]
    found = pixels(for_tile(expression_of(["a"], file, dtype="uint8"), ring), tile.bounds, 8)["a"]

    assert wanted.sum() > 0
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("takes", ["tile_geometry", "**kwargs", "*args", "tile, /"])
@pytest.mark.parametrize("uses", [True, False], ids=["uses it", "ignores it"])
def test_the_polygon_of_a_tile_is_taken_by_its_name_by_place_or_not_at_all(write, takes, uses):
    """Whatever the signature, the image is 7 within the tile it is handed, or everywhere."""
    name = {"**kwargs": "kwargs['tile_geometry']", "*args": "args[0]", "tile, /": "tile"}.get(takes, takes)
    clip = f".clip(ee.Geometry.Rectangle(list({name}.bounds)))" if uses else ""
    file = write(
        f"import ee\nclass DatasetDefinition:\n    def get_gee_image(self, {takes}):\n"
        f"        return ee.Image(7).rename('a'){clip}\n"
    )

    found = pixels(for_tile(expression_of(["a"], file), TILES[0]), (6, 49, 6.2, 49.1))["a"]

    assert found.tolist() == [[7, 7, 0, 0] if uses else [7] * 4] * 4


def test_of_one_area_the_tile_is_the_area_itself(write):
    """Of products that are no chips: the file is called with its polygon, and may decide in Python."""
    source = "import ee\ndef get_ee_image(tile_geometry):\n    return ee.Image(tile_geometry.area).rename('a')\n"
    image = find_recipe("dataset").image(undated(["a"], file=write(source)))

    found = pixels(json.dumps(ee.serializer.encode(image, for_cloud_api=True)), BOX, 1)

    assert found["a"][0, 0] == pytest.approx(shapely.box(*BOX).area)


def test_all_hooks_of_a_class_are_called(write, tmp_path):
    """With what the published tool hands them: file names, a tile, (row, col, band) arrays, a dict."""
    hooks, chip = hooks_of("", write(CLASS)), tmp_path / "chip.tif"

    hooks.post_process(str(chip))
    hooks.on_error(FailedTile("a1", shapely.box(*BOX), chip), ValueError("why"))
    mapped = hooks.map_values(np.arange(12).reshape(2, 2, 3))

    assert chip.read_text() == "seen"
    assert (tmp_path / "chip.tif.nodata").read_text() == "why"
    assert [hooks.must_get(name) for name in ("a.tif", "a_skip.tif")] == [True, False]
    np.testing.assert_array_equal(mapped, np.arange(6, 12).reshape(1, 2, 3) * 2)
    shares = ({"0": 0.7, "1": 0.3}, {"1": 1.0})
    assert [hooks.include_chip({"label_proportions": {"partitions_aschip": one}}) for one in shares] == [False, True]


def test_a_file_without_hooks_has_none(write):
    """Nobody need be asked then."""
    hooks = hooks_of("", write(FUNCTIONS))

    assert [hooks.map_values, hooks.must_get, hooks.post_process, hooks.on_error, hooks.include_chip] == [None] * 5


def test_map_values_sees_one_band_as_rows_and_columns(write):
    """As an image of one band is read; and what it returns has a band again where it was given one."""
    source = FUNCTIONS + "\ndef map_values(array):\n    assert array.ndim == 2\n    return array + 1\n"
    hooks = hooks_of("", write(source))

    assert hooks.map_values(np.zeros((1, 2, 3))).shape == (1, 2, 3)
    assert hooks.map_values(np.zeros((2, 3))).shape == (2, 3)


EMPTY = "def get_ee_image():\n    pass\n"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        pytest.param("x = 1\n", "mine.py defines no dataset: it must have a class DatasetDefinition", id="nothing"),
        pytest.param("import ee\nx = (\n", r"mine.py, line 2, failed: SyntaxError: '\(' was never closed", id="syntax"),
        pytest.param(
            "import ee\n\nx = 1 / 0\n", "mine.py, line 3, failed: ZeroDivisionError: division by zero", id="run"
        ),
        pytest.param("import nowhere_to_be_found\n", "line 1, failed: ModuleNotFoundError", id="import"),
        pytest.param(
            "def get_ee_image():\n    return missing\n", "line 2, failed: NameError: name 'missing'", id="name"
        ),
        pytest.param(
            "def inner():\n    raise ValueError('a\\nb')\ndef get_ee_image():\n    inner()\n",
            "line 2, failed: ValueError: a b$",
            id="innermost line",
        ),
        pytest.param("def get_ee_image():\n    pass\n", "returned NoneType; it must return an ee.Image", id="none"),
        pytest.param(
            "x = 1\ndef get_ee_image(g):\n    pass\n", "py, line 2, asks for 'g'; it may take tile_geometry", id="asks"
        ),
        pytest.param("def get_ee_image():\n    raise SystemExit(7)\n", "line 2, failed: SystemExit: 7", id="exits"),
        pytest.param(
            "def get_ee_image():\n    pass\ndef get_dtype():\n    return 'byte'\n",
            "returned 'byte'; it must be",
            id="dtype",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line_with_its_place(write, source, said):
    """No traceback."""
    with pytest.raises(RecipeError, match=said) as refused:
        find_recipe("dataset").image(undated(["a"], file=write(source)))

    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["a/b", "..", "../crops", "crops.v2", ".crops", "a b", "/crops"])
def test_a_name_that_is_no_folder_of_chips_is_refused(write, name):
    """Nothing is written outside of the folder of the tiles, and no name ends at a dot."""
    file = write(f"def get_ee_image():\n    pass\ndef get_dataset_name():\n    return {name!r}\n")

    with pytest.raises(RecipeError, match=rf"is called {name!r}, which is no name of a folder.*--name"):
        load_definition(file)
    assert load_definition(file, "crops").name == "crops"


def test_a_file_is_run_and_built_once_while_it_stays_as_it_is(write, tmp_path):
    """Whoever asks for it in a process; a changed one is run anew."""
    ran = tmp_path / "ran.txt"
    source = (
        f"import ee\nran = {str(ran)!r}\ndef tell(what):\n    with open(ran, 'a') as file:\n        file.write(what)\n"
    )
    source += "tell('run ')\ndef build():\n    tell('build ')\ndef get_ee_image():\n    return ee.Image(1)\n"
    file = write(source)

    for _ in range(3):
        expression_of(["constant"], file)
        hooks_of("", file)
    assert ran.read_text() == "run build "
    expression_of(["constant"], write(f"{source}#"))
    assert ran.read_text() == "run build run build "


def test_an_error_of_a_hook_is_told_with_its_line(write):
    """The line is that of the user's file, however deep the error was."""
    source = FUNCTIONS + "\ndef post_process_tilefile(name):\n    open(name)\n"

    with pytest.raises(RecipeError, match=r"mine\.py, line 11, failed: FileNotFoundError"):
        hooks_of("", write(source)).post_process("/nowhere/a.tif")


def test_a_file_is_pinned_by_its_checksum(write):
    """And refused where other code is in its place."""
    file = write(FUNCTIONS)
    digest = hashlib.sha256(FUNCTIONS.encode()).hexdigest()

    assert find_recipe("dataset").pins(undated(file=file)) == {"code": digest}
    assert load_definition(file, sha256=digest).name == "crops"
    write(FUNCTIONS + "#")
    with pytest.raises(RecipeError, match=f"not {digest[:12]}.*put the old file back"):
        load_definition(file, sha256=digest)


def test_a_file_that_everybody_may_write_is_not_run(write, tmp_path):
    """Before a line of it is run."""
    file = write(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    (tmp_path / "mine.py").chmod(0o666)

    with pytest.raises(RecipeError, match="everybody on this machine may write it"):
        load_definition(file)

    assert not (tmp_path / "ran").exists()


def test_facts_name_the_code_and_what_its_author_said(write):
    """For the proof, and for what lies beside the chips."""
    asked = ImageRequest({}, undated().start, undated().end, ("a",), {"file": write(CLASS), "licence": "CC0-1.0"})

    facts = find_recipe("dataset").facts(asked)

    assert facts["dataset"] == "mine"
    assert facts["code_sha256"] == hashlib.sha256(CLASS.encode()).hexdigest()
    assert facts["licence"] == "CC0-1.0"
