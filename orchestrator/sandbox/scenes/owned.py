"""
Assets that projects made for themselves: folders, image collections, images and tables, kept in a folder.

Pixels lie as numpy's arrays, one file a band and one for its mask, and are read by window. An asset is known by its
name, `projects/P/assets/...`; its id, by which expressions load it, is the name, or `users/...` of the legacy project.
"""

from __future__ import annotations

import json
import re
import shutil
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.clock import Clock, rfc3339
from orchestrator.sandbox.records import Records
from orchestrator.sandbox.scenes.catalogue import Band, Catalogue, PixelType, Row, Scene, Table
from orchestrator.sandbox.scenes.pyramid import Pixels, read_level

FOLDER, COLLECTION, IMAGE, TABLE = "FOLDER", "IMAGE_COLLECTION", "IMAGE", "TABLE"
LEGACY = "projects/earthengine-legacy/assets/"
PUBLIC = "projects/earthengine-public/assets/"
_ROOT = re.compile(r"projects/[^/]+/assets|projects/earthengine-legacy/assets/(users|projects)/[^/]+")
_NAME = re.compile(r"projects/[^/]+/assets(/[\w.-]+)+")
# What may lie in what; a root is a folder.
_HOLDS = {FOLDER: frozenset({FOLDER, COLLECTION, IMAGE, TABLE}), COLLECTION: frozenset({IMAGE})}


class AssetError(Exception):
    """What the service would refuse, in one sentence."""


def name_of(asset_id: str) -> str | None:
    """Give the name of the asset that a project of somebody's own has under an id; None is the public catalogue."""
    if asset_id.startswith(PUBLIC):
        return None
    if re.match(r"projects/[^/]+/assets/", asset_id):
        return asset_id
    return LEGACY + asset_id if asset_id.startswith(("users/", "projects/")) else None


def id_of(name: str) -> str:
    """Give the id of an asset."""
    return name.removeprefix(LEGACY)


@dataclass(frozen=True)
class OwnScene:
    """An image that was exported as an asset."""

    asset_id: str
    properties: Mapping[str, Any]
    footprint: BaseGeometry
    bands: tuple[Band, ...]
    folder: Path

    def read(
        self, band: str, level: int, row: int, col: int, height: int, width: int
    ) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
        """
        Read a window of a pyramid level; beyond the image pixels are invalid.

        Raises:
            KeyError: If there is no such band.
        """
        number, found = next((at, each) for at, each in enumerate(self.bands) if each.name == band)
        native = partial(_window, self.folder, number)
        return read_level(native, (found.height, found.width), found.pyramid, level, (row, col, height, width))


def _window(folder: Path, number: int, row: int, col: int, height: int, width: int) -> Pixels:
    part = (slice(row, row + height), slice(col, col + width))
    values = np.load(folder / f"{number}.values.npy", mmap_mode="r")[part]
    return np.array(values), np.array(np.load(folder / f"{number}.valid.npy", mmap_mode="r")[part])


