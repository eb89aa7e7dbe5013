"""
The Python API: typed verbs and values over the same verbs that the command line calls.

`import orchestrator as orc` gives these names, each imported when it is first used. What is not here is not promised.
"""

from orchestrator.api import copernicus, dataset, labels, patches, tiles
from orchestrator.api.chips import Chips, chips
from orchestrator.api.connection import Connection, connect, sandbox
from orchestrator.api.cubes import cube
from orchestrator.api.grab import export_image
from orchestrator.api.job import Job
from orchestrator.api.plans import Plan, plan
from orchestrator.api.queries import query, query_collection, query_landsat, query_s1, query_s2_l1c, query_s2_l2a
from orchestrator.api.reducing import reduce_time
from orchestrator.api.results import Picture, Result
from orchestrator.api.runs import Run, run, runs, submit
from orchestrator.api.smoothing import smooth_20m
from orchestrator.api.stores import open_cube
from orchestrator.api.tables import table
from orchestrator.app.verbs.reasons import Why
from orchestrator.app.verbs.reports import RunReport
from orchestrator.core.errors import (
    AreaError,
    ConfigError,
    CredentialError,
    IntegrityError,
    NeedsPerson,
    OrchestratorError,
    PermanentError,
    PlanError,
    RecipeError,
    RunFailed,
    SpaceError,
    Stopped,
    TransientError,
    UserError,
)
from orchestrator.core.locks import LockedError
from orchestrator.model.states import RunState

__all__ = [
    "AreaError",
    "Chips",
    "ConfigError",
    "Connection",
    "CredentialError",
    "IntegrityError",
    "Job",
    "LockedError",
    "NeedsPerson",
    "OrchestratorError",
    "PermanentError",
    "Picture",
    "Plan",
    "PlanError",
    "RecipeError",
    "Result",
    "Run",
    "RunFailed",
    "RunReport",
    "RunState",
    "SpaceError",
    "Stopped",
    "TransientError",
    "UserError",
    "Why",
    "chips",
    "connect",
    "copernicus",
    "cube",
    "dataset",
    "export_image",
    "labels",
    "open_cube",
    "patches",
    "plan",
    "query",
    "query_collection",
    "query_landsat",
    "query_s1",
    "query_s2_l1c",
    "query_s2_l2a",
    "reduce_time",
    "run",
    "runs",
    "sandbox",
    "smooth_20m",
    "submit",
    "table",
    "tiles",
]
