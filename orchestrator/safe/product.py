"""`MTD_MSIL1C.xml` and `MTD_MSIL2A.xml`: how numbers of a product become reflectance."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.core.errors import UserError
from orchestrator.safe.bands import BANDS, band_of_id
from orchestrator.safe.xml import Element, parse

# From this baseline on (25 January 2022) numbers are stored with an offset, so that dark surfaces are not cut at 0.
OFFSETS_SINCE = "04.00"
_MOST = 1_000_000  # of what numbers of 16 bits are divided by, or have added; 10,000 and -1,000 in every product


@dataclass(frozen=True, slots=True)
class ProductMetadata:
    """
    What holds for all of a product.

    Reflectance = (number + offsets[band]) / quantification, where number is not `nodata`.

    Attributes:
        level: "L1C" or "L2A".
        name: With ".SAFE"; "" where the file does not say.
        baseline: Of the processing, "02.06".
        sensing_start: UTC, "2018-01-01T10:54:41.026Z".
        quantification: Numbers per unit of reflectance.
        offsets: By band, for all of `BANDS`; 0 where the baseline has none.
        nodata: The number of a pixel that holds nothing.
        saturated: The number of a pixel whose detector was saturated.
        aot_quantification: Numbers per unit of aerosol optical thickness; None for L1C.
        wvp_quantification: Numbers per centimetre of water vapour; None for L1C.
        cloud_percentage: 0 to 100, or None where the file does not say.
        images: Paths inside the SAFE folder, without suffix.
    """

    level: str
    name: str
    baseline: str
    sensing_start: str
    quantification: float
    offsets: Mapping[str, float]
    nodata: int
    saturated: int
    aot_quantification: float | None
    wvp_quantification: float | None
    cloud_percentage: float | None
    images: tuple[str, ...]


def read_product(content: bytes, where: str = "MTD_MSIL1C.xml") -> ProductMetadata:
    """
    Read the metadata of a product, L1C or L2A.

    Raises:
        UserError: It is damaged or another file, lacks an element, or has offsets for some bands and not for all.
    """
    root = parse(content, where, "User_Product")
    level = _level(root)
    baseline = _baseline(root)
    cloud = root.find("Cloud_Coverage_Assessment")
    special = _special_values(root)
    names = (
        ("QUANTIFICATION_VALUE",) if level == "L1C" else ("BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE")
    )
    return ProductMetadata(
        level=level,
        name=_text(root, "PRODUCT_URI", "PRODUCT_URI_2A"),
        baseline=baseline,
        sensing_start=root.one("PRODUCT_START_TIME").text,
        quantification=_positive(root.one(*names)),
        offsets=_offsets(root, level, baseline),
        nodata=special["NODATA"],
        saturated=special["SATURATED"],
        aot_quantification=_optional(root, "AOT_QUANTIFICATION_VALUE", "L2A_AOT_QUANTIFICATION_VALUE"),
        wvp_quantification=_optional(root, "WVP_QUANTIFICATION_VALUE", "L2A_WVP_QUANTIFICATION_VALUE"),
        cloud_percentage=cloud.number() if cloud else None,
        images=tuple(image.text for name in ("IMAGE_FILE", "IMAGE_FILE_2A") for image in root.all(name)),
    )


def _level(root: Element) -> str:
    level = next((level for level in ("L1C", "L2A") if root.name == f"Level-{level[1:]}_User_Product"), None)
    if level is None:
        raise UserError(
            f"{root.where}: begins with {root.name}, expected Level-1C_User_Product or Level-2A_User_Product"
        )
    return level


def _baseline(root: Element) -> str:
    text = root.one("PROCESSING_BASELINE").text
    if not re.fullmatch(r"\d\d\.\d\d", text):
        raise UserError(f"{root.where}: PROCESSING_BASELINE is {text[:40]!r}, expected something like 05.11")
    return text


def _text(root: Element, *names: str) -> str:
    found = root.find(*names)
    return found.text if found else ""


def _positive(element: Element) -> float:
    value = element.number()
    if not 1 <= value <= _MOST:
        raise UserError(f"{element.where}: {element.name} is {element.text[:40]}, expected a number of 1 to {_MOST:,}")
    return value


def _offset(element: Element) -> float:
    value = element.number()
    if not abs(value) <= _MOST:
        raise UserError(
            f"{element.where}: {element.name} is {element.text[:40]}, expected a number of -{_MOST:,} to {_MOST:,}"
        )
    return value


def _optional(root: Element, *names: str) -> float | None:
    found = root.find(*names)
    return _positive(found) if found else None


def _special_values(root: Element) -> dict[str, int]:
    known = {
        entry.one("SPECIAL_VALUE_TEXT").text: entry.one("SPECIAL_VALUE_INDEX").whole()
        for entry in root.all("Special_Values")
    }
    for name in ("NODATA", "SATURATED"):
        if name not in known:
            raise UserError(f"{root.where}: has no Special_Values for {name}; fetch the file again")
    return known


def _offsets(root: Element, level: str, baseline: str) -> dict[str, float]:
    name = "RADIO_ADD_OFFSET" if level == "L1C" else "BOA_ADD_OFFSET"
    found: dict[str, float] = {}
    for element in root.all(name):
        # `band_id` here, `bandId` everywhere else; both, since nobody knows what the next baseline writes.
        band = band_of_id(element.whole("band_id", "bandId"), root.where)
        if band in found:
            raise UserError(f"{root.where}: has {name} for {band} twice")
        found[band] = _offset(element)
    if not found and baseline < OFFSETS_SINCE:
        return dict.fromkeys(BANDS, 0.0)
    # Level-2A has no B10; its list does, today.
    missing = [band for band in BANDS if band not in found and not (level == "L2A" and band == "B10")]
    if missing:
        has = f"{name} for {len(found)} bands and not for {', '.join(missing)}" if found else f"no {name}"
        raise UserError(f"{root.where}: has {has}; baseline {baseline} needs one for each band: fetch the file again")
    return {band: found.get(band, 0.0) for band in BANDS}
