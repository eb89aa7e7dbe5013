"""Settings and job files."""

from orchestrator.config.files import AREA_SUFFIXES, read_job, read_table
from orchestrator.config.jobs import AreaTable, GridTable, JobTable, recipe_names
from orchestrator.config.layers import Loaded, load, load_part, unknown_variables
from orchestrator.config.refusals import explain
from orchestrator.config.sections import Settings, setting_names

__all__ = [
    "AREA_SUFFIXES",
    "AreaTable",
    "GridTable",
    "JobTable",
    "Loaded",
    "Settings",
    "explain",
    "load",
    "load_part",
    "read_job",
    "read_table",
    "recipe_names",
    "setting_names",
    "unknown_variables",
]
