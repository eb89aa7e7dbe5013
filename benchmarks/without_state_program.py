"""
The job as a script without state does it: submit n × n exports, poll, download, merge, mask, delete.

One process, run by `without_state.py`. It is written as its users would write it well: the clients try again by
themselves, names are fixed, so that a second start writes over what the first has left, and what it made on the way
is deleted at the end. Begun again, it begins at the start: it remembers nothing.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import ee
import geopandas as gpd
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from seeds_way import image_of, merge_and_mask

SCALE, NODATA, POLL_SECONDS = 10, -9999, 0.5


def main(url: str, name: str, side: str) -> None:
    nobody = AnonymousCredentials()
    ee.Initialize(credentials=nobody, url=url, project=name)
    bucket = storage.Client(project=name, credentials=nobody, client_options={"api_endpoint": url}).bucket(name)
    tasks = submit(image_of(Path("image.py")), name, int(side))
    wait(list(tasks.values()))
    out = Path("out")
    out.mkdir(exist_ok=True)
    tiles = [out / f"{prefix}.tif" for prefix in tasks]
    for prefix, tile in zip(tasks, tiles, strict=True):
        bucket.blob(f"{prefix}.tif").download_to_filename(tile)
    merge_and_mask(tiles, Path("area.geojson"), out, NODATA)
    for prefix, tile in zip(tasks, tiles, strict=True):
        bucket.blob(f"{prefix}.tif").delete()
        tile.unlink()
    (out / "merged.tif").unlink()


def submit(image: ee.Image, bucket: str, side: int) -> dict[str, ee.batch.Task]:
    """Begin an export of each tile; return them by their prefixes."""
    area = gpd.read_file("area.geojson")
    left, bottom, right, top = area.total_bounds
    across = int((right - left) / side // SCALE + 1)
    down = int((top - bottom) / side // SCALE + 1)
    tasks = {}
    for row in range(side):
        for col in range(side):
            corner = [left + col * across * SCALE, top - row * down * SCALE]
            prefix = f"part_{row}_{col}"
            tasks[prefix] = ee.batch.Export.image.toCloudStorage(
                image.unmask(NODATA, False).toInt32(),
                description=prefix,
                bucket=bucket,
                fileNamePrefix=prefix,
                crs=str(area.crs),
                crsTransform=[SCALE, 0, corner[0], 0, -SCALE, corner[1]],
                dimensions=f"{across}x{down}",
                maxPixels=1e10,
                formatOptions={"noData": NODATA},
            )
            tasks[prefix].start()
    return tasks


def wait(tasks: list[ee.batch.Task]) -> None:
    while tasks:
        states = [task.status()["state"] for task in tasks]
        if {"FAILED", "CANCELLED"} & set(states):
            sys.exit(f"a task ended as {states}")
        tasks = [task for task, state in zip(tasks, states, strict=True) if state != "COMPLETED"]
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:])
