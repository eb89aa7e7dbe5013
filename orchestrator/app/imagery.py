"""Earth Engine, as products ask it: while they plan, and for scenes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.model.scene import Scene, SceneQuery

if TYPE_CHECKING:
    from orchestrator.clients.earthengine import EarthEngine


class EarthEngineImagery:
    """The products' `Imagery`; it signs in when it is first asked."""

    def __init__(self, engine: Callable[[], EarthEngine]) -> None:
        self._sign_in = engine
        self._engine: EarthEngine | None = None

    def connect(self) -> None:
        self._client()

    def values(self, numbers: Sequence[Any]) -> list[Any]:
        import ee  # noqa: PLC0415  it costs a second

        found: list[Any] = self._client().value(ee.List(list(numbers)))
        return found

    def bands(self, image: Any) -> list[str]:
        names: list[str] = self._client().value(image.bandNames())
        return names

    def serialise(self, image: Any) -> str:
        from orchestrator.clients.earthengine import serialise  # noqa: PLC0415

        return serialise(image)

    def _client(self) -> EarthEngine:
        if self._engine is None:
            self._engine = self._sign_in()
        return self._engine


def scene_search(
    engine: Callable[[], EarthEngine], say: Callable[[str], None]
) -> Callable[[SceneQuery], Sequence[Scene]]:
    """Return what finds scenes; it signs in when it is asked, and `say` is told how far it is."""

    def find(query: SceneQuery) -> Sequence[Scene]:
        from orchestrator.queries.search import search  # noqa: PLC0415  geopandas and ee are heavy

        return search(query, engine, say).listed()

    return find
