"""Sentinel-2 products in SAFE format, made of the invented ground that the sandbox's Earth Engine shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.sandbox.safe.catalogue import SyntheticProducts


def default_products(seed: int, folder: Path, cut: str = "") -> SyntheticProducts:
    """
    Return the catalogue of the invented Earth of a seed; `folder` gets the files that are asked for.

    Args:
        seed: Of the invented Earth.
        folder: Of the sandbox.
        cut: `ROW,COL,ROWS,COLS` in pixels of 60 m, or `whole`; empty is 10.8 km in the middle of each tile.

    Raises:
        SafeError: If the cut is none.
    """
    from orchestrator.sandbox.safe.catalogue import USUAL_CUT, SyntheticProducts  # noqa: PLC0415  loads numpy and GDAL
    from orchestrator.sandbox.safe.product import Cut, Options  # noqa: PLC0415

    wanted = {"": USUAL_CUT, "whole": Cut()}.get(cut) or Cut.of(cut)
    return SyntheticProducts(seed, folder / "copernicus", Options(wanted))
