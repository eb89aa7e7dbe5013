"""
Results that an earlier version made: the same jobs give the same files, byte for byte, and proofs that say the same.

The table is `stored_results.json`; with ORCHESTRATOR_TEST_STORE=1 it is written anew, which is right only where bytes
are meant to change.
"""

from __future__ import annotations

import hashlib
import json
import os
from importlib.metadata import version
from pathlib import Path

import pytest
import rasterio
from small_job import LARGER, write_area

TABLE = Path(__file__).with_name("stored_results.json")
STORE = os.environ.get("ORCHESTRATOR_TEST_STORE") == "1"
WHOLE = ("--param", "dtype=uint16", "--param", "nodata=65535")
JOBS = {
    "as the parts": (),
    "by drive, zstd": ("--route", "drive", "--compress", "zstd"),
    "whole numbers, deflate, predicted, large blocks": (
        *(*WHOLE, "--compress", "deflate"),
        *("--predictor", "horizontal", "--block", "512"),
    ),
    "whole numbers by drive": (*WHOLE, "--route", "drive"),
    "floating predictor, averaged overviews": ("--predictor", "float", "--overviews", "average"),
    "nearest overviews, all touched": ("--overviews", "nearest", "--all-touched"),
    "no overviews, uncompressed": ("--overviews", "none", "--compress", "none"),
    "square": ("--split", "square"),
    "a hole": ("--area", "hole.geojson"),
    "enough valid": ("--min-valid", "0.5"),
    "parts without overviews": (),
}
# What is new with each run, or is told of in the file's own bytes.
NEW = frozenset(
    {
        *("run", "operation", "name", "generation", "id", "created", "crc32c", "md5", "size"),
        *("sha256", "bytes", "output", "file", "source", "version", "program", "notes", "reason"),
    }
)
ANY = "*"


def settled(value, key=""):
    """Return a proof without what is new with each run."""
    if isinstance(value, dict):
        return {name: ANY if key == "pins" else settled(content, name) for name, content in value.items()}
    if isinstance(value, list):
        return [settled(each, key) for each in value]
    return ANY if key in NEW else value


def differences(stored, found, where=""):
    """Return where a proof no longer says what it said; keys may have been added to its objects."""
    if isinstance(stored, dict) and isinstance(found, dict):
        missing = [f"{where}.{key} is gone" for key in stored.keys() - found.keys()]
        return missing + [d for key in stored.keys() & found.keys() for d in
                          differences(stored[key], found[key], f"{where}.{key}")]  # fmt: skip
    if isinstance(stored, list) and isinstance(found, list) and len(stored) == len(found):
        return [
            d for n, (s, f) in enumerate(zip(stored, found, strict=True)) for d in differences(s, f, f"{where}[{n}]")
        ]
    return [] if stored in (ANY, found) else [f"{where} is {found}, it was {stored}"]


def libraries():
    """Return what encodes blocks besides the program: other versions of it may make other bytes of the same pixels."""
    return {"gdal": rasterio.__gdal_version__} | {name: version(name) for name in ("rasterio", "imagecodecs", "isal")}


def content(path):
    """Return the SHA-256 of all pixels, of the overviews too, and of everything the file says of itself."""
    digest = hashlib.sha256()
    with rasterio.open(path) as raster:
        levels = len(raster.overviews(1))
        digest.update(
            repr((raster.profile, raster.tags(), raster.descriptions, raster.scales, raster.offsets)).encode()
        )
        digest.update(repr([sorted(raster.tags(n).items()) for n in raster.indexes]).encode())
        digest.update(raster.read().tobytes())
    for level in range(levels):
        with rasterio.open(path, overview_level=level) as raster:
            digest.update(raster.read().tobytes())
    return digest.hexdigest()


@pytest.fixture(params=JOBS)
def made(request, home):
    """One of the jobs, done, and what is stored of it."""
    folder = home.folder
    write_area(folder / "area.geojson", LARGER)
    x, y = 502_000, 5_102_000
    hole = ((x, y), (x + 900, y + 300), (x + 1_000, y + 1_500), (x, y))
    area = json.loads((folder / "area.geojson").read_text())
    area["features"][0]["geometry"]["coordinates"].append(hole)
    (folder / "hole.geojson").write_text(json.dumps(area))
    if request.param == "parts without overviews":
        home.environment["ORCHESTRATOR_EE__CLOUD_OPTIMIZED"] = "false"
    home.run(*JOBS[request.param]).expect(0)
    if STORE:
        store(request.param, home)
    return home, json.loads(TABLE.read_text())["results"][request.param]


def store(name, home):
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {"results": {}}
    table["libraries"] = libraries()
    file = hashlib.sha256(home.final.read_bytes()).hexdigest()
    table["results"][name] = {"file": file, "content": content(home.final), "proof": settled(home.proof())}
    TABLE.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")


def test_a_job_makes_what_it_made(made):
    """Byte for byte where the same libraries encode; pixel for pixel, tag for tag and word for word in any case."""
    home, stored = made

    file = hashlib.sha256(home.final.read_bytes()).hexdigest()
    assert differences(stored["proof"], home.proof()) == []
    assert content(home.final) == stored["content"]
    assert file == stored["file"] or json.loads(TABLE.read_text())["libraries"] != libraries()
