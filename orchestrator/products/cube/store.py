"""The Zarr store of a cube: its coordinates as CF has them, and its shards, encoded by the zarr library."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import IntegrityError
from orchestrator.core.files import make_folder, write_whole
from orchestrator.core.optional import required
from orchestrator.core.system import sync_folder
from orchestrator.model.grid import Window
from orchestrator.products.cube.document import CubePlan
from orchestrator.products.cube.lattice import CHUNK

NAME = "cube"  # of the variable
_LEVEL = 3  # of zstd: beyond it blocks of imagery hardly shrink
_NO_SPECIFICATION = ("Consolidated metadata is currently not part", "The data type .* does not have a Zarr V3")


def _zarr() -> Any:
    return required("zarr", "cube", "a cube")


@contextmanager
def _quiet() -> Iterator[None]:
    """Let the zarr library be silent about what every reader of version 3 understands, and no specification has yet."""
    with warnings.catch_warnings():
        for words in _NO_SPECIFICATION:
            warnings.filterwarnings("ignore", words)
        yield


def _array(store: Any, plan: CubePlan, times: int, height: int, width: int, **more: Any) -> Any:
    zarr = _zarr()
    bands = len(plan.labels)
    return zarr.create_array(
        store,
        shape=(times, bands, height, width),
        shards=(1, bands, *plan.shard),
        chunks=(1, 1, CHUNK, CHUNK),
        dtype=plan.pixels.dtype,
        fill_value=_number(plan.pixels.nodata, plan.pixels.dtype),
        compressors=zarr.codecs.ZstdCodec(level=_LEVEL),
        filters=None,
        **more,
    )


def _number(value: float, dtype: str) -> float | int:
    return value if dtype.startswith("float") else int(value)


def create_store(path: Path, plan: CubePlan, about: Mapping[str, Any]) -> None:
    """
    Make the store without its pixels: everything but the shards, which read as nodata until they are there.

    Args:
        path: A folder that is not there.
        plan: See there.
        about: Attributes of the whole.
    """
    xarray, zarr = required("xarray", "cube", "a cube"), _zarr()
    with _quiet():
        coordinates(plan, about, xarray).to_zarr(path, zarr_format=3, consolidated=False)
        attributes = _attributes(plan, xarray)
        names = ("time", "band", "y", "x")
        group = zarr.storage.LocalStore(path)
        times, grid = len(plan.moments), plan.grid
        _array(group, plan, times, grid.height, grid.width, name=NAME, dimension_names=names, attributes=attributes)
        zarr.consolidate_metadata(group)


def _attributes(plan: CubePlan, xarray: Any) -> dict[str, Any]:
    """Return what the variable says of itself; readers mask and scale by it."""
    pixels = plan.pixels
    fill = _number(pixels.nodata, pixels.dtype)
    told: dict[str, Any] = {
        "_FillValue": xarray.backends.zarr.FillValueCoder.encode(
            np.array(fill, pixels.dtype)[()], np.dtype(pixels.dtype)
        ),
        "grid_mapping": "spatial_ref",
        "coordinates": "satellite solar_day images spatial_ref",
        "long_name": "pixels of Earth Engine images",
    }
    if (pixels.scale, pixels.offset) != (1.0, 0.0):
        told |= {"scale_factor": pixels.scale, "add_offset": pixels.offset}
    return told


def coordinates(plan: CubePlan, about: Mapping[str, Any], xarray: Any) -> Any:
    """Return an `xarray.Dataset` of the coordinates, by the conventions CF-1.11."""
    import pyproj  # noqa: PLC0415  heavy

    grid, moments = plan.grid, plan.moments
    a, _b, c, _d, e, f = grid.transform
    crs = pyproj.CRS(grid.crs)
    across, down = _axes(crs)
    mapping = crs.to_cf() | {"GeoTransform": f"{c:.17g} {a:.17g} 0 {f:.17g} 0 {e:.17g}"}

    def text(values: list[str]) -> NDArray[np.object_]:
        return np.array(values, dtype=object)

    since = {"units": "milliseconds since 1970-01-01", "calendar": "standard", "standard_name": "time", "axis": "T"}
    x = c + (np.arange(grid.width) + 0.5) * a
    y = f + (np.arange(grid.height) + 0.5) * e
    return xarray.Dataset(
        coords={
            "time": ("time", np.array([m.time_ms for m in moments], "int64"), since),
            "band": ("band", text(list(plan.labels)), {"long_name": "band"}),
            "y": ("y", y, down),
            "x": ("x", x, across),
            "satellite": ("time", text([m.satellite for m in moments]), {"long_name": "satellite"}),
            "solar_day": ("time", text([m.solar_day for m in moments]), {"long_name": "day at the scene's longitude"}),
            "images": ("time", text([" ".join(m.images) for m in moments]), {"long_name": "Earth Engine's images"}),
            "spatial_ref": ((), 0, mapping),
        },
        attrs={"Conventions": "CF-1.11", **about},
    )


def _axes(crs: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Return the attributes of x and y."""
    if crs.is_geographic:
        return (
            {"axis": "X", "standard_name": "longitude", "units": "degrees_east"},
            {"axis": "Y", "standard_name": "latitude", "units": "degrees_north"},
        )
    unit = crs.axis_info[0].unit_name
    unit = "m" if unit == "metre" else unit
    return (
        {"axis": "X", "standard_name": "projection_x_coordinate", "units": unit},
        {"axis": "Y", "standard_name": "projection_y_coordinate", "units": unit},
    )


