"""
The one place where concrete parts are joined.

The heavy rooms (geopandas, Earth Engine, rasterio) are imported where they are used: `status` must answer at once.
"""

from orchestrator.app.application import Application
from orchestrator.app.planner import LocalPlan, expand

__all__ = ["Application", "LocalPlan", "expand"]
