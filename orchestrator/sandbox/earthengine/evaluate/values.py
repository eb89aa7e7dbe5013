"""What an expression can be: images, features, collections, filters, joins, reducers, dates and functions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, shown
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.nodes import Node
from orchestrator.sandbox.earthengine.evaluate.projection import DEFAULT_PROJECTION, Grid, Projection
from orchestrator.sandbox.earthengine.evaluate.tape import Tape
from orchestrator.sandbox.earthengine.evaluate.untold import Untold
from orchestrator.sandbox.scenes.catalogue import Catalogue, PixelType, Scene, UnboundedQueryError

MAX_ELEMENTS = 5000  # the most elements Earth Engine accumulates in one query


@dataclass(frozen=True, slots=True, eq=False)
class ImageBand:
    """
    A named band.

    Attributes:
        name: Its name in the image.
        node: How its pixels are computed.
        type: Earth Engine's type.
        projection: The default projection, which is only used where nobody asks for another.
        shape: (height, width) on the default projection, where known.
    """

    name: str
    node: Node
    type: PixelType
    projection: Projection = DEFAULT_PROJECTION
    shape: tuple[int, int] | None = None

    def renamed(self, name: str) -> ImageBand:
        """Give the same band another name."""
        return replace(self, name=name)


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """
    Named lazy bands with properties.

    Attributes:
        bands: In order.
        properties: Earth Engine's, without `system:footprint`.
        footprint: Where the image lies; None is unbounded.
        asset_id: `COLLECTION/INDEX` of an image of the catalogue.
        grid: The window asked for by an export wrapper, if the image is one.
    """

    bands: tuple[ImageBand, ...]
    properties: Mapping[str, Any] = field(default_factory=dict)
    footprint: Geometry | None = None
    asset_id: str | None = None
    grid: Grid | None = None

    @property
    def names(self) -> list[str]:
        return [band.name for band in self.bands]

    def with_bands(self, bands: Iterable[ImageBand]) -> Image:
        """Give an image of other bands with the same properties and footprint."""
        return replace(self, bands=tuple(bands), grid=None)

    def band(self, name: str) -> ImageBand | None:
        """Find a band by name."""
        return next((band for band in self.bands if band.name == name), None)


@dataclass(frozen=True, slots=True, eq=False)
class Feature:
    """A geometry, which may be missing, with properties; `system:index` among them is its id."""

    geometry: Geometry | None
    properties: Mapping[str, Any] = field(default_factory=dict)


INDEX = "system:index"
BANDS, BAND_NAMES = "system:bands", "system:band_names"  # of an image: listed, and follow from its bands
ID = "system:id"  # of an asset: read like a property, shown as its id, listed nowhere


def property_of(element: Any, name: str) -> Any:
    """Give a property, or null; an image of the catalogue has its id as one that is not listed."""
    own = _of_bands(element, name) if isinstance(element, Image) else None
    return element.properties.get(name, own)


def _of_bands(image: Image, name: str) -> Any:
    """Give what an image tells of itself although no property was set."""
    if name == BANDS:
        return Untold(f"The property '{BANDS}' of an image")
    return {ID: image.asset_id, BAND_NAMES: image.names}.get(name)


def geometry_of(element: Any) -> Geometry | None:
    """Give where an element lies."""
    return element.footprint if isinstance(element, Image) else element.geometry


def number_in(name: str, value: Any) -> float:
    """
    Give a value that must be a number.

    Raises:
        EvaluationError: If it is none.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    raise EvaluationError(f"{name}: The value is not a number: {shown(value)}.")


def text_in(name: str, value: Any) -> str:
    """
    Give a value that must be a text.

    Raises:
        EvaluationError: If it is none.
    """
    if isinstance(value, str):
        return value
    raise EvaluationError(f"{name}: The value is not a string: {shown(value)}.")


