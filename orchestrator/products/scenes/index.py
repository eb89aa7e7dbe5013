"""
The index of step one: which scenes lie in a folder, and which of their files plays which role.

Its schema is the published one, `s2pipe.step1.index.v2`; what it has no key for is added beside: size and checksums of
each file, the notice that goes with the data. It belongs to the folder, not to one job: each that brings something
merges it in, under a lock, by one rename.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from orchestrator.core.errors import UserError
from orchestrator.core.files import StopFlag, make_folder, write_whole
from orchestrator.core.turns import taking_turns
from orchestrator.model.unit import NOTHING
from orchestrator.products.scenes.roles import LAYOUT
from orchestrator.products.scenes.scene import LEVELS, IndexedScene, ProductInfo, SceneFile, SceneKey, looked_at, merge

SCHEMA = "s2pipe.step1.index.v2"


@dataclass(frozen=True, slots=True)
class SceneIndex:
    """
    The scenes of a folder.

    Attributes:
        root: The folder, which the paths of the files start from.
        scenes: In the order of their keys.
        created: When it was written, UTC.
        query: What was asked for; of several runs `{"aggregate": true}`.
    """

    root: Path
    scenes: tuple[IndexedScene, ...] = ()
    created: str = ""
    query: Mapping[str, Any] = field(default_factory=lambda: NOTHING)

    def find(self, key: SceneKey) -> IndexedScene | None:
        """Return the scene of a key."""
        return next((scene for scene in self.scenes if scene.key == key), None)


def read_scenes(path: Path) -> SceneIndex:
    """
    Read an index.

    Its paths start from the folder that holds `meta/step1/index.json`, wherever that was moved; of an index that lies
    elsewhere, from the `out_dir` that it names.

    Raises:
        UserError: There is none, or it is none of these.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise UserError(
            f"there is no index {path}; `orchestrator copernicus download` makes meta/step1/index.json"
        ) from None
    except (ValueError, OSError) as error:
        raise UserError(f"{path} cannot be read as an index of scenes: {error}") from None
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != SCHEMA:
        raise UserError(f"{path} has the schema {schema!r}; expected {SCHEMA!r}")
    root = _root(path, content)
    try:
        scenes = tuple(scene_from(each, root) for each in content["scenes"])
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: a scene lacks or misspells {error}; expected {SCHEMA}") from None
    return SceneIndex(root, scenes, content.get("created_utc", ""), MappingProxyType(content.get("query") or {}))


def _root(path: Path, content: Mapping[str, Any]) -> Path:
    absolute = path.absolute()
    if absolute.parent.name == "step1":
        return absolute.parents[2]
    return Path(content.get("output", {}).get("out_dir", "") or absolute.parent)


def scene_from(told: Mapping[str, Any], root: Path) -> IndexedScene:
    """Return the scene of which `scene_json` told; its files lie in `root`."""
    key = SceneKey(told["key"]["tile_id"], told["key"]["sensing_start_utc"])
    items = [
        SceneFile(
            item["role"],
            item["path"],
            bool(item.get("present", True)),
            item.get("size"),
            item.get("sha256") or "",
            item.get("checksum") or "",
            bool(item.get("planned") and item.get("present")),
        )
        for level in LEVELS
        for item in (told.get(f"files_{level.lower()}") or {}).get("items", ())
        if item["role"] != "file"  # what the published program calls a file that it does not know
    ]
    return IndexedScene(key, _product(told.get("l1c")), _product(told.get("l2a")), tuple(items), root)


def _product(told: Mapping[str, Any] | None) -> ProductInfo | None:
    if not told:
        return None
    return ProductInfo(
        told["product_id"],
        told["product_name"],
        told.get("baseline", ""),
        told.get("rel_orbit", ""),
        told.get("cloud_cover"),
        told.get("geofootprint"),
        told.get("coverage_ratio"),
        told.get("scl_percentages"),
    )


def merge_into(
    path: Path, scenes: Iterable[IndexedScene], created: str, stop: StopFlag, notice: str = ""
) -> SceneIndex:
    """
    Merge scenes into the index at `path`, which is made where there is none.

    Nobody else writes it meanwhile, and readers see the earlier index or this one. What it says of files is what the
    disk says.

    Args:
        path: Of the index, `OUT/meta/step1/index.json`.
        scenes: What this run knows.
        created: When that is, UTC.
        stop: Heeded while somebody else writes.
        notice: What goes with the data, a sentence.

    Raises:
        UserError: What lies there is no index.
        LockedError: Another process writes it for longer than a minute.
    """
    make_folder(path.parent)
    root = path.absolute().parents[2]
    with taking_turns(path.with_name(f".{path.name}.lock"), f"the index {path}", stop):
        known = {scene.key: scene for scene in read_scenes(path).scenes} if path.exists() else {}
        for scene in scenes:
            known[scene.key] = merge(known.get(scene.key), scene)
        merged = tuple(looked_at(known[key], root) for key in sorted(known))
        index = SceneIndex(root, merged, created, MappingProxyType({"aggregate": True}))
        write_index(path, index, notice)
        return index


def write_index(path: Path, index: SceneIndex, notice: str = "") -> None:
    """Write an index by one rename."""
    content = {
        "schema": SCHEMA,
        "created_utc": index.created,
        "query": dict(index.query),
        "output": {"out_dir": str(index.root), "layout": LAYOUT},
        **({"attribution": notice} if notice else {}),
        "scenes": [scene_json(scene) for scene in index.scenes],
    }
    write_whole(path, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())


def scene_json(scene: IndexedScene) -> dict[str, Any]:
    """Return a scene as the schema has it."""
    told: dict[str, Any] = {"key": {"tile_id": scene.key.tile, "sensing_start_utc": scene.key.sensing}}
    told |= {level.lower(): _product_json(scene.product(level)) for level in LEVELS}
    for level in LEVELS:
        items = [_item_json(item) for item in sorted(scene.of_level(level), key=lambda item: item.path)]
        root = str(Path(items[0]["path"]).parent.as_posix()) if items else ""
        told[f"files_{level.lower()}"] = {"root_dir": root, "items": items}
    return told


def _product_json(product: ProductInfo | None) -> dict[str, Any] | None:
    if product is None:
        return None
    return {
        "product_id": product.id,
        "product_name": product.name,
        "baseline": product.baseline,
        "rel_orbit": product.orbit,
        "cloud_cover": product.cloud_cover,
        "geofootprint": dict(product.footprint) if product.footprint else None,
        "coverage_ratio": product.coverage,
        "scl_percentages": dict(product.scl) if product.scl is not None else None,
    }


def _item_json(item: SceneFile) -> dict[str, Any]:
    planned = item.doubtful or not item.present
    told: dict[str, Any] = {"role": item.role, "path": item.path, "planned": planned, "present": item.present}
    if item.size is not None:
        told |= {"size": item.size, "sha256": item.sha256 or None, "checksum": item.checksum or None}
    return told
