"""From the index of downloaded scenes to the plan of a run: every file and every grid, before any work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from orchestrator.core.errors import PermanentError, UserError
from orchestrator.core.files import sha256_of
from orchestrator.core.units import format_bytes, format_count
from orchestrator.model.credit import SENTINEL_TERMS, is_from_sandbox
from orchestrator.model.grid import BLOCK, Grid
from orchestrator.model.job import Job
from orchestrator.model.product import Settled
from orchestrator.model.unit import UnitPlan
from orchestrator.products.context import ProductContext
from orchestrator.products.preprocess.counting import settings_of
from orchestrator.products.preprocess.document import PreprocessPlan, ScenePlan, SourceFile
from orchestrator.products.preprocess.files import stats_path
from orchestrator.products.preprocess.keys import PreprocessKeys, preprocess_keys
from orchestrator.products.preprocess.labels import LABELS, find_backend
from orchestrator.products.preprocess.meta import notice_for_scenes
from orchestrator.products.preprocess.normalisation.reading import check_range, check_stats, read_stats, remark
from orchestrator.products.preprocess.raster import grid_of, strip_rows
from orchestrator.products.preprocess.roles import band_role, grid_role, needed_roles
from orchestrator.products.scenes.index import read_scenes
from orchestrator.products.scenes.scene import IndexedScene, SceneFile

SCENE = "scene"  # kind of the units
# Reflectance as 4-byte numbers, deflate with the predictor of floating point, measured on a scene of land: 0.45 of it
# stays, and half of that where a third of the tile is empty.
_SHARE_OF_RAW = 0.2


def plan_samples(job: Job, context: ProductContext) -> PreprocessPlan:
    """
    Find the files and the grid of every scene.

    Raises:
        UserError: A scene lacks a file, or has two CRS; there is no scene; the statistics are of something else; or
            the disk is too small.
    """
    keys = preprocess_keys(job.keys)
    needed, notes = needed_roles(keys), _statistics_checked(job, keys)
    index = read_scenes(Path(keys.index_json))
    scenes, from_sandbox = index.scenes[: keys.max_scenes], is_from_sandbox(index.notice)
    if not scenes:
        raise UserError(f"{keys.index_json} lists no scene; download some with `orchestrator copernicus download`")
    _check_roles(scenes, needed)
    context.say(f"looking at the files of {format_count(len(scenes), 'scene')}")
    planned = tuple(_planned(scene, needed, keys, from_sandbox) for scene in scenes)
    plan = PreprocessPlan(planned, (*notes, *_unproved(planned)))
    if keys.writes_samples:
        _check_room(plan, keys, job, context)
    return plan


def settled(job: Job, context: ProductContext) -> Settled:
    """Return everything that a run is made from. Errors as `plan_samples`."""
    keys, plan = preprocess_keys(job.keys), plan_samples(job, context)
    facts = {
        "scenes": len(plan.scenes),
        "attribution": notice_for_scenes(plan.scenes),
        "licence": SENTINEL_TERMS,
    }
    units = tuple(
        UnitPlan(
            SCENE, scene.key, spec={"scene": number, "bytes": 0 if keys.num_workers else memory_bytes(scene, keys)}
        )
        for number, scene in enumerate(plan.scenes)
    )
    return Settled(plan.to_json(), facts=facts, units=units)


def preprocess_pins(job: Job) -> dict[str, str]:
    """
    Return the checksums of the files that a job speaks of: other ones make another job.

    Raises:
        UserError: One cannot be read.
    """
    keys = preprocess_keys(job.keys)
    named = {"index_json": Path(keys.index_json)}
    if keys.normalize.mode == "apply_with_stats":
        named["stats"] = stats_path(job, keys)
    return {name: _checksum(name, path) for name, path in named.items()}


def _checksum(name: str, path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        hint = (
            "compute statistics first, normalize.mode 'compute_only'" if name == "stats" else "name one that is there"
        )
        raise UserError(f"{name} {path} cannot be read: {error.strerror}; {hint}") from None


def memory_bytes(scene: ScenePlan, keys: PreprocessKeys) -> int:
    """Return about how much memory a scene takes while it is computed."""
    if scene.grid is None:
        return 0
    bands = len(keys.l1c_bands)
    return scene.grid.width * min(scene.strip, scene.grid.height) * (4 * _bands_of_x(keys) + 16 * bands)


def _bands_of_x(keys: PreprocessKeys) -> int:
    bands = len(keys.l1c_bands)
    return 2 * bands if keys.valid_pixel_mask == "per_band" else bands + 1


def _unproved(scenes: Sequence[ScenePlan]) -> Iterator[str]:
    files = {file.path: file for scene in scenes for file in scene.files}
    if count := sum(not file.sha256 for file in files.values()):
        yield (
            f"the index has no checksum for {count:,} of {format_count(len(files), 'file')}: one that is cut short is "
            "refused, one with other bytes in it is not noticed"
        )


def _statistics_checked(job: Job, keys: PreprocessKeys) -> tuple[str, ...]:
    if keys.normalize.mode != "none":
        check_range(settings_of(keys))
    if keys.normalize.mode != "apply_with_stats":
        return ()
    path = stats_path(job, keys)
    stats = read_stats(path)
    check_stats(stats, settings_of(keys), path)
    return tuple(filter(None, (remark(stats),)))


def _check_roles(scenes: Sequence[IndexedScene], needed: Sequence[str]) -> None:
    lacking = []
    for scene in scenes:
        try:
            scene.require(needed)
        except UserError as error:
            lacking.append(str(error))
    if lacking:
        others = len(lacking) - 1
        more = f" ({format_count(others, 'other scene')} {'lacks' if others == 1 else 'lack'} something, too)"
        more = more if others else ""
        raise UserError(f"{lacking[0]}{more}")


def _planned(scene: IndexedScene, needed: Sequence[str], keys: PreprocessKeys, from_sandbox: bool) -> ScenePlan:
    items = {item.role: item for item in scene.items}
    files = [_source(scene, items[role]) for role in needed]
    if keys.has_labels and (named := find_backend(keys.labels.backend).named):
        files.append(SourceFile(LABELS, named(keys.labels, scene.key.tile, scene.key.sensing)))
    sources, target = _grids(files, keys)
    about = _about(scene)
    rows = strip_rows(target, sources) if target else BLOCK
    return ScenePlan(scene.key.tile, scene.key.sensing, tuple(files), target, rows, about, from_sandbox)


def _source(scene: IndexedScene, item: SceneFile) -> SourceFile:
    return SourceFile(item.role, str((scene.root / item.path).absolute()), item.sha256)


def _grids(files: Iterable[SourceFile], keys: PreprocessKeys) -> tuple[list[Grid], Grid | None]:
    """
    Return the grids of all rasters, and the one of the sample.

    What cannot be opened has none: its scene fails, and the others are made.

    Raises:
        UserError: Two of them have different CRS.
    """
    rasters = {*map(band_role, keys.l1c_bands), grid_role(keys), LABELS}
    if keys.has_labels:
        rasters.add(find_backend(keys.labels.backend).role)
    found: dict[str, tuple[str, Grid]] = {}
    for file in files:
        if file.role in rasters:
            try:
                found[file.role] = (file.path, grid_of(Path(file.path)))
            except PermanentError:
                continue
    reference = found.get(grid_role(keys))
    for path, grid in found.values():
        if reference and grid.crs != reference[1].crs:
            raise UserError(
                f"{path} is in {grid.crs}, and {reference[0]}, whose grid the sample has, in {reference[1].crs}; "
                "expected one CRS for all files of a scene"
            )
    return [grid for _, grid in found.values()], reference[1] if reference else None


def _about(scene: IndexedScene) -> dict[str, Any]:
    """Return what `meta.json` tells of a scene: of Level-1C, or of 2A where that alone says it."""
    products = [product for product in (scene.l1c, scene.l2a) if product is not None]

    def first(name: str) -> Any:
        return next((value for one in products if (value := getattr(one, name)) is not None), None)

    footprint, scl = first("footprint"), scene.l2a.scl if scene.l2a else None
    return {
        "cloud_cover": first("cloud_cover"),
        "coverage_fraction": first("coverage"),
        "geofootprint": dict(footprint) if footprint else None,
        "products": [product.name for product in products],
        "scl_percentages": dict(scl) if scl else None,
    }


def _check_room(plan: PreprocessPlan, keys: PreprocessKeys, job: Job, context: ProductContext) -> None:
    raw = sum(scene.grid.pixels * (4 * _bands_of_x(keys) + keys.has_labels) for scene in plan.scenes if scene.grid)
    needed = int(raw * _SHARE_OF_RAW)
    folder = next(path for path in (Path(job.output), *Path(job.output).parents) if path.is_dir())
    free = context.free_bytes(str(folder))
    if free < needed:
        raise UserError(
            f"{format_count(len(plan.scenes), 'sample')} will take {format_bytes(needed)} at the least "
            f"({format_bytes(raw)} of numbers, compressed), and {folder} has {format_bytes(free)} left; make room, or "
            "take fewer scenes (--max-scenes), fewer bands or a coarser grid (--target-grid)"
        )
