"""Records of Sentinel-2 products in the form of the catalogue, made from what the name and the metadata tell."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.cdse.products import told_of

FOREVER = "9999-12-31T23:59:59.999999Z"
PUBLISHED_AFTER = timedelta(hours=6)  # of the sensing; nobody depends on it
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://dataspace.copernicus.eu")
_NAME = re.compile(
    r"(?P<mission>S2[A-Z])_MSIL(?P<level>1C|2A)_(?P<datatake>\d{8}T\d{6})_N(?P<baseline>\d{4})"
    r"_R(?P<orbit>\d{3})_T(?P<tile>\d{2}[A-Z]{3})_(?P<discriminator>\d{8}T\d{6})(?:\.SAFE)?"
)


@dataclass(frozen=True, slots=True)
class NameParts:
    """What the name of a product of today tells."""

    mission: str
    level: str
    datatake: datetime
    baseline: str
    orbit: int
    tile: str


def parts_of(name: str) -> NameParts | None:
    """Read a name; None if it is of the old form, or no Sentinel-2 product's."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    baseline = f"{found['baseline'][:2]}.{found['baseline'][2:]}"
    taken = datetime.fromisoformat(found["datatake"]).replace(tzinfo=UTC)
    return NameParts(found["mission"], found["level"], taken, baseline, int(found["orbit"]), found["tile"])


def id_of(name: str) -> str:
    """The Id of a product that has none of its own: the same for the same name."""
    return str(uuid.uuid5(_NAMESPACE, name))


def sentinel2_record(
    name: str,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    footprint: BaseGeometry | None = None,
    cloud: float | None = None,
    size: int = 0,
    number: str | None = None,
    checksums: Iterable[Mapping[str, str]] = (),
    attributes: Mapping[str, str | float | datetime] | None = None,
) -> dict[str, Any]:
    """
    Make the record of a product; what is not given is read from its name.

    Args:
        name: With .SAFE; one of the old form has no tile, baseline and orbit.
        start: Of the sensing; the datatake's by default.
        end: The same as `start` by default.
        footprint: In degrees.
        cloud: Percent.
        size: ContentLength in bytes, which may be 0.
        number: The Id; by default one that follows from the name.
        checksums: `{"Value", "Algorithm", "ChecksumDate"}` each.
        attributes: More of them, or other values; their types follow from the values.
    """
    parts = parts_of(name)
    begun = start or (parts.datatake if parts else datetime(2015, 7, 1, tzinfo=UTC))
    published = told_of(begun + PUBLISHED_AFTER)
    date = {"Start": told_of(begun), "End": told_of(end or begun)}
    wkt = None if footprint is None else f"geography'SRID=4326;{shapely.to_wkt(footprint, rounding_precision=-1)}'"
    return {
        "@odata.mediaContentType": "application/octet-stream",
        "Id": number or id_of(name),
        "Name": name,
        "ContentType": "application/octet-stream",
        "ContentLength": size,
        "OriginDate": published,
        "PublicationDate": published,
        "ModificationDate": published,
        "Online": True,
        "EvictionDate": FOREVER,
        "S3Path": _s3_path(name, parts, begun),
        "Checksum": [dict(each) for each in checksums],
        "ContentDate": date,
        "Footprint": wkt,
        "GeoFootprint": None if footprint is None else shapely.geometry.mapping(footprint),
        "Attributes": [_attribute(*each) for each in _attributes(parts, begun, end, cloud, attributes or {}).items()],
    }


def _s3_path(name: str, parts: NameParts | None, begun: datetime) -> str:
    level = parts.level if parts else ("L2A" if "L2A" in name else "L1C")[1:]
    return f"/eodata/Sentinel-2/MSI/L{level}/{begun:%Y/%m/%d}/{name}"


def _attributes(
    parts: NameParts | None,
    begun: datetime,
    end: datetime | None,
    cloud: float | None,
    more: Mapping[str, str | float | datetime],
) -> dict[str, Any]:
    told: dict[str, Any] = {"origin": "ESA", "platformShortName": "SENTINEL-2", "instrumentShortName": "MSI"}
    if cloud is not None:
        told["cloudCover"] = float(cloud)
    if parts is not None:
        kind = f"S2MSI{parts.level}"
        told |= {"tileId": parts.tile, "productType": kind, "processingLevel": kind}
        told |= {"processorVersion": parts.baseline, "relativeOrbitNumber": parts.orbit}
        told |= {"platformSerialIdentifier": parts.mission[-1], "operationalMode": "INS-NOBS"}
    return {**told, "beginningDateTime": begun, "endingDateTime": end or begun, **more}


def _attribute(name: str, value: Any) -> dict[str, Any]:
    kind, told = _typed(value)
    return {"@odata.type": f"#OData.CSC.{kind}Attribute", "Name": name, "Value": told, "ValueType": kind}


def _typed(value: Any) -> tuple[str, Any]:
    if isinstance(value, datetime):
        return "DateTimeOffset", told_of(value)
    if isinstance(value, bool):
        return "Boolean", value
    if isinstance(value, int):
        return "Integer", value
    return ("Double", value) if isinstance(value, float) else ("String", str(value))
