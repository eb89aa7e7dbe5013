"""Collections by short names, and what their scenes' properties are called (Earth Engine Data Catalog)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from orchestrator.core.errors import UserError
from orchestrator.core.nearest import hint
from orchestrator.model.scene import PropertyFilter

CLOUD_PROBABILITY = "COPERNICUS/S2_CLOUD_PROBABILITY"
PASS = "orbitProperties_pass"  # noqa: S105  a property of Sentinel-1, no secret


@dataclass(frozen=True, slots=True)
class SceneSource:
    """
    Collections that are asked together.

    Attributes:
        name: Short name, or Earth Engine's id.
        collections: Earth Engine's ids.
        title: Property that names a scene; its index does where this is empty.
        cloud: Property of the cloud cover in per cent; empty where there is none.
        band: Whose grid is told; the first one where it is empty.
        columns: Further properties that are always told.
        conditions: What every scene must fulfil.
        footprints: Whether scenes are single acquisitions, whose footprints span a few degrees.
        s2cloudless: Whether scenes may have one of `CLOUD_PROBABILITY`.
    """

    name: str
    collections: tuple[str, ...]
    title: str = ""
    cloud: str = ""
    band: str = ""
    columns: tuple[str, ...] = ()
    conditions: tuple[PropertyFilter, ...] = ()
    footprints: bool = True
    s2cloudless: bool = False

    @property
    def pass_column(self) -> str:
        """The column that tells passes of one day apart; empty where there is none."""
        return PASS if PASS in self.columns else ""


def _sentinel2(name: str, collection: str) -> SceneSource:
    cloud = "CLOUDY_PIXEL_PERCENTAGE"
    return SceneSource(name, (collection,), "PRODUCT_ID", cloud, "B2", ("MGRS_TILE",), s2cloudless=True)


def _landsat(name: str, missions: tuple[str, ...], suffix: str) -> SceneSource:
    # Tier 2 is asked too, as the published ways do: what lies there is geolocated less well.
    tiers = tuple(f"LANDSAT/{mission}/C02/{tier}_{suffix}" for mission in missions for tier in ("T1", "T2"))
    # The first band has the grid of B2, and scenes of the thermal sensor alone have no B2.
    return SceneSource(name, tiers, "LANDSAT_PRODUCT_ID", "CLOUD_COVER", columns=("WRS_PATH", "WRS_ROW"))


def _landsats() -> list[SceneSource]:
    missions = {"": ("LC08", "LC09")} | {f"-{code[-1]}": (code,) for code in ("LT04", "LT05", "LE07", "LC08", "LC09")}
    return [
        _landsat(f"landsat{number}{kind}", codes, suffix)
        for number, codes in missions.items()
        for kind, suffix in (("", "TOA"), ("-sr", "L2"))
    ]


_S1 = SceneSource("s1", ("COPERNICUS/S1_GRD",), columns=(PASS,), band="VV")
_BOTH = tuple(PropertyFilter.of(f"transmitterReceiverPolarisation has {one}") for one in ("VV", "VH"))

CATALOGUE: Mapping[str, SceneSource] = MappingProxyType(
    {
        source.name: source
        for source in (
            _sentinel2("s2-l2a", "COPERNICUS/S2_SR_HARMONIZED"),
            _sentinel2("s2-l1c", "COPERNICUS/S2_HARMONIZED"),
            # Interferometric wide swath in both polarisations: one kind of scene, so that bands are the same.
            replace(_S1, conditions=(PropertyFilter.of("instrumentMode == IW"), *_BOTH)),
            *_landsats(),
        )
    }
)


def find_source(name: str) -> SceneSource:
    """
    Return the source of a short name, or of an id of Earth Engine's.

    Raises:
        UserError: It is neither: ids have a `/`.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    if "/" not in name:
        raise UserError(f"collection {name!r} is unknown; {hint(name, CATALOGUE)}; or give an id of Earth Engine's")
    near = next((one for one in CATALOGUE.values() if name in one.collections), None)
    if near is not None:  # its words are known; nothing is left out of it
        return replace(near, name=name, collections=(name,), conditions=(), band="" if near.conditions else near.band)
    return SceneSource(name, (name,), footprints=False)
