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

from orchestrator.core import crash
from orchestrator.core.errors import IntegrityError, UserError
from orchestrator.core.files import StopFlag, make_folder, sha256_of, write_whole
from orchestrator.core.turns import taking_turns
from orchestrator.model.credit import is_from_sandbox, sandbox_notice
from orchestrator.model.unit import NOTHING
from orchestrator.products.scenes.roles import LAYOUT
from orchestrator.products.scenes.scene import LEVELS, IndexedScene, ProductInfo, SceneFile, SceneKey, looked_at, merge
from orchestrator.products.scenes.told import ToldIndex, ToldProduct, ToldScene, inside, list_of, validated

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
        notice: What goes with the data, a sentence; empty in an index of others.
    """

    root: Path
    scenes: tuple[IndexedScene, ...] = ()
    created: str = ""
    query: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    notice: str = ""

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
    about = validated(ToldIndex, content, str(path))
    root = _root(path, about)
    scenes, query = scenes_in(content, root, path), MappingProxyType(about.query or {})
    return SceneIndex(root, scenes, about.created_utc or "", query, about.attribution or "")


def _root(path: Path, about: ToldIndex) -> Path:
    absolute = path.absolute()
    if absolute.parent.name == "step1":
        return absolute.parents[2]
    said = about.output.out_dir if about.output else None
    return Path(said).absolute() if said else absolute.parent


def scenes_in(content: Mapping[str, Any], root: Path, path: Path) -> tuple[IndexedScene, ...]:
    """
    Return the scenes of an index, or of the manifest of a run.

    Args:
        content: What the file `path` holds.
        root: Where the files of the scenes lie.
        path: Of the file, for the message.

    Raises:
        UserError: A key is missing or is something else, a path leads out of `root`, a scene is there twice, or two of
            its files have one role; a line that names file and key.
    """
    scenes: dict[SceneKey, IndexedScene] = {}
    for number, told in enumerate(list_of(content, "scenes", str(path))):
        where = f"{path}: scenes[{number}]"
        try:
            scene = scene_from(told, root, where)
        except IntegrityError as error:  # two files of one role
            raise UserError(f"{where}: {error}") from None
        if scene.key in scenes:
            raise UserError(f"{where}.key: {scene.name} is there twice; expected each scene once")
        scenes[scene.key] = scene
    return tuple(scenes.values())


def scene_from(content: Any, root: Path, where: str = "scene") -> IndexedScene:
    """
    Return the scene of which `scene_json` told; its files lie in `root`.

    Raises:
        UserError: A key is missing or is something else, or a path leads out of `root`.
        IntegrityError: Two of its files have one role.
    """
    told = validated(ToldScene, content, where)
    items = [
        SceneFile(
            item.role,
            inside(item.path, root, f"{where}.files_{level}.items[{number}].path"),
            item.present,
            item.size,
            item.sha256 or "",
            item.checksum or "",
            item.planned and item.present,
        )
        for level, files in (("l1c", told.files_l1c), ("l2a", told.files_l2a))
        for number, item in enumerate(files.items if files else ())
        if item.role != "file"  # what the published program calls a file that it does not know
    ]
    key = SceneKey(told.key.tile_id, told.key.sensing_start_utc)
    return IndexedScene(key, _product(told.l1c), _product(told.l2a), tuple(items), root)


def _product(told: ToldProduct | None) -> ProductInfo | None:
    if told is None:
        return None
    return ProductInfo(
        told.product_id,
        told.product_name,
        told.baseline or "",
        told.rel_orbit or "",
        told.cloud_cover,
        told.geofootprint,
        told.coverage_ratio,
        told.scl_percentages,
    )


def merge_into(
    path: Path, scenes: Iterable[IndexedScene], created: str, stop: StopFlag, notice: str = ""
) -> SceneIndex:
    """
    Merge scenes into the index at `path`, which is made where there is none.

    Nobody else writes it meanwhile, and readers see the earlier index or this one. What it says of files is what the
    disk says. Files of a product that another took the place of, and that this one did not bring anew, are removed:
    nobody knows them any more.

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
        before = read_scenes(path) if path.exists() else SceneIndex(root)
        known = {scene.key: scene for scene in before.scenes}
        for scene in scenes:
            known[scene.key] = merge(known.get(scene.key), scene)
        _remove_replaced(before.scenes, known, root, stop)
        merged = tuple(looked_at(known[key], root) for key in sorted(known))
        if is_from_sandbox(before.notice) and not is_from_sandbox(notice):  # what it served is still among them
            notice = sandbox_notice(notice)
        index = SceneIndex(root, merged, created, MappingProxyType({"aggregate": True}), notice)
        write_index(path, index, notice)
        crash.point("scenes.indexed")
        return index


def _remove_replaced(
    before: Iterable[IndexedScene], known: Mapping[SceneKey, IndexedScene], root: Path, stop: StopFlag
) -> None:
    """Remove the files that an index listed and the next one does not; what is something else by now stays."""
    kept = {item.path for scene in known.values() for item in scene.items}
    for item in (item for scene in before for item in scene.items if item.path not in kept):
        if is_brought(root / item.path, item, stop):
            (root / item.path).unlink(missing_ok=True)
            crash.point("scenes.replaced")


def is_brought(path: Path, item: SceneFile, stop: StopFlag) -> bool:
    """Tell whether a file is what was written down of it when it was brought, as far as anything was."""
    return path.is_file() and (not item.sha256 or sha256_of(path, stop) == item.sha256.lower())


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
