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
from orchestrator.model.direct import DirectLimits, DirectRoute
from orchestrator.routes.limits import GOOGLE, REGION

if TYPE_CHECKING:
    from orchestrator.clients.earthengine import EarthEngine
    from orchestrator.model.ports import ObjectStore
    from orchestrator.model.table import TableRoute
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
        direct_limits: Of direct requests; None is the usual ones.
        high_volume: Direct requests go to the service's address for many of them.
    """

    earth_engine: Callable[[], EarthEngine]
    bucket: Callable[[], ObjectStore]
    drive: Callable[[], ObjectStore]
    bucket_name: str
    folder_name: str
    naming: Naming
    options: ExportOptions | None = None
    direct_limits: DirectLimits | None = None
    high_volume: bool = False


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

    objects = services.bucket()  # first: where none is named, nobody is asked anything
    return gcs_export(services.earth_engine(), objects, services.bucket_name, services.naming, services.options)


def _drive(services: Services) -> BatchRoute:
    from orchestrator.routes.drive_export import drive_export  # noqa: PLC0415

    return drive_export(
        services.earth_engine(), services.drive(), services.folder_name, services.naming, services.options
    )


def _pixels(services: Services) -> DirectRoute:
    from orchestrator.clients.pixels import PixelClient  # noqa: PLC0415
    from orchestrator.routes.pixels import PixelRoute  # noqa: PLC0415

    client = PixelClient(services.earth_engine(), high_volume=services.high_volume)
    return PixelRoute(client, services.direct_limits or GOOGLE)


def _region(services: Services) -> DirectRoute:
    from orchestrator.clients.region import RegionClient  # noqa: PLC0415
    from orchestrator.routes.region import RegionRoute  # noqa: PLC0415

    client = RegionClient(services.earth_engine(), high_volume=services.high_volume)
    return RegionRoute(client, services.direct_limits or REGION)


def tables(services: Services) -> TableRoute:
    """Return the way tables come."""
    from orchestrator.clients.region import RegionClient  # noqa: PLC0415
    from orchestrator.clients.tables import TableClient  # noqa: PLC0415
    from orchestrator.routes.tables import Tables  # noqa: PLC0415

    engine, many = services.earth_engine(), services.high_volume
    return Tables(RegionClient(engine, high_volume=many), TableClient(engine, high_volume=many))


BATCH: Mapping[str, RouteEntry[BatchRoute]] = MappingProxyType(
    {
        "gcs": RouteEntry("batch exports to a bucket of Cloud Storage", "gcs.bucket", _gcs),
        "drive": RouteEntry("batch exports to a folder of Google Drive", "drive.folder", _drive),
    }
)
DIRECT: Mapping[str, RouteEntry[DirectRoute]] = MappingProxyType(
    {
        "pixels": RouteEntry("the pixels of each window in the answer to a request, without an export", "", _pixels),
        "region": RouteEntry("the values of each window as a table (getRegion), without an export", "", _region),
    }
)
# How a product without pixels of Earth Engine is made; no route by batch export, and no choice for others.
FILES, LOCAL = "files", "local"
# Chooses for each rectangle between the first batch route and the first direct one.
AUTO = "auto"
PIXEL_ROUTES: tuple[str, ...] = (*BATCH, *DIRECT, AUTO)
ROUTES: tuple[str, ...] = (*PIXEL_ROUTES, FILES, LOCAL)


def direct_name(name: str) -> str:
    """Return which direct route brings what a job of route `name` asks for directly."""
    return name if name in DIRECT else next(iter(DIRECT))


def direct_limits(name: str) -> DirectLimits:
    """Return what one request of a job whose route is called `name` may ask for."""
    return REGION if direct_name(name) == "region" else GOOGLE


def batch_route(name: str, services: Services) -> BatchRoute:
    """
    Return the batch route of a job whose route is called `name`: where nothing is exported, one that exports nothing.

    Raises:
        UserError: There is none; the message names those there are.
    """
    if name in (*DIRECT, FILES, LOCAL) or (name == AUTO and not services.bucket_name):
        from orchestrator.routes.no_exports import NoExports  # noqa: PLC0415

        return NoExports()
    name = "gcs" if name == AUTO else name
    if name not in BATCH:
        told = ", ".join(f"{known} ({entry.words}; needs {entry.needs})" for known, entry in BATCH.items())
        raise UserError(f"{name!r} is no route by batch export; choose one of {told}")
    return BATCH[name].make(services)
