"""A table as it is asked for: features in their order, with their values as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.coercion import type_name
from orchestrator.sandbox.earthengine.evaluate.encode import encoded
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.extent import within_limits
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.values import INDEX, Collection, Feature, Image, geometry_of


@dataclass(frozen=True, slots=True)
class RequestedFeature:
    """
    One feature.

    Attributes:
        index: Its id in the collection.
        geometry: Where it lies; None is nowhere.
        properties: Its values, without the id.
    """

    index: str | None
    geometry: Geometry | None
    properties: Mapping[str, Any]

    @within_limits()
    def json(self) -> dict[str, Any]:
        """Give the values as JSON."""
        return {key: encoded(value) for key, value in self.properties.items()}


@dataclass(frozen=True, slots=True)
class RequestedTable:
    """Features, evaluated."""

    features: Sequence[RequestedFeature]

    @property
    def columns(self) -> list[str]:
        """Every property that a feature has, in alphabetical order."""
        return sorted({name for feature in self.features for name in feature.properties})


def requested_table(found: Any) -> RequestedTable:
    """
    Make a table of the result of an expression.

    Raises:
        EvaluationError: If it is no collection and no feature.
    """
    if isinstance(found, Feature):
        found = Collection(lambda: [found], kind="FeatureCollection")
    if not isinstance(found, Collection):
        raise EvaluationError(f"Expected a FeatureCollection, found: {type_name(found)}.")
    return RequestedTable([_feature(element) for element in found.elements()])


def _feature(element: Any) -> RequestedFeature:
    if not isinstance(element, (Feature, Image)):
        raise EvaluationError(f"Expected a Feature in the collection, found: {type_name(element)}.")
    values = {key: value for key, value in element.properties.items() if key != INDEX}
    index = element.properties.get(INDEX)
    return RequestedFeature(None if index is None else str(index), geometry_of(element), values)
