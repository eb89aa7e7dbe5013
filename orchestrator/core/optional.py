"""Parts that only some need: imported where they are used, and named where they are missing."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

from orchestrator.core.errors import ExtraError

# The extras of pyproject.toml and the packages that each brings.
EXTRAS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sandbox": ("scipy",),
        "learn": ("scikit-learn",),
        "parquet": ("pyarrow",),
        "xarray": ("rioxarray", "xarray"),
        "cube": ("rioxarray", "xarray", "zarr"),
        "copernicus": ("blake3", "openpyxl", "pyyaml"),
        "metrics": ("prometheus-client",),
        "notify": ("apprise",),
        "web": ("jinja2", "rio-tiler", "starlette", "uvicorn"),
        "postgres": ("psycopg[binary]",),
        "dask": ("distributed",),
        "objects": ("obstore",),
    }
)


def required(module: str, extra: str, what: str) -> Any:
    """
    Import and return `module`, which the extra `extra` brings; `what` needs it, as the sentence's first words say.

    Raises:
        ExtraError: It is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ExtraError(f"{what} needs the extra `{extra}` ({error.name} is missing): {install(extra)}") from None


def install(extra: str) -> str:
    """Return the command that installs what an extra brings, by names that are nobody else's: ours is a stranger's."""
    return f"`pip install {' '.join(EXTRAS[extra])}`"
