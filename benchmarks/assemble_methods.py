"""One way to join and cut parts, in a process of its own: METHOD DATASET.json TARGET."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> None:
    method, description, target = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    METHODS[method](description, target)
    # Of this program alone: what the operating system reports to the parent includes the parent's own memory.
    own = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    peak = max(int(own.split()[1]), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
    print(f"peak kB: {peak}")


class Never:
    """Nobody wants to stop."""

    def is_set(self) -> bool:
        return False

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002  the port's signature
        return False


def ours(description: Path, target: Path, **changes: str) -> None:
    import shapely  # noqa: PLC0415  each method pays for its own imports only

    from benchmarks.assemble_data import BANDS, DataSet  # noqa: PLC0415
    from orchestrator.assemble.mosaic import BlockAssembler  # noqa: PLC0415
    from orchestrator.model.mosaic import MosaicSpec, OutputOptions  # noqa: PLC0415
    from orchestrator.model.spec import PixelSpec  # noqa: PLC0415

    data = DataSet.load(description)
    pixels, options = PixelSpec(BANDS, data.dtype, data.nodata), OutputOptions(**changes)
    spec = MosaicSpec(data.grid, pixels, area_wkb=shapely.to_wkb(data.area()), options=options)
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        mosaic = BlockAssembler().open(spec, Path(work))
        mosaic.place(data.parts.items(), lambda _window: None)
        report = mosaic.finish(Never())
        report.path.rename(target)


def merge_and_mask(description: Path, target: Path, *, by_file: bool = False) -> None:
    import rasterio  # noqa: PLC0415
    from rasterio.mask import mask  # noqa: PLC0415
    from rasterio.merge import merge  # noqa: PLC0415

    from benchmarks.assemble_data import BANDS, DataSet  # noqa: PLC0415

    data = DataSet.load(description)
    parts = list(data.parts.values())
    merged = target.with_suffix(".merged.tif")
    with rasterio.open(parts[0]) as first:
        profile = first.profile
    profile |= {"driver": "GTiff", "height": data.side, "width": data.side, "bigtiff": "IF_SAFER"}
    plain = {k: v for k, v in profile.items() if k not in {"compress", "predictor"}}
    if by_file:
        merge(parts, dst_path=merged, dst_kwds={"bigtiff": "YES", "tiled": True})
    else:
        pixels, profile["transform"] = merge(parts)
        with rasterio.open(merged, "w", **(plain | {"transform": profile["transform"]})) as dst:
            dst.write(pixels)
        del pixels
    with rasterio.open(merged) as src:
        clipped, _transform = mask(src, [data.area()], nodata=data.nodata)
        profile["transform"] = src.transform
    profile |= {"predictor": 2 if data.dtype == "uint16" else 3, "num_threads": "ALL_CPUS", "sparse_ok": True}
    with rasterio.open(target, "w", **profile) as dst:
        dst.write(clipped)
        dst.descriptions = BANDS
    merged.unlink()
    _sync(target)


def merge_mask_translate(description: Path, target: Path) -> None:
    from rio_cogeo import cog_profiles, cog_translate  # noqa: PLC0415

    from benchmarks.assemble_data import DataSet  # noqa: PLC0415

    clipped = target.with_suffix(".clipped.tif")
    merge_and_mask(description, clipped)
    dtype = DataSet.load(description).dtype
    profile = cog_profiles.get("deflate" if dtype == "uint16" else "zstd")
    profile |= {"blockxsize": 256, "blockysize": 256, "predictor": 2 if dtype == "uint16" else 3}
    cog_translate(
        clipped, target, profile, config={"GDAL_NUM_THREADS": "ALL_CPUS"}, overview_resampling="average",
        in_memory=False, quiet=True,
    )  # fmt: skip
    clipped.unlink()
    _sync(target)


def warp(description: Path, target: Path) -> None:
    import shapely  # noqa: PLC0415

    from benchmarks.assemble_data import DataSet  # noqa: PLC0415

    data = DataSet.load(description)
    area = target.with_suffix(".geojson")
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}}
    feature = {"type": "Feature", "properties": {}, "geometry": json.loads(shapely.to_geojson(data.area()))}
    area.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature]}))
    parts, virtual = [str(p) for p in data.parts.values()], str(target.with_suffix(".vrt"))
    subprocess.run(["gdalbuildvrt", "-q", virtual, *parts], check=True)
    left, bottom, right, top = (str(v) for v in data.grid.bounds())
    compress = "DEFLATE" if data.dtype == "uint16" else "ZSTD"
    predictor = "2" if data.dtype == "uint16" else "3"
    subprocess.run(
        ["gdalwarp", "-q", "-overwrite", "-cutline", str(area),
         "-te", left, bottom, right, top,
         "-ts", str(data.side), str(data.side), "-multi", "-wo", "NUM_THREADS=ALL_CPUS", "-co", "TILED=YES",
         "-co", f"COMPRESS={compress}", "-co", f"PREDICTOR={predictor}", "-co", "NUM_THREADS=ALL_CPUS",
         "-co", "SPARSE_OK=YES", "-co", "BIGTIFF=IF_SAFER", virtual, str(target)], check=True)  # fmt: skip
    _sync(target)


def copy_and_sync(_description: Path, target: Path) -> None:
    """The floor: the plain result, copied."""
    plain = target.parent / "plain.tif"
    subprocess.run(["cp", plain, target], check=True)
    _sync(target)


def decode_only(description: Path, _target: Path) -> None:
    """The floor of all that decode: every block of every part, in two threads, and nothing else."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    from benchmarks.assemble_data import DataSet  # noqa: PLC0415
    from orchestrator.assemble import tiff  # noqa: PLC0415
    from orchestrator.assemble.codec import COMPRESSIONS, Codec, Encoding  # noqa: PLC0415
    from orchestrator.assemble.storage import FileBytes  # noqa: PLC0415

    data = DataSet.load(description)
    with ThreadPoolExecutor(2) as pool:
        for part in data.parts.values():
            with part.open("rb") as file:
                source = FileBytes.of(file.fileno())
                image = tiff.read(source).directories[0]
                encoding = Encoding(COMPRESSIONS[image.number(259)], image.number(317, 1), 256)
                codec = Codec(encoding, _dtype(data.dtype), image.number(277))
                blocks = zip(image.numbers(324).tolist(), image.numbers(325).tolist(), strict=True)
                tasks = [
                    pool.submit(lambda o, n, s=source, c=codec: c.decode(s.read(o, n)).size, o, n) for o, n in blocks
                ]
                for task in tasks:
                    task.result()


def _dtype(name: str):  # noqa: ANN202  a type of numpy, imported only where it is needed
    import numpy as np  # noqa: PLC0415

    return np.dtype(name)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def available(method: str) -> bool:
    """Tell whether this machine has what a method needs."""
    return method != "gdalwarp -cutline" or bool(shutil.which("gdalwarp"))


METHODS = {
    "floor: cp + fsync": copy_and_sync,
    "floor: decode only": decode_only,
    "ours, plain": lambda d, t: ours(d, t, overviews="none"),
    "ours, COG": ours,
    "ours, decode + encode all": lambda d, t: ours(d, t, overviews="none", compress="lzw"),
    "merge + mask": merge_and_mask,
    "merge(dst_path) + mask": lambda d, t: merge_and_mask(d, t, by_file=True),
    "merge + mask + rio cogeo": merge_mask_translate,
    "gdalwarp -cutline": warp,
}

if __name__ == "__main__":
    main()
