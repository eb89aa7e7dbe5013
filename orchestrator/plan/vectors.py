"""Vector files read through GDAL: one named driver per file kind, no network, no half-read files."""

from __future__ import annotations

import shutil
import struct
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from orchestrator.core.errors import AreaError
from orchestrator.plan.features import DRIVERS, Features, fingerprint, sibling

# GDAL is told to stay off the network even if a file names a URL; an extension that no file has blocks every URL.
OFFLINE = {"CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}", "GDAL_HTTP_MAX_RETRY": "0", "OGR_GEOJSON_MAX_OBJ_SIZE": "0"}


def read_vectors(path: Path, label: str, *, layer: str | None, where: str | None) -> Features:
    """
    Return the features of a vector file, those only that satisfy `where` (an OGR SQL condition).

    Raises:
        AreaError: If the file is damaged, has several layers and none is named, or `where` is refused.
    """
    if DRIVERS[path.suffix.lower()] == "Parquet":
        return _read_parquet(path, label, where=where)
    if path.suffix.lower() == ".shp":
        return _read_shapefile(path, label, where=where)
    layers = _layers(path, label, layer)
    return _joined([_read(path, label, layer=name, where=where) for name in layers])


def _gdal() -> Any:
    import pyogrio  # noqa: PLC0415  GDAL loads in a quarter of a second that other commands need not wait

    pyogrio.set_gdal_config_options(OFFLINE)
    return pyogrio


def _layers(path: Path, label: str, wanted: str | None) -> list[str]:
    pyogrio = _gdal()
    driver = DRIVERS[path.suffix.lower()]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the same warnings come again with the features, and are kept then
            table = pyogrio.list_layers(path)
            names = [str(name) for name, kind in table if kind is not None or driver == "KML"]
            found = str(pyogrio.read_info(path, layer=names[0])["driver"]) if names else driver
    except Exception as error:  # noqa: BLE001  GDAL's drivers raise what they like
        raise _unreadable(label, error) from None
    if found not in {driver, f"LIB{driver}"}:
        raise AreaError(f"{label}: is read as {found}, not as the {driver} its name says; rename or convert it")
    if wanted is not None:
        if wanted not in names:
            raise AreaError(f"{label}: has no layer {wanted!r}; it has {', '.join(names)}")
        return [wanted]
    if not names:
        raise AreaError(f"{label}: holds no layer with geometries")
    # The folders of a KML file become layers, but to who drew them they are one drawing.
    if len(names) > 1 and driver != "KML":
        raise AreaError(f"{label}: has the layers {', '.join(names)}; choose one (--layer)")
    return names


def _read(path: Path, label: str, *, layer: str | None, where: str | None) -> Features:
    raw = _gdal().raw
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            meta, ids, wkb, columns = raw.read(path, layer=layer, where=where or None, return_fids=True)
        except Exception as error:  # noqa: BLE001  GDAL's drivers raise what they like
            if where and "SQL" in str(error).upper():
                raise AreaError(f"{label}: {_refused_filter(path, layer, where)}") from None
            raise _unreadable(label, error) from None
    fields = {str(name): tuple(column.tolist()) for name, column in zip(meta["fields"], columns, strict=True)}
    return Features(
        label=label,
        geometries=_geometries(wkb, label),
        ids=tuple(str(number) for number in ids),
        crs=str(meta["crs"]) if meta["crs"] else None,
        fields=fields,
        sha256=fingerprint(path),
        notes=tuple(dict.fromkeys(f"{label}: {_said(w)}." for w in caught if _matters(w))),
    )


def _refused_filter(path: Path, layer: str | None, where: str) -> str:
    fields = ", ".join(_gdal().read_info(path, layer=layer)["fields"])
    return f"the filter {where!r} is not understood; write OGR SQL over the attributes {fields}, like name = 'Cambodia'"


def _matters(caught: warnings.WarningMessage) -> bool:
    # A layer without a CRS is judged by the caller, who says what to do.
    return issubclass(caught.category, RuntimeWarning) and "crs" not in str(caught.message).lower()


def _said(caught: warnings.WarningMessage) -> str:
    text = str(caught.message).rstrip(".")
    return "open rings were closed" if text.startswith("Non closed ring") else text


def _geometries(wkb: Any, label: str) -> Any:
    if wkb is None:
        raise AreaError(f"{label}: is a table without geometries; give a layer of polygons")
    try:
        return shapely.from_wkb(wkb, on_invalid="fix")
    except (shapely.errors.GEOSException, NotImplementedError) as error:
        raise AreaError(f"{label}: holds a geometry that cannot be read ({_sentence(error)})") from None


