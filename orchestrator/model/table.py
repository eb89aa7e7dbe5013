"""Values of pixels and of shapes, image by image, in the answers to requests: what a table is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from orchestrator.core.errors import PlanError
from orchestrator.model.grid import Grid, Window
from orchestrator.model.ports import Stop


@dataclass(frozen=True, slots=True)
class Images:
    """
    Which images are asked for: those stored under some ids, or one that is computed.

    Attributes:
        assets: Earth Engine's ids, in the order that an answer counts them.
        expression: Earth Engine's expression of one image, JSON; then there are no ids.
    """

    assets: tuple[str, ...] = ()
    expression: str = ""

    def __post_init__(self) -> None:
        if bool(self.assets) == bool(self.expression):
            raise PlanError("images are either stored ones, by their ids, or one expression")

    def __len__(self) -> int:
        return len(self.assets) or 1


@dataclass(frozen=True, slots=True)
class TableLimits:
    """
    What one request for a table may ask for.

    Attributes:
        values: Places × bands × images, an exact count.
        places: Pixels or shapes that are named in a request one by one.
        images: Images; more would be computed for too long.
        vertices: Of all shapes of a request, which must hold them.
        rows: Shapes × images, of a request for shapes.
    """

    values: int = 1_048_576
    places: int = 10_000
    images: int = 500
    vertices: int = 50_000
    rows: int = 1_000


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """
    The values of pixels.

    Attributes:
        images: See there.
        bands: Names, in order.
        grid: Its lattice is that of the pixels.
        pixels: (row, col) of `grid`, each once; or none, and then all of `window`.
        window: Of `grid`.
    """

    images: Images
    bands: tuple[str, ...]
    grid: Grid
    pixels: tuple[tuple[int, int], ...] = ()
    window: Window | None = None

    def __post_init__(self) -> None:
        if bool(self.pixels) == bool(self.window):
            raise PlanError("a sample is of pixels that are named, or of a window")

    @property
    def places(self) -> int:
        return len(self.pixels) or (self.window.pixels if self.window else 0)


@dataclass(frozen=True, slots=True)
class ReduceRequest:
    """
    The pixels of shapes, reduced.

    Attributes:
        images: See there.
        bands: Names, in order.
        grid: Its lattice is that of the pixels.
        shapes: Polygons in `crs`, as WKB; edges are straight there.
        reducers: Such as `mean` and `p90`; the answer has a column for each band and reducer.
        crs: Of the shapes; that of `grid` where it is empty.
    """

    images: Images
    bands: tuple[str, ...]
    grid: Grid
    shapes: tuple[bytes, ...]
    reducers: tuple[str, ...]
    crs: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of the answer."""
        return reduced_columns(self.bands, self.reducers)


def reduced_columns(bands: Sequence[str], reducers: Sequence[str]) -> tuple[str, ...]:
    """Return a column's name for each band and reducer: the band's own where there is one reducer."""
    if len(reducers) == 1:
        return tuple(bands)
    return tuple(f"{band}_{reducer}" for band in bands for reducer in reducers)


@dataclass(frozen=True, slots=True)
class TableReply:
    """
    Rows that arrived; no two of them are of one place and one image.

    Attributes:
        places: For each row, which of the pixels or shapes of the request; of a window, row by row.
        images: For each row, which of the images.
        columns: For each column, its values; None where there is no value.
        request_sha256: Of the request as it was sent; of several, of their checksums.
        reply_sha256: Of the reply's body as it came, likewise.
        reply_bytes: Its length.
        at: When it came, RFC 3339.
    """

    places: Sequence[int]
    images: Sequence[int]
    columns: Mapping[str, Sequence[float | None]]
    request_sha256: str
    reply_sha256: str
    reply_bytes: int
    at: str


class TableRoute(Protocol):
    """
    A way tables come in the answers to requests. Safe to use from several threads.

    Its methods raise RefusedError where the service says no, ThrottleError where it asks for fewer requests,
    TransientError where it failed for now, and IntegrityError where the reply is not what was asked for.
    """

    @property
    def limits(self) -> TableLimits: ...

    def sample(self, request: SampleRequest, stop: Stop) -> TableReply:
        """Return the values of pixels; where an image does not reach a pixel, there may be no row."""

    def reduce(self, request: ReduceRequest, stop: Stop) -> TableReply:
        """Return the reduced values of shapes, a row for each shape and image."""

    def close(self) -> None:
        """Give up idle connections."""
