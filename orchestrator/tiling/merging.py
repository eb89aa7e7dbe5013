"""Two commands that write columns into one file of tiles at once: both keep theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.core.errors import UserError

if TYPE_CHECKING:
    from geopandas import GeoDataFrame


def merge_columns(read: GeoDataFrame, made: GeoDataFrame, there: GeoDataFrame, *, overwrite: bool) -> GeoDataFrame:
    """
    Return the table that is there now with what was changed since it was read.

    Args:
        read: As the file was when it was read.
        made: The same rows with other columns: those that differ from `read` were written, those that lack removed.
        there: As the file is now.
        overwrite: Let a column that was written take the place of one that another wrote meanwhile.

    Raises:
        UserError: Another command wrote the same column otherwise, and `overwrite` is false.
    """
    found = there.copy(deep=False)
    for name in (each for each in made.columns if each != made.geometry.name):
        ours = name not in read.columns or not _same(made[name], read[name])
        if ours and not overwrite and name in there.columns and not _same(made[name], there[name]):
            _refuse_replaced(name, read, there)
        if ours or name not in there.columns:
            found[name] = made[name].to_numpy() if made[name].dtype == object else made[name].array
    return found.drop(columns=[name for name in read.columns if name not in made.columns], errors="ignore")


def merge_remarks(read: Mapping[str, Any], made: Mapping[str, Any], there: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the remarks that are there now with those that were changed since they were read, tables name by name."""
    found = dict(there)
    for name, told in made.items():
        if told == read.get(name):
            continue
        former, now = read.get(name), there.get(name)
        if isinstance(told, Mapping) and isinstance(now, Mapping):
            changed = {
                key: one for key, one in told.items() if not isinstance(former, Mapping) or former.get(key) != one
            }
            found[name] = {**now, **changed}
        else:
            found[name] = told
    return found


def _refuse_replaced(name: str, read: GeoDataFrame, there: GeoDataFrame) -> None:
    """Refuse to replace what another wrote since the file was read."""
    if name not in read.columns or not _same(read[name], there[name]):
        raise UserError(
            f"another command wrote the column {name!r} since the file was read; nothing was written: give this one "
            "again, --overwrite replaces that column"
        )


def _same(some: Any, others: Any) -> bool:
    return _plain(some) == _plain(others)


def _plain(column: Any) -> list[Any]:
    """Return values of which all that are missing are alike."""
    return list(column.astype(object).where(column.notna(), None))
