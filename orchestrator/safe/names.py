"""Names of Sentinel-2 products, as they are since December 2016: `S2A_MSIL1C_…_N0206_R051_T31TDH_….SAFE`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator.core.errors import UserError

# The naming convention of compact products (Sentinel-2 Products Specification Document, "Naming Convention").
_NAME = re.compile(
    r"(?P<mission>S2[A-D])_MSI(?P<level>L1C|L2A)_(?P<datatake>\d{8}T\d{6})_N(?P<baseline>\d{4})_R(?P<orbit>\d{3})"
    r"_T(?P<tile>\d{2}[C-HJ-NP-X][A-HJ-NP-Z][A-HJ-NP-V])_(?P<discriminator>\d{8}T\d{6})(?:\.SAFE)?"
)
_OLD = re.compile(r"S2[A-D]_(OPER|USER)_")
WANTED = "S2X_MSIL1C_ or S2X_MSIL2A_, then YYYYMMDDTHHMMSS_Nbbbb_Rrrr_Ttttt_YYYYMMDDTHHMMSS.SAFE"


@dataclass(frozen=True, slots=True)
class ProductName:
    """
    What a product's name says.

    Attributes:
        mission: "S2A" to "S2D".
        level: "L1C" or "L2A".
        datatake: When the sensing of the whole datatake began, UTC, "20180101T105441".
        baseline: Of the processing, "02.06".
        orbit: Relative orbit, 1 to 143.
        tile: MGRS tile without the letter T, "31TDH".
        discriminator: Tells products of one datatake and tile apart, a time: the later is the newer.
        name: All of it, with ".SAFE".
    """

    mission: str
    level: str
    datatake: str
    baseline: str
    orbit: int
    tile: str
    discriminator: str
    name: str


def parse_name(text: str) -> ProductName:
    """
    Read the name of a product; ".SAFE" at its end may be missing.

    Raises:
        UserError: It is a name of before December 2016, or none of Sentinel-2's; a sentence says which.
    """
    found = _NAME.fullmatch(text)
    if found is None:
        raise UserError(_refusal(text))
    return ProductName(
        mission=found["mission"],
        level=found["level"],
        datatake=found["datatake"],
        baseline=f"{found['baseline'][:2]}.{found['baseline'][2:]}",
        orbit=int(found["orbit"]),
        tile=found["tile"],
        discriminator=found["discriminator"],
        name=text.removesuffix(".SAFE") + ".SAFE",
    )


def _refusal(text: str) -> str:
    shown = repr(text if len(text) <= 90 else f"{text[:90]}…")
    if _OLD.match(text):
        return f"{shown} is a name of before December 2016, which is not read; take the product as it was reprocessed"
    return f"{shown} is no name of a Sentinel-2 product: expected {WANTED}"
