"""Datasets by name: what there is, and what each of them is. Nothing here loads the client of Earth Engine."""

from orchestrator.recipes.presets.catalogue import ALIASES, find
from orchestrator.recipes.presets.preset import Alias, ClassValue, Preset

__all__ = ["ALIASES", "Alias", "ClassValue", "Preset", "find"]
