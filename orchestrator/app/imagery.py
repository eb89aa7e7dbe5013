"""Earth Engine, as products ask it: while they plan, and for scenes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.core.errors import CredentialError, PermanentError, RecipeError
from orchestrator.model.scene import Scene, SceneQuery, StoredBand

if TYPE_CHECKING:
    from orchestrator.clients.earthengine import EarthEngine


# Of a degree at the equator, as Earth Engine has it.
METRES_PER_DEGREE = 111_319.49079327358
# Images whose grids one call asks for.
GRIDS_AT_ONCE = 500


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

    def stored_bands(self, asset: str) -> tuple[StoredBand, ...]:
        import ee  # noqa: PLC0415

        told = self._client().call(lambda: ee.data.getAsset(asset))
        return tuple(_stored(band) for band in told.get("bands", ()))

    def stored_grids(
        self, assets: Sequence[str], band: str
    ) -> list[tuple[str, tuple[float, float, float, float, float, float] | None]]:
        import ee  # noqa: PLC0415

        found: list[tuple[str, tuple[float, float, float, float, float, float] | None]] = []
        for first in range(0, len(assets), GRIDS_AT_ONCE):
            some = assets[first : first + GRIDS_AT_ONCE]
            found += map(_grid, self.values([ee.Image(asset).select([band]).projection() for asset in some]))
        return found

    def scene_image(self, assets: Sequence[str], bands: Sequence[str], dtype: str) -> Any:
        from orchestrator.recipes.scenes import scene_image  # noqa: PLC0415  `ee` costs a second

        return scene_image(assets, bands, dtype)

    def _client(self) -> EarthEngine:
        if self._engine is None:
            self._engine = self._sign_in()
        return self._engine


def ask_types(image: Any, value: Callable[[Any], Any]) -> dict[str, dict[str, Any]]:
    """
    Return the bands of an image in order, each with Earth Engine's pixel type (`precision`, `min`, `max`).

    Args:
        image: An `ee.Image`.
        value: Brings the value of a computed object.

    Raises:
        RecipeError: The image cannot be computed.
    """
    import ee  # noqa: PLC0415  it costs a second

    try:
        told = value(ee.Dictionary({"names": image.bandNames(), "types": image.bandTypes()}))
    except CredentialError:  # the image may be as good as it likes
        raise
    except (PermanentError, ee.EEException) as error:
        raise RecipeError(f"the image cannot be computed: {error}") from None
    return {name: told["types"][name] for name in told["names"]}


def _stored(band: Mapping[str, Any]) -> StoredBand:
    kind, grid = band.get("dataType", {}), band.get("grid", {})
    span = kind.get("range", {})
    side = abs(float(grid.get("affineTransform", {}).get("scaleX", 0.0)))
    metres = METRES_PER_DEGREE if grid.get("crsCode") == "EPSG:4326" else 1.0
    # What a zero would say is left out of an answer.
    low, high = float(span.get("min", 0.0)), float(span.get("max", 0.0))
    crs, transform = str(grid.get("crsCode") or grid.get("crsWkt") or ""), _transform(grid.get("affineTransform", {}))
    precision = str(kind.get("precision", "double")).lower()
    return StoredBand(str(band.get("id")), precision, low, high, side * metres, crs, transform)


def _grid(told: Mapping[str, Any]) -> tuple[str, tuple[float, float, float, float, float, float] | None]:
    crs, transform = str(told.get("crs") or told.get("wkt") or ""), tuple(map(float, told.get("transform") or ()))
    if len(transform) != 6:
        return crs, None
    a, b, c, d, e, f = transform
    return crs, (a, b, c, d, e, f)


def _transform(told: Mapping[str, Any]) -> tuple[float, float, float, float, float, float] | None:
    names = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")
    a, b, c, d, e, f = (float(told.get(name, 0.0)) for name in names)
    return (a, b, c, d, e, f) if told else None


def scene_search(
    engine: Callable[[], EarthEngine], say: Callable[[str], None]
) -> Callable[[SceneQuery], Sequence[Scene]]:
    """Return what finds scenes; it signs in when it is asked, and `say` is told how far it is."""

    def find(query: SceneQuery) -> Sequence[Scene]:
        from orchestrator.queries.search import search  # noqa: PLC0415  geopandas and ee are heavy

        return search(query, engine, say).listed()

    return find
