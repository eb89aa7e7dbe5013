"""
The products of the invented Earth as a catalogue: any tile, any day; files are made when they are first asked for.

Sizes and checksums of a manifest are those of its files, so a product is made whole, into the sandbox's folder. That
takes a second or two for a part of a tile, and minutes for a whole one: those are better written beforehand, by
`python -m orchestrator.sandbox.safe`, and served as a folder.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from orchestrator.sandbox.cdse.products import Bounds, Tree, tree_of
from orchestrator.sandbox.cdse.products import Product as Listed
from orchestrator.sandbox.cdse.records import sentinel2_record
from orchestrator.sandbox.safe.bands import LEVELS
from orchestrator.sandbox.safe.identifiers import identifier, sensing_of
from orchestrator.sandbox.safe.product import Cut, Options, Product
from orchestrator.sandbox.safe.source import Source
from orchestrator.sandbox.safe.tree import write
from orchestrator.sandbox.scenes import mgrs
from orchestrator.sandbox.scenes.catalogue import UnboundedQueryError
from orchestrator.sandbox.web import ApiError

# 10.8 km in the middle of each tile.
USUAL_CUT = Cut(825, 825, 180, 180)
# What was sensed before is in the archive twice, as it was made then and as Collection 1 (baseline 05.00).
_COLLECTION_1, _COLLECTION_1_ENDS = "05.00", datetime(2022, 1, 25, tzinfo=UTC)
# A tile is seen within this time after its datatake began, which is what a catalogue calls the start.
_LONGEST_DATATAKE = timedelta(hours=1)
_FIRST = datetime(2015, 6, 23, tzinfo=UTC)
_BYTES_PER_VALUE = 1.1  # of a pixel of a lossless image, as measured
_KEPT = 4096


class SyntheticProducts:
    """
    Every product of the invented Earth; safe to be used from several threads.

    Args:
        seed: Another seed is another world.
        folder: Gets the files that were asked for.
        options: What products are made like: a part of the tile, bands, a baseline.
        reprocessed: Baseline in which each sensing is there once more; empty is Collection 1 of what is older.
        now: When a list ends that is asked for without an end.
    """

    def __init__(
        self,
        seed: int,
        folder: Path,
        options: Options = Options(USUAL_CUT),  # noqa: B008 - frozen
        reprocessed: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        cut = options.cut
        self._folder = folder / f"{seed}_{cut.row}_{cut.col}_{cut.height}_{cut.width}_{'-'.join(options.bands)}"
        self._source, self._options, self._reprocessed = Source(seed), options, reprocessed
        self._now = now
        self._lock = threading.Lock()
        self._writing: dict[str, threading.Lock] = {}
        self._found = lru_cache(maxsize=_KEPT)(self._find)
        self._listed = lru_cache(maxsize=_KEPT)(_listed)

    def all(self, bounds: Bounds) -> Iterable[Listed]:
        """
        Yield the products within `bounds`, and some around them.

        Raises:
            ApiError: 400 if neither a tile nor an area is asked for, or far too much.
        """
        try:
            for level in _levels(bounds):
                for product in self._sensed(level, bounds):
                    yield from (self._listed(each) for each in self._versions(product))
        except UnboundedQueryError as error:
            raise ApiError(400, f"{error}; the sandbox cannot list them") from error

    def get(self, number: str) -> Listed | None:
        """Return the product of an Id."""
        product = self._found(number)
        return None if product is None else self._listed(product)

    def tree(self, product: Listed) -> Tree:
        """Return what the product consists of; it is made if it was not."""
        return tree_of(self._written(product))

    def open(self, product: Listed, path: str) -> Path:
        """Return the file behind a path of the product; it is made if it was not."""
        return self._written(product) / path

    def _sensed(self, level: str, bounds: Bounds) -> Iterator[Product]:
        start, last = bounds.start or _FIRST, bounds.end or self._now()
        times = start.isoformat(), (last + _LONGEST_DATATAKE).isoformat()
        if (tile := _tile(bounds)) is not None:
            return self._source.of_tile(level, tile, *times, self._options)
        if bounds.area is None:
            raise ApiError(400, "ask for a tile (tileId, or a part of the name such as _T33UWQ_) or for an area")
        return self._source.products(level, bounds.area, *times, self._options)

    def _versions(self, product: Product) -> Iterator[Product]:
        """The product, and what was made of the same sensing later; nothing where the cut was not seen."""
        if product.footprint.is_empty:
            return
        yield product
        older = product.start < _COLLECTION_1_ENDS.timestamp()
        again = self._reprocessed or (_COLLECTION_1 if older and not self._options.baseline else "")
        if again:
            yield replace(product, options=self._options.reprocessed(again))

    def _find(self, number: str) -> Product | None:
        sensing = sensing_of(number)
        product = None if sensing is None else self._source.sensing(sensing, self._options)
        if sensing is None or product is None:
            return None
        return next((each for each in self._versions(product) if each.options.again == sensing.again), None)

    def _written(self, listed: Listed) -> Path:
        product = self._found(listed.id)
        if product is None:
            raise FileNotFoundError(listed.name)
        with self._lock:
            mine = self._writing.setdefault(product.name, threading.Lock())
        with mine:
            return write(product, self._folder)


def _tile(bounds: Bounds) -> str | None:
    """The tile that is asked for, as an attribute or as a part of the name."""
    asked = [str(bounds.values.get("tileId", "")), *(part.strip("_")[1:] for part in bounds.parts)]
    return next((name for name in asked if mgrs.find(name) is not None), None)


def _levels(bounds: Bounds) -> tuple[str, ...]:
    kind = bounds.values.get("productType")
    return LEVELS if kind is None else tuple(level for level in LEVELS if kind == f"S2MSI{level[1:]}")


def _listed(product: Product) -> Listed:
    record: dict[str, Any] = sentinel2_record(
        product.name,
        start=datetime.fromtimestamp(int(product.start * 1000) / 1000, UTC),
        # Of the product that this one is cut from: conditions on coverage are to mean what they mean elsewhere.
        footprint=product.scene.footprint,
        cloud=product.properties["CLOUD_COVERAGE_ASSESSMENT"],
        size=_bytes(product),
        number=identifier(product),
        attributes={"orbitNumber": product.orbit, "orbitDirection": "DESCENDING"},
    )
    return Listed(record)


def _bytes(product: Product) -> int:
    """About how large it is, without making it."""
    grids = ((product.grid(image.metres), image.channels) for image in product.images)
    return round(_BYTES_PER_VALUE * sum(grid.height * grid.width * channels for grid, channels in grids))
