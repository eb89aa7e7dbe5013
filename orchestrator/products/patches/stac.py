"""The catalogue of a set of patches: STAC 1.1, a collection and an item for each scene that patches are of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shapely

from orchestrator.packing.index import json_bytes
from orchestrator.packing.stac import FOLDER, ML_AOI
from orchestrator.packing.stac import SPLITS as ML_SPLITS
from orchestrator.products.patches.table import TABLE

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
_TABLE_TYPE, _TAR = "application/vnd.apache.parquet", "application/x-tar"


def write_stac(folder: Path, told: Mapping[str, Any], frame: GeoDataFrame) -> None:
    """
    Write `stac/collection.json` and `stac/items/{scene}.json`; no link leads outside of the set.

    Args:
        folder: Of the set; its shards are there.
        told: What `dataset.json` holds.
        frame: The table.
    """
    import pystac  # noqa: PLC0415  only where a set is made

    items = folder / FOLDER / "items"
    items.mkdir(parents=True, exist_ok=True)
    kept = frame[frame["kept"]]
    collection = _collection(told, kept)
    for scene, rows in kept.groupby("scene", sort=True):
        collection.add_link(pystac.Link("item", f"./items/{scene}.json", media_type="application/geo+json"))
        (items / f"{scene}.json").write_bytes(json_bytes(_item(folder, told, str(scene), rows)))
    content = collection.to_dict(include_self_link=False, transform_hrefs=False)
    content["links"] = [link for link in content["links"] if link["rel"] != "root"]
    (folder / FOLDER / "collection.json").write_bytes(json_bytes(content))


def _collection(told: Mapping[str, Any], kept: GeoDataFrame) -> Any:
    import pystac  # noqa: PLC0415

    moments = sorted(kept["sensing"])
    splits = ", ".join(f"{count} {split}" for split, count in told["splits"].items())
    made = pystac.Collection(
        id=told["name"],
        description=f"Patches of {told['cut']['size']} × {told['cut']['size']} pixels of Sentinel-2 scenes: {splits}.",
        extent=pystac.Extent(
            pystac.SpatialExtent([[float(edge) for edge in kept.total_bounds]]),
            pystac.TemporalExtent([[_moment(moments[0]), _moment(moments[-1])]]),
        ),
        license="other",
    )
    made.extra_fields = {"attribution": told["attribution"]}
    made.add_asset("table", pystac.Asset(f"../{TABLE}", "Every window", media_type=_TABLE_TYPE, roles=["metadata"]))
    for address in str(told["licence"]).split("; "):
        if address.startswith("https://"):
            made.add_link(pystac.Link("license", address, title="Terms of the source"))
    return made


def _item(folder: Path, told: Mapping[str, Any], scene: str, rows: GeoDataFrame) -> dict[str, Any]:
    import pystac  # noqa: PLC0415

    west, south, east, north = (float(edge) for edge in rows.total_bounds)
    splits = sorted(set(rows["split"]))
    made = pystac.Item(
        id=scene,
        geometry=shapely.geometry.mapping(shapely.box(west, south, east, north)),
        bbox=[west, south, east, north],
        datetime=_moment(rows["sensing"].iloc[0]),
        properties={"patches": len(rows), "splits": splits, "attribution": told["attribution"]},
        stac_extensions=[FILE, *([ML_AOI] if len(splits) == 1 and splits[0] in ML_SPLITS else [])],
        collection=told["name"],
    )
    if len(splits) == 1 and splits[0] in ML_SPLITS:
        made.properties["ml-aoi:split"] = ML_SPLITS[splits[0]]
    if told["format"] == "webdataset":
        for shard in sorted(set(rows["shard"])):
            asset = pystac.Asset(f"../../{shard}", media_type=_TAR, roles=["data"])
            asset.extra_fields = {"file:size": (folder / shard).stat().st_size}
            made.add_asset(Path(shard).stem, asset)
    for rel in ("collection", "parent"):
        made.add_link(pystac.Link(rel, "../collection.json", media_type="application/json"))
    content: dict[str, Any] = made.to_dict(include_self_link=False, transform_hrefs=False)
    return content


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
