"""The table of patches: a row for every window of every scene, kept or not; what shards are made anew from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from orchestrator.core.errors import UserError
from orchestrator.core.optional import required
from orchestrator.plan.reproject import LONLAT, parse_crs, transformer_between
from orchestrator.products.patches.arrange import KEPT, REASONS, Arranged, Candidates
from orchestrator.products.patches.cut import key_of
from orchestrator.products.patches.document import PatchPlan
from orchestrator.products.patches.keys import SPLITS
from orchestrator.products.patches.measure import Measured
from orchestrator.products.patches.samples import StoredSample
from orchestrator.tiling.degrees import cut_at_180

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

TABLE = "patches.parquet"
LABEL = "label_"  # columns: pixels of each class


def table_of(
    plan: PatchPlan,
    measured: Sequence[Measured],
    found: Candidates,
    arranged: Arranged,
    places: Mapping[int, StoredSample],
) -> GeoDataFrame:
    """
    Return a row for each candidate, in order, its outline in degrees.

    Columns: `key` of the patch and of the `sample` that holds it (equal, unless several times are in one; null where it
    is in none); `scene`, `tile`, `sensing`, `row`, `col`, `size`, `crs`, `transform`; shares `valid`, `ignore`, `cloud`
    (null where nothing is known of it) and pixels of each class, `label_{value}`; `kept`, or `why` not; `split`;
    `shard`, `offset`, `bytes`, `sha256` of its sample.

    Args:
        plan: The scenes and what was asked for.
        measured: What the windows of each scene hold.
        found: The candidates.
        arranged: What became of each.
        places: Where each sample lies.
    """
    import geopandas  # noqa: PLC0415  heavy

    required("pyarrow.parquet", "parquet", "the table of patches")
    scenes = [plan.scenes[number] for number in found.scene]
    inside = arranged.sample >= 0
    sample_keys = [key_of(plan, found, arranged.members_of(number)) for number in range(len(arranged.split))]
    own = [places[int(number)] if number >= 0 else None for number in arranged.sample]
    rows, cols = found.corner.T
    columns: dict[str, Any] = {
        "key": [f"{scene.key}_r{row:05d}_c{col:05d}" for scene, row, col in zip(scenes, rows, cols, strict=True)],
        "sample": [sample_keys[int(number)] if number >= 0 else None for number in arranged.sample],
        "scene": [scene.key for scene in scenes],
        "tile": [scene.tile for scene in scenes],
        "sensing": [scene.moment for scene in scenes],
        "row": rows.astype(np.int32),
        "col": cols.astype(np.int32),
        "size": np.full(len(rows), plan.keys.size, np.int32),
        "crs": [scene.grid.crs for scene in scenes],
        "transform": _transforms(plan, found).tolist(),
        "valid": found.valid,
        "ignore": found.ignored if plan.has_labels else np.nan,
        "cloud": found.cloudy if plan.has_clouds else np.nan,
        **_label_columns(measured),
        "kept": inside,
        "why": [None if REASONS[code] == KEPT else REASONS[code] for code in arranged.why],
        "split": [SPLITS[arranged.split[number]] if number >= 0 else None for number in arranged.sample],
        **place_columns(own),
    }
    return geopandas.GeoDataFrame(columns, geometry=_outlines(plan, found), crs=LONLAT)


def place_columns(places: Sequence[StoredSample | None]) -> dict[str, Any]:
    """Return the columns that say where samples lie; null for what is in none."""
    import pandas as pd  # noqa: PLC0415  heavy

    return {
        "shard": [one.file if one else None for one in places],
        "offset": pd.array([one.offset if one else None for one in places], dtype="Int64"),
        "bytes": pd.array([one.size if one else None for one in places], dtype="Int64"),
        "sha256": [one.sha256 if one else None for one in places],
    }


def _label_columns(measured: Sequence[Measured]) -> dict[str, NDArray[np.int64]]:
    """Return pixels of each class that occurs anywhere, 0 in scenes in which it does not."""
    values = sorted({int(value) for one in measured for value in one.classes})
    made: dict[str, NDArray[np.int64]] = {}
    for value in values:
        parts = [
            one.labels[:, one.classes == value].sum(axis=1) if len(one.classes) else np.zeros(len(one.valid), np.int64)
            for one in measured
        ]
        made[f"{LABEL}{value}"] = np.concatenate(parts).astype(np.int64)
    return made


def label_values(frame: GeoDataFrame) -> list[int]:
    """Return the classes that a table counts, ascending."""
    found = [str(name).removeprefix(LABEL) for name in frame.columns if str(name).startswith(LABEL)]
    return sorted(int(word) for word in found if word.isdigit())


def _transforms(plan: PatchPlan, found: Candidates) -> NDArray[np.float64]:
    transforms = np.array([scene.grid.transform for scene in plan.scenes], np.float64)[found.scene]
    row, col = found.corner.T
    transforms[:, 2] += transforms[:, 0] * col
    transforms[:, 5] += transforms[:, 4] * row
    return transforms


def _outlines(plan: PatchPlan, found: Candidates) -> NDArray[np.object_]:
    """Return the four corners of each window in degrees."""
    size = plan.keys.size
    a, _b, c, _d, e, f = _transforms(plan, found).T
    corners = np.stack((np.stack((c, c + a * size, c + a * size, c)), np.stack((f, f, f + e * size, f + e * size))))
    crs = np.array([scene.grid.crs for scene in plan.scenes])[found.scene]
    made = np.empty(len(crs), object)
    for each in sorted(set(crs.tolist())):
        mine = crs == each
        lon, lat = _way(each).transform(*corners[:, :, mine])
        # Both sides of longitude 180 in one polygon: it is cut there.
        lon = np.where((lon.max(axis=0) - lon.min(axis=0) > 180) & (lon < 0), lon + 360, lon)
        made[mine] = shapely.polygons(np.stack((lon.T, lat.T), axis=-1))
    cut: NDArray[np.object_] = np.asarray(cut_at_180(made), object)
    return cut


def _way(crs: str) -> pyproj.Transformer:
    return transformer_between(parse_crs(crs), parse_crs(LONLAT))


def read_table(folder: Path) -> GeoDataFrame:
    """
    Return the table of a set of patches.

    Raises:
        UserError: There is none, or it cannot be read.
    """
    import geopandas  # noqa: PLC0415  heavy

    required("pyarrow.parquet", "parquet", "the table of patches")
    path = folder / TABLE
    if not path.is_file():
        raise UserError(f"{folder} has no {TABLE}; name the folder that `patches cut` made")
    try:
        frame: GeoDataFrame = geopandas.read_parquet(path)
        missing = {"key", "sample", "scene", "row", "col", "split", "shard", "offset", "bytes", "sha256"} - set(frame)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as a table of patches: {error}") from None
    if missing:
        raise UserError(f"{path} lacks the column {min(missing)!r}; name the folder that `patches cut` made")
    return frame
