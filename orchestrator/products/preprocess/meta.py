"""`meta.json` of a sample: what its rasters hold, what they were made from and how, in the published schema."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.core.errors import PermanentError
from orchestrator.core.files import StopFlag, sha256_of
from orchestrator.model.credit import SENTINEL_TERMS, sandbox_notice, sentinel_notice
from orchestrator.model.grid import Grid
from orchestrator.products.preprocess.document import ScenePlan
from orchestrator.products.preprocess.keys import PreprocessKeys
from orchestrator.products.preprocess.sample import MadeSample, SampleAsset

SCHEMA = "s2pipe.step2.sample_meta.v2"
META = "meta.json"
FORMAT = 1  # grows when the same files and configuration give other bytes
# What neither pixels nor counts depend on.
_WHERE = {"index_json", "out_dir", "run_id", "max_scenes", "num_workers"}


@dataclass(frozen=True, slots=True)
class SampleRecipe:
    """
    Everything that a sample's bytes depend on.

    Attributes:
        run_id: Whose sample it is.
        settings: The configuration, without paths.
        inputs: `role`, `name`, `bytes` and `sha256` of each file.
        stats_sha256: Of the statistics that are applied; empty where none are.
        from_sandbox: Whether a sandbox served the files, which the sample says.
    """

    run_id: str
    settings: Mapping[str, Any]
    inputs: Sequence[Mapping[str, Any]]
    stats_sha256: str = ""
    from_sandbox: bool = False

    @property
    def sha256(self) -> str:
        """What tells two recipes apart."""
        content = [FORMAT, self.run_id, dict(self.settings), list(self.inputs), self.stats_sha256]
        content += ["sandbox"] if self.from_sandbox else []
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def settings_json(keys: PreprocessKeys) -> dict[str, Any]:
    """Return a configuration, every value of it, without where things lie."""
    settings = keys.model_dump(mode="json", exclude=_WHERE)
    settings["labels"].pop("path")
    settings["normalize"].pop("stats_path")
    return settings


def read_inputs(scene: ScenePlan, stop: StopFlag | None) -> list[dict[str, Any]]:
    """
    Return what each file of a scene is; it is read once, and compared with what was downloaded.

    Raises:
        PermanentError: A file is gone, or another than was downloaded.
        Stopped: `stop` was set.
    """
    told = []
    for file in scene.files:
        path = Path(file.path)
        try:
            sha256, size = sha256_of(path, stop), path.stat().st_size
        except OSError as error:
            raise PermanentError(
                f"{path} cannot be read ({error.strerror}); bring it again with `orchestrator copernicus download`"
            ) from None
        if file.sha256 and sha256 != file.sha256:
            raise PermanentError(
                f"{path} is not the file that was downloaded (sha256 {sha256[:12]}…, expected {file.sha256[:12]}…); "
                "bring it again with `orchestrator copernicus download`"
            )
        told.append({"role": file.role, "name": path.name, "bytes": size, "sha256": sha256})
    return told


def notice_for(scene: ScenePlan) -> str:
    """Return the sentence that goes with whatever is made from a scene."""
    return notice_for_scenes([scene])


def notice_for_scenes(scenes: Collection[ScenePlan]) -> str:
    """Return the sentence that goes with whatever is made from several; where a sandbox served one, it says so."""
    notice = sentinel_notice(int(scene.sensing[:4]) for scene in scenes)
    return sandbox_notice(notice) if any(scene.from_sandbox for scene in scenes) else notice


def meta_json(
    scene: ScenePlan, keys: PreprocessKeys, recipe: SampleRecipe, made: MadeSample, digests: Mapping[str, str]
) -> bytes:
    """Return `meta.json`; nothing in it changes from run to run. `digests` are SHA-256 by the files' names."""
    names = {role: asset.name for role, asset in made.assets.items()}
    about = dict(scene.about)
    percentages = about.pop("scl_percentages", None)
    labels: dict[str, Any] = {"enabled": keys.has_labels, "backend": None, "stats": None, "backend_stats": None}
    if keys.has_labels:
        found = {str(number): count for number, count in made.labels["found"].items()}
        labels |= {"backend": keys.labels.backend, "stats": made.labels["stats"]}
        labels["backend_stats"] = {"scl_percentages": percentages, "source_counts": found}
    content = {
        "schema": SCHEMA,
        "key": {"tile_id": scene.tile, "sensing_start_utc": scene.sensing},
        "run_id": recipe.run_id,
        "attribution": notice_for(scene),
        "licence": SENTINEL_TERMS,
        "paths": {"x": names["x"], "y": names.get("y"), "meta": META}
        | ({"angles": names["angles"]} if "angles" in names else {}),
        "assets": {role: _asset_json(asset) for role, asset in made.assets.items()},
        "scene": about,
        "labels": labels,
        "statistics": dict(made.statistics),
        "settings": dict(recipe.settings),
        "stats_sha256": recipe.stats_sha256 or None,
        "inputs": list(recipe.inputs),
        "unproved": [file.role for file in scene.files if not file.sha256],
        "files": dict(digests),
        "recipe_sha256": recipe.sha256,
    }
    return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()


def _asset_json(asset: SampleAsset) -> dict[str, Any]:
    is_nan = asset.nodata is not None and math.isnan(asset.nodata)
    kind = "none" if asset.nodata is None else "nan" if is_nan else "value"
    return {
        "dtype": asset.dtype,
        "shape_chw": [len(asset.bands), asset.grid.height, asset.grid.width],
        "grid": _grid_json(asset.grid),
        "nodata": asset.nodata if kind == "value" else None,
        "nodata_kind": kind,
        "band_names": list(asset.bands),
    }


def _grid_json(grid: Grid) -> dict[str, Any]:
    a, _b, _c, _d, e, _f = grid.transform
    return {
        "crs": grid.crs,
        "width": grid.width,
        "height": grid.height,
        "res": [abs(a), abs(e)],
        "transform": list(grid.transform),
    }


def is_made(folder: Path, recipe: SampleRecipe, stop: StopFlag | None) -> bool:
    """Tell whether a folder holds the whole sample of a recipe: every file is read and compared."""
    told = told_of(folder)
    if told.get("recipe_sha256") != recipe.sha256:
        return False
    files: Mapping[str, str] = told.get("files", {})
    return all(_is(folder / name, sha256, stop) for name, sha256 in files.items())


def _is(path: Path, sha256: str, stop: StopFlag | None) -> bool:
    return path.is_file() and sha256_of(path, stop) == sha256


def told_of(folder: Path) -> dict[str, Any]:
    """Return the `meta.json` of a folder; nothing where there is none of ours."""
    try:
        content = json.loads((folder / META).read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) and str(content.get("schema", "")).startswith(SCHEMA[:-1]) else {}


def check_ours(folder: Path, run_id: str) -> str:
    """Return why a folder may not be replaced by a run, in a sentence; empty where it may."""
    if not folder.exists() and not folder.is_symlink():
        return ""
    told = told_of(folder)
    if told.get("run_id") == run_id:
        return ""
    maker = f"run_id {told['run_id']!r} made it" if told.get("run_id") else "no run of this program made it"
    return f"{folder} exists already, and {maker}; choose another --out, or let it be replaced with --overwrite"
