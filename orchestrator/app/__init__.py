"""
The one place where concrete parts are joined.

The heavy rooms (geopandas, Earth Engine, rasterio) are imported where they are used, and so is what joins them:
`status` must answer at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.app.application import Application
    from orchestrator.app.planner import expand
    from orchestrator.app.records import Records

__all__ = ["Application", "Records", "expand"]

_WHERE = {"Application": "application", "Records": "records", "expand": "planner"}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
