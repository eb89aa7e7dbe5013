"""Whatever the parts look like, the pixels are those of rasterio.merge and rasterio.mask."""

from __future__ import annotations

import math

import numpy as np
import pytest
from assembly import Scene, assemble, read, reference, star, store_bands_apart

from orchestrator.core.crc32c import crc32c_of, crc32c_text
from orchestrator.core.files import sha256_of

CASES = 200
BATCH = 20
NODATA = {
    "uint8": 0,
    "int8": -1,
    "uint16": 0,
    "int16": -9999,
    "uint32": 4294967295,
    "float32": math.nan,
    "float64": -1e9,
}
COMPRESSIONS = ["deflate", "lzw", "zstd", None, "packbits"]


def random_scene(seed: int) -> tuple[Scene, dict[str, str]]:
    """A grid of at most 200 pixels a side, cut and stored and clipped in some way, and how to write the output."""
    rng = np.random.default_rng(seed)
    dtype = str(rng.choice(list(NODATA)))
    floating = dtype.startswith("float")
    compress = COMPRESSIONS[rng.integers(len(COMPRESSIONS))]
    predictor = int(rng.choice([1, 2, 3] if floating else [1, 2]))
    block = int(rng.choice([16, 32, 48]))
    profile = {"tiled": True, "blockxsize": block, "blockysize": block}
    driver = "GTiff"
    kind = rng.random()
    if kind < 0.1:
        profile = {}
    elif kind < 0.15:
        profile["blockxsize"] = block * 2
    elif kind < 0.2:
        profile["interleave"] = "band"
    elif kind < 0.25:
        profile["endianness"] = "BIG"
    if compress:
        profile |= {"compress": compress} | ({"predictor": predictor} if compress != "packbits" else {})
    side = int(rng.choice([block * 2, block * 4, 64, 96, 50]))
    if kind > 0.75:
        compress = compress if compress not in {None, "packbits"} else "deflate"
        driver, side = "COG", 512
        interleave = ("pixel", "band", "pixel", "tile")[seed % 4]  # before GDAL 3.11 always "pixel"
        profile = {"blocksize": 128, "compress": compress, "overview_resampling": "average", "interleave": interleave}
    scene = Scene(
        height=int(rng.integers(1, 700 if driver == "COG" else 200)),
        width=int(rng.integers(1, 700 if driver == "COG" else 200)),
        side=side,
        bands=int(rng.integers(1, 5)),
        dtype=dtype,
        nodata=float(rng.choice([NODATA[dtype], NODATA[dtype] if floating else 7])),
        all_touched=bool(rng.random() < 0.2),
        holes=float(rng.choice([0, 0.1, 0.6])),
        seed=seed,
        missing=tuple(rng.integers(0, 12, 2).tolist()) if rng.random() < 0.2 else (),
        masked=bool(driver == "GTiff" and rng.random() < 0.1),
        profile=profile,
        driver=driver,
    )
    area = star(scene, rng, hole=bool(rng.random() < 0.5)) if rng.random() < 0.9 else None
    output = {"overviews": str(rng.choice(["auto", "average", "nearest", "none"]))}
    if rng.random() < 0.3:
        output["compress"] = str(rng.choice(["zstd", "deflate", "lzw", "none"]))
        output["predictor"] = str(rng.choice(["same", "none", "horizontal"] + ["float"] * floating))
        output["block"] = int(rng.choice([0, 16, 64]))
    return Scene(**{**vars(scene), "area": area}), output


@pytest.mark.parametrize("batch", range(CASES // BATCH))
def test_every_pixel_is_that_of_merge_and_mask(batch, tmp_path):
    """Areas, windows, number types, codecs, predictors, layouts, nodata, masks and gaps in random company."""
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        scene, output = random_scene(seed)
        parts = scene.write(tmp_path / f"parts-{seed}")
        if not parts:
            continue
        expected = reference(scene, parts, tmp_path)

        report = assemble(scene, parts, tmp_path / f"work-{seed}", examining=seed % 2 == 0, **output)

        np.testing.assert_array_equal(read(report.path), expected, err_msg=f"seed {seed}: {scene} {output}")
        known = crc32c_text(crc32c_of(report.path)) if seed % 2 == 0 else ""
        assert report.crc32c == known, f"seed {seed}: {scene} {output}"


@pytest.mark.parametrize("compress", ["none", "lzw", "deflate"])
def test_parts_that_store_each_band_apart_give_the_same_pixels(compress, tmp_path):
    """Newer GDAL may write cloud-optimised files so; their blocks cannot be copied, but nothing else changes."""
    profile = {"blocksize": 128, "compress": compress}
    scene = Scene(height=700, width=600, side=512, bands=3, driver="COG", profile=profile)
    scene = Scene(**{**vars(scene), "area": star(scene, np.random.default_rng(4))})
    parts = scene.write(tmp_path / "parts")
    together = assemble(scene, parts, tmp_path / "together")
    expected = reference(scene, parts, tmp_path)
    for path in parts.values():
        store_bands_apart(path)

    apart = assemble(scene, parts, tmp_path / "apart")

    np.testing.assert_array_equal(read(apart.path), expected)
    np.testing.assert_array_equal(read(apart.path), read(together.path))
    assert (together.method, apart.method) == ("splice", "stream")
    assert "each band apart" in apart.reason


def test_parts_that_differ_give_one_file_of_one_encoding(tmp_path):
    """Mixed codecs, predictors and block sizes end in the encoding of the first window, pixels unchanged."""
    scene = Scene(height=128, width=192)
    kinds = [
        {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate"},
        {"tiled": True, "blockxsize": 32, "blockysize": 32, "compress": "lzw", "predictor": 2},
        {},
    ]
    parts = {}
    for number, profile in enumerate(kinds):
        written = Scene(**{**vars(scene), "profile": profile}).write(tmp_path / str(number))
        parts |= {w: p for n, (w, p) in enumerate(written.items()) if n % len(kinds) == number}

    report = assemble(scene, parts, tmp_path / "work")
    reversed_report = assemble(scene, dict(reversed(parts.items())), tmp_path / "other")

    np.testing.assert_array_equal(read(report.path), reference(scene, parts, tmp_path))
    assert report.method == "stream"
    assert "not stored alike" in report.reason
    assert sha256_of(reversed_report.path) == sha256_of(report.path)
