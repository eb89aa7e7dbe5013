"""
Values of pixels as a table, in the answer to one request: `value:compute` of `ImageCollection.getRegion`.

One try, within a deadline; what a refusal asks for is in its error, and who repeats it is decided above. The answer
has a row for each image and each pixel of the region that the image reaches; masked values are None. Nothing is
promised of the order of rows and columns, so columns are taken by name and rows by what stands in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import ee

from orchestrator.clients.earthengine import EarthEngine
from orchestrator.clients.interactive import PIXEL_LIMITS, AnswerReceipt, Interactive
from orchestrator.clients.watch import CallLimits
from orchestrator.core.errors import IntegrityError, TransientError
from orchestrator.core.log import one_line
from orchestrator.model.grid import Bounds, Transform
from orchestrator.model.ports import Stop

# Columns that each table has before those of the bands.
ID, LONGITUDE, LATITUDE, TIME = COORDINATES = ("id", "longitude", "latitude", "time")
# 1,048,576 values of one band are as many rows; with a long index and every digit of a coordinate a row has 150 bytes.
REGION_LIMITS = replace(PIXEL_LIMITS, answer_bytes=512 << 20)


@dataclass(frozen=True, slots=True)
class RegionReply:
    """
    A table as it came.

    Attributes:
        columns: Names: `id` (system:index), `longitude`, `latitude` (EPSG:4326, of the pixel's centre), `time`
            (system:time_start in milliseconds, None for an image that has none), and the bands.
        rows: As many values each, in the order of `columns`; None is masked.
        receipt: Checksums of request and reply, bytes, when.
    """

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    receipt: AnswerReceipt

    def column(self, name: str) -> list[Any]:
        """
        Return the values of a column, a row each.

        Raises:
            IntegrityError: There is none of that name.
        """
        if name not in self.columns:
            raise IntegrityError(f"asked for column {name}, Earth Engine sent {', '.join(self.columns)}")
        at = self.columns.index(name)
        return [row[at] for row in self.rows]


class RegionClient:
    """Asks one Earth Engine for tables of pixels. Safe to use from several threads."""

    def __init__(self, engine: EarthEngine, *, high_volume: bool = False, limits: CallLimits = REGION_LIMITS) -> None:
        """`high_volume` takes Google's address for many requests; another service has one address only."""
        self._engine = engine
        self._service = Interactive(engine, high_volume=high_volume, limits=limits)

    def rows(
        self,
        collection: Any,
        geometry: Any,
        stop: Stop,
        *,
        crs: str,
        transform: Transform | None = None,
        scale: float | None = None,
    ) -> RegionReply:
        """
        Return the values of a collection's images at the pixels of a lattice whose centres lie in a geometry.

        Args:
            collection: `ee.ImageCollection`; all images have the same bands.
            geometry: `ee.Geometry`; see `rectangle` and `points`. A point means the pixel it lies in.
            stop: Gives the call up.
            crs: Of the lattice, `EPSG:n` or WKT.
            transform: The lattice; or
            scale: the side of its pixels in metres, the lattice then hangs on 0, 0 of the CRS. One of the two.

        Raises:
            RefusedError, ThrottleError, QuotaError, TransientError, CredentialError, NotFoundError: As the service
                says, with its sentence.
            IntegrityError: The answer is a table, but none of pixels.
            Stopped: `stop` was set, and the grace is over.
        """
        if (transform is None) == (scale is None):
            raise ValueError("a lattice is given by its transform or by its scale, one of the two")
        lattice = {"scale": scale} if transform is None else {"crsTransform": list(transform)}
        asked = collection.getRegion(geometry, crs=crs, **lattice)
        table, receipt = self._service.ask(lambda: ee.data.computeValue(asked), stop)
        return _read(table, receipt)

    def close(self) -> None:
        """Give up idle connections; the next call would open new ones."""
        self._engine.close()


def rectangle(bounds: Bounds, crs: str) -> Any:
    """Return the `ee.Geometry` of (left, bottom, right, top) whose sides are straight in `crs`."""
    return ee.Geometry.Rectangle(list(bounds), proj=crs, geodesic=False)


def points(coordinates: Sequence[tuple[float, float]], crs: str) -> Any:
    """Return the `ee.Geometry` of points (x, y) in `crs`."""
    return ee.Geometry.MultiPoint([list(point) for point in coordinates], proj=crs)


def _read(table: Any, receipt: AnswerReceipt) -> RegionReply:
    """
    Take a table apart.

    Raises:
        TransientError: It is no table at all: a page of somebody in between.
        IntegrityError: A column is missing, or there twice, or a row is longer or shorter than the header.
    """
    if not isinstance(table, list) or not table or not all(isinstance(row, list) for row in table):
        raise TransientError(f"an answer to getRegion that is no table: {one_line(str(table)[:80], 120)}")
    header, rows = table[0], table[1:]
    names = [str(name) for name in header]
    if missing := [name for name in COORDINATES if names.count(name) != 1]:
        raise IntegrityError(f"a table of pixels without one column {missing[0]}: {one_line(', '.join(names), 120)}")
    if len(set(names)) != len(names):
        raise IntegrityError(f"a table of pixels that names a column twice: {one_line(', '.join(names), 120)}")
    if odd := next((row for row in rows if len(row) != len(names)), None):
        raise IntegrityError(f"a table of {len(names)} columns has a row of {len(odd)}")
    return RegionReply(tuple(names), rows, receipt)
