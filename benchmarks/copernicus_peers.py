"""
What others do in a loop: fetch Sentinel-2 files one by one, and make a scene ready for training band by band.

    python benchmarks/copernicus_peers.py download URL FOLDER NAME BAND [BAND ...]
    python benchmarks/copernicus_peers.py preprocess INDEX FOLDER TARGET:SCENES BAND [BAND ...]

`download` is `requests` with the header sent again after the redirect, a file at a time, nothing checked, as the usual
clients of the Copernicus Data Space do it. `preprocess` is the straightforward rasterio script: every band of a scene
read whole and warped whole onto the target grid, all of them held until they are written. Neither is anybody's code.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from urllib.parse import urljoin
from xml.etree import ElementTree as ET

import numpy as np
import rasterio
import requests
from rasterio.warp import Resampling, reproject


def token(url: str) -> str:
    form = {"client_id": "cdse-public", "grant_type": "password", "username": "user", "password": "password"}
    answer = requests.post(f"{url}/auth/realms/CDSE/protocol/openid-connect/token", data=form, timeout=60)
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def fetch(session: requests.Session, address: str, target: Path) -> None:
    answer = session.get(address, allow_redirects=False, stream=True, timeout=60)
    while answer.is_redirect:
        answer = session.get(
            urljoin(address, answer.headers["Location"]), allow_redirects=False, stream=True, timeout=60
        )
    answer.raise_for_status()
    with target.open("wb") as file:
        for piece in answer.iter_content(8 * 2**20):
            file.write(piece)


def download(url: str, folder: Path, name: str, bands: list[str]) -> None:
    """Fetch the bands of every product whose name begins so, and its metadata."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token(url)}"
    query = f"Collection/Name eq 'SENTINEL-2' and startswith(Name,'{name}')"
    found = session.get(f"{url}/odata/v1/Products", params={"$filter": query, "$top": "1000"}, timeout=60).json()
    for product in found["value"]:
        base = f"{url}/odata/v1/Products({product['Id']})/Nodes({product['Name']})"
        place = folder / product["Name"]
        place.mkdir(parents=True)
        fetch(session, f"{base}/Nodes(manifest.safe)/$value", place / "manifest.safe")
        listed = [node.get("href", "") for node in ET.parse(place / "manifest.safe").iter("fileLocation")]  # noqa: S314  our own
        for href in listed:
            file = href.removeprefix("./")
            wanted = "/IMG_DATA/" in file and any(f"_{band}.jp2" in file for band in bands)
            if wanted or file.endswith(("MTD_TL.xml", "MTD_MSIL1C.xml")):
                nodes = "".join(f"/Nodes({part})" for part in file.split("/"))
                fetch(session, f"{base}{nodes}/$value", place / Path(file).name)


def preprocess(index: Path, folder: Path, target: str, bands: list[str]) -> None:
    """Make x.tif of every scene of an index: reflectance at the top of the atmosphere, and where it is valid."""
    target, _, scenes = target.partition(":")
    for number, scene in enumerate(json.loads(index.read_text())["scenes"][: int(scenes)]):
        files = {each["role"]: Path(each["path"]) for each in scene["files_l1c"]["items"]}
        places = {role: index.parents[2] / path for role, path in files.items()}
        metadata = ET.parse(places["l1c.product_metadata"])  # noqa: S314  our own
        offsets = [int(each.text or 0) for each in metadata.iter("RADIO_ADD_OFFSET")] or [0] * 13
        with rasterio.open(places[f"l1c.band.{target}"]) as reference:
            profile = {"crs": reference.crs, "transform": reference.transform}
            shape = reference.height, reference.width
        stack = np.zeros((len(bands) + 1, *shape), np.float32)
        stack[-1] = 1
        for at, band in enumerate(bands):
            with rasterio.open(places[f"l1c.band.{band}"]) as source:
                values, finer = source.read(1), source.res[0] < profile["transform"].a
                method = Resampling.average if finer else Resampling.bilinear
                warped = np.zeros(shape, np.float32)
                reproject(
                    values.astype(np.float32), warped, src_transform=source.transform, src_crs=source.crs, src_nodata=0,
                    dst_transform=profile["transform"], dst_crs=profile["crs"], dst_nodata=0, resampling=method,
                )  # fmt: skip
            valid = warped != 0
            stack[at] = np.where(valid, (warped + offsets[0]) / 10000, 0)
            stack[-1] *= valid
        folder.mkdir(parents=True, exist_ok=True)
        with rasterio.open(
            folder / f"x{number}.tif", "w", driver="GTiff", count=len(stack), height=shape[0], width=shape[1],
            dtype="float32", tiled=True, blockxsize=256, blockysize=256, compress="deflate", bigtiff="if_safer",
            **profile,
        ) as out:  # fmt: skip
            out.write(stack)


if __name__ == "__main__":
    what, source, where, which, *names = sys.argv[1:]
    if what == "download":
        download(source, Path(where), which, names)
    else:
        preprocess(Path(source), Path(where), which, names)
