"""What is said when an expression loads an asset that is not there, or is of another kind."""

from __future__ import annotations

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.scenes import known
from orchestrator.sandbox.scenes.catalogue import Catalogue
from orchestrator.sandbox.scenes.stac import ScenesError

_A = {"Image": "an Image", "ImageCollection": "an ImageCollection", "Collection": "a Collection of features"}


def absent(catalogue: Catalogue, function: str, kind: str, asset_id: str) -> EvaluationError:
    """
    Make the refusal: the asset is of another kind, is not imitated here, or nobody knows it.

    Args:
        catalogue: Where it was looked for.
        function: The function that loads.
        kind: What it loads: `Image`, `ImageCollection` or `Collection`.
        asset_id: What was asked for.
    """
    if _is_there(catalogue, asset_id):
        return EvaluationError(f"{function}: Asset '{asset_id}' is not {_A[kind]}.")
    if (unserved := known.unserved(catalogue, asset_id)) is not None:
        return not_imitated(f"{function}: {unserved}", known.why_unserved(catalogue))
    if kind == "Collection" and known.has_provider(asset_id):  # pages show one of several tables
        return not_imitated(f"{function}: the table {asset_id}")
    return EvaluationError(
        f"{function}: {kind} asset '{asset_id}' not found (does not exist or caller does not have access)."
    )


def _is_there(catalogue: Catalogue, asset_id: str) -> bool:
    if asset_id in catalogue.collections() or catalogue.table(asset_id) is not None:
        return True
    try:
        return catalogue.scene(asset_id) is not None
    except ScenesError:  # a scene of the user's own whose files are gone
        return True
