"""Scenes that are ready to be cut: an index of preprocessed scenes or a folder of them, read and compared."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rasterio

from orchestrator.assemble.part import gdal
from orchestrator.core.errors import UserError
from orchestrator.core.units import format_count
from orchestrator.model.credit import is_from_sandbox
from orchestrator.model.grid import Grid
from orchestrator.plan.reproject import crs_name, parse_crs
from orchestrator.products.preprocess.index import INDEX, read_samples
from orchestrator.raster.opening import opened
from orchestrator.tiling.rasters import quietly

VALID = "valid"
SCL_CLOUDS, SCL_SHADOW = (8, 9, 10), 3
SCL_CODES = range(12)
_PATTERNS = ("x.tif", "sensing=*/x.tif", "tile=*/sensing=*/x.tif", "processed/tile=*/sensing=*/x.tif")
_TILE, _TIME = re.compile(r"T?(\d{2}[A-Z]{3})"), re.compile(r"(\d{4})-?(\d{2})-?(\d{2})T(\d{2}):?(\d{2}):?(\d{2})")


@dataclass(frozen=True, slots=True)
class PatchScene:
    """
    One scene.

    Attributes:
        tile: With the letter T, "T33UWQ".
        sensing: "20251210T100319", UTC.
        files: By asset, x, y and angles, as far as they are used.
        grid: Of all of them.
        bands: Names of the bands of x.tif, in order, validity last.
        dtype: Number type of x.tif.
        angles: Names of the bands of angles.tif.
        ignore: Value of labels where there is none.
        codes: What y.tif holds for each class of the scene classification; empty where it does not hold that.
        stamps: Bytes and time of the last change of each file: what was measured is what is cut.
        from_sandbox: Whether its notice says that a sandbox served it; told when a run is settled, and not kept.
    """

    tile: str
    sensing: str
    files: Mapping[str, str]
    grid: Grid
    bands: tuple[str, ...]
    dtype: str
    angles: tuple[str, ...] = ()
    ignore: int = 255
    codes: Mapping[int, int] = field(default_factory=dict)
    stamps: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    from_sandbox: bool = False

    @property
    def key(self) -> str:
        """What the keys of its patches begin with."""
        return f"{self.tile}_{self.sensing}"

    @property
    def moment(self) -> str:
        """When it was taken, ISO 8601."""
        y, m, d, hour, minute, second = _TIME.fullmatch(self.sensing).groups()  # type: ignore[union-attr]  # made so
        return f"{y}-{m}-{d}T{hour}:{minute}:{second}Z"

    @property
    def valid_bands(self) -> tuple[int, ...]:
        """Which bands of x.tif say where there is data, from 1."""
        return tuple(at for at, name in enumerate(self.bands, 1) if is_validity(name))

    def check_stamps(self) -> None:
        """
        Make sure that the files are those that were looked at.

        Raises:
            UserError: One has changed since, or is gone.
        """
        for name, path in self.files.items():
            if _stamp(Path(path)) != tuple(self.stamps[name]):
                raise UserError(f"{path} has changed since the run was planned; put it back, or cut it anew (--again)")


@contextmanager
def reading_scenes() -> Iterator[None]:
    """Read rasters for the time of a block, with a cache that does not grow with the scene."""
    with quietly(), gdal():
        yield


def is_validity(name: str) -> bool:
    """Tell whether a band of x.tif says where there is data."""
    return name == VALID or name.startswith(f"{VALID}_")


def read_ready_scenes(source: Path, *, labels: bool, angles: bool) -> tuple[PatchScene, ...]:
    """
    Return the scenes of an index, or of a folder, in the order of tile and time.

    Args:
        source: An index of preprocessed scenes, the folder it lies in, or one of scenes alone.
        labels: Read labels, where there are.
        angles: Read angles.

    Raises:
        UserError: There is none, one cannot be read, or they do not fit together.
    """
    found = sorted((_read(one, labels, angles) for one in _listed(source)), key=lambda scene: scene.key)
    _check(found, angles=angles)
    return tuple(found)


def digest_of_source(source: Path) -> str:
    """Return what changes when a scene is added, or made anew: of an index or what lies beside each scene."""
    digest = hashlib.sha256()
    for paths in _listed(source):
        digest.update("\n".join(f"{name} {path} {_stamp(Path(path))}" for name, path in sorted(paths.items())).encode())
    return digest.hexdigest()


def _listed(source: Path) -> list[Mapping[str, str]]:
    """Return the files of each scene by asset: x, and y, angles, meta where they are there."""
    if not source.exists():
        raise UserError(
            f"{source.absolute()} is not there yet; `orchestrator copernicus preprocess` makes such an index, or name "
            "another one, or a folder of preprocessed scenes"
        )
    if source.is_file() or (source / INDEX).is_file():
        return [_with_key(one) for one in read_samples(source)]
    found = [path for pattern in _PATTERNS for path in sorted(source.glob(pattern))]
    if not found:
        raise UserError(
            f"{source} holds no preprocessed scene (tile=.../sensing=.../x.tif); `orchestrator copernicus preprocess` "
            "makes them"
        )
    beside = (("y", "y.tif"), ("angles", "angles.tif"), ("meta", "meta.json"))
    return [
        {"x": str(x)} | {name: str(x.with_name(file)) for name, file in beside if x.with_name(file).is_file()}
        for x in found
    ]


def _with_key(sample: Any) -> Mapping[str, str]:
    return {**sample.paths, "tile": sample.tile_id, "sensing": sample.sensing_start_utc}


def _read(paths: Mapping[str, str], labels: bool, angles: bool) -> PatchScene:
    x = Path(paths["x"])
    meta = _meta(Path(paths["meta"])) if "meta" in paths else {}
    tile, sensing = _key_of(x, paths, meta)
    files = {"x": str(x)}
    grid, bands, dtype = _header(x)
    if labels and paths.get("y"):
        files["y"] = paths["y"]
        _check_grid(Path(paths["y"]), x, grid, kinds=("uint8",))
    names: tuple[str, ...] = ()
    if angles and paths.get("angles"):
        files["angles"] = paths["angles"]
        names = _check_grid(Path(paths["angles"]), x, grid)
    if not any(map(is_validity, bands)):
        raise UserError(f"{x} has no band {VALID!r} among {', '.join(bands)}; preprocess the scene again")
    told = meta.get("labels") or {}
    stats = told.get("stats") or {}
    ignore = int(stats.get("ignore_index", 255))
    codes = _codes(told, stats, ignore) if "y" in files else {}
    stamps = {name: _stamp(Path(path)) for name, path in files.items()}
    from_sandbox = is_from_sandbox(str(meta.get("attribution", "")))
    return PatchScene(tile, sensing, files, grid, bands, dtype, names, ignore, codes, stamps, from_sandbox)


def _meta(path: Path) -> Mapping[str, Any]:
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); preprocess the scene again") from None
    return told if isinstance(told, Mapping) else {}


def _key_of(x: Path, paths: Mapping[str, str], meta: Mapping[str, Any]) -> tuple[str, str]:
    """Return tile and time of a scene, from its index, its meta.json or its folders."""
    key: Mapping[str, Any] = told if isinstance(told := meta.get("key"), Mapping) else {}
    folders = {word.partition("=")[0]: word.partition("=")[2] for word in x.parts if "=" in word}
    tile = paths.get("tile") or key.get("tile_id") or folders.get("tile") or ""
    sensing = paths.get("sensing") or key.get("sensing_start_utc") or folders.get("sensing") or ""
    found, moment = _TILE.fullmatch(str(tile)), _TIME.match(str(sensing))
    if found is None or moment is None:
        raise UserError(
            f"{x} does not say which tile it is and when it was taken (tile {tile!r}, time {sensing!r}); its folders "
            "are called tile=T33UWQ/sensing=2025-12-10T100319Z, or meta.json beside it tells"
        )
    return f"T{found[1]}", "{}{}{}T{}{}{}".format(*moment.groups())


def _header(path: Path) -> tuple[Grid, tuple[str, ...], str]:
    try:
        with quietly(), opened(path) as source:
            crs = crs_name(parse_crs(source.crs.to_wkt())) if source.crs else ""
            a, b, c, d, e, f = tuple(source.transform)[:6]
            grid = Grid(crs, (a, b, c, d, e, f), source.height, source.width)
            names = tuple(name or f"band_{number}" for number, name in enumerate(source.descriptions, 1))
            return grid, names, source.dtypes[0]
    except rasterio.errors.RasterioIOError as error:
        raise UserError(f"{path} does not open ({error}); preprocess the scene again") from None


def _check_grid(path: Path, x: Path, grid: Grid, kinds: Sequence[str] = ()) -> tuple[str, ...]:
    """Make sure that a raster lies on the grid of x.tif, and has one of these number types; return its bands."""
    own, names, dtype = _header(path)
    if own != grid:
        raise UserError(
            f"{path} lies on another grid than {x}: {own.height} × {own.width} from {own.transform[2]:g}, "
            f"{own.transform[5]:g} instead of {grid.height} × {grid.width} from {grid.transform[2]:g}, "
            f"{grid.transform[5]:g}; patches need one grid, preprocess the scene again"
        )
    if kinds and dtype not in kinds:
        raise UserError(
            f"{path} holds {dtype}; labels of patches are {' or '.join(kinds)}: map them to classes below 256"
        )
    return names


def _codes(told: Mapping[str, Any], stats: Mapping[str, Any], ignore: int) -> dict[int, int]:
    """Return what y.tif holds for each class of the scene classification; nothing where labels are something else."""
    if str(told.get("backend", "scl")) != "scl":
        return {}
    mapping = stats.get("mapping")
    if mapping:
        return {int(code): int(value) for code, value in mapping.items()}
    return {code: code or ignore for code in SCL_CODES}


def cloud_values(scene: PatchScene, *, shadow: bool) -> tuple[int, ...]:
    """
    Return the values of y.tif that are clouds, medium and high probability and thin cirrus, perhaps with their shadow.

    Raises:
        UserError: y.tif is no scene classification, or its mapping does not tell clouds apart from others.
    """
    if not scene.codes:
        raise UserError(
            f"--max-cloud needs labels of the scene classification, and scene {scene.key} has none; leave it out, or "
            "preprocess with the labels' backend 'scl'"
        )
    cloudy = {*SCL_CLOUDS, *((SCL_SHADOW,) if shadow else ())}
    values = {scene.codes[code] for code in cloudy if code in scene.codes}
    others = {value for code, value in scene.codes.items() if code not in cloudy} | {scene.ignore}
    if not cloudy <= scene.codes.keys() or values & others:
        raise UserError(
            f"--max-cloud cannot tell clouds (classes {', '.join(map(str, sorted(cloudy)))}) in the labels of scene "
            f"{scene.key}: their mapping joins them with others; leave it out, or preprocess without a mapping"
        )
    return tuple(sorted(values))


def tells_clouds(scene: PatchScene) -> bool:
    """Tell whether labels of a scene are a scene classification in which clouds are a value of their own."""
    with suppress(UserError):
        return bool(cloud_values(scene, shadow=False))
    return False


def _check(scenes: Sequence[PatchScene], *, angles: bool) -> None:
    """Make sure that scenes have the same bands, all labels or none, all angles or none, and keys of their own."""
    first = scenes[0]
    twice = [key for key, count in Counter(scene.key for scene in scenes).items() if count > 1]
    if twice:
        raise UserError(f"scene {twice[0]} comes {format_count(2, 'time')} or more; name a folder that has it once")
    for scene in scenes:
        if (scene.bands, scene.dtype) != (first.bands, first.dtype):
            raise UserError(
                f"scene {scene.key} has bands {','.join(scene.bands)} of {scene.dtype}, scene {first.key} has "
                f"{','.join(first.bands)} of {first.dtype}; preprocess both with the same bands"
            )
        if ("y" in scene.files) != ("y" in first.files):
            one, other = (scene, first) if "y" in scene.files else (first, scene)
            raise UserError(
                f"scene {one.key} has labels and scene {other.key} has none; give --no-labels, or make them"
            )
        if scene.ignore != first.ignore or dict(scene.codes) != dict(first.codes):
            raise UserError(
                f"labels of scene {scene.key} mean something else than those of {first.key}: another ignore_index or "
                "mapping; preprocess both with the same labels, or give --no-labels"
            )
        if (angles and scene.angles != first.angles) or (angles and not scene.angles):
            raise UserError(
                f"scene {scene.key} has no angles, or others than {first.key}; leave --angles out, or make them"
            )


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns
