"""
What the evaluator asks of a source of scenes: the invented Earth, or a folder of real ones.

Axis order is (row, col). A pyramid level n halves the resolution n times: level 0 is the native grid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

Affine6 = tuple[float, float, float, float, float, float]  # a, b, c, d, e, f as in affine.Affine


@dataclass(frozen=True, slots=True)
class PixelType:
    """
    Earth Engine's type of a band.

    Attributes:
        precision: `int`, `float` (32 bit) or `double`, as Earth Engine spells them.
        minimum: Smallest value of an `int` type, else None.
        maximum: Largest value of an `int` type, else None.
        dimensions: Of the array in each pixel; 0 is a number.
    """

    precision: str
    minimum: float | None = None
    maximum: float | None = None
    dimensions: int = 0


@dataclass(frozen=True, slots=True)
class Band:
    """One band of a scene: its name, type and native grid."""

    name: str
    type: PixelType
    crs: str  # `EPSG:n`
    transform: Affine6
    height: int
    width: int
    pyramid: str = "mean"  # `mean`, or `sample` (the top left pixel) for classes and masks


class Scene(Protocol):
    """One image of a collection."""

    @property
    def asset_id(self) -> str:
        """`COLLECTION/INDEX`, as Earth Engine's `id`."""

    @property
    def properties(self) -> Mapping[str, Any]:
        """Earth Engine's properties, `system:index` and `system:time_start` (ms since 1970) among them."""

    @property
    def footprint(self) -> BaseGeometry:
        """Where the scene may have data, in EPSG:4326."""

    @property
    def bands(self) -> tuple[Band, ...]: ...

    def read(
        self, band: str, level: int, row: int, col: int, height: int, width: int
    ) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
        """
        Read a window of a pyramid level of `band`; the window may reach beyond the scene.

        Returns:
            Values and validity, both (height, width). Values are in the band's own dtype at level 0 and may be
            float32 at coarser `mean` levels; where validity is False the value is meaningless.
        """


@dataclass(frozen=True, slots=True)
class Row:
    """One feature of a table: its id there, where it lies (EPSG:4326; None is nowhere), and its properties."""

    index: str
    shape: BaseGeometry | None
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """
    A table of features.

    Attributes:
        asset_id: As Earth Engine's `id`.
        columns: Name to type, as the data sheet tells them: STRING, INT or DOUBLE.
        rows: Gives all rows in their order; called when somebody needs them.
        properties: Of the table itself.
    """

    asset_id: str
    columns: Mapping[str, str]
    rows: Callable[[], Sequence[Row]]
    properties: Mapping[str, Any] = field(default_factory=dict)


class Catalogue(Protocol):
    """A source of image collections and tables. Whoever inherits it has neither lone images nor tables."""

    def identity(self) -> str:
        """Return what tells these scenes from others: two sources that share it give the same pixels."""
        return f"made by hand: {type(self).__qualname__}"

    def collections(self) -> Mapping[str, Mapping[str, Any]]:
        """Collection id (`COPERNICUS/S2_SR_HARMONIZED`) to its properties."""

    def images(self) -> tuple[str, ...]:
        """Ids of images that belong to no collection."""
        return ()

    def is_crowded(
        self, collection: str, region: BaseGeometry | None, start_ms: int | None, end_ms: int | None
    ) -> bool:
        """Tell whether a query of `scenes` surely finds more than can be accumulated, without enumerating them."""
        del collection, region, start_ms, end_ms
        return False

    def scenes(
        self, collection: str, region: BaseGeometry | None, start_ms: int | None, end_ms: int | None
    ) -> Iterator[Scene]:
        """
        Yield scenes whose footprint touches `region` (EPSG:4326) with start_ms <= time_start < end_ms,
        ordered by (time_start, index). None is no restriction; a source without end raises
        `UnboundedQueryError` rather than go on for ever.
        """

    def scene(self, asset_id: str) -> Scene | None:
        """Find one scene by `COLLECTION/INDEX`."""

    def table(self, asset_id: str) -> Table | None:
        """Find a table by its id; what every catalogue has is in `tables.shipped`."""
        del asset_id
        return None


def invented(seed: int) -> str:
    """Return the identity of the invented Earth of a seed."""
    return f"the invented Earth of seed {seed}" if seed else "the invented Earth"


class UnboundedQueryError(Exception):
    """The collection was asked for without limits it can be enumerated in."""
