"""
The ways pixels come, by name. Light: a route's own module is loaded when the route is made.

A new route is a file in this room and a line here; it passes the contract test of its kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, TypeVar

from orchestrator.core.errors import UserError
from orchestrator.model.batch import BatchRoute
from orchestrator.model.direct import DirectRoute

if TYPE_CHECKING:
    from orchestrator.clients.earthengine import EarthEngine
    from orchestrator.model.ports import ObjectStore
    from orchestrator.routes.export import ExportOptions
    from orchestrator.routes.names import Naming

R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Services:
    """
    What a route may be made of; nothing is connected before it is asked for.

    Attributes:
        earth_engine: Connects to Earth Engine.
        bucket: Connects to the bucket; raises where none is named.
        drive: Connects to the Drive folder.
        bucket_name: Of the bucket.
        folder_name: Of the Drive folder.
        naming: What names are made from.
        options: Of every export; None is the usual ones.
    """

    earth_engine: Callable[[], EarthEngine]
    bucket: Callable[[], ObjectStore]
    drive: Callable[[], ObjectStore]
    bucket_name: str
    folder_name: str
    naming: Naming
    options: ExportOptions | None = None


@dataclass(frozen=True, slots=True)
class RouteEntry(Generic[R_co]):
    """
    A route that can be chosen.

    Attributes:
        words: What it is, for whoever chooses.
        needs: The setting that must be made for it; empty where there is none.
        make: Returns it, ready to work.
    """

    words: str
    needs: str
    make: Callable[[Services], R_co]


def _gcs(services: Services) -> BatchRoute:
    from orchestrator.routes.gcs_export import gcs_export  # noqa: PLC0415

    engine, objects = services.earth_engine(), services.bucket()
    return gcs_export(engine, objects, services.bucket_name, services.naming, services.options)


def _drive(services: Services) -> BatchRoute:
    from orchestrator.routes.drive_export import drive_export  # noqa: PLC0415

    engine, objects = services.earth_engine(), services.drive()
    return drive_export(engine, objects, services.folder_name, services.naming, services.options)


BATCH: Mapping[str, RouteEntry[BatchRoute]] = MappingProxyType(
    {
        "gcs": RouteEntry("batch exports to a bucket of Cloud Storage", "gcs.bucket", _gcs),
        "drive": RouteEntry("batch exports to a folder of Google Drive", "drive.folder", _drive),
    }
)
DIRECT: Mapping[str, RouteEntry[DirectRoute]] = MappingProxyType({})


def batch_route(name: str, services: Services) -> BatchRoute:
    """
    Return the batch route called `name`.

    Raises:
        UserError: There is none; the message names those there are.
    """
    if name not in BATCH:
        raise UserError(f"{name!r} is no route by batch export; choose one of {', '.join(BATCH)}")
    return BATCH[name].make(services)
