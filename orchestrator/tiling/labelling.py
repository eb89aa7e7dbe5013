"""Classes counted in every tile of a file: from the chips of a dataset, or from one raster that lies under them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.core.errors import UserError
from orchestrator.core.units import format_count
from orchestrator.tiling.chip_folder import StoredChip, open_chips
from orchestrator.tiling.counting import (
    MAX_CLASSES,
    ClassCount,
    ClassRule,
    check_band,
    count_classes,
    count_published,
    lattice_of_raster,
    refuse_classes,
)
from orchestrator.tiling.degrees import in_degrees
from orchestrator.tiling.file import Tiles
from orchestrator.tiling.footprints import Footprints, RasterLattice, patches
from orchestrator.tiling.value_maps import ValueMap

if TYPE_CHECKING:
    from numpy.typing import NDArray

# GDAL reads outside Python's lock; more threads than this wait for each other.
THREADS = min(8, (os.cpu_count() or 1) + 1)
MOST_AT_ONCE = 256  # tiles that one thread counts before it says so


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """
    The classes in the tiles of a file.

    Attributes:
        tiles: One for each tile, in their order; None where its chip is missing.
        missing: (identifier, why) of those.
        known: What classes are called and how they are drawn, by the words of the counts: `{"10": {"name": ...}}`.
    """

    tiles: tuple[ClassCount | None, ...]
    missing: tuple[tuple[str, str], ...] = ()
    known: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """Every class that occurs, in the order of numbers, then of words."""
        return ordered({word for one in self.tiles if one for word in one.classes})


def ordered(words: set[str]) -> tuple[str, ...]:
    """Return what classes are called, numbers first, in their order."""

    def place(word: str) -> tuple[bool, float, str]:
        try:
            return False, float(word), word
        except ValueError:
            return True, 0.0, word

    return tuple(sorted(words, key=place))


def count_chips(tiles: Tiles, dataset: str, rule: ClassRule, say: Callable[[str], None]) -> ClassCounts:
    """
    Count the classes of a dataset's chips; those that are missing are listed, and the others counted.

    Raises:
        UserError: There is no such dataset, or it does not hold classes.
    """
    folder, seen = open_chips(tiles, dataset), _Seen(tiles, rule)
    chips = [folder.chip_of(each) for each in tiles.identifiers]

    def counted(piece: Sequence[int]) -> list[ClassCount | str]:
        return [seen.count(chips[index], index) for index in piece]

    first = next((index for index, chip in enumerate(chips) if chip.path), 0)
    counted([first])  # a fault of all is told at once, and tiles are projected once
    found = _each(counted, list(range(len(chips))), _threads(rule), say)
    known = _named(folder.about.get("classes"), rule)
    named = zip(tiles.identifiers, found, strict=True)
    missing = tuple((name, one) for name, one in named if isinstance(one, str))
    return _checked(ClassCounts(tuple(None if isinstance(one, str) else one for one in found), missing, known), dataset)


def count_raster(tiles: Tiles, path: Path, rule: ClassRule, say: Callable[[str], None]) -> ClassCounts:
    """
    Count the classes of one raster in each tile; what lies beyond its edge holds no data.

    Raises:
        UserError: It is no raster, does not say where it lies, or does not hold classes.
    """
    import rasterio  # noqa: PLC0415  heavy

    if rule.published:
        raise UserError("the published rule stretches a tile to its own chip; a raster of yours is counted by place")
    with _opened(path, own=True) as dataset:
        rule = replace(rule, band=check_band(dataset, rule, path.name))
        lattice = lattice_of_raster(dataset, path.name)
        shapes = Footprints(tiles.frame).within(lattice.crs)
        order = _along_blocks(shapes, lattice, dataset.block_shapes[0])

    def counted(piece: Sequence[int]) -> list[ClassCount]:
        try:
            with _opened(path, own=True) as dataset:  # one for each thread
                return [count_classes(dataset, lattice, shapes[index], rule, path.name) for index in piece]
        except rasterio.errors.RasterioError as error:
            why = error.__cause__ or error
            raise UserError(f"{path} cannot be read to its end: {why}; it may be cut off, bring it again") from None

    found = _each(counted, order, _threads(rule), say)
    return _checked(ClassCounts(tuple(found), known=_named(None, rule)), path.name)


class _Seen:
    """The tiles of a file as their chips see them."""

    def __init__(self, tiles: Tiles, rule: ClassRule) -> None:
        self._rule = rule
        self._footprints = Footprints(tiles.frame)
        self._degrees = in_degrees(tiles.frame) if rule.published else None

    def count(self, chip: StoredChip, index: int) -> ClassCount | str:
        """Return the classes of the chip of a tile, or why there are none."""
        import rasterio  # noqa: PLC0415  heavy

        label = f"chip {chip.path.stem if chip.path else index}"
        try:
            chip = chip.checked()
            if chip.path is None:
                return chip.why if chip.is_missing else ClassCount()
            with _opened(chip.path) as dataset:
                if self._degrees is not None:
                    return count_published(dataset, self._degrees[index], self._rule, label)
                lattice = lattice_of_raster(dataset, label)
                shape = self._footprints.within(lattice.crs)[index]
                return count_classes(dataset, lattice, shape, self._rule, label)
        except (OSError, rasterio.errors.RasterioError) as error:
            return f"{chip.path.name if chip.path else label} cannot be read: {error}"


@contextmanager
def _opened(path: Path, *, own: bool = False) -> Iterator[Any]:
    """Open a chip, or a raster of the user's own."""
    import rasterio  # noqa: PLC0415  heavy

    from orchestrator.raster.opening import alone, open_raster, with_sidecars  # noqa: PLC0415  GDAL is heavy

    with with_sidecars() if own else alone():
        try:
            dataset = open_raster(path, jp2=own)
        except rasterio.errors.RasterioIOError as error:
            kinds = "GeoTIFF or JPEG 2000" if own else "GeoTIFF"
            raise OSError(f"{path} cannot be read as a raster ({kinds}): {error}") from None
        with dataset:
            yield dataset


