"""Earth Engine's functions by family. A family is a file; a function is one registered Python function."""

from __future__ import annotations

import importlib
import pkgutil

from orchestrator.sandbox.earthengine.evaluate.images import constant_image

__all__ = ["constant_image", "load"]


def load() -> None:
    """Import every family, which registers its functions."""
    for family in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{family.name}")
