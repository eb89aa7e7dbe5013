"""The map from values to classes that a dataset of labels has itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.core.errors import UserError
from orchestrator.tiling.chip_folder import dataset_about, dataset_folder
from orchestrator.tiling.value_maps import ValueMap

if TYPE_CHECKING:
    from orchestrator.tiling.counting import Mapped
    from orchestrator.tiling.file import Tiles

OWN_MAP = "own"  # how it is asked for


def own_map(tiles: Tiles, dataset: str, *, run_code: bool) -> Mapped:
    """
    Return the map from values to classes that a dataset has itself.

    Args:
        tiles: Whose chips they are.
        dataset: Which.
        run_code: Run the user's code that lies beside the chips, if it made them: its `map_values` is the map.

    Raises:
        UserError: It has none, or the code beside the chips is not what they were made with.
    """
    if not dataset:
        raise UserError(f"the map {OWN_MAP!r} is that of a dataset of labels, and none was named; give --labels")
    folder = dataset_folder(tiles, dataset)
    told, found = dataset_about(folder), None
    if told.get("code") and run_code:
        from orchestrator.recipes.definitions import hooks_of  # noqa: PLC0415  it runs the user's code

        found = hooks_of(dataset, str(folder / told["code"]), told.get("code_sha256", "")).map_values
    elif told.get("value_map"):
        return ValueMap.by_pairs({int(value): int(code) for value, code in told["value_map"].items()})
    elif told.get("recipe") == "dataset" and (name := dict(told.get("parameters", {})).get("name")):
        from orchestrator.recipes.definitions import hooks_of  # noqa: PLC0415  heavy

        found = hooks_of(name).map_values
    if found is None:
        raise UserError(f"the dataset {dataset!r} has no map of its own; leave it out, or write one: 10=1,20=2")
    return found