class Predicate(Protocol):
    """A filter: of one element, or of a pair in a join."""

    def accepts(self, left: Any, right: Any = None) -> bool:
        """Tell whether the element, or the pair, passes."""


@dataclass(frozen=True, slots=True)
class SceneQuery:
    """What the catalogue is asked: everything that can be pushed down before scenes are enumerated."""

    catalogue: Catalogue
    collection: str
    region: BaseGeometry | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    likely: BaseGeometry | None = None  # where what later filters keep must lie; a region says more

    @property
    def place(self) -> BaseGeometry | None:
        """Where to look for scenes."""
        return self.likely if self.region is None else self.region

    def scenes(self) -> Iterator[Scene]:
        """
        Ask the catalogue.

        Raises:
            EvaluationError: With the service's sentence if the query has no end.
        """
        try:
            yield from self.catalogue.scenes(self.collection, self.place, self.start_ms, self.end_ms)
        except UnboundedQueryError:
            raise too_many() from None

    def count(self) -> int:
        """Count the scenes; a collection of the catalogue is counted without accumulating its elements."""
        self.refuse_crowds()
        return sum(1 for _ in self.scenes())

    def refuse_crowds(self) -> None:
        """
        Refuse at once what would be refused after a long enumeration.

        Raises:
            EvaluationError: With the service's sentence.
        """
        if self.is_crowded:
            raise too_many()

    @property
    def is_crowded(self) -> bool:
        """Tell whether the query surely finds more scenes than can be accumulated."""
        return self.catalogue.is_crowded(self.collection, self.place, self.start_ms, self.end_ms)

    def covers(self, scene: Scene) -> bool:
        """Tell whether a scene of the collection is one of those that are asked for."""
        when = scene.properties.get("system:time_start")
        after = self.start_ms is None or (when is not None and self.start_ms <= when)
        before = self.end_ms is None or (when is not None and when < self.end_ms)
        return after and before and (self.region is None or bool(self.region.intersects(scene.footprint)))


def too_many() -> EvaluationError:
    """Say that a list is longer than the service accumulates."""
    return EvaluationError(f"Collection query aborted after accumulating over {MAX_ELEMENTS} elements.")


class Collection:
    """
    A lazy list of elements: enumerated once, when somebody needs an element.

    Belongs to one evaluation, which is the work of one thread.
    """

    def __init__(
        self,
        produce: Callable[[], Iterable[Any]],
        *,
        kind: str | Callable[[Collection], str] = "ImageCollection",
        properties: Mapping[str, Any] | None = None,
        query: SceneQuery | None = None,
        table: str | None = None,
        most: int | None = MAX_ELEMENTS,
        push: Push | None = None,
        origin: SceneQuery | None = None,
    ) -> None:
        """
        Keep how to enumerate.

        Args:
            produce: Yields elements in order.
            kind: `ImageCollection` or `FeatureCollection`, or how to tell from the collection when somebody asks.
            properties: Of the collection itself.
            query: The request to the catalogue that `produce` makes, as long as it can still be narrowed.
            table: The id of the table whose features these are.
            most: How many elements are enumerated; None, of a table, is without end.
            push: Gives the collection filtered before whatever made it; None where that would be another collection.
            origin: The request to the catalogue that the elements were made from, whatever was done to them since.
        """
        self._tape = Tape(produce, MAX_ELEMENTS)
        self._elements: list[Any] | None = None
        self._kind = kind
        self.properties = properties or {}
        self.query = query
        self.table = table
        self._most = most
        self._push = push
        self._origin = origin or query

    @property
    def is_crowded(self) -> bool:
        """Tell whether the elements are made from more scenes than can be accumulated."""
        return self._origin is not None and self._origin.is_crowded

    @property
    def kind(self) -> str:
        return self._kind if isinstance(self._kind, str) else self._kind(self)

    def elements(self) -> list[Any]:
        """
        Enumerate.

        Raises:
            EvaluationError: With the service's sentence if there are more than 5000 elements, unless of a table.
        """
        if self._elements is None and self._most is None:
            self._elements = list(self._tape.stream())
        if self._elements is None:
            if self.query is not None:
                self.query.refuse_crowds()
            self._elements = self.head(MAX_ELEMENTS + 1)
            if len(self._elements) > MAX_ELEMENTS:
                self._elements = None
                raise too_many()
        return self._elements

    def head(self, count: int) -> list[Any]:
        """Give the first elements, at most `count`, without looking for more."""
        return list(itertools.islice(self.stream(), count))

    def stream(self) -> Iterator[Any]:
        """Give the elements one by one, for whoever may stop at the first: of a collection without end, too."""
        yield from self._tape.stream() if self._elements is None else self._elements

    def pushed(self, condition: Predicate) -> Collection | None:
        """Filter before whatever made the collection, down to the catalogue; None if that must not be."""
        return None if self._push is None else self._push(condition)

    def derived(
        self,
        produce: Callable[[], Iterable[Any]],
        kind: str | Callable[[Collection], str] | None = None,
        push: Push | None = None,
    ) -> Collection:
        """Give another list of elements with the same collection properties."""
        return Collection(
            produce,
            kind=kind or self._kind,
            properties=self.properties,
            most=self._most,
            push=push,
            origin=self._origin,
        )

    def with_properties(self, added: Mapping[str, Any]) -> Collection:
        """Give the same elements under more properties, or other values of them."""

        def push(condition: Predicate) -> Collection | None:
            found = self.pushed(condition)
            return None if found is None else found.with_properties(added)

        found = self.derived(self.stream, push=push)
        found.properties, found.query, found.table = {**self.properties, **added}, self.query, self.table
        return found


