"""Where scenes come from: a folder of STAC items or Sentinel-2 products, or nowhere, when they are invented."""

from __future__ import annotations

import sys
from pathlib import Path

from orchestrator.sandbox.cdse.folder import FolderProducts
from orchestrator.sandbox.cdse.products import Products
from orchestrator.sandbox.cdse.settings import Copernicus
from orchestrator.sandbox.safe import default_products
from orchestrator.sandbox.scenes.catalogue import Catalogue


def catalogue(scenes: Path | None, seed: int, *, tell: bool = False) -> Catalogue:
    """
    Open the scenes of a folder, or the synthetic ones of `seed`; with `tell`, say on stderr what was left out.

    Only the source that is asked for is loaded: a sandbox should answer within a second of its start.
    """
    if scenes is not None:
        from orchestrator.sandbox.scenes.folder import FolderCatalogue  # noqa: PLC0415  see above

        folder = FolderCatalogue(scenes)
        if tell:
            sys.stderr.writelines(f"sandbox: {sentence}\n" for sentence in folder.left_out)
            sys.stderr.flush()
        return folder
    from orchestrator.sandbox.scenes.world import WorldCatalogue  # noqa: PLC0415  see above

    return WorldCatalogue(seed=seed)


def products(settings: Copernicus, folder: Path) -> Products:
    """
    Open what Copernicus serves; `folder` gets the files of invented products.

    Raises:
        FolderError: The folder of the settings holds no SAFE trees, or a record that is none.
        SafeError: The cut of the settings is none.
    """
    if settings.products is not None:
        return settings.products
    if settings.folder is not None:
        return FolderProducts(settings.folder)
    return default_products(settings.seed, folder, settings.cut)
