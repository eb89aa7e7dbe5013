"""Power plants, invented within the real countries."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from orchestrator.sandbox.scenes.catalogue import Row
from orchestrator.sandbox.scenes.tables import atlas
from orchestrator.sandbox.scenes.tables.political import index
from orchestrator.sandbox.scenes.tables.subdivision import divided

_FUELS = ("Gas", "Hydro", "Solar", "Wind", "Coal", "Nuclear", "Oil", "Biomass", "Waste", "Geothermal")
_MOST = 24  # in a country
_HOURS_FULL = 4000  # a year at full load


@cache
def power_plants() -> tuple[Row, ...]:
    """Give some plants of each country, at points within parts of it, by turns of each fuel."""
    places = (
        (country, part.representative_point())
        for country in atlas.countries()
        for part in divided(country.shape, min(_MOST, 6 + math.isqrt(int(country.shape.area))))
    )
    return tuple(
        Row(index(at), point, _plant(at, country, point.x, point.y)) for at, (country, point) in enumerate(places)
    )


def _plant(at: int, country: atlas.Country, lon: float, lat: float) -> dict[str, Any]:
    fuel, megawatts = _FUELS[at % len(_FUELS)], float(5 + at * 37 % 1200)
    hours = {year: round(megawatts * (_HOURS_FULL + year * 50) / 1000, 3) for year in range(4)}
    return {
        "country": country.iso3,
        "country_lg": country.name,
        "name": f"{country.name} {fuel} {at}",
        "gppd_idnr": f"INV{at:07d}",
        "capacitymw": megawatts,
        "latitude": round(lat, 4),
        "longitude": round(lon, 4),
        "fuel1": fuel,
        "fuel2": "",
        "fuel3": "",
        "fuel4": "",
        "comm_year": str(1960 + at % 58),
        "owner": "",
        "source": "",
        "url": "",
        "src_latlon": "",
        "cap_year": 2017.0,
        "gwh_2013": hours[0],
        "gwh_2014": hours[1],
        "gwh_2015": hours[2],
        "gwh_2016": hours[3],
        "gwh_estimt": hours[2],
    }
