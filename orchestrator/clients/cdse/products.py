"""A product, read from what the catalogue says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.clients.cdse.areas import footprint_of
from orchestrator.core.errors import TransientError
from orchestrator.core.log import one_line
from orchestrator.model.files import CatalogueProduct, Checksum


def read_product(told: object, what: str) -> CatalogueProduct:
    """
    Return a product of a page.

    Raises:
        TransientError: It lacks what every product has.
    """
    try:
        return _read(told)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TransientError(one_line(f"{what}: a product is not in the service's form: {error!r}", 200)) from None


def _read(told: Any) -> CatalogueProduct:
    footprint = told.get("GeoFootprint")
    return CatalogueProduct(
        id=_text(told["Id"]),
        name=_text(told["Name"]),
        start=_text(told["ContentDate"]["Start"]),
        size=int(told.get("ContentLength") or 0),
        online=bool(told.get("Online", True)),
        checksums=tuple(_checksum(one) for one in told.get("Checksum") or () if one.get("Value")),
        footprint=footprint if isinstance(footprint, Mapping) else footprint_of(told.get("Footprint")),
        attributes={_text(one["Name"]): one.get("Value") for one in told.get("Attributes") or ()},
    )


def _checksum(told: Mapping[str, Any]) -> Checksum:
    return Checksum(_text(told["Algorithm"]), _text(told["Value"]).lower())


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is no text")
    return value
