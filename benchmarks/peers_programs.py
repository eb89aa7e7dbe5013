"""
Downloads by other people's clients and by ours, one a process; `peers.py` starts them, measures and compares.

    PYTHON peers_programs.py NAME JOB.json

A program leaves `found.tif`, or an array (band, row, col) as `found.npy`, in the job's folder. It asks its client as
the client's own pages do; what is set are addresses that would lead out of this machine.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from foreign_client_programs import JOB, connect, place


def image() -> Any:
    """The scene's bands, or their median over a month."""
    import ee  # noqa: PLC0415  our own command needs none here

    if JOB["kind"] == "scene":
        return ee.Image(JOB["scene"]).select(JOB["bands"])
    found = ee.ImageCollection(JOB["collection"]).filterBounds(ee.Geometry.Point(JOB["point"]))
    return found.filterDate(*JOB["dates"]).select(JOB["bands"]).median()


def region() -> Any:
    import ee  # noqa: PLC0415

    return ee.Geometry.Rectangle(corners(), JOB["crs"], geodesic=False)


def corners() -> list[float]:
    a, _, c, _, e, f = JOB["transform"]
    return [c, f + e * JOB["height"], c + a * JOB["width"], f]


def geedim() -> None:
    """`toGeoTIFF` as it is: tiles by getDownloadURL, up to 32 at a time."""
    import geedim.stac  # noqa: PLC0415

    geedim.stac._root_stac_url = JOB["stac"]  # noqa: SLF001  Google's own page of the catalogue
    shape = (JOB["height"], JOB["width"])
    made = image().gd.prepareForExport(crs=JOB["crs"], crs_transform=JOB["transform"], shape=shape)
    made.gd.toGeoTIFF(place("found.tif"), overwrite=True)


def xee() -> None:
    """A data set of one image, loaded."""
    import ee  # noqa: PLC0415
    import xarray  # noqa: PLC0415

    shape = (JOB["width"], JOB["height"])
    cube = xarray.open_dataset(
        ee.ImageCollection([image()]),
        engine="ee", crs=JOB["crs"], crs_transform=tuple(JOB["transform"]), shape_2d=shape,
    )  # fmt: skip
    found = [cube[band].isel(time=0).transpose("y", "x").to_numpy() for band in JOB["bands"]]
    np.save(place("found.npy"), np.nan_to_num(np.stack(found)))


def geemap_export() -> None:
    """`ee_export_image`: one zipped file by getDownloadURL."""
    import geemap  # noqa: PLC0415

    at = {"crs": JOB["crs"], "crs_transform": JOB["transform"], "region": region()}
    geemap.ee_export_image(image(), str(place("found.tif")), verbose=True, **at)


def geemap_numpy() -> None:
    """`ee_to_numpy`: one computePixels."""
    import geemap  # noqa: PLC0415

    found = geemap.ee_to_numpy(image(), region=region(), scale=JOB["transform"][0])
    np.save(place("found.npy"), np.moveaxis(found, -1, 0))


def georeader() -> None:
    """`export_image`: computePixels, cut in four where it is too large."""
    from affine import Affine  # noqa: PLC0415
    from georeader.readers import ee_image  # noqa: PLC0415
    from shapely.geometry import box  # noqa: PLC0415

    at = Affine(*JOB["transform"])
    found = ee_image.export_image(image(), box(*corners()), at, JOB["crs"], JOB["bands"], crs_polygon=JOB["crs"])
    row, col = round((at.f - found.transform.f) / at.e), round((at.c - found.transform.c) / at.a)
    np.save(place("found.npy"), np.asarray(found.values)[:, row : row + JOB["height"], col : col + JOB["width"]])


def geetiles() -> None:
    """Chips of at most a thousand pixels a side, as its command `download` makes them, in degrees."""
    import geopandas  # noqa: PLC0415
    from geetiles import gee  # noqa: PLC0415
    from shapely.geometry import box  # noqa: PLC0415

    class Definition:
        """What geetiles reads from a file of its users."""

        def get_gee_image(self, **_: Any) -> Any:
            return image()

        def get_dtype(self) -> str:
            return "float64"

    chips = JOB["chips"]  # west, south, east, north, rows, columns
    frame = geopandas.GeoDataFrame(
        {"identifier": [str(number) for number in range(len(chips))]},
        geometry=[box(*chip[:4]) for chip in chips], crs=4326,
    )  # fmt: skip

    class Partitions:
        data = frame

    size = (chips[0][5], chips[0][4])
    tiles = gee.get_gee_tiles(Partitions(), Definition(), dest_dir=JOB["folder"], pixels_lonlat=size)
    with ThreadPoolExecutor(10) as pool:  # as many as its command starts processes
        list(pool.map(lambda tile: tile.get_tile(), tiles))


def ours_export() -> None:
    """Our `export_image`, in one line."""
    from shapely.geometry import box  # noqa: PLC0415

    from orchestrator import api  # noqa: PLC0415

    at = {"bands": JOB["bands"], "scale": JOB["transform"][0], "crs": JOB["crs"], "area_crs": JOB["crs"]}
    with api.connect(sandbox_url=JOB["url"], state_dir=place("state")):
        found = api.export_image(image(), box(*corners()), **at, nodata=0, masked=False)
    np.save(place("found.npy"), found.to_numpy())


PROGRAMS = {
    "geedim toGeoTIFF": geedim,
    "xee open_dataset": xee,
    "geemap ee_export_image": geemap_export,
    "geemap ee_to_numpy": geemap_numpy,
    "georeader export_image": georeader,
    "geetiles get_tile": geetiles,
    "ours orc.export_image": ours_export,
}


def main() -> None:
    name, job = sys.argv[1:]
    JOB.update(json.loads(Path(job).read_text()))
    connect()
    PROGRAMS[name]()


if __name__ == "__main__":
    main()
