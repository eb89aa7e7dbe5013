"""A set of patches that is there: its table and what it tells of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.core.errors import UserError
from orchestrator.packing.publication import PATCHES as ABOUT
from orchestrator.products.patches.about import SCHEMA
from orchestrator.products.patches.table import read_table

if TYPE_CHECKING:
    from geopandas import GeoDataFrame


@dataclass(frozen=True, slots=True)
class PatchSet:
    """
    A set of patches.

    Attributes:
        folder: Where.
        about: What `dataset.json` holds.
        frame: The table, a row for each window; see `table.table_of`.
    """

    folder: Path
    about: Mapping[str, Any]
    frame: GeoDataFrame

    def __repr__(self) -> str:
        return f"<PatchSet in {self.folder}: {self.about['samples']:,} samples>"


def read_set(folder: Path) -> PatchSet:
    """
    Return a set of patches.

    Raises:
        UserError: There is none in `folder`.
    """
    return PatchSet(folder, read_about(folder), read_table(folder))


def read_about(folder: Path) -> Mapping[str, Any]:
    """
    Return what a set tells of itself.

    Raises:
        UserError: There is none in `folder`, or one of a newer version.
    """
    path = folder / ABOUT
    try:
        told: Mapping[str, Any] = json.loads(path.read_bytes())
        schema = str(told["schema"])
    except OSError:
        raise UserError(f"{folder} holds no patches; name the folder that `patches cut` made") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} is not what `patches cut` writes; name the folder that it made") from None
    if schema != SCHEMA:
        raise UserError(f"{path} has the schema {schema!r}, and this program reads {SCHEMA!r}; upgrade it")
    return told
