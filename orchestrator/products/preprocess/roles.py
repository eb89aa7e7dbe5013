"""Which files of a scene a sample needs, by their roles; nothing stands in for another."""

from __future__ import annotations

from orchestrator.products.preprocess.keys import SCL_GRID, PreprocessKeys
from orchestrator.products.preprocess.labels import find_backend

PRODUCT_METADATA, TILE_METADATA, SCL = "l1c.product_metadata", "l1c.tile_metadata", "l2a.scl_20m"


def band_role(band: str) -> str:
    """Return the role of a band of Level-1C."""
    return f"l1c.band.{band}"


def grid_role(keys: PreprocessKeys) -> str:
    """Return the role of the raster whose pixels the samples have."""
    return SCL if keys.target_grid_ref == SCL_GRID else band_role(keys.target_grid_ref)


def needed_roles(keys: PreprocessKeys) -> tuple[str, ...]:
    """
    Return the roles that each scene must have in the index, each once.

    Raises:
        UserError: There is no such backend of labels.
    """
    roles = [*map(band_role, keys.l1c_bands), grid_role(keys)]
    if keys.to_toa_reflectance:
        roles.append(PRODUCT_METADATA)
    if keys.has_angles:
        roles.append(TILE_METADATA)
    if keys.labels.enabled:
        backend = find_backend(keys.labels.backend)
        if keys.has_labels and backend.named is None:
            roles.append(backend.role)
    return tuple(dict.fromkeys(roles))
