"""What a dataset has of its own beside its chips: its map from values to classes, and the code of whoever made it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.core.errors import UserError
from orchestrator.model.hooks import Hooks
from orchestrator.tiling.chip_folder import dataset_about, dataset_folder
from orchestrator.tiling.value_maps import OWN_MAP, ValueMap

__all__ = ["OWN_MAP", "hooks_beside", "own_map"]

if TYPE_CHECKING:
    from orchestrator.tiling.counting import Mapped
    from orchestrator.tiling.file import Tiles


def hooks_beside(tiles: Tiles, *datasets: str) -> dict[str, Hooks]:
    """
    Run the code that lies beside chips, perhaps a stranger's, because the user said so; return what it defines.

    Args:
        tiles: Whose chips.
        *datasets: Names of the datasets; only those that have code are returned.

    Raises:
        UserError: None of them has, or the code is not that which made the chips.
    """
    found = {dataset: _hooks(tiles, dataset) for dataset in datasets if dataset and _code(tiles, dataset)}
    if not found:
        named = " and ".join(repr(one) for one in datasets if one)
        raise UserError(f"no code of a user lies beside the chips of {named}; leave --run-code out")
    return found


def own_map(tiles: Tiles, dataset: str, *, run_code: bool) -> Mapped:
    """
    Return the map from values to classes that a dataset has itself: what it tells, or `map_values` of its code.

    Args:
        tiles: Whose chips.
        dataset: Which.
        run_code: Whether code that lies beside the chips may be run.

    Raises:
        UserError: It has none, or it is code and nobody said that it may be run.
    """
    if not dataset:
        raise UserError(f"the map {OWN_MAP!r} is that of a dataset of labels, and none was named; give --labels")
    told = dataset_about(dataset_folder(tiles, dataset))
    if told.get("value_map"):
        return ValueMap.by_pairs({int(value): int(number) for value, number in told["value_map"].items()})
    if code := _code(tiles, dataset):
        if not run_code and b"map_values" in code.read_bytes():
            raise UserError(
                f"the map of {dataset!r} is map_values of the code beside its chips, {code}, which would run with your "
                "rights; look at it, and add --run-code (in Python run_code=True)"
            )
        found = _hooks(tiles, dataset).map_values if run_code else None
    else:
        found = _by_name(told)
    if found is None:
        raise UserError(f"the dataset {dataset!r} has no map of its own; leave the map out, or write one: 10=1,20=2")
    return found


def _by_name(told: Any) -> Any:
    from orchestrator.recipes.definitions import hooks_of  # noqa: PLC0415  numpy is heavy

    name = dict(told.get("parameters", {})).get("name", "") if told.get("recipe") == "dataset" else ""
    return hooks_of(name).map_values if name else None


def _code(tiles: Tiles, dataset: str) -> Path | None:
    """Return the file of code beside the chips of a dataset, if there is one."""
    folder = dataset_folder(tiles, dataset)
    name = str(dataset_about(folder).get("code", ""))
    if not name:
        return None
    if Path(name).name != name:
        raise UserError(f"dataset.json of {dataset!r} names code that is not beside its chips: {name!r}")
    return folder / name


def _hooks(tiles: Tiles, dataset: str) -> Hooks:
    from orchestrator.recipes.definitions import load_definition  # noqa: PLC0415  numpy is heavy

    file, about = _code(tiles, dataset), dataset_about(dataset_folder(tiles, dataset))
    return load_definition(str(file), dataset, str(about.get("code_sha256", ""))).hooks