def _threads(rule: ClassRule) -> int:
    """Return how many threads may count: rasterio burns shapes with Python's warnings off, which are the process's."""
    return 1 if rule.published or rule.all_touched else THREADS


def _each(
    count: Callable[[Sequence[int]], Iterable[Any]], order: Sequence[int], threads: int, say: Callable[[str], None]
) -> list[Any]:
    """Return the counts of all tiles, by their numbers; neighbours go to one thread, and the first error ends it."""
    found: list[Any] = [None] * len(order)
    at_once = min(max(len(order) // (4 * threads), 1), MOST_AT_ONCE)
    pieces = [order[first : first + at_once] for first in range(0, len(order), at_once)]
    with ThreadPoolExecutor(threads, thread_name_prefix="labels") as pool:
        try:
            for done, (piece, made) in enumerate(zip(pieces, pool.map(lambda p: [*count(p)], pieces), strict=True)):
                for index, one in zip(piece, made, strict=True):
                    found[index] = one
                say(f"counting classes, {done * at_once + len(piece):,} of {format_count(len(order), 'tile')}")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return found


def _along_blocks(shapes: NDArray[Any], lattice: RasterLattice, block: tuple[int, int]) -> list[int]:
    """Return tiles in the order of the raster's blocks, so that each is decoded about once."""

    def place(index: int) -> tuple[int, int]:
        if shapes[index] is None:
            return 0, 0
        turned, transform = lattice.laid(shapes[index])
        first = patches(turned, transform)[0][0]
        return first.row // block[0], first.col // block[1]

    return sorted(range(len(shapes)), key=place)


def _checked(counts: ClassCounts, label: str) -> ClassCounts:
    if len(counts.classes) > MAX_CLASSES:
        refuse_classes(len(counts.classes), label)
    return counts


def _named(classes: Any, rule: ClassRule) -> Mapping[str, Mapping[str, Any]]:
    """Return names and colours by the words of the counts: of the dataset's values, or of those they are mapped to."""
    told = {str(key): _described(value) for key, value in classes.items()} if isinstance(classes, Mapping) else {}
    if rule.mapping is None:
        return told
    if not isinstance(rule.mapping, ValueMap):
        return {}
    sources: dict[int, list[int]] = {}
    for source, target in rule.mapping.pairs:
        sources.setdefault(target, []).append(source)
    single = {
        rule.mapping.word(target): told.get(str(found[0])) for target, found in sources.items() if len(found) == 1
    }
    return {word: told for word, told in single.items() if told}


def _described(value: Any) -> Mapping[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {"name": str(value)}
