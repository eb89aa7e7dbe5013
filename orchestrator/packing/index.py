"""The table of a training set: a row for each chip, with its tile, its split, its files and what is known of it."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.core.optional import required
from orchestrator.tiling.file import is_shares
from orchestrator.tiling.label_columns import LABELS, VALID, shares_name

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

    from orchestrator.packing.formats import SamplePlace
    from orchestrator.packing.samples import TrainingSample
    from orchestrator.tiling.file import Tiles

LABEL = "label"
INDEX, SPLITS = "index.parquet", "splits.csv"


def index_frame(
    tiles: Tiles,
    samples: Sequence[TrainingSample],
    places: Sequence[SamplePlace],
    labels: str = "",
    shares: Sequence[Mapping[int, float]] = (),
) -> GeoDataFrame:
    """
    Return the tiles of the samples, in their order and CRS.

    Columns: `id`, `split`, `path`, `label_path`, in archives `member` and `label_member`, then those of the tiles; the
    share of each class of the labels as they are packed, `label__{class}`, NaN where no pixel has one; of other
    datasets that were counted in the tiles `{column}__{class}`; and the geometry.

    Args:
        tiles: The file of tiles.
        samples: In their order.
        places: Of each.
        labels: Dataset of the labels: what was counted of it before they were mapped is left out.
        shares: Of each sample the share of each class; none where labels are no classes.
    """
    frame = tiles.frame.iloc[[sample.row for sample in samples]].reset_index(drop=True)
    frame = flat_shares(frame.drop(columns=_told_twice(tiles, shares_name(labels) if shares else "")))
    frame = frame.drop(columns=["split"], errors="ignore").rename(columns={"identifier": "id"})
    for value in sorted({value for each in shares for value in each}):
        frame[f"{LABEL}__{value}"] = [each.get(value, 0.0) if each else math.nan for each in shares]
    named: dict[str, list[str] | list[str | None]] = {
        "split": [sample.split for sample in samples],
        "path": [place.image for place in places],
        "label_path": [place.label or None for place in places],
        "member": [place.image_member or None for place in places],
        "label_member": [place.label_member or None for place in places],
    }
    at = list(frame.columns).index("id") + 1
    for column, values in reversed(named.items()):
        if any(value is not None for value in values):
            frame.insert(at, column, values)
    return frame


def _told_twice(tiles: Tiles, packed: str) -> list[str]:
    """Return columns of which others say the same: shares of the packed labels, and those that are flat already."""
    counted: Mapping[str, Any] = tiles.about.get(LABELS) or {}
    beside = {name for told in counted.values() for name in told.get("columns", ()) if not name.endswith(VALID)}
    return [name for name in map(str, tiles.frame.columns) if name in beside or name == packed]


def parquet_bytes(frame: GeoDataFrame) -> bytes:
    """Return a table as GeoParquet with the bounding box of each row."""
    required("pyarrow.parquet", "parquet", "GeoParquet")
    content = io.BytesIO()
    frame.to_parquet(content, index=False, write_covering_bbox=True, compression="zstd")
    return content.getvalue()


def flat_shares(frame: GeoDataFrame, *, unknown: float = math.nan, keep: bool = False) -> GeoDataFrame:
    """
    Return a table in which a column of shares is a column for each class, `{column}__{class}`; an absent class is 0.

    Args:
        frame: The table.
        unknown: What stands for tiles that have no shares.
        keep: Keep the column of shares too.
    """
    made = frame.copy(deep=False)
    for column in [each for each in frame.columns if is_shares(str(each))]:
        told = [shares for shares in frame[column] if isinstance(shares, Mapping)]
        classes = sorted({str(one) for shares in told for one in shares}, key=_by_number)
        for one in classes:
            made[f"{column}__{one}"] = [
                shares.get(one) or 0.0 if isinstance(shares, Mapping) else unknown for shares in frame[column]
            ]
        if not keep:
            made = made.drop(columns=[column])
    return made


def splits_csv(frame: GeoDataFrame) -> bytes:
    """Return `identifier` and every column whose name has `split` in it, as text."""
    columns = [each for each in frame.columns if each == "identifier" or "split" in str(each)]
    text: str = frame[columns].to_csv(index=False, lineterminator="\n")
    return text.encode()


def plain_row(frame: GeoDataFrame, row: int) -> dict[str, Any]:
    """Return what a table says of a tile as JSON can hold it, its bounds in place of its geometry."""
    told = frame.iloc[row]
    shape = told[frame.geometry.name]
    values = {str(name): plain(told[name]) for name in frame.columns if name != frame.geometry.name}
    return values | {"bounds": list(shape.bounds)}


def plain(value: Any) -> Any:
    """Return a value of a table as JSON can hold it; what is missing is null."""
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if hasattr(value, "item") and not hasattr(value, "__len__"):
        value = value.item()
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value if isinstance(value, str | int | float | bool) else str(value)


def json_bytes(told: Any) -> bytes:
    """Return what is told as JSON that is equal where it is equal."""
    return (json.dumps(told, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode()


def _by_number(word: str) -> tuple[float, str]:
    try:
        return float(word), word
    except ValueError:
        return math.inf, word


def lines(words: Iterable[str]) -> bytes:
    """Return words, one a line."""
    return "".join(f"{word}\n" for word in words).encode()
