"""Vector files read through GDAL: one named driver per file kind, no network, no half-read files."""

from __future__ import annotations

import struct
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from orchestrator.core.errors import AreaError
from orchestrator.core.optional import required
from orchestrator.plan.features import DRIVERS, Features, check_beginning, fingerprint, read_wkt, sibling
from orchestrator.plan.parquet import check_parquet
from orchestrator.plan.staging import Staged, staged

# What GDAL opens has been freed of links (see staging); it is told to stay off the network all the same: an
# extension that no file has blocks every URL.
OFFLINE = {
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",
    "GDAL_HTTP_MAX_RETRY": "0",
    "GML_DOWNLOAD_SCHEMA": "NO",
    "LIBKML_RESOLVE_STYLE": "NO",
    "OGR_GEOJSON_MAX_OBJ_SIZE": "0",
    "OGR_SQLITE_ALLOW_EXTERNAL_ACCESS": "NO",
    "OGR_SQLITE_LOAD_EXTENSIONS": "",
    "PROJ_NETWORK": "OFF",
}
MAX_LISTED = 12
NULL_SHAPE = b"\0\0\0\0"  # ESRI Shapefile Technical Description, shape type 0


def read_vectors(path: Path, label: str, *, layer: str | None, where: str | None) -> Features:
    """
    Return the features of a vector file, those only that satisfy `where` (an OGR SQL condition).

    Raises:
        AreaError: If the file is damaged, has several layers and none is named, or `where` is refused.
    """
    check_beginning(path, label)
    digest = fingerprint(path)
    with staged(path, label, layer) as file:
        return replace(_read_staged(file, where), sha256=digest)


def _read_staged(file: Staged, where: str | None) -> Features:
    kind = DRIVERS[file.path.suffix.lower()]
    if kind == "WKT":
        return _read_text(file, where)
    if kind == "Parquet":
        return _read_parquet(file.path, file.label, where=where)
    if kind == "ESRI Shapefile":
        _check_shapefile(file.path, file.label)
        found = _read_with_any_prj(file, where)
    else:
        chosen = _layer(file.path, file.label, file.layer)
        found = _read(file.path, file.label, layer=chosen, where=where)
    _refuse_unreadable(found, file)
    trouble = "" if found.crs and not file.crs_trouble else file.crs_trouble
    stated = None if trouble and kind == "GeoJSON" else file.crs or found.crs
    return replace(found, crs=stated, crs_trouble=trouble if stated is None else "", notes=(*file.notes, *found.notes))


def _read_text(file: Staged, where: str | None) -> Features:
    if where or file.layer:
        raise AreaError(f"{file.label}: has neither attributes nor layers; leave --where and --layer out")
    try:
        return read_wkt(file.path.read_text(encoding="utf-8-sig"), file.label)
    except UnicodeDecodeError:
        raise AreaError(f"{file.label}: is not text in UTF-8; save the WKT again") from None


def _refuse_unreadable(found: Features, file: Staged) -> None:
    """Tell features that have no geometry from those whose geometry GDAL could not read."""
    missing = np.flatnonzero(shapely.is_missing(found.geometries))
    if file.nulls is not None and len(missing) > file.nulls:
        raise AreaError(
            f"{file.label}: feature {found.ids[missing[0]]} holds a geometry that cannot be read; repair or redraw it"
        )


def _gdal() -> Any:
    import pyogrio  # noqa: PLC0415  GDAL loads in a quarter of a second that other commands need not wait

    pyogrio.set_gdal_config_options(OFFLINE)
    return pyogrio


