"""A table of a run as a page shows it: its first rows, and the series of one place."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from orchestrator.app.finding import find_head
from orchestrator.app.records import Records
from orchestrator.app.verbs.results import result_of
from orchestrator.core.errors import UserError
from orchestrator.core.optional import required

PRODUCT = "table"
ROWS = 50  # that are shown
READ = 5000  # that are read, for the series of a place
PLACES = 200  # that may be chosen
_CELL = 200  # letters of a cell
_KEYS = ("id", "time", "image", "lon", "lat", "geometry")


@dataclass(frozen=True, slots=True)
class TableSeries:
    """
    Numbers of one place over time.

    Attributes:
        place: What it is called.
        times: RFC 3339, in order.
        values: Of each column of numbers, in the order of the times; None where there is none.
    """

    place: str
    times: tuple[str, ...]
    values: Mapping[str, tuple[float | None, ...]]


@dataclass(frozen=True, slots=True)
class ShownTable:
    """
    The beginning of a table.

    Attributes:
        path: Where it lies.
        columns: Names, in order; geometries are left out.
        rows: The first ones, as texts.
        count: How many rows there are in all; None where nothing says so.
        places: What places are called, those among the rows that were read.
        series: Of the place that was asked for, or of the first; None where the table has no times.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    count: int | None
    places: tuple[str, ...]
    series: TableSeries | None


def table_of(app: Records, name: str, *, place: str = "") -> ShownTable:
    """
    Return the beginning of the table of a run.

    Args:
        app: With the state.
        name: Of the run.
        place: Whose series is wanted, by the column `id`; empty is the first.

    Raises:
        UserError: No run is called so, it made no table, or the table is gone or cannot be read.
        NeedsPerson: The run is held for a person.
        RunFailed: It has no result.
    """
    head = find_head(app.store, name)
    if head.product != PRODUCT:
        raise UserError(f"run {head.id} made no table but a {head.product}")
    report = result_of(head)
    try:
        columns, rows = _read(report.path)
    except OSError as error:
        raise UserError(f"{report.path} cannot be read: {error.strerror or error}; make it again") from None
    except ValueError as error:
        raise UserError(f"{report.path} cannot be read, and may be damaged: {error}") from None
    count = report.kept.get("rows")
    places = tuple(dict.fromkeys(str(row["id"]) for row in rows if "id" in row))[:PLACES]
    texts = tuple(tuple(_text(row.get(column)) for column in columns) for row in rows[:ROWS])
    return ShownTable(
        report.path, columns, texts, count, places, _series(columns, rows, place or next(iter(places), ""))
    )


def _read(path: Path) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    """Return the columns and at most `READ` rows."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            rows: list[dict[str, Any]] = list(islice(reader, READ))
            columns = list(reader.fieldnames or ())
    else:
        file_of = required("pyarrow.parquet", "parquet", "a table").ParquetFile
        with file_of(path) as parquet:
            columns = [str(each) for each in parquet.schema_arrow.names if each != "geometry"]
            rows = list(islice(_batches(parquet, columns), READ))
    return tuple(column for column in columns if column != "geometry"), rows


def _batches(parquet: Any, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    for batch in parquet.iter_batches(batch_size=1000, columns=list(columns)):
        yield from batch.to_pylist()


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.10g}"
    return (value.isoformat() if hasattr(value, "isoformat") else str(value))[:_CELL]


def _series(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], place: str) -> TableSeries | None:
    if "time" not in columns or not place:
        return None
    chosen = sorted((row for row in rows if str(row.get("id")) == place), key=lambda row: _text(row["time"]))
    numbers = {column: tuple(_number(row.get(column)) for row in chosen) for column in columns if column not in _KEYS}
    there = {column: values for column, values in numbers.items() if any(value is not None for value in values)}
    times = tuple(_text(row["time"]).replace(" ", "T") for row in chosen)
    return TableSeries(place, times, there) if there else None


def _number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None
