"""Tables of the files of scenes: a row for each file, as CSV, a spreadsheet, or GeoParquet with footprints."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator.core.errors import UserError
from orchestrator.core.files import write_whole
from orchestrator.core.optional import required
from orchestrator.products.scenes.scene import IndexedScene, SceneFile

COLUMNS = (
    "tile_id", "sensing_start_utc", "level", "role", "path", "size", "sha256", "checksum", "product_id",
    "product_name", "baseline", "rel_orbit", "cloud_cover", "coverage_ratio",
)  # fmt: skip
SUFFIXES = (".csv", ".xlsx", ".parquet")


def write_table(path: Path, kind: str, scenes: Sequence[IndexedScene], about: Mapping[str, Any]) -> None:
    """
    Write a row for each file of some scenes; the same bytes for the same files, a spreadsheet apart: it holds its date.

    Args:
        path: Of the table.
        kind: "csv", "xlsx" or "parquet".
        scenes: With their files.
        about: What goes with the data: `attribution`, ...

    Raises:
        ExtraError: A package that writes it is not installed.
    """
    rows = [list(_row(scene, item)) for scene in scenes for item in scene.items]
    footprints = [_footprint(scene, item) for scene in scenes for item in scene.items]
    write_rows(path, kind, COLUMNS, rows, footprints, about)


def write_rows(
    path: Path,
    kind: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    footprints: Sequence[Mapping[str, Any] | None],
    about: Mapping[str, Any],
) -> None:
    """
    Write a table whole, or not at all; see `write_table`.

    Args:
        path: Of the table.
        kind: "csv", "xlsx" or "parquet".
        columns: Their names.
        rows: A value for each column.
        footprints: GeoJSON in degrees of each row, for GeoParquet.
        about: What goes with the data.
    """
    if kind == "csv":
        write_whole(path, _csv(columns, rows))
    elif kind == "xlsx":
        write_whole(path, _xlsx(columns, rows, about))
    else:
        write_whole(path, _parquet(columns, rows, footprints, about))


def check_tables(kinds: Sequence[str]) -> None:
    """Make sure that tables of some kinds can be written here; ExtraError where a package is missing."""
    if "xlsx" in kinds:
        required("openpyxl", "copernicus", "a spreadsheet of files")
    if "parquet" in kinds:
        required("pyarrow", "parquet", "a table of files as Parquet")


def kind_of(path: Path) -> str:
    """Return the kind of a table by the ending of its name; UserError where it has none."""
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{path} ends in {path.suffix!r}; a table is written as {', '.join(SUFFIXES)}")
    return path.suffix.lower().lstrip(".")


def _row(scene: IndexedScene, item: SceneFile) -> Iterator[Any]:
    level = item.role[:3].upper()
    product = scene.product(level)
    assert product is not None  # noqa: S101  files are of products
    yield from (scene.key.tile, scene.key.sensing, level, item.role, item.path, item.size, item.sha256, item.checksum)
    yield from (product.id, product.name, product.baseline, product.orbit, product.cloud_cover, product.coverage)


def _footprint(scene: IndexedScene, item: SceneFile) -> Mapping[str, Any] | None:
    product = scene.product(item.role[:3].upper())
    return product.footprint if product else None


def _csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(["" if value is None else value for value in row] for row in rows)
    return text.getvalue().encode()


def _xlsx(columns: Sequence[str], rows: Sequence[Sequence[Any]], about: Mapping[str, Any]) -> bytes:
    openpyxl = required("openpyxl", "copernicus", "a spreadsheet of files")
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("files")
    sheet.append(list(columns))
    for row in rows:
        sheet.append(list(row))
    notice = book.create_sheet("notice")
    notice.append([about.get("attribution", "")])
    notice.append([about.get("licence", "")])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _parquet(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    footprints: Sequence[Mapping[str, Any] | None],
    about: Mapping[str, Any],
) -> bytes:
    import geopandas  # noqa: PLC0415  heavy
    import pandas as pd  # noqa: PLC0415
    from shapely.geometry import shape  # noqa: PLC0415

    required("pyarrow", "parquet", "a table of files as Parquet")
    frame = pd.DataFrame([list(row) for row in rows], columns=list(columns))
    frame["sensing_start_utc"] = pd.to_datetime(frame["sensing_start_utc"], utc=True)
    shapes = [None if one is None else shape(dict(one)) for one in footprints]
    frame.attrs["notice"] = json.dumps(dict(about))
    placed = geopandas.GeoDataFrame(frame, geometry=shapes, crs="EPSG:4326")
    content = io.BytesIO()
    placed.to_parquet(content, index=False)
    return content.getvalue()
