"""What the catalogue of the invented Earth asks of a family of collections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes.catalogue import Scene

# Elements that a query without bounds gives before it counts as one without end; the service stops after 5,000.
MOST_UNBOUNDED = 5_001


class Sensor(Protocol):
    """
    A family of collections, of single images, or of both.

    Attributes:
        collections: Collection id to its properties.
        images: Ids of images that belong to no collection.
        crowded_days: Days that hold more scenes of the whole Earth than a query may accumulate.
    """

    collections: Mapping[str, Mapping[str, Any]]
    images: tuple[str, ...]
    crowded_days: float

    def scenes(
        self, collection: str, region: BaseGeometry | None, start_ms: int | None, end_ms: int | None
    ) -> Iterator[Scene]:
        """
        Yield the scenes of one of `collections` as `Catalogue.scenes` does.

        Without a region they come one by one in the order of time, so that the first is had at once.

        Raises:
            UnboundedQueryError: After MOST_UNBOUNDED scenes of a collection that has no region and no end.
        """

    def scene(self, asset_id: str) -> Scene | None:
        """Find an image by its id: of one of `collections`, or one of `images`."""


def described(title: str, **properties: Any) -> dict[str, Any]:
    """Properties of a collection."""
    return {"type": "ImageCollection", "title": title, **properties}
