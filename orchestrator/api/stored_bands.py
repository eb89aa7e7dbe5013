"""What Earth Engine says of an image: its bands, their numbers, and the lattice each lies on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from orchestrator.api.images import is_image
from orchestrator.core.errors import PermanentError, RecipeError
from orchestrator.core.nearest import hint
from orchestrator.model import number_type as model
from orchestrator.model.grid import Transform

if TYPE_CHECKING:
    from orchestrator.app import Application

# The least number of each type: no measurement, and Earth Engine takes no NaN as a constant.
LEAST = {"float32": -3.4028234663852886e38, "float64": -1.7976931348623157e308}
# Of an image that is computed from several: Earth Engine gives it pixels of one degree, which nobody means.
_NO_LATTICE = ("EPSG:4326", (1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
# Names of Earth Engine's that PROJ does not know: MODIS's sphere (MODIS Land, "Sinusoidal grid").
OTHER_CRS: Mapping[str, str] = MappingProxyType(
    {"SR-ORG:6974": "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs"}
)


@dataclass(frozen=True, slots=True)
class BandFacts:
    """
    One band of an image.

    Attributes:
        precision: `int`, `float` or `double`.
        low: The least number it may hold; of whole numbers only.
        high: The greatest.
        crs: Of its lattice, empty where it has none of its own.
        transform: Of its lattice, affine order, rows going down; it tells where the pixels are, not where they end.
    """

    precision: str
    low: float
    high: float
    crs: str
    transform: Transform | None


def ask_image(image: object, app: Application) -> tuple[Any, dict[str, BandFacts]]:
    """
    Return an `ee.Image` and its bands, in order.

    Args:
        image: An `ee.Image`, or the id of a stored one.
        app: Of the connection that is open.

    Raises:
        RecipeError: It is neither, or Earth Engine says that there is none.
    """
    engine = app.earth_engine()
    import ee  # noqa: PLC0415  it costs a second

    if not isinstance(image, str) and not is_image(image):
        raise RecipeError(f"{type(image).__name__} is no image; give an ee.Image, or the id of a stored one")
    if not image:
        raise RecipeError("the image's id is empty; give one, such as COPERNICUS/S2_SR_HARMONIZED/...")
    found = ee.Image(image)
    try:
        told = engine.value(found)
    except PermanentError as error:
        named = f"image {image!r}" if isinstance(image, str) else "the image"
        raise RecipeError(f"{named} cannot be read: {error}") from None
    return found, {band["id"]: _facts(band) for band in told.get("bands", [])}


def chosen(asked: Sequence[str] | None, there: Mapping[str, BandFacts]) -> tuple[str, ...]:
    """
    Return the names of bands, all of them where none is named; ESA's name B04 stands for B4.

    Raises:
        RecipeError: There is none of a name, or a band is named twice.
    """
    if asked is None:
        if not there:
            raise RecipeError("the image has no bands")
        return tuple(there)
    names = tuple(_named(band, there) for band in asked)
    if not names or len(set(names)) < len(names):
        raise RecipeError(f"bands is {list(asked)!r}; name at least one, and each once")
    return names


def _named(band: str, there: Mapping[str, BandFacts]) -> str:
    plain = f"B{band[2:]}" if str(band).startswith("B0") else band
    for name in (band, plain):
        if name in there:
            return name
    raise RecipeError(f"the image has no band {band!r}; {hint(str(band), there)}")


def number_type(bands: Sequence[BandFacts]) -> tuple[str, float]:
    """
    Return the smallest number type that holds every number of the bands, and one that stands for "nothing here".

    See `model.number_type`; of floats that is the least number of the type.
    """
    dtype = model.number_type(bands, spare=True)
    return dtype, nothing_of(dtype, bands)


def nothing_of(dtype: str, bands: Sequence[BandFacts]) -> float:
    """Return what stands for "nothing here" in a type that a person chose."""
    return LEAST[dtype] if dtype in LEAST else model.nothing_of(dtype, bands)


def _facts(band: Mapping[str, Any]) -> BandFacts:
    kind = band["data_type"]
    low, high = kind.get("min", -(2.0**63)), kind.get("max", 2.0**63)
    crs, transform = _lattice(band)
    return BandFacts(str(kind.get("precision", "double")), float(low), float(high), crs, transform)


def _lattice(band: Mapping[str, Any]) -> tuple[str, Transform | None]:
    crs = str(band.get("crs") or band.get("crs_wkt") or "")
    given = tuple(float(number) for number in band.get("crs_transform", ()))
    if len(given) != 6 or not crs or (crs, given) == _NO_LATTICE:
        return "", None
    a, b, c, d, e, f = given
    # Where rows go up, their edges are those of rows that go down.
    return OTHER_CRS.get(crs, crs), (abs(a), b, c, d, -abs(e), f)
