"""The public catalogue as assets: what `getAsset`, `listAssets` and `listImages` show."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.clock import EPOCH, rfc3339
from orchestrator.sandbox.parsing import parsed
from orchestrator.sandbox.scenes import known, owned
from orchestrator.sandbox.scenes.catalogue import Band, Catalogue, Scene, Table, UnboundedQueryError
from orchestrator.sandbox.scenes.owned import PUBLIC, AssetStore
from orchestrator.sandbox.scenes.stac import ScenesError
from orchestrator.sandbox.web import ApiError, ProtocolViolation, not_imitated

DEFAULT_PAGE = 1000

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}
_PROPERTY = re.compile(r'properties\.([\w:]+)\s*(<=|>=|!=|=|<|>)\s*("[^"]*"|-?[\d.]+)')
_TIME = re.compile(r'(startTime|endTime)\s*(>=|<)\s*"([^"]+)"')
_REGION = re.compile(r'intersects\("(.*)"\)', re.DOTALL)


@dataclass(slots=True)
class _Query:
    """What a list's `filter` asks for."""

    region: BaseGeometry | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    tests: list[tuple[str, Callable[[Any, Any], bool], Any]] = field(default_factory=list)

    def accepts(self, scene: Scene) -> bool:
        values = scene.properties
        return all(name in values and test(values[name], wanted) for name, test, wanted in self.tests)


