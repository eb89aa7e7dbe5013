"""
Programs of other people against a sandbox, one a process; `foreign_clients.py` starts them and compares.

    PYTHON foreign_client_programs.py NAME JOB.json

The job names the sandbox, a scene, its grid (crs, transform, height, width) and a folder. A program saves what it got
as `NAME.npy` there and prints nothing that matters. It uses its client as the client's page does, and changes no line
of it; what it sets are settings (addresses that would lead out of this machine).
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
import warnings
from pathlib import Path
from typing import Any

import ee
import numpy as np
from google.auth.credentials import AnonymousCredentials

JOB: dict[str, Any] = {}


def connect() -> None:
    """What every program of Earth Engine does first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ee.Initialize(credentials=AnonymousCredentials(), url=JOB["url"], project="somebody")


def place(name: str) -> Path:
    return Path(JOB["folder"]) / name


def image() -> Any:
    return ee.Image(JOB["scene"]).select(JOB["band"])


def region() -> Any:
    a, _, c, _, e, f = JOB["transform"]
    corners = [c, f + e * JOB["height"], c + a * JOB["width"], f]
    return ee.Geometry.Rectangle(corners, JOB["crs"], geodesic=False)


def read(path: Any) -> Any:
    import rasterio  # noqa: PLC0415  each program has its own needs

    with rasterio.open(path) as source:
        return source.read(1)


def without_pages() -> None:
    """geedim looks the collection up in Google's pages: here is an empty one."""
    import geedim.stac  # noqa: PLC0415

    page = json.dumps({"links": []}).encode()
    address = f"{JOB['url']}/upload/storage/v1/b/{JOB['bucket']}/o?uploadType=media&name=catalog.json"
    urllib.request.urlopen(urllib.request.Request(address, page, {"Content-Type": "text/plain"})).read()  # noqa: S310
    geedim.stac._root_stac_url = f"{JOB['url']}/storage/v1/b/{JOB['bucket']}/o/catalog.json?alt=media"  # noqa: SLF001


def geedim_tiff() -> Any:
    """Tiles by getDownloadURL, in threads."""
    without_pages()
    shape = (JOB["height"], JOB["width"])
    made = image().gd.prepareForExport(crs=JOB["crs"], crs_transform=JOB["transform"], shape=shape)
    made.gd.toGeoTIFF(place("geedim.tif"), overwrite=True, max_tile_size=0.1)
    return read(place("geedim.tif"))


def geedim_mask() -> Any:
    """The cloud mask that it uses unless told otherwise: Cloud Score+."""
    import geedim  # noqa: F401, PLC0415  it registers `gd`

    masked = ee.Image(JOB["scene"]).gd.addMaskBands().gd.maskClouds().select(JOB["band"])
    shape = (JOB["height"], JOB["width"])
    return masked.gd.prepareForExport(crs=JOB["crs"], crs_transform=JOB["transform"], shape=shape).gd.toNumPy(
        structured=False
    )[..., 0]


def days() -> Any:
    """The scenes of the scene's collection above the window, on its day and the ten before."""
    collection, _, index = JOB["scene"].rpartition("/")
    end = ee.Date.parse("YYYYMMdd", index[:8]).advance(1, "day")
    return ee.ImageCollection(collection).filterBounds(region()).filterDate(end.advance(-11, "day"), end)


def geedim_composite() -> Any:
    """Search by region and clouds, then a composite of what is best: of one scene, itself without its clouds."""
    without_pages()
    collection, _, index = JOB["scene"].rpartition("/")
    end = ee.Date.parse("YYYYMMdd", index[:8]).advance(1, "day")
    found = ee.ImageCollection(collection).filter(ee.Filter.eq("system:index", index))
    found = found.gd.filter(end.advance(-1, "day"), end, region=region(), fill_portion=50, cloudless_portion=1)
    made = found.gd.composite("q-mosaic", resampling="near").select(JOB["band"])
    shape = (JOB["height"], JOB["width"])
    return made.gd.prepareForExport(
        crs=JOB["crs"], crs_transform=JOB["transform"], shape=shape, dtype="uint16"
    ).gd.toNumPy(structured=False)[..., 0]


def xee_mean() -> Any:
    """Several bands and dates as a lazy data set, and their mean over time: equal to the service's own mean."""
    import xarray  # noqa: PLC0415

    at = {"crs": JOB["crs"], "crs_transform": tuple(JOB["transform"]), "shape_2d": (40, 30)}
    cube = xarray.open_dataset(days().select([JOB["band"], "SCL"]), engine="ee", **at, chunks={"time": 1})
    mean = cube[JOB["band"]].mean("time").transpose("y", "x").to_numpy()
    a, _, c, _, e, f = JOB["transform"]
    affine = {"scaleX": a, "shearX": 0, "translateX": c, "shearY": 0, "scaleY": e, "translateY": f}
    grid = {"dimensions": {"width": 40, "height": 30}, "affineTransform": affine, "crsCode": JOB["crs"]}
    ours = days().select(JOB["band"]).mean().toDouble()
    theirs = ee.data.computePixels({"expression": ours, "fileFormat": "NUMPY_NDARRAY", "grid": grid})[JOB["band"]]
    return np.abs(np.nan_to_num(mean) - theirs).max() < 1e-2 and theirs.max() > 0