class Shards:
    """The pixels of one store. One thread at a time may write."""

    def __init__(self, path: Path, plan: CubePlan) -> None:
        self._path, self._plan = path / NAME / "c", plan

    def path_of(self, time: int, row: int, col: int) -> Path:
        """Return where the shard lies that holds a pixel."""
        height, width = self._plan.shard
        return self._path / str(time) / "0" / str(row // height) / str(col // width)

    def _make_folder(self, folder: Path) -> None:
        """Make a folder of shards, and its name and those above it durable."""
        new = [each for each in (folder, *folder.parents) if each.is_relative_to(self._path) and not each.exists()]
        make_folder(folder)
        for each in new:
            sync_folder(each.parent)

    def write(self, time: int, window: Window, values: NDArray[Any], replaces: Callable[[int], None]) -> int:
        """
        Write pixels durably, whole or not at all; return the size of their shard's file, 0 where it needs none.

        Args:
            time: Index of the moment.
            window: Within one shard.
            values: (band, row, col), of the planned number type.
            replaces: Told the new size before a shard that is there already is replaced.

        Raises:
            IntegrityError: The window reaches over the edge of a shard.
        """
        zarr, (height, width) = _zarr(), self._plan.shard
        shard = Window(window.row // height * height, window.col // width * width, height, width)
        if not shard.contains(window):
            raise IntegrityError(f"{window} reaches over the edge of the shard {shard}")
        path, store = self.path_of(time, window.row, window.col), zarr.storage.MemoryStore()
        within = window.relative_to(shard)
        array = _array(store, self._plan, 1, height, width)
        if path.exists():
            _put(store, path.read_bytes())
            whole = array[0]
        else:
            whole = np.full((len(self._plan.labels), height, width), array.fill_value, self._plan.pixels.dtype)
        whole[:, within.row : within.bottom, within.col : within.right] = values
        array[0] = whole
        encoded = _content(store)
        if encoded is None:
            return 0
        if path.exists():
            replaces(len(encoded))
        self._make_folder(path.parent)
        write_whole(path, encoded)
        return len(encoded)


def read_store(path: Path, window: Window) -> NDArray[Any]:
    """Return (time, band, row, col) of a finished store."""
    array = _zarr().open_array(path / NAME, mode="r")
    values: NDArray[Any] = array[:, :, window.row : window.bottom, window.col : window.right]
    return values


_KEY = "c/0/0/0/0"


def _content(store: Any) -> bytes | None:
    found = store._store_dict.get(_KEY)  # noqa: SLF001  reading by the public, asynchronous way needs its own loop
    return None if found is None else bytes(found.to_bytes())


def _put(store: Any, content: bytes) -> None:
    buffer = _zarr().core.buffer.default_buffer_prototype().buffer.from_bytes(content)
    store._store_dict[_KEY] = buffer  # noqa: SLF001  see above
