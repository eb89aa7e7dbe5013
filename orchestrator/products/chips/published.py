"""Chips that are there: the table in their folder, read; and which of them need not be asked for again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from orchestrator.core.errors import UserError
from orchestrator.products.chips.document import Carried, ChipPlan
from orchestrator.products.chips.files import PROOF
from orchestrator.tiling.chip_folder import FAILED, dataset_about, read_rows

NONE: Mapping[str, Mapping[str, Any]] = MappingProxyType({})


def carried_from(rows: Mapping[str, Mapping[str, Any]], plan: ChipPlan) -> Mapping[int, Carried]:
    """
    Return the chips of a published folder that are what would come again: made the same way, of the same pixels.

    That a file is what its row says is looked at when it is taken over.
    """
    found: dict[int, Carried] = {}
    for number, chip in enumerate(plan.chips):
        row = rows.get(chip.identifier)
        if row is not None and _is_of(row, plan, number):
            found[number] = Carried(row["sha256"], tuple(row["valid"]), row["why"])
    return MappingProxyType(found)


def published_rows(folder: Path) -> tuple[str, Mapping[str, Mapping[str, Any]]]:
    """Return how the chips of a published folder were made, and of each that is there its row, by identifier."""
    with suppress(UserError):  # what cannot be read is asked for anew
        rows = read_rows(folder) or {}
        return str(dataset_about(folder).get("made_by", "")), {
            name: row for name, row in rows.items() if row["state"] != FAILED
        }
    return "", NONE


def _is_of(row: Mapping[str, Any], plan: ChipPlan, number: int) -> bool:
    grid = plan.grid_of(number)
    told = (row["crs"], row["height"], row["width"], tuple(row["transform"] or ()))
    return told == (grid.crs, grid.height, grid.width, grid.transform)


def origins_of(folder: Path) -> Mapping[str, Any]:
    """Return what the proof beside a folder says of each chip that came in one piece, by its identifier."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        proof = json.loads(folder.with_name(f"{folder.name}{PROOF}").read_bytes())
        told = {"chip", "window", "grid", "group"}
        return {one["chip"]: {k: v for k, v in one.items() if k not in told} for one in proof["parts"]}
    return {}