def geemap_zonal() -> Any:
    """zonal_stats over two halves of the window, as CSV."""
    import geemap  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415

    a, _, c, _, e, f = JOB["transform"]
    low, middle, right = f + e * JOB["height"], c + a * JOB["width"] / 2, c + a * JOB["width"]
    halves = [
        ee.Feature(ee.Geometry.Rectangle(box, JOB["crs"], geodesic=False), {"name": name})
        for name, box in (("left", [c, low, middle, f]), ("right", [middle, low, right, f]))
    ]
    at = {"crs": JOB["crs"], "scale": a, "verbose": False}
    geemap.zonal_stats(image(), ee.FeatureCollection(halves), str(place("zones.csv")), stat_type="SUM", **at)
    return pd.read_csv(place("zones.csv")).sort_values("name")["sum"].to_numpy()


def georeader_query() -> Any:
    """The table of scenes, with the one that is wanted in it, in its own grid."""
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415

    from georeader.readers import ee_query  # noqa: PLC0415
    from shapely.geometry import shape  # noqa: PLC0415

    index = JOB["scene"].rpartition("/")[2]
    day = datetime.strptime(index[:8], "%Y%m%d").replace(tzinfo=UTC)
    area = shape(region().transform("EPSG:4326", 1).getInfo())
    found = ee_query.query(area, day, day + timedelta(days=1), producttype="S2_SR", filter_duplicates=False)
    row = found[found["gee_id"] == index].iloc[0]
    return np.array([row["proj"]["crs"] == JOB["crs"], row["overlappercentage"] > 99.9])


def xee_dataset() -> Any:
    """A cube of one scene by computePixels."""
    import xarray  # noqa: PLC0415

    cube = xarray.open_dataset(
        ee.ImageCollection([image()]),
        engine="ee",
        crs=JOB["crs"],
        crs_transform=tuple(JOB["transform"]),
        shape_2d=(JOB["width"], JOB["height"]),
    )
    found = cube[JOB["band"]].isel(time=0).transpose("y", "x").to_numpy()
    return np.nan_to_num(found)


def geemap_export() -> Any:
    """A zipped GeoTIFF by getDownloadURL, unzipped by geemap."""
    import geemap  # noqa: PLC0415

    path = place("geemap.tif")
    geemap.ee_export_image(
        image(), str(path), crs=JOB["crs"], crs_transform=JOB["transform"], region=region(), verbose=False
    )
    return read(path)


def geemap_numpy() -> Any:
    """ee_to_numpy: computePixels without a grid."""
    import geemap  # noqa: PLC0415

    at = ee.Image(JOB["scene"]).select(JOB["band"])
    found = geemap.ee_to_numpy(at, region=region(), scale=JOB["transform"][0])
    return found[..., 0] if found.ndim == 3 else found


def geemap_map() -> Any:
    """A layer of a map, and the tile that a browser would ask for first."""
    import geemap  # noqa: PLC0415

    layer = geemap.ee_tile_layer(ee.Image(7), {"min": 0, "max": 14, "format": "png"}, "seven")
    address = layer.url_format
    data = urllib.request.urlopen(address.format(x=0, y=0, z=0)).read()  # noqa: S310  the sandbox's
    place("tile.png").write_bytes(data)
    return read(place("tile.png"))


def geemap_thumbnail() -> Any:
    """A picture by getThumbURL."""
    import geemap  # noqa: PLC0415

    look = {"min": 0, "max": 255, "bands": ["constant"]}
    made = ee.Image(9).toByte().clip(region())
    geemap.get_image_thumbnail(made, str(place("thumb.png")), look, dimensions=50, region=region(), format="png")
    return read(place("thumb.png"))


def geemap_fishnet() -> Any:
    """A grid of two rows and three columns over a box: the corners of its first cell."""
    import geemap  # noqa: PLC0415

    box = ee.Geometry.BBox(10, 50, 13, 52)
    cell = ee.Feature(geemap.fishnet(box, rows=2, cols=3).first()).geometry().bounds()
    corners = np.array(cell.coordinates().getInfo()[0])
    return np.array([*corners.min(axis=0), *corners.max(axis=0)])


def geemap_stats() -> Any:
    """Image statistics over a region: the mean of a constant."""
    import geemap  # noqa: PLC0415

    found = geemap.image_stats(ee.Image(5), region=ee.Geometry.BBox(10, 50, 10.1, 50.1), scale=1000).getInfo()
    return np.array(found["mean"]["constant"])