Push = Callable[[Predicate], Collection | None]
Element = Image | Feature | Collection


def with_properties(element: Element, added: Mapping[str, Any]) -> Any:
    """Give the element with more properties, or other values of them."""
    if isinstance(element, Collection):
        return element.with_properties(added)
    if isinstance(element, Image):
        added = {name: value for name, value in added.items() if name not in (BANDS, BAND_NAMES)}
    return replace(element, properties={**element.properties, **added})


def indexed(elements: Iterable[Any]) -> Iterator[Any]:
    """Number the elements that have no id, from 0 by their position."""
    for at, element in enumerate(elements):
        if isinstance(element, (Image, Feature)) and element.properties.get(INDEX) is None:
            yield with_properties(element, {INDEX: str(at)})
        else:
            yield element


@dataclass(frozen=True, slots=True)
class Date:
    """A moment, in milliseconds since 1970 UTC."""

    ms: int


@dataclass(frozen=True, slots=True)
class DateRange:
    """A half-open span of time, in milliseconds since 1970 UTC; None is without end."""

    start_ms: int | None
    end_ms: int | None

    @property
    def is_empty(self) -> bool:
        return self.start_ms is not None and self.end_ms is not None and self.start_ms >= self.end_ms

    def contains(self, moment: float) -> bool:
        """Tell whether start <= moment < end."""
        return (self.start_ms is None or self.start_ms <= moment) and (self.end_ms is None or moment < self.end_ms)


@dataclass(frozen=True, slots=True)
class ErrorMargin:
    """How exact a geometry should be; accepted and not needed, because ours are exact."""

    value: float | None = None
    unit: str = "meters"


@dataclass(frozen=True, slots=True, eq=False)
class Algorithm:
    """A function value: what `map` is given, or a parsed expression."""

    names: tuple[str, ...]
    call: Callable[[Mapping[str, Any]], Any] = field(repr=False)
    keeps: Callable[[str], bool] | None = field(default=None, repr=False)  # see `keeping.Keeping`

    def __call__(self, *arguments: Any) -> Any:
        """Call with positional arguments."""
        return self.call(dict(zip(self.names, arguments, strict=False)))
