"""The tables that every catalogue has, by their id. Rows are made when somebody asks for them, and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from orchestrator.sandbox.scenes.catalogue import Row, Table
from orchestrator.sandbox.scenes.tables import industry, nature, political

_LSIB_SIMPLE = "abbreviati country_co country_na wld_rgn"
_LSIB = "OBJECTID COUNTRY_NA"
_GAUL0 = "ADM0_CODE:INT ADM0_NAME DISP_AREA STATUS Shape_Area:DOUBLE Shape_Leng:DOUBLE"
_GAUL = {
    0: f"{_GAUL0} EXP0_YEAR:INT STR0_YEAR:INT",
    1: f"{_GAUL0} ADM1_CODE:INT ADM1_NAME EXP1_YEAR:INT STR1_YEAR:INT",
    2: f"{_GAUL0} ADM1_CODE:INT ADM1_NAME ADM2_CODE:INT ADM2_NAME EXP2_YEAR:INT STR2_YEAR:INT",
}
_STATES = (
    "ALAND:DOUBLE AWATER:DOUBLE DIVISION FUNCSTAT GEOID INTPTLAT INTPTLON LSAD MTFCC NAME REGION STATEFP STATENS STUSPS"
)
_COUNTIES = (
    "ALAND:DOUBLE AWATER:DOUBLE CBSAFP CLASSFP COUNTYFP COUNTYNS CSAFP FUNCSTAT GEOID INTPTLAT INTPTLON LSAD METDIVFP "
    "MTFCC NAME NAMELSAD STATEFP"
)
_WDPA = (
    "WDPAID:DOUBLE WDPA_PID PA_DEF NAME ORIG_NAME DESIG DESIG_ENG DESIG_TYPE IUCN_CAT INT_CRIT MARINE "
    "REP_M_AREA:DOUBLE REP_AREA:DOUBLE NO_TAKE NO_TK_AREA:DOUBLE STATUS STATUS_YR:INT GOV_TYPE "
    "OWN_TYPE MANG_AUTH MANG_PLAN VERIF METADATAID:INT SUB_LOC PARENT_ISO ISO3 GIS_AREA:DOUBLE GIS_M_AREA:DOUBLE"
)
_ECOREGIONS = (
    "BIOME_NAME BIOME_NUM:DOUBLE COLOR COLOR_BIO COLOR_NNH ECO_ID:DOUBLE ECO_NAME LICENSE NNH:DOUBLE NNH_NAME "
    "OBJECTID:DOUBLE REALM SHAPE_AREA:DOUBLE SHAPE_LENG:DOUBLE"
)
_BASINS = (
    "HYBAS_ID:INT NEXT_DOWN:INT NEXT_SINK:INT MAIN_BAS:INT DIST_SINK:DOUBLE DIST_MAIN:DOUBLE SUB_AREA:DOUBLE "
    "UP_AREA:DOUBLE PFAF_ID:INT ENDO:INT COAST:INT ORDER:INT SORT:INT"
)


_PLANTS = (
    "country country_lg name gppd_idnr capacitymw:DOUBLE latitude:DOUBLE longitude:DOUBLE fuel1 fuel2 fuel3 fuel4 "
    "comm_year owner source url src_latlon cap_year:DOUBLE gwh_2013:DOUBLE gwh_2014:DOUBLE gwh_2015:DOUBLE "
    "gwh_2016:DOUBLE gwh_estimt:DOUBLE"
)


def table(asset_id: str) -> Table | None:
    """Find a shipped table."""
    return TABLES.get(asset_id)


def _columns(written: str) -> Mapping[str, str]:
    """Read columns: a name, with its type behind a colon unless that is STRING."""
    pairs = (each.partition(":") for each in written.split())
    return {name: kind or "STRING" for name, _, kind in pairs}


def _made(asset_id: str, columns: str, rows: Callable[[], Sequence[Row]]) -> Table:
    return Table(asset_id, _columns(columns), rows)


def _all() -> list[Table]:
    levels = {0: political.gaul0, 1: political.gaul1, 2: political.gaul2}
    gaul = [
        _made(f"FAO/{name}/2015/level{level}", _GAUL[level], rows)
        for name in ("GAUL", "GAUL_SIMPLIFIED_500m")
        for level, rows in levels.items()
    ]
    tiger = [
        _made(f"TIGER/{year}/{name}", columns, rows)
        for year in (2016, 2018)
        for name, columns, rows in (
            ("States", _STATES, political.tiger_states),
            ("Counties", _COUNTIES, political.tiger_counties),
        )
    ]
    basins = [
        _made(f"WWF/HydroSHEDS/v1/Basins/hybas_{level}", _BASINS, partial(nature.basins, level))
        for level in nature.BASIN_LEVELS
    ]
    return [
        _made("USDOS/LSIB_SIMPLE/2017", _LSIB_SIMPLE, political.lsib_simple),
        _made("USDOS/LSIB/2017", _LSIB, political.lsib),
        *gaul,
        *tiger,
        *basins,
        _made("WCMC/WDPA/current/polygons", _WDPA, nature.protected_areas),
        _made("WRI/GPPD/power_plants", _PLANTS, industry.power_plants),
        _made("RESOLVE/ECOREGIONS/2017", _ECOREGIONS, nature.ecoregions),
    ]


TABLES = {each.asset_id: each for each in _all()}
