"""Where on Earth an area lies, in words, and whether its longitudes and latitudes look exchanged."""

from __future__ import annotations

from orchestrator.plan.area import Area
from orchestrator.plan.reproject import parse_crs

# Cells of 5 × 5 degrees that hold land, from 90 N and 180 W: a row of 72 bits each, the highest bit in the west.
# Counted from the continents and large islands of Natural Earth 1:110 m (public domain).
CELL = 5
LAND = tuple(
    int(row, 16)
    for row in (
        "000000000000000000",
        "0000ffffc3ce030000",
        "001fffff83c1c7e1e0",
        "9f7ffeff80e3fffff3",
        "ffffff7fc3ffffffff",
        "ffffff71cfffffffff",
        "3fffff8037fffffffe",
        "107fff803fffffff98",
        "003fffc03fffffff80",
        "001fff003fffffffc0",
        "001ffc003fffffff80",
        "001ff8003fffffff00",
        "000ff8007ffffff800",
        "0807fc00ffff7ff800",
        "0c03fe00ffff3ff800",
        "00007f00fffe39dc00",
        "00003fc07ffe19fc00",
        "00001fe037fc01fc00",
        "00001ff807f801ffe0",
        "00001ffc03f000fff8",
        "00000ff803fe001fec",
        "80000ff803fe001fc5",
        "000007f003fc003fec",
        "000007e003ec003fe0",
        "000007c001e0003fe2",
        "0000078000000011e3",
        "0000070000000000c7",
        "00000e000000600006",
        "00000f800000000000",
        "000006000000000000",
        "000001800000000000",
        "0000070007fffffff0",
        "00ffff00fffffffffe",
        "1ffffffffffffffffc",
        "ffffffffffffffffff",
        "ffffffffffffffffff",
    )
)


def whereabouts(area: Area) -> tuple[str, ...]:
    """Return where the middle of the area lies, and a warning if it lies at sea and its mirror image on land."""
    west, south, east, north = area.lonlat.bounds
    if east - west >= 360:
        pole, edge = ("North", south) if north + south > 0 else ("South", north)
        return (f"{area.name}: the area lies round the {pole} Pole, up to latitude {_degrees(edge, 'NS')}.",)
    lon, lat = (west + east) / 2, (south + north) / 2
    lon = (lon + 180) % 360 - 180
    notes = [
        f"{area.name}: the middle of the area lies at latitude {_degrees(lat, 'NS')}, longitude {_degrees(lon, 'EW')}."
    ]
    far_from_land = not any(_land(lon + x, lat + y) for x in (-CELL, 0, CELL) for y in (-CELL, 0, CELL))
    exchanged = abs(lon) <= 90 and _land(lat, lon)
    if parse_crs(area.crs).is_geographic and far_from_land and exchanged:
        notes.append(
            f"{area.name}: that is far out at sea, and latitude {_degrees(lon, 'NS')}, longitude {_degrees(lat, 'EW')} "
            "would be on land: are longitude and latitude exchanged? Longitude comes first."
        )
    return tuple(notes)


def _degrees(value: float, signs: str) -> str:
    return f"{abs(value):.2f} {signs[0] if value >= 0 else signs[1]}"


def _land(lon: float, lat: float) -> bool:
    row = min(max(int((90 - lat) // CELL), 0), len(LAND) - 1)
    col = int((lon + 180) // CELL) % 72
    return bool(LAND[row] >> (71 - col) & 1)
