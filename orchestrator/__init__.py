"""
One correct, clipped GeoTIFF per area out of Google Earth Engine, overnight and unattended.

`import orchestrator as orc` is the Python API; each of its names is imported when it is first used.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    api = import_module(f"{__name__}.api")
    if name not in api.__all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(api.__all__)}")
    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *import_module(f"{__name__}.api").__all__})


class _Package(ModuleType):
    """
    This package. Two of its rooms are called like verbs of the API, `plan` and `sandbox`, and the verbs are meant.

    Python writes a room that is imported into the package under its own name; here nothing comes of it. Rooms are
    imported by `from orchestrator.plan.aoi import ...`, which does not look there.
    """

    plan = property(lambda _: __getattr__("plan"), lambda _package, _room: None)
    sandbox = property(lambda _: __getattr__("sandbox"), lambda _package, _room: None)


sys.modules[__name__].__class__ = _Package
