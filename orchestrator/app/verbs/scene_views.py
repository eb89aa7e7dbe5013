"""Scenes of a run as a page shows them: which there are, how cloudy, how many of their files, and where."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.app.finding import find_head
from orchestrator.app.records import Records
from orchestrator.app.verbs.results import result_of
from orchestrator.core.errors import UserError
from orchestrator.core.optional import required

if TYPE_CHECKING:
    from orchestrator.products.scenes.scene import IndexedScene

PRODUCT, PATCHES = "scenes", "patches"
_LEVELS = ("L1C", "L2A")
_DRAWN = ("sheet", "splits")


@dataclass(frozen=True, slots=True)
class ShownScene:
    """
    A scene.

    Attributes:
        tile: Of Sentinel-2's grid.
        sensing: When, RFC 3339, UTC.
        levels: L1C, L2A, or both.
        cloud: Per cent; None where nothing says so.
        files: How many are there.
        planned: How many there should be.
        bytes: Of those that are there.
        footprint: GeoJSON geometry in degrees; None where nothing says so.
    """

    tile: str
    sensing: str
    levels: tuple[str, ...]
    cloud: float | None
    files: int
    planned: int
    bytes: int
    footprint: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class ShownScenes:
    """The scenes of a run, by date; `root` is the folder that they lie in."""

    root: Path
    scenes: tuple[ShownScene, ...]


def scenes_of(app: Records, name: str) -> ShownScenes:
    """
    Return the scenes that a run brought.

    Raises:
        UserError: No run is called so, it brought no scenes, or their list is gone or cannot be read.
        NeedsPerson: The run is held for a person.
        RunFailed: It has no result.
    """
    from orchestrator.products.scenes.index import scenes_in  # noqa: PLC0415  pydantic models of the format

    head = find_head(app.store, name)
    if head.product != PRODUCT:
        raise UserError(f"run {head.id} brought no scenes but a {head.product}")
    path, root = result_of(head).path, Path(json.loads(head.job)["output"])
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}; bring the scenes again") from None
    found = sorted(scenes_in(content, root, path), key=lambda scene: (scene.key.sensing, scene.key.tile))
    return ShownScenes(root, tuple(map(_shown, found)))


def patch_picture(app: Records, name: str, which: str) -> bytes:
    """
    Return a picture of a set of patches, a PNG: `sheet`, some of them with their labels; `splits`, where they lie.

    Raises:
        UserError: No run is called so, it made no patches, or there is no such picture.
        NeedsPerson: The run is held for a person.
        RunFailed: It has no result.
        IntegrityError: A sample is not what the set's table tells.
    """
    if which not in _DRAWN:
        raise UserError(f"there is no picture {which!r} of patches; there are {', '.join(_DRAWN)}")
    head = find_head(app.store, name)
    if head.product != PATCHES:
        raise UserError(f"run {head.id} made no patches but a {head.product}")
    folder = result_of(head).path
    if not folder.is_dir():
        raise UserError(f"{folder} is there no more; put it back, or make it again")
    return _drawn(folder, which, folder.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _drawn(folder: Path, which: str, _mark: int) -> bytes:
    from orchestrator.app.verbs import patches  # noqa: PLC0415  geopandas and matplotlib are heavy

    required("pyarrow", "parquet", "a picture of patches")
    return patches.draw_sheet_of(folder) if which == "sheet" else patches.draw_map(folder)


def _shown(scene: IndexedScene) -> ShownScene:
    products = {level: found for level in _LEVELS if (found := scene.product(level))}
    cloud = next((one.cloud_cover for one in products.values() if one.cloud_cover is not None), None)
    footprint = next((one.footprint for one in products.values() if one.footprint), None)
    there = [item for item in scene.items if item.present]
    size = sum(item.size or 0 for item in there)
    return ShownScene(
        scene.key.tile, scene.key.sensing, tuple(products), cloud, len(there), len(scene.items), size, footprint
    )