def _joined(pieces: list[Features]) -> Features:
    first = pieces[0]
    if len(pieces) == 1:
        return first
    shared = set.intersection(*(set(piece.fields) for piece in pieces))
    return Features(
        label=first.label,
        geometries=np.concatenate([piece.geometries for piece in pieces]),
        ids=tuple(number for piece in pieces for number in piece.ids),
        crs=first.crs,
        fields={name: tuple(v for piece in pieces for v in piece.fields[name]) for name in sorted(shared)},
        sha256=first.sha256,
        notes=tuple(dict.fromkeys(note for piece in pieces for note in piece.notes)),
    )


def _read_shapefile(path: Path, label: str, *, where: str | None) -> Features:
    _check_shapefile(path, label)
    index = sibling(path, ".shx")
    if index is not None and _shape_count(index) is not None:
        return _read(path, label, layer=None, where=where)
    note = f"{label}: its index (.shx) is missing or damaged and was rebuilt in a copy."
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "area.shp"
        for suffix in (".shp", ".dbf", ".prj", ".cpg"):
            if member := sibling(path, suffix):
                shutil.copyfile(member, copy.with_suffix(suffix))
        pyogrio = _gdal()
        pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": True})
        try:
            found = _read(copy, label, layer=None, where=where)
        finally:
            pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": None})
    return Features(
        label, found.geometries, found.ids, found.crs, found.fields, fingerprint(path), (*found.notes, note)
    )


def _check_shapefile(path: Path, label: str) -> None:
    """Refuse what GDAL would read as rows without geometry (ESRI Shapefile Technical Description, file header)."""
    size = path.stat().st_size
    if size < 100:
        raise AreaError(f"{label}: {size} bytes are fewer than a shapefile's header of 100; copy it again")
    with path.open("rb") as file:
        header = file.read(100)
    stated = 2 * int(struct.unpack(">i", header[24:28])[0])
    if size < stated:
        raise AreaError(f"{label}: is truncated: {size} bytes of the {stated} its header states; copy it again")
    if stated == 100:
        raise AreaError(f"{label}: holds no shape; give a file with at least one polygon")
    index, table = sibling(path, ".shx"), sibling(path, ".dbf")
    shapes = _shape_count(index) if index else None
    rows = _row_count(table) if table else None
    if shapes is not None and rows is not None and shapes != rows:
        raise AreaError(
            f"{label}: {shapes} shapes in the index but {rows} rows in the table (.dbf); "
            "the files do not belong together or one is truncated: copy them again"
        )


def _shape_count(index: Path) -> int | None:
    data = index.stat().st_size
    if data < 108 or (data - 100) % 8:
        return None
    with index.open("rb") as file:
        stated = 2 * int(struct.unpack(">i", file.read(28)[24:28])[0])
    return (data - 100) // 8 if stated == data else None


def _row_count(table: Path) -> int | None:
    with table.open("rb") as file:
        header = file.read(8)
    return int(struct.unpack("<I", header[4:8])[0]) if len(header) == 8 else None


def _read_parquet(path: Path, label: str, *, where: str | None) -> Features:
    if where:
        raise AreaError(f"{label}: a filter (--where) does not work on Parquet; convert the file to GeoPackage")
    import geopandas  # noqa: PLC0415  pandas and pyarrow take a second that other files need not wait

    try:
        frame = geopandas.read_parquet(path)
    except ImportError:
        raise AreaError(
            f"{label}: GeoParquet needs the package pyarrow; install it, or convert the file to GeoPackage"
        ) from None
    except Exception as error:  # noqa: BLE001  GDAL's drivers raise what they like
        raise _unreadable(label, error) from None
    plain = frame.drop(columns=frame.geometry.name)
    return Features(
        label=label,
        geometries=np.asarray(frame.geometry.array),
        ids=tuple(str(index) for index in frame.index),
        crs=frame.crs.to_wkt() if frame.crs else None,
        fields={str(name): tuple(plain[name].tolist()) for name in plain.columns},
        sha256=fingerprint(path),
    )


def _unreadable(label: str, error: Exception) -> AreaError:
    return AreaError(f"{label}: cannot be read as a vector file ({_sentence(error)}); it may be damaged: copy it again")


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split("; It might help to specify")[0].split())
    return text if len(text) <= 200 else text[:197] + "..."
