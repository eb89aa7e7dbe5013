"""The pixels of a mosaic asked for once more, by a direct route, and compared with what the file holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.io import MemoryFile
from rasterio.windows import Window as RasterWindow

from orchestrator.assemble.settings import MosaicSettings
from orchestrator.assemble.window import read_window
from orchestrator.core.errors import WayError
from orchestrator.core.flow import in_order
from orchestrator.core.retry import RetryPolicy, retrying
from orchestrator.model.audit import Asked, AuditReport, Difference
from orchestrator.model.direct import DirectRoute, PixelRequest
from orchestrator.model.grid import Grid, Window
from orchestrator.model.mosaic import MosaicSpec
from orchestrator.model.places import PlacedObject
from orchestrator.model.plan import Plan
from orchestrator.model.ports import RefusedError, Stop
from orchestrator.model.product import RunSnapshot
from orchestrator.model.states import Failure
from orchestrator.plan.reproject import LONLAT, parse_crs, transformer_between
from orchestrator.plan.requests import RequestSize, halved
from orchestrator.products.mosaic.comparing import Compared, compare, tolerance_of
from orchestrator.products.mosaic.sampling import Origin, draw_windows, side_of
from orchestrator.raster.spans import SpanTable

# Windows that are asked for at once; a result that others wait for is looked at with few of the project's requests.
AT_ONCE = 4
# Answers for one window, until two that follow each other agree.
_ANSWERS = 4
_SMALLER_HELPS = frozenset({Failure.SIZE, Failure.MEMORY, Failure.OUT_OF_MEMORY, Failure.TIMEOUT})
_SMALLEST_PIXELS = 16 * 16


def pieces_of(parts: Iterable[Mapping[str, Any]]) -> list[Origin]:
    """Return the pieces that a proof lists as `parts`, each with the way it came."""
    return [Origin(Window(*part["window"]), str(part.get("route", "export"))) for part in parts]


@dataclass(frozen=True, slots=True)
class _Looked:
    """A window that was compared."""

    window: Window
    pixels: int
    compared: Compared
    first: Difference | None
    answers: int
    at: str


class MosaicAudit:
    """One audit. What is asked for is the image that was stored with the run, on the grid of its plan."""

    def __init__(self, route: DirectRoute, plan: Plan, run: RunSnapshot, policy: RetryPolicy, stop: Stop) -> None:
        """Take what to ask; each request is repeated within `policy` and no other one."""
        self._route, self._plan, self._image, self._stop = route, plan, run.image, stop
        area = shapely.from_wkb(plan.area_wkb)
        self._spans = SpanTable.from_geometry(area, plan.grid, all_touched=run.job.options.all_touched)
        self._again: Callable[[Callable[[], Any]], Any] = retrying(policy, stop)

    def report(self, asked: Asked, parts: Iterable[Mapping[str, Any]], say: Callable[[str], None]) -> AuditReport:
        """
        Return what was found; errors as `model.audit.Audited.audit`.

        Args:
            asked: The file, how many windows, and the seed.
            parts: Of the proof.
            say: Told how far it is.
        """
        plan, size = self._plan, RequestSize.of(self._plan.pixels, self._route.limits)
        side = side_of(min(size.most / size.per_pixel, size.max_side**2))
        sample = draw_windows(plan.grid, self._spans, pieces_of(parts), asked.windows, asked.seed, side)
        say(f"audit: asking for {len(sample.windows)} windows once more")
        looked: list[_Looked] = []
        with closing(self._route), ThreadPoolExecutor(AT_ONCE, "audit") as pool:
            for one in in_order(pool, lambda window: self._look(window, asked.raster), sample.windows, ahead=AT_ONCE):
                looked.append(one)
                say(f"audit: {len(looked)} of {len(sample.windows)} windows compared")
        differ = [one for one in looked if one.first is not None]
        largest = [one.compared.largest for one in differ]
        return AuditReport(
            at=max((one.at for one in looked), default=""),
            seed=asked.seed,
            windows=len(looked),
            whole=sample.whole and all(one.window in sample.windows for one in looked),
            pixels=sum(one.pixels for one in looked),
            values=sum(one.window.pixels for one in looked) * len(plan.pixels.bands),
            pieces=sample.pieces,
            tolerance=tolerance_of(plan.pixels),
            differences=sum(one.compared.count for one in differ),
            largest=float(np.max(largest)) if largest else 0.0,  # NaN where there is one
            first=differ[0].first if differ else None,
            asked_again=sum(one.answers > 1 for one in looked),
        )

    def _look(self, window: Window, raster: Path | PlacedObject) -> _Looked:
        """
        Compare a window. A difference counts when two answers that follow each other agree: wrong bytes on the way
        are not the file's.

        Raises:
            WayError: No two answers agree.
        """
        before: NDArray[Any] | None = None
        for answers in range(1, _ANSWERS + 1):
            window, expected, at = self._answer(window)
            found = self._held(raster, window)
            compared = compare(found, expected, self._plan.pixels)
            if compared.first is None or self._agree(before, expected):
                inside = int(self._spans.mask(window).sum())
                return _Looked(window, inside, compared, self._first(window, compared, found, expected), answers, at)
            before = expected
        raise WayError(
            f"{_ANSWERS} answers for the window at row {window.row}, column {window.col} differ from each other; "
            "something between here and the service alters bytes, or the image is another each time it is computed"
        )

    def _held(self, raster: Path | PlacedObject, window: Window) -> NDArray[Any]:
        """Return what a result holds, as (band, row, col) of a window."""
        if isinstance(raster, PlacedObject):
            plan = self._plan
            return read_window(raster, window, MosaicSettings.of(MosaicSpec(plan.grid, plan.pixels)))
        with rasterio.open(raster, driver="GTiff") as source:
            values: NDArray[Any] = source.read(window=RasterWindow(window.col, window.row, window.width, window.height))
            return values

    def _agree(self, before: NDArray[Any] | None, after: NDArray[Any]) -> bool:
        if before is None or before.shape != after.shape:  # a window only ever becomes smaller
            return False
        return compare(before, after, self._plan.pixels).first is None

    def _answer(self, window: Window) -> tuple[Window, NDArray[Any], str]:
        """Return what the file should hold, as (band, row, col) of a window: of a smaller one where less helps."""
        while True:
            request = PixelRequest(self._image, self._plan.grid, window, self._plan.pixels)
            try:
                piece = self._again(partial(self._route.fetch, request, self._stop))
            except RefusedError as error:
                if error.diagnosis.failure not in _SMALLER_HELPS or window.pixels <= _SMALLEST_PIXELS:
                    raise
                window = max(halved(window), key=lambda half: int(self._spans.mask(half).sum()))
                continue
            with MemoryFile(piece.content) as memory, memory.open(driver="GTiff") as source:
                values = source.read()
            nodata = np.asarray(self._plan.pixels.nodata, values.dtype)
            return window, np.where(self._spans.mask(window), values, nodata), piece.at

    def _first(
        self, window: Window, compared: Compared, found: NDArray[Any], expected: NDArray[Any]
    ) -> Difference | None:
        if compared.first is None:
            return None
        band, row, col = compared.first
        longitude, latitude = centre(self._plan.grid, window.row + row, window.col + col)
        values = float(expected[compared.first]), float(found[compared.first])
        return Difference(
            window.row + row, window.col + col, longitude, latitude, self._plan.pixels.bands[band], *values
        )


def centre(grid: Grid, row: int, col: int) -> tuple[float, float]:
    """Return longitude and latitude of the centre of a pixel."""
    a, _b, c, _d, e, f = grid.transform
    to_degrees = transformer_between(parse_crs(grid.crs), parse_crs(LONLAT))
    longitude, latitude = to_degrees.transform(c + a * (col + 0.5), f + e * (row + 0.5))
    return float(longitude), float(latitude)