def _layer(path: Path, label: str, wanted: str | None) -> str:
    pyogrio = _gdal()
    driver = DRIVERS[path.suffix.lower()]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the same warnings come again with the features, and are kept then
            names = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
            found = str(pyogrio.read_info(path, layer=names[0])["driver"]) if names else driver
    except Exception as error:  # noqa: BLE001  GDAL's drivers raise what they like
        raise _unreadable(label, error) from None
    if found != driver:
        raise AreaError(f"{label}: is read as {found}, not as the {driver} its name says; rename or convert it")
    if driver != "GPKG":
        # The one layer is named after the file, which has the name that staging gave it.
        if wanted is not None:
            raise AreaError(f"{label}: has no layers to choose from; leave --layer out")
        if not names:
            raise AreaError(f"{label}: holds no layer with geometries")
        return names[0]
    listed = ", ".join(names[:MAX_LISTED]) + (f" and {len(names) - MAX_LISTED} more" if names[MAX_LISTED:] else "")
    if wanted is not None:
        if wanted not in names:
            raise AreaError(f"{label}: has no layer {wanted!r}; it has {listed or 'none'}")
        return wanted
    if not names:
        raise AreaError(f"{label}: holds no layer with geometries")
    if len(names) > 1:
        raise AreaError(f"{label}: has the layers {listed}; choose one (--layer)")
    return names[0]


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
        sha256="",
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


def _read_with_any_prj(file: Staged, where: str | None) -> Features:
    """Read a staged shapefile, without its .prj if that is what GDAL stumbles over."""
    try:
        return _read_shapefile(file.path, file.label, where=where)
    except AreaError:
        projection = file.path.with_suffix(".prj")
        if not projection.is_symlink():
            raise
        projection.unlink()  # the name that staging gave it; the user's own file stays
        return _read_shapefile(file.path, file.label, where=where)


def _read_shapefile(path: Path, label: str, *, where: str | None) -> Features:
    """Read a staged shapefile; its index is rebuilt beside it where it is missing or damaged."""
    index = sibling(path, ".shx")
    if index is not None and _shape_count(index) is not None:
        found = _read(path, label, layer=None, where=where)
    else:
        if index is not None:
            index.unlink()  # the name that staging gave it; the user's own file stays
        pyogrio = _gdal()
        pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": True})
        try:
            found = _read(path, label, layer=None, where=where)
        finally:
            pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": None})
        note = f"{label}: its index (.shx) is missing or damaged and was rebuilt in a copy."
        found = replace(found, notes=(*found.notes, note))
    _refuse_lost_shapes(path, label, found)
    return found


def _refuse_lost_shapes(path: Path, label: str, found: Features) -> None:
    """Refuse features without geometry whose record is not of the null type: those GDAL could not read."""
    missing = np.flatnonzero(shapely.is_missing(found.geometries))
    index = sibling(path, ".shx")
    if not len(missing) or index is None:
        return
    offsets = np.frombuffer(index.read_bytes()[100:], ">i4")[::2].astype(np.int64) * 2
    with path.open("rb") as file:
        for row in missing:
            number = int(found.ids[row])
            file.seek(int(offsets[number]) + 8 if number < len(offsets) else 0)
            if file.read(4) != NULL_SHAPE:
                raise AreaError(
                    f"{label}: feature {number} has no geometry that can be read; it is damaged: copy it again"
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
    required("pyarrow.parquet", "parquet", f"{label}: GeoParquet")
    import geopandas  # noqa: PLC0415  pandas and pyarrow take a second that other files need not wait

    try:
        check_parquet(path, label)
        frame = geopandas.read_parquet(path)
    except AreaError:
        raise
    except Exception as error:  # noqa: BLE001  GDAL's drivers raise what they like
        raise _unreadable(label, error) from None
    plain = frame.drop(columns=frame.geometry.name)
    return Features(
        label=label,
        geometries=np.asarray(frame.geometry.array),
        ids=tuple(str(index) for index in frame.index),
        crs=frame.crs.to_wkt() if frame.crs else None,
        fields={str(name): tuple(plain[name].tolist()) for name in plain.columns},
        sha256="",
    )


def _unreadable(label: str, error: Exception) -> AreaError:
    return AreaError(f"{label}: cannot be read as a vector file ({_sentence(error)}); it may be damaged: copy it again")


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split("; It might help to specify")[0].split())
    return text if len(text) <= 200 else text[:197] + "..."
