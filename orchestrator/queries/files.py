"""A table of scenes as a file: GeoParquet, GeoJSON or CSV, by the ending of its name."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.core.files import check_target, write_whole
from orchestrator.core.optional import required

if TYPE_CHECKING:
    import geopandas as gpd


def check_file(path: Path, *, overwrite: bool) -> None:
    """
    Make sure that a table can be written to `path`; nothing is written.

    Raises:
        UserError: The ending is unknown, the folder is not there, or something is there and may not be replaced.
        ExtraError: GeoParquet needs an extra that is not installed.
    """
    check_target(path, _FORMATS, "a table of scenes", overwrite=overwrite)
    if _FORMATS[path.suffix.lower()] is _parquet:
        required("pyarrow", "parquet", "a GeoParquet file")


def write_frame(frame: gpd.GeoDataFrame, path: Path) -> None:
    """Write a table whole, or not at all; errors of the disk are OSErrors."""
    write_whole(path, _FORMATS[path.suffix.lower()](frame))


def _parquet(frame: gpd.GeoDataFrame) -> bytes:
    content = io.BytesIO()
    frame.to_parquet(content)
    return content.getvalue()


def _geojson(frame: gpd.GeoDataFrame) -> bytes:
    text: str = _as_text(frame).to_json(drop_id=True, to_wgs84=False)
    return text.encode()


def _csv(frame: gpd.GeoDataFrame) -> bytes:
    """The geometry is WKT; the grid is JSON."""
    text: str = _as_text(frame).to_csv(index=False)
    return text.encode()


def _as_text(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a table with times in ISO 8601 and grids in JSON, its index the first column."""
    plain = frame.reset_index()
    for name, kind in plain.dtypes.items():
        if str(kind).startswith("datetime64"):
            plain[name] = [time.isoformat(timespec="milliseconds") for time in plain[name]]
    plain["proj"] = [json.dumps(grid) for grid in plain["proj"]]
    return plain


_FORMATS: Mapping[str, Callable[[gpd.GeoDataFrame], bytes]] = {
    ".parquet": _parquet,
    ".geojson": _geojson,
    ".csv": _csv,
}
