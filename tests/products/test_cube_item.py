"""What a finished cube says of itself: its catalogue item, its store, its files, its proof."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pystac
import pytest
import rasterio
import shapely
from cube_kit import AREA, GRID, CubeHome, small_plan
from pystac.extensions.datacube import DatacubeExtension

from orchestrator.model.job import AreaSource, Job
from orchestrator.model.product import RunSnapshot
from orchestrator.products.cube.about import about_cube
from orchestrator.products.cube.item import DATACUBE, cube_item, fields_of_cube
from orchestrator.products.footprint import footprint
from orchestrator.products.stac import ItemFile

NOTICE = "Contains modified Copernicus Sentinel data 2024"
TERMS = "https://sentinels.copernicus.eu/documents/247904/690755/Sentinel_Data_Legal_Notice"
JOB = Job("a", "/nowhere", AreaSource("0,0,1,1"), "", "", recipe="", product="cube", route="pixels")
RUN = RunSnapshot("r1", JOB, facts={"attribution": NOTICE, "licence": TERMS})
PLAN = small_plan()
S2 = "COPERNICUS/S2_SR_HARMONIZED"
SENTINEL = replace(PLAN, moments=tuple(replace(m, images=(f"{S2}/{m.solar_day}",)) for m in PLAN.moments))
STORE = ItemFile("zarr", "a_cube.zarr", "application/vnd+zarr; version=3", ("data",), "x", 5, "ab" * 32)
SANDBOX = replace(RUN, job=replace(JOB, service="sandbox"))


def told(run=RUN, plan=SENTINEL):
    store = replace(STORE, fields=fields_of_cube(plan))
    return json.loads(cube_item(run, plan, "a_cube", [store], "1.2"))


def test_the_core_and_the_datacube_models_of_pystac_accept_it():
    """Without a network: the schemas of STAC 1.1 that it brings along, and its reading of the extension."""
    found = told()

    assert pystac.Item.from_dict(found | {"stac_extensions": []}).validate()
    assert DatacubeExtension.get_schema_uri() == DATACUBE
    cube = DatacubeExtension.ext(pystac.Item.from_dict(found))
    assert {name: dimension.dim_type for name, dimension in cube.dimensions.items()} == {
        "time": "temporal",
        "band": "bands",
        "y": "spatial",
        "x": "spatial",
    }
    assert cube.variables["cube"].dimensions == ["time", "band", "y", "x"]
    assert cube.variables["cube"].var_type == "data"


def test_its_dimensions_are_those_of_the_plan():
    """Outer edges and steps of 600 × 700 pixels of 10 m, the moments in UTC, the names of the bands."""
    found = told()["properties"]["cube:dimensions"]

    assert (found["x"]["extent"], found["x"]["step"]) == ([500_000, 507_000], 10)
    assert (found["y"]["extent"], found["y"]["step"]) == ([4_994_000, 5_000_000], -10)
    assert {found[axis]["reference_system"] for axis in "xy"} == {32633}
    assert found["time"]["values"] == ["2024-05-04T10:07:52.639Z", "2024-05-09T10:07:52.639Z"]
    assert found["band"]["values"] == ["B04", "B11"]


def test_it_says_where_and_when():
    """The outline of the area in degrees; the first and the last moment."""
    found = told()

    assert found["geometry"] == footprint(shapely.to_wkb(AREA), GRID.crs)[0]
    assert (found["properties"]["start_datetime"], found["properties"]["end_datetime"]) == (
        "2024-05-04T10:07:52.639000Z",
        "2024-05-09T10:07:52.639000Z",
    )


def test_a_single_date_is_the_items_own_and_a_whole_grid_its_outline():
    """Neither a range nor an area is needed."""
    found = told(plan=small_plan(dates=1, clip=False))

    assert found["properties"]["datetime"] == "2024-05-04T10:07:52.639000Z"
    assert "start_datetime" not in found["properties"]
    assert found["geometry"] == footprint(shapely.to_wkb(shapely.box(*GRID.bounds())), GRID.crs)[0]


def test_it_says_whose_the_scenes_are():
    """The notice, the terms, and who made and computed them."""
    found = told()

    assert found["properties"]["attribution"] == NOTICE
    assert [link["href"] for link in found["links"]] == [TERMS]
    makers = [provider["name"] for provider in found["properties"]["providers"]]
    assert makers == ["European Union, Copernicus Programme", "Google Earth Engine"]


def test_the_store_names_its_sources_and_their_terms():
    """CF's source, references and history; nothing that changes from run to run."""
    found = about_cube(RUN, SENTINEL, "1.2")

    assert found["source"] == f"Google Earth Engine: {S2}"
    assert found["references"].endswith("catalog/COPERNICUS_S2_SR_HARMONIZED")
    assert (found["attribution"], found["license"]) == (NOTICE, TERMS)
    assert found["history"].startswith(f"orchestrator 1.2: 2 images of {S2} as 2 dates on one grid, computed by Google")
    assert about_cube(replace(RUN, id="r2"), SENTINEL, "1.2") == found