def _georeader(what: Any) -> Any:
    from affine import Affine  # noqa: PLC0415
    from georeader.readers import ee_image  # noqa: PLC0415
    from shapely.geometry import box  # noqa: PLC0415

    a, _, c, _, e, f = JOB["transform"]
    inside = box(c + 1, f + e * JOB["height"] + 1, c + a * JOB["width"] - 1, f - 1)
    found = ee_image.export_image(
        what, inside, Affine(*JOB["transform"]), JOB["crs"], [JOB["band"]], crs_polygon=JOB["crs"]
    )
    row, col = round((f - found.transform.f) / e), round((c - found.transform.c) / a)
    return np.asarray(found.values)[0, row : row + JOB["height"], col : col + JOB["width"]]  # it may bring more


def geetiles_download() -> Any:
    """One chip of a dataset definition, as its command `download` writes it."""
    import geopandas  # noqa: PLC0415
    from geetiles import gee  # noqa: PLC0415
    from shapely.geometry import box  # noqa: PLC0415

    class Definition:
        """What geetiles reads from a file of its users."""

        def get_dataset_name(self) -> str:
            return "seven"

        def get_gee_image(self, **_: Any) -> Any:
            return ee.Image(7).toByte()

        def get_dtype(self) -> str:
            return "uint8"

        def map_values(self, x: Any) -> Any:
            return x

    frame = geopandas.GeoDataFrame({"identifier": ["one"]}, geometry=[box(10, 50, 10.01, 50.01)], crs=4326)

    class Partitions:
        data = frame

    (tile,) = gee.get_gee_tiles(Partitions(), Definition(), dest_dir=JOB["folder"], pixels_lonlat=(32, 24))
    tile.get_tile()
    return read(tile.get_filename()[0])


def command() -> list[str]:
    key, config = place("key.json"), place("config.json")
    key.write_text(json.dumps(json.loads(JOB["key"])))
    config.write_text(json.dumps({"url": JOB["url"], "project": "somebody"}))
    tool = Path(sys.executable).parent / "earthengine"
    return [str(tool), "--ee_config", str(config), "--service_account_file", str(key), "--project", "somebody"]


def told(*arguments: str) -> str:
    """Run `earthengine` and give what it prints."""
    done = subprocess.run([*command(), *arguments], capture_output=True, text=True, timeout=120, check=False)
    if done.returncode or "Error" in done.stderr:
        raise RuntimeError(f"earthengine {' '.join(arguments)}: {done.stdout}{done.stderr}"[-600:])
    return done.stdout


def command_line() -> Any:
    """ls, asset info, folders made, listed and removed, task list."""
    collection, _, index = JOB["scene"].rpartition("/")
    listed = told("ls", "-m", "3", collection)
    shown = told("asset", "info", JOB["scene"])
    told("create", "folder", "projects/somebody/assets/box")
    told("create", "collection", "projects/somebody/assets/box/series")
    inside = told("ls", "projects/somebody/assets/box")
    told("rm", "-r", "projects/somebody/assets/box")
    told("task", "list")
    return np.array([len(listed.split()) == 3, index in shown, "box/series" in inside])


def asset_round_trip() -> Any:
    """Export.image.toAsset, waited for as scripts do, and the asset's pixels."""
    import time  # noqa: PLC0415

    name = "projects/somebody/assets/round"
    size = f"{JOB['width']}x{JOB['height']}"
    at = {"crs": JOB["crs"], "crsTransform": JOB["transform"], "dimensions": size}
    task = ee.batch.Export.image.toAsset(image(), assetId=name, **at)
    task.start()
    while task.active():
        time.sleep(0.1)
    if task.status()["state"] != "COMPLETED":
        raise RuntimeError(task.status())
    found = ee.data.getPixels({"assetId": name, "fileFormat": "NUMPY_NDARRAY"})
    return found[JOB["band"]]


PROGRAMS = {
    "geedim": {"toGeoTIFF": geedim_tiff, "maskClouds": geedim_mask, "filter and composite": geedim_composite},
    "xee": {"open_dataset": xee_dataset, "mean over time": xee_mean},
    "geemap": {
        "ee_export_image": geemap_export,
        "ee_to_numpy": geemap_numpy,
        "ee_tile_layer": geemap_map,
        "get_image_thumbnail": geemap_thumbnail,
        "fishnet": geemap_fishnet,
        "image_stats": geemap_stats,
        "zonal_stats": geemap_zonal,
    },
    "georeader-spaceml": {
        "export_image of an expression": lambda: _georeader(image()),  # computePixels
        "export_image of an id": lambda: _georeader(JOB["scene"]),  # getPixels
        "query": georeader_query,
    },
    "geetiles": {"get_tile": geetiles_download},
    "earthengine-api": {"the command earthengine": command_line, "Export.image.toAsset": asset_round_trip},
}


def main() -> None:
    name, job = sys.argv[1:]
    JOB.update(json.loads(Path(job).read_text()))
    connect()
    client, _, what = name.partition("/")
    np.save(place("found.npy"), PROGRAMS[client][what]())


if __name__ == "__main__":
    main()
