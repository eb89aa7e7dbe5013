"""
The job as it is usually done by hand: n × n exports one by one, every tile downloaded, merged in memory, then masked.

One process, run by `journey.py`; prints a line of JSON with the times since its start.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import ee
import geopandas as gpd
import rasterio
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from rasterio.mask import mask
from rasterio.merge import merge

POLL_SECONDS = 1.0


def main() -> None:
    asked = _arguments()
    plan = json.loads(asked.plan.read_text(encoding="utf-8"))
    began = time.monotonic()
    ee.Initialize(credentials=AnonymousCredentials(), url=asked.url, project=asked.project)
    image = image_of(asked.code)
    bucket = storage.Client(
        project=asked.project, credentials=AnonymousCredentials(), client_options={"api_endpoint": asked.url}
    ).bucket(asked.bucket)
    tiles = [_bring(image, bucket, plan, number, asked.folder) for number in range(len(plan["tiles"]))]
    last_part = time.monotonic()
    merge_and_mask(tiles, asked.area, asked.folder, plan["nodata"])
    print(json.dumps({"last_part": last_part - began, "final": time.monotonic() - began}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in ("url", "project", "bucket"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("area", "code", "plan", "folder"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    return parser.parse_args()


def image_of(code: Path) -> ee.Image:
    """Return what the function of a file makes."""
    namespace: dict[str, object] = {}
    exec(compile(code.read_text(encoding="utf-8"), str(code), "exec"), namespace)  # noqa: S102  the bench's own file
    return namespace["get_ee_image"]()  # type: ignore[operator]  it is a function


def _bring(image: ee.Image, bucket: storage.Bucket, plan: dict, number: int, folder: Path) -> Path:
    """Export one tile, wait for it, download it, delete it."""
    tile = plan["tiles"][number]
    prefix = f"seed/tile_{number:03d}"
    task = ee.batch.Export.image.toCloudStorage(
        image.unmask(plan["nodata"], False),
        description=f"tile_{number:03d}",
        bucket=bucket.name,
        fileNamePrefix=prefix,
        crs=plan["crs"],
        crsTransform=tile["transform"],
        dimensions=f"{tile['width']}x{tile['height']}",
        maxPixels=1e10,
        formatOptions={"noData": plan["nodata"]},
    )
    task.start()
    while task.status()["state"] not in ("COMPLETED", "FAILED", "CANCELLED"):
        time.sleep(POLL_SECONDS)
    blob = bucket.blob(f"{prefix}.tif")
    path = folder / f"tile_{number:03d}.tif"
    blob.download_to_filename(path)
    blob.delete()
    return path


def merge_and_mask(tiles: list[Path], area: Path, folder: Path, nodata: float) -> None:
    """Write `seed_clipped.tif`."""
    sources = [rasterio.open(tile) for tile in tiles]
    mosaic, transform = merge(sources)
    profile = sources[0].profile | {"height": mosaic.shape[1], "width": mosaic.shape[2], "transform": transform}
    profile |= {"BIGTIFF": "IF_SAFER"}
    names = sources[0].descriptions
    for source in sources:
        source.close()
    with rasterio.open(folder / "merged.tif", "w", **profile) as merged:
        merged.write(mosaic)
    del mosaic
    with rasterio.open(folder / "merged.tif") as merged:
        shapes = gpd.read_file(area).to_crs(merged.crs).geometry
        clipped, transform = mask(merged, shapes, crop=False, nodata=nodata)
        with rasterio.open(folder / "seed_clipped.tif", "w", **merged.profile) as final:
            final.write(clipped)
            final.descriptions = names


if __name__ == "__main__":
    main()