class Assets:
    """Answer for assets from a catalogue of scenes."""

    def __init__(self, catalogue: Catalogue, store: AssetStore) -> None:
        self._catalogue = catalogue
        self._store = store

    @property
    def changes(self) -> int:
        """How often an asset of somebody's own changed."""
        return self._store.changes

    def get(self, name: str) -> dict[str, Any]:
        """
        Show one asset.

        Raises:
            ApiError: 404 if there is none.
        """
        asset = name.removeprefix(PUBLIC)
        if name.startswith(PUBLIC):
            if asset in self._catalogue.collections():
                properties = dict(self._catalogue.collections()[asset])
                return {"type": "IMAGE_COLLECTION", "name": name, "id": asset, "properties": properties}
            try:
                scene = self._catalogue.scene(asset)
            except ScenesError as error:  # a scene of the user's own whose files are gone
                raise ApiError(404, str(error)) from None
            if scene is not None:
                return _image(scene)
            if (table := self._catalogue.table(asset)) is not None:
                return _table(table)
            if self._inside(asset):
                return {"type": "FOLDER", "name": name, "id": asset}
        elif (own := self._store.get(name)) is not None:
            return self._own(own)
        raise self._absent(name)

    def _absent(self, name: str) -> ApiError:
        unserved = known.unserved(self._catalogue, name)
        return absent(name) if unserved is None else not_imitated(unserved)

    def _own(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Show an asset of somebody's own; what is told of it wins over what follows from its properties."""
        told = {key: record[key] for key in ("updateTime", "startTime", "endTime") if record.get(key)}
        named = {"type": record["type"], "name": record["name"], "id": owned.id_of(record["name"])}
        if record["type"] == owned.IMAGE:
            return {**_image(self._store.scene(record)), **told}
        if record["type"] == owned.TABLE:
            count = {"featureCount": str(record["rows"])}
            return {**named, "properties": record["properties"], **count, **told}
        return {**named, **({"properties": record["properties"]} if record.get("properties") else {}), **told}

    def roots(self, project: str) -> dict[str, Any]:
        """List what lies at the root of a project."""
        inside = [self._brief(each["name"]) for each in self._store.children(f"{project}/assets")]
        return {"assets": inside} if inside else {}

    def image_id(self, name: str) -> str:
        """
        Give the id of the image `name`.

        Raises:
            ApiError: 404 if there is none, 400 if it is something else.
        """
        return self._id(name, "IMAGE", "an Image")

    def table_id(self, name: str) -> str:
        """
        Give the id of the table `name`.

        Raises:
            ApiError: 404 if there is none, 400 if it is something else.
        """
        return self._id(name, "TABLE", "a Table")

    def _id(self, name: str, wanted: str, called: str) -> str:
        shown = self.get(name)
        if shown["type"] != wanted:
            raise ApiError(400, f"Asset '{name}' is not {called}.")
        return str(shown["id"])

    def images(self, parent: str, text: str, size: int, token: str | None) -> dict[str, Any]:
        """
        Show a page of a collection's images.

        Raises:
            ApiError: 404 without such a collection, 400 for a list that would not end or a filter unknown here.
        """
        own = self._store.get(parent)
        if own is not None and own["type"] == owned.FOLDER:
            inside = [self._brief(each["name"]) for each in self._store.children(parent)]
            return {"assets": inside} if inside else {}
        collection = parent.removeprefix(PUBLIC) if own is None else owned.id_of(parent)
        if parent.startswith(PUBLIC) and (children := self._inside(collection)):
            return {"assets": [self._brief(PUBLIC + child) for child in children]}
        if (own is None and not parent.startswith(PUBLIC)) or collection not in self._catalogue.collections():
            raise self._absent(parent)
        start = int(token) if token and token.isdigit() else 0
        page, more = self._page(collection, _read_filter(text), start, size or DEFAULT_PAGE)
        answer: dict[str, Any] = {"assets": [_image(scene) for scene in page]} if page else {}
        return {**answer, "nextPageToken": str(start + len(page))} if more else answer

    def _inside(self, folder: str) -> list[str]:
        """Ids of what lies directly in a folder of the public catalogue."""
        known = [*self._catalogue.collections(), *self._catalogue.images()]
        found = {"/".join(each.split("/")[: folder.count("/") + 2]) for each in known if each.startswith(f"{folder}/")}
        return sorted(found)

    def _brief(self, name: str) -> dict[str, Any]:
        shown = self.get(name)
        return {key: shown[key] for key in ("type", "name", "id")}

    def _page(self, collection: str, query: _Query, start: int, size: int) -> tuple[list[Scene], bool]:
        page: list[Scene] = []
        try:
            for number, scene in enumerate(self._found(collection, query)):
                if len(page) == size:
                    return page, True
                if number >= start:
                    page.append(scene)
        except UnboundedQueryError as error:
            raise ApiError(400, str(error)) from error
        return page, False

    def _found(self, collection: str, query: _Query) -> Iterator[Scene]:
        found = self._catalogue.scenes(collection, query.region, query.start_ms, query.end_ms)
        return (scene for scene in found if query.accepts(scene))


def absent(name: str) -> ApiError:
    """Say that there is no such asset."""
    return ApiError(404, f"Asset '{name}' not found (does not exist or caller does not have access).")


def _read_filter(text: str) -> _Query:
    query = _Query()
    for term in re.split(r"\s+AND\s+", text.strip()) if text.strip() else []:
        bare = term.strip().removeprefix("(").removesuffix(")") if term.startswith("(") else term.strip()
        _read_term(bare, query)
    return query


def _read_term(term: str, query: _Query) -> None:
    if found := _TIME.fullmatch(term):
        stamp = _milliseconds(found.group(3))
        if found.group(2) == ">=":
            query.start_ms = stamp
        else:
            query.end_ms = stamp
    elif found := _REGION.fullmatch(term):
        query.region = _region(found.group(1))
    elif found := _PROPERTY.fullmatch(term):
        value = found.group(3)
        wanted: Any = value[1:-1] if value.startswith('"') else float(value)
        query.tests.append((found.group(1), _OPERATORS[found.group(2)], wanted))
    else:
        raise not_imitated(f"the asset filter '{term}'")


def _milliseconds(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ProtocolViolation(f"Invalid time in filter: {text}") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _region(text: str) -> BaseGeometry:
    try:
        return shapely.from_geojson(json.dumps(parsed(text.replace("'", '"'))))
    except (ValueError, shapely.errors.ShapelyError) as error:
        raise ProtocolViolation(f"Invalid geometry in filter: {text[:200]}") from error


def _image(scene: Scene) -> dict[str, Any]:
    properties = dict(scene.properties)
    return {
        "type": "IMAGE",
        "name": owned.name_of(scene.asset_id) or PUBLIC + scene.asset_id,
        "id": scene.asset_id,
        **times(properties),
        "sizeBytes": str(properties.get("system:asset_size", _weight(scene))),
        "properties": {k: v for k, v in properties.items() if k != "system:footprint" and _plain(v)},
        "geometry": json.loads(shapely.to_geojson(scene.footprint)),
        "bands": [_band(each) for each in scene.bands],
    }


def _weight(scene: Scene) -> int:
    """Return what an image of which nobody says it weighs: two bytes a pixel."""
    return sum(band.height * band.width * 2 for band in scene.bands)


def _table(table: Table) -> dict[str, Any]:
    return {
        "type": "TABLE",
        "name": PUBLIC + table.asset_id,
        "id": table.asset_id,
        "updateTime": rfc3339(EPOCH),
        "properties": dict(table.properties),
        "featureCount": str(len(table.rows())),
    }


def times(properties: Mapping[str, Any]) -> dict[str, str]:
    """When an image was taken; a few images of the catalogue are of no time."""
    start = properties.get("system:time_start")
    if start is None:
        return {"updateTime": rfc3339(datetime.fromtimestamp(0, UTC))}
    end = properties.get("system:time_end", start)
    first, last = (rfc3339(datetime.fromtimestamp(int(each) / 1000, UTC)) for each in (start, end))
    return {"updateTime": first, "startTime": first, "endTime": last}


def _plain(value: Any) -> bool:
    return isinstance(value, str | int | float | list)


def _band(band: Band) -> dict[str, Any]:
    a, b, c, d, e, f = band.transform
    kind: dict[str, Any] = {"precision": band.type.precision.upper()}
    if band.type.precision == "int":
        kind["range"] = {k: v for k, v in (("min", band.type.minimum), ("max", band.type.maximum)) if v}
    affine = {"scaleX": a, "shearX": b, "translateX": c, "shearY": d, "scaleY": e, "translateY": f}
    return {
        "id": band.name,
        "dataType": kind,
        "grid": {
            "crsCode": band.crs,
            "dimensions": {"width": band.width, "height": band.height},
            "affineTransform": {k: v for k, v in affine.items() if v},
        },
        "pyramidingPolicy": band.pyramid.upper(),
    }
