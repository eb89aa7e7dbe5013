"""One way to join and cut parts, in a process of its own: METHOD DATASET.json TARGET. Prints what it took as JSON."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

_BEGAN: list[tuple[float, float, int]] = []


def main() -> None:
    method, description, target = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    METHODS[method](description, target)
    print(json.dumps(asdict(usage_of())))


@dataclass(frozen=True)
class Usage:
    """
    What a method has taken since it had loaded what it needs.

    Attributes:
        wall: Seconds.
        cpu: Seconds, of this process and its children.
        imports: CPU seconds before that.
        peak: Largest resident set, in megabytes.
        faults: Pages that the system had to give.
    """

    wall: float
    cpu: float
    imports: float
    peak: float
    faults: int


def usage_of() -> Usage:
    (began, used, faults), (ended, all_used, all_faults) = _BEGAN[0], _clocks()
    # Of this program alone: what the operating system reports to the parent includes the parent's own memory.
    own = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    peak = max(int(own.split()[1]), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
    return Usage(ended - began, all_used - used, used, peak / 1024, all_faults - faults)


def imported() -> None:
    """Note that a method has loaded what it needs and begins."""
    _BEGAN.append(_clocks())


def _clocks() -> tuple[float, float, int]:
    """Return the time, and CPU seconds and page faults of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(each.ru_utime + each.ru_stime for each in used), sum(u.ru_minflt for u in used)


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
    imported()
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
    imported()
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
    imported()
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
    imported()
    plain = target.parent / "plain.tif"
    subprocess.run(["cp", plain, target], check=True)
    _sync(target)


def decode_only(description: Path, _target: Path) -> None:
    """The floor of all that decode: every block that lies inside, or partly, in two threads, and nothing else."""
    _blocks(description, [1, 2], encoded="")


def boundary_only(description: Path, _target: Path) -> None:
    """The floor of cutting: blocks on the boundary are decoded and encoded as they are, in two threads."""
    _blocks(description, [1], encoded="same")


def decode_and_encode_only(description: Path, _target: Path) -> None:
    """The floor of encoding anew: every block that lies inside, or partly, is decoded and encoded, in two threads."""
    _blocks(description, [1, 2], encoded="lzw")


def _blocks(description: Path, places: list[int], *, encoded: str) -> None:
    """Decode the blocks of all parts that lie in such places (see `Place`), and encode them; the bytes go nowhere."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415
    from dataclasses import replace  # noqa: PLC0415

    from benchmarks.assemble_data import BLOCK, DataSet  # noqa: PLC0415
    from orchestrator.assemble import tiff  # noqa: PLC0415
    from orchestrator.assemble.codec import COMPRESSIONS, Codec, Encoding  # noqa: PLC0415
    from orchestrator.assemble.storage import FileBytes  # noqa: PLC0415
    from orchestrator.raster.coverage import Coverage  # noqa: PLC0415
    from orchestrator.raster.spans import SpanTable  # noqa: PLC0415

    data = DataSet.load(description)
    here = Coverage.of(SpanTable.from_geometry(data.area(), data.grid), BLOCK, overviews=False).places[0]
    imported()
    with ThreadPoolExecutor(2) as pool:
        for window, part in data.parts.items():
            with part.open("rb") as file:
                source = FileBytes.of(file.fileno())
                image = tiff.read(source).directories[0]
                stored = Encoding(COMPRESSIONS[image.number(259)], image.number(317, 1), BLOCK)
                codec = Codec(stored, _dtype(data.dtype), image.number(277))
                other = replace(codec, encoding=replace(stored, compression="lzw")) if encoded == "lzw" else codec
                rows, cols = -(-window.height // BLOCK), -(-window.width // BLOCK)
                top, left = window.row // BLOCK, window.col // BLOCK
                wanted = [place in places for place in here[top : top + rows, left : left + cols].ravel().tolist()]
                blocks = zip(image.numbers(324).tolist(), image.numbers(325).tolist(), wanted, strict=True)

                def work(at: int, size: int, source: FileBytes = source, codec: Codec = codec, other: Codec = other):  # noqa: ANN202
                    pixels = codec.decode(source.read(at, size))
                    return other.encode(pixels, fast=other is codec) if encoded else b""

                for task in [pool.submit(work, at, size) for at, size, taken in blocks if taken]:
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
    "floor: boundary blocks only": boundary_only,
    "floor: decode + encode only": decode_and_encode_only,
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