@pytest.mark.parametrize("said", [lambda: told(SANDBOX)["properties"], lambda: about_cube(SANDBOX, SENTINEL, "1.2")])
def test_what_a_sandbox_invented_is_not_said_to_be_of_google_or_copernicus(said):
    """Its notice begins with who made it, and nobody else is named as a maker or described."""
    found = said()

    assert found["attribution"].startswith("Not Earth Engine's: made by a sandbox of Earth Engine")
    rest = json.dumps({name: text for name, text in found.items() if name not in {"attribution", "license"}})
    assert "Google" not in rest
    assert "European" not in rest
    assert "references" not in found


def test_sources_that_are_not_known_are_not_guessed():
    """A user's own images are nobody's else."""
    found = about_cube(replace(RUN, facts={}), PLAN, "1.2")

    assert {"attribution", "license", "references"}.isdisjoint(found)


# ----------------------------------------------------------------- of runs


@pytest.fixture(scope="module")
def home(tmp_path_factory, program, service):
    """A cube as a store with a reduction, and as files."""
    pytest.importorskip("zarr", reason="the extra `cube` is not installed")
    home = CubeHome(tmp_path_factory.mktemp("cubes"), program, service)
    home.write(keys={"reduce": ["count"]})
    home.run().expect(0)
    home.write(keys={"format": "cog"}, base_name="files")
    home.run().expect(0)
    return home


def sha256(path):
    """Of a file; of a folder as `sha256sum` of the list of its files would say, sorted by name."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    files = sorted(one.relative_to(path).as_posix() for one in path.rglob("*") if one.is_file())
    return hashlib.sha256("".join(f"{sha256(path / one)}  {one}\n" for one in files).encode()).hexdigest()


def size(path):
    return path.stat().st_size if path.is_file() else sum(p.stat().st_size for p in path.rglob("*") if p.is_file())


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("small", {"zarr", "thumbnail", "proof", "count"}),
        ("files", {"files_20240504_S2A", "files_20240509_S2A", "thumbnail", "proof"}),
    ],
)
def test_every_file_is_an_asset_with_its_size_and_checksum(home, name, keys):
    """As they lie there, read again by hashlib; the item is one of the result's files."""
    item = json.loads((home.out / f"{name}_cube.stac.json").read_text())

    assert set(item["assets"]) == keys
    for asset in item["assets"].values():
        path = home.out / asset["href"]
        assert asset["file:size"] == size(path)
        assert asset["file:checksum"] == "1220" + sha256(path)
    assert pystac.Item.from_dict(item | {"stac_extensions": []}).validate()


def test_assets_of_pixels_name_their_bands_types_and_nodata(home):
    """Those of the files, as rasterio reads them."""
    for name in ("small", "files"):
        item = json.loads((home.out / f"{name}_cube.stac.json").read_text())
        rasters = [one for one in item["assets"].values() if one["href"].endswith(".tif")]
        assert rasters
        for asset in rasters:
            with rasterio.open(home.out / asset["href"]) as raster:
                bands = [{"name": n, "data_type": raster.dtypes[0]} for n in raster.descriptions]
                assert [{k: band[k] for k in ("name", "data_type")} for band in asset["bands"]] == bands
                assert {band["nodata"] for band in asset["bands"]} == {raster.nodata}


def test_tags_store_and_proof_say_whose_it_is(home):
    """Years from the scenes; a sandbox is named as the maker."""
    xarray = pytest.importorskip("xarray")
    notice = f"Not Earth Engine's: made by a sandbox of Earth Engine (synthetic scenes, or the user's own). {NOTICE}"

    said = {xarray.open_zarr(home.final, chunks=None).attrs["attribution"], home.proof()["attribution"]}
    for path in [home.out / "small_cube_count.tif", *(home.out / "files_cube.cogs").iterdir()]:
        with rasterio.open(path) as raster:
            said.add(raster.tags()["TIFFTAG_COPYRIGHT"])

    assert said == {notice}
    assert home.proof()["licence"] == TERMS
