"""Whether a Parquet file is a table that fits into memory, before it becomes one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from orchestrator.core.errors import AreaError
from orchestrator.core.optional import required
from orchestrator.core.units import format_bytes
from orchestrator.plan.archive import MAX_UNPACKED_BYTES

MAX_ROWS = 10_000_000
# In which texts and geometries are told one by one, or once and by number. Others (DELTA_BYTE_ARRAY) make any length
# of a few bytes, which nobody sees before it is done.
_PLAIN = frozenset({"PLAIN", "RLE", "RLE_DICTIONARY", "PLAIN_DICTIONARY", "BIT_PACKED", "DELTA_LENGTH_BYTE_ARRAY"})
_BYTES = "BYTE_ARRAY"


def check_parquet(path: Path, label: str) -> None:
    """
    Refuse a table that would fill the memory: a few bytes of Parquet can stand for billions of rows.

    A geometry that is told once and meant millions of times is counted as often as it is meant, without being held so
    often.

    Raises:
        AreaError: It has too many rows, or too many bytes as a table.
        ExtraError: pyarrow is not installed.
        pyarrow.ArrowException: It is damaged.
    """
    parquet = required("pyarrow.parquet", "parquet", f"{label}: GeoParquet")  # untyped, and heavy as pandas is
    meta = parquet.read_metadata(path)
    stored = sum(meta.row_group(group).total_byte_size for group in range(meta.num_row_groups))
    if meta.num_rows > MAX_ROWS or stored > MAX_UNPACKED_BYTES:
        raise AreaError(f"{label}: {meta.num_rows:,} rows of {format_bytes(stored)} are no area; cut out what is meant")
    names = _named_values(meta, label)
    if not names:
        return
    file, meant = parquet.ParquetFile(path, read_dictionary=names), stored
    for group in range(meta.num_row_groups):
        meant += sum(map(_meant_bytes, file.read_row_group(group, columns=names).columns))
        if meant > MAX_UNPACKED_BYTES:
            raise AreaError(
                f"{label}: its {meta.num_rows:,} rows are more than {format_bytes(MAX_UNPACKED_BYTES)} when they are "
                f"written out, and {format_bytes(path.stat().st_size)} as they are; it is damaged or hostile"
            )


def _named_values(meta: Any, label: str) -> list[str]:
    """Return the columns of texts and geometries whose values may be told by number."""
    names = []
    for at in range(meta.num_columns):
        columns = [meta.row_group(group).column(at) for group in range(meta.num_row_groups)]
        if not columns or columns[0].physical_type != _BYTES:
            continue
        encodings = {encoding for column in columns for encoding in column.encodings}
        if not encodings <= _PLAIN:
            odd = ", ".join(sorted(encodings - _PLAIN))
            raise AreaError(f"{label}: its column {columns[0].path_in_schema} is stored as {odd}; write it as PLAIN")
        if any("DICTIONARY" in encoding for encoding in encodings):
            names.append(str(columns[0].path_in_schema))
    return names


def _meant_bytes(column: Any) -> int:
    """Return how many bytes the values of a column of dictionaries are, each as often as it is meant."""
    compute = required("pyarrow.compute", "parquet", "GeoParquet")
    total = 0
    for chunk in column.chunks:
        if not hasattr(chunk, "dictionary"):
            continue
        lengths = compute.binary_length(chunk.dictionary)
        total += compute.sum(compute.cast(lengths.take(chunk.indices), "int64")).as_py() or 0
    return total