class AssetStore:
    """Keep assets; safe from several threads."""

    def __init__(self, folder: Path, records: Records, clock: Clock) -> None:
        """Continue with what the folder and the records have."""
        self._folder, self._records, self._clock = folder, records, clock
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._assets: dict[str, dict[str, Any]] = records.all("asset")
        self._changes = 0
        living = {each.get("content") for each in self._assets.values()}
        for path in folder.iterdir():
            if path.name not in living:  # what a killed process left behind
                shutil.rmtree(path, ignore_errors=True)

    @property
    def changes(self) -> int:
        """How often an asset was made, changed or removed; what was computed before may be old."""
        return self._changes

    def get(self, name: str) -> dict[str, Any] | None:
        """Give what is known of an asset; a project's root is a folder that always exists."""
        with self._lock:
            if _ROOT.fullmatch(name):
                return {"type": FOLDER, "name": name}
            return self._assets.get(name)

    def children(self, name: str) -> list[dict[str, Any]]:
        """Give what lies directly in a container, by name."""
        with self._lock:
            inside = (each for each in self._assets.values() if each["name"].rpartition("/")[0] == name)
            return sorted(inside, key=lambda each: str(each["name"]))

    def within(self, kind: str) -> list[dict[str, Any]]:
        """Give all assets of a type."""
        with self._lock:
            return [each for each in self._assets.values() if each["type"] == kind]

    def check(self, name: str, kind: str, *, overwrite: bool = False) -> None:
        """
        Find out whether an asset may be made.

        Raises:
            AssetError: For a name that is none, a container that cannot hold it, or an asset that stands in the way.
        """
        parent = name.rpartition("/")[0]
        if not _NAME.fullmatch(name) or _ROOT.fullmatch(name):
            raise AssetError(f"Invalid asset name: '{name}'.")
        found = self.get(parent)
        if found is None or kind not in _HOLDS.get(found["type"], ()):
            raise AssetError(f"Asset '{parent}' does not exist or doesn't allow this operation.")
        old = self.get(name)
        if old is not None and not (overwrite and old["type"] == kind and kind in (IMAGE, TABLE)):
            raise AssetError(f"Cannot overwrite asset '{name}'.")

    def put(self, record: Mapping[str, Any], *, overwrite: bool = False, source: Path | None = None) -> dict[str, Any]:
        """
        Make an asset; the folder `source` becomes its content.

        Raises:
            AssetError: As `check` does.
        """
        with self._lock:
            name = str(record["name"])
            self.check(name, record["type"], overwrite=overwrite)
            old, made = self._assets.get(name), dict(record)
            if source is not None:
                made["content"] = uuid.uuid4().hex
                source.rename(self._folder / made["content"])
            self._keep(made)
            self._discard(old)
            return self._assets[name]

    def change(self, name: str, **changes: Any) -> dict[str, Any]:
        """Set facts of an asset that exists."""
        with self._lock:
            self._keep({**self._assets[name], **changes})
            return self._assets[name]

    def delete(self, name: str) -> None:
        """
        Remove an asset.

        Raises:
            AssetError: If it holds others.
        """
        with self._lock:
            if self.children(name):
                raise AssetError(f"Asset '{name}' cannot be deleted: it is not empty.")
            self._discard(self._assets.pop(name))
            self._records.delete("asset", name)
            self._changes += 1

    def copy(self, source: str, target: str, *, overwrite: bool) -> dict[str, Any]:
        """
        Copy an image or a table.

        Raises:
            AssetError: As `put` does.
        """
        with self._lock:
            found, folder = self._assets[source], self.scratch()
            shutil.copytree(self.content(found), folder, dirs_exist_ok=True)
            return self.put({**found, "name": target}, overwrite=overwrite, source=folder)

    def move(self, source: str, target: str) -> dict[str, Any]:
        """
        Give an asset another name, and all that it holds.

        Raises:
            AssetError: As `check` does.
        """
        with self._lock:
            self.check(target, self._assets[source]["type"])
            for name in [each for each in self._assets if each == source or each.startswith(source + "/")]:
                found = self._assets.pop(name)
                self._records.delete("asset", name)
                self._keep({**found, "name": target + name[len(source) :]})
            return self._assets[target]

    def scratch(self) -> Path:
        """Make a folder in which the content of an asset is written before it is put."""
        folder = self._folder / f"{uuid.uuid4().hex}.part"
        folder.mkdir()
        return folder

    def content(self, record: Mapping[str, Any]) -> Path:
        """Give the folder of an image or a table."""
        return self._folder / str(record["content"])

    def scene(self, record: Mapping[str, Any]) -> OwnScene:
        """Give an image as a scene."""
        name = str(record["name"])
        times = (("startTime", "system:time_start"), ("endTime", "system:time_end"))
        moments = {key: _milliseconds(record[told]) for told, key in times if record.get(told)}
        properties = {**record["properties"], **moments, "system:index": name.rpartition("/")[2]}
        bands = tuple(_band(each) for each in record["bands"])
        footprint = shapely.from_geojson(json.dumps(record["footprint"]))
        return OwnScene(id_of(name), properties, footprint, bands, self.content(record))

    def table(self, record: Mapping[str, Any]) -> Table:
        """Give a table; its rows are read when somebody needs them."""
        path = self.content(record) / "rows.json"
        return Table(id_of(record["name"]), record["columns"], partial(_rows, path), record["properties"])

    def _keep(self, record: Mapping[str, Any]) -> None:
        made = {**record, "updateTime": rfc3339(self._clock.now())}
        self._assets[made["name"]] = made
        self._changes += 1
        self._records.put("asset", made["name"], made)

    def _discard(self, record: Mapping[str, Any] | None) -> None:
        if record is not None and "content" in record:
            shutil.rmtree(self.content(record), ignore_errors=True)


