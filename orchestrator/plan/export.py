"""Features written to a vector file, by the ending of its name, whole or not at all."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from orchestrator.core.files import check_target, write_whole
from orchestrator.core.optional import required
from orchestrator.plan.features import Features
from orchestrator.plan.repair import dissolve, mend

if TYPE_CHECKING:
    from geopandas import GeoDataFrame


def check_export(path: Path, *, overwrite: bool) -> None:
    """
    Make sure that features can be written to `path`; nothing is written.

    Raises:
        UserError: The ending is unknown, the folder is not there, or something is there and may not be replaced.
        ExtraError: GeoParquet needs an extra that is not installed.
    """
    check_target(path, _FORMATS, "an area", overwrite=overwrite)
    if path.suffix.lower() == ".parquet":
        required("pyarrow", "parquet", "a GeoParquet file")


def write_features(features: Features, path: Path) -> None:
    """Write features with their attributes; as .wkt dissolved into one geometry."""
    write_whole(path, _FORMATS[path.suffix.lower()](features))


def frame_of(features: Features) -> GeoDataFrame:
    """Return features as a table, attributes in lower case."""
    import geopandas as gpd  # noqa: PLC0415  heavy

    columns = {name.lower(): list(values) for name, values in features.fields.items()}
    return gpd.GeoDataFrame(columns, geometry=list(features.geometries), crs=features.crs)


def _wkt(features: Features) -> bytes:
    crs = features.crs or "EPSG:4326"
    polygons, _ = mend(features, crs)
    return f"{dissolve(list(polygons), crs).wkt}\n".encode()


def _geojson(features: Features) -> bytes:
    text: str = frame_of(features).to_json(drop_id=True, to_wgs84=False)
    return f"{text}\n".encode()


def _parquet(features: Features) -> bytes:
    content = io.BytesIO()
    frame_of(features).to_parquet(content, index=False, write_covering_bbox=True)
    return content.getvalue()


def _geopackage(features: Features) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "area.gpkg"
        frame_of(features).to_file(path, driver="GPKG", layer="area")
        return path.read_bytes()


_FORMATS: Mapping[str, Callable[[Features], bytes]] = MappingProxyType(
    {".geojson": _geojson, ".wkt": _wkt, ".gpkg": _geopackage, ".parquet": _parquet}
)