def _milliseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def _band(told: Mapping[str, Any]) -> Band:
    kind = PixelType(told["precision"], told["minimum"], told["maximum"])
    a, b, c, d, e, f = told["transform"]
    return Band(told["name"], kind, told["crs"], (a, b, c, d, e, f), told["height"], told["width"], told["pyramid"])


def _rows(path: Path) -> Sequence[Row]:
    told = json.loads(path.read_text(encoding="utf-8"))
    return [Row(index, None if place is None else shapely.from_wkt(place), values) for index, place, values in told]


class OwnCatalogue:
    """A catalogue, and beside it the assets of a store."""

    def __init__(self, public: Catalogue, store: AssetStore) -> None:
        """Take both."""
        self._public, self._store = public, store

    def show(self, public: Catalogue) -> None:
        """Have another catalogue beside the store's assets."""
        self._public = public

    def identity(self) -> str:
        """Return that of the public one: what projects keep for themselves is named by whoever asks for it."""
        return self._public.identity()

    def __getattr__(self, name: str) -> Any:
        """Leave what only some catalogues have to the public one."""
        return getattr(self._public, name)

    def collections(self) -> Mapping[str, Mapping[str, Any]]:
        """Collection id to its properties."""
        own = self._store.within(COLLECTION)
        if not own:
            return self._public.collections()
        return {**self._public.collections(), **{id_of(each["name"]): each["properties"] for each in own}}

    def scenes(
        self, collection: str, region: BaseGeometry | None, start_ms: int | None, end_ms: int | None
    ) -> Iterator[Scene]:
        """Yield scenes by (time, index); an image without a time is found by none."""
        name = name_of(collection)
        if name is None:
            yield from self._public.scenes(collection, region, start_ms, end_ms)
            return
        for scene in sorted(self._inside(name), key=_order):
            when = scene.properties.get("system:time_start")
            late = start_ms is None or (when is not None and when >= start_ms)
            early = end_ms is None or (when is not None and when < end_ms)
            if late and early and (region is None or scene.footprint.intersects(region)):
                yield scene

    def scene(self, asset_id: str) -> Scene | None:
        """Find one image by its id."""
        name = name_of(asset_id)
        if name is None:
            return self._public.scene(asset_id)
        found = self._store.get(name)
        return None if found is None or found["type"] != IMAGE else self._store.scene(found)

    def table(self, asset_id: str) -> Table | None:
        """Find a table by its id."""
        name = name_of(asset_id)
        if name is None:
            return self._public.table(asset_id)
        found = self._store.get(name)
        return None if found is None or found["type"] != TABLE else self._store.table(found)

    def _inside(self, name: str) -> list[OwnScene]:
        return [self._store.scene(each) for each in self._store.children(name) if each["type"] == IMAGE]


def _order(scene: OwnScene) -> tuple[float, str]:
    return float(scene.properties.get("system:time_start", 0)), str(scene.properties["system:index"])
