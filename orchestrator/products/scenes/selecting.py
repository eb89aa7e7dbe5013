"""From products of a catalogue to scenes: pairs of one sensing, one baseline of each, as much of them as is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from orchestrator.core.errors import UserError
from orchestrator.core.units import format_count
from orchestrator.model.files import CatalogueProduct
from orchestrator.products.scenes.keys import NEWEST, SceneKeys
from orchestrator.products.scenes.scene import IndexedScene, ProductInfo, SceneKey
from orchestrator.safe.names import ProductName, parse_name

CoverageOf = Callable[[Mapping[str, Any], str], float]
_MOST_NAMED = 3  # of things of one kind in one sentence


@dataclass(frozen=True, slots=True)
class Hit:
    """A product of the catalogue whose name could be read."""

    product: CatalogueProduct
    name: ProductName

    @property
    def key(self) -> SceneKey:
        taken = datetime.strptime(self.name.datatake, "%Y%m%dT%H%M%S")  # noqa: DTZ007  Z is written below
        return SceneKey(f"T{self.name.tile}", f"{taken.isoformat()}Z")

    @property
    def age(self) -> tuple[str, str, str]:
        """What of one sensing is newest has the greatest."""
        return self.name.baseline, self.name.discriminator, self.name.name


@dataclass(frozen=True, slots=True)
class FoundScene:
    """
    A scene of the catalogue.

    Attributes:
        scene: With its products, and without files.
        sizes: Bytes of each level's whole product; 0 where the catalogue does not know.
        online: Whether all its products can be had now.
        passed_over: Names of products of the same sensing that were not taken, since these are newer.
    """

    scene: IndexedScene
    sizes: Mapping[str, int]
    online: bool = True
    passed_over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Selected:
    """
    What is wanted of a catalogue.

    Attributes:
        scenes: In the order of time.
        notes: What a user should know, a sentence each.
        lacking: Scenes without one of the levels that are wanted, with which.
    """

    scenes: tuple[FoundScene, ...]
    notes: tuple[str, ...] = ()
    lacking: tuple[tuple[IndexedScene, str], ...] = ()


def select(products: Iterable[CatalogueProduct], keys: SceneKeys, coverage: CoverageOf) -> Selected:
    """
    Return the scenes that are wanted of some products, whatever their order.

    Args:
        products: Of Level-1C, Level-2A or both.
        keys: What is wanted.
        coverage: Returns the share of a tile that a footprint covers; see `tiles.coverage`.
    """
    hits, notes = _read(products)
    main = keys.levels[0] if len(keys.levels) == 1 else "L1C"
    wanted = [hit for hit in hits if hit.name.level in keys.levels and _is_wanted(hit.name, keys)]
    groups: dict[SceneKey, dict[str, list[Hit]]] = {}
    for hit in wanted:
        groups.setdefault(hit.key, {}).setdefault(hit.name.level, []).append(hit)
    found = [_found(key, groups[key], coverage) for key in sorted(groups, key=lambda key: (key.sensing, key.tile))]
    found, more = _by_scene(found, keys, main)
    chosen = found[: keys.max_scenes] if keys.max_scenes else found
    notes += more + _about(chosen)
    lacking = tuple((one.scene, level) for one in chosen for level in keys.levels if one.scene.product(level) is None)
    return Selected(tuple(chosen), tuple(notes), lacking)


def _read(products: Iterable[CatalogueProduct]) -> tuple[list[Hit], list[str]]:
    hits: dict[str, Hit] = {}
    skipped: dict[str, None] = {}
    for product in sorted(products, key=lambda one: (one.name, one.id)):
        try:
            hits[product.name] = Hit(product, parse_name(product.name))
        except UserError as error:
            skipped[f"skipped: {error}"] = None
    return list(hits.values()), list(skipped)


def _is_wanted(name: ProductName, keys: SceneKeys) -> bool:
    return (
        (keys.baseline in (NEWEST, name.baseline))
        and (not keys.orbit or keys.orbit == name.orbit)
        and (not keys.missions or name.mission in keys.missions)
        and (not keys.tiles or name.tile in keys.tiles)
    )


def _found(key: SceneKey, levels: Mapping[str, Sequence[Hit]], coverage: CoverageOf) -> FoundScene:
    best = {level: max(hits, key=lambda hit: hit.age) for level, hits in levels.items()}
    others = [hit.name.name for level, hits in levels.items() for hit in hits if hit is not best[level]]
    infos = {level: _info(hit, coverage) for level, hit in best.items()}
    return FoundScene(
        IndexedScene(key, infos.get("L1C"), infos.get("L2A")),
        {level: hit.product.size for level, hit in best.items()},
        all(hit.product.online for hit in best.values()),
        tuple(sorted(others)),
    )


def _info(hit: Hit, coverage: CoverageOf) -> ProductInfo:
    name, product = hit.name, hit.product
    cloud = product.attributes.get("cloudCover")
    return ProductInfo(
        product.id,
        name.name,
        f"N{name.baseline.replace('.', '')}",
        f"R{name.orbit:03}",
        None if cloud is None else float(cloud),
        product.footprint,
        None if product.footprint is None else coverage(product.footprint, name.tile),
    )


def _by_scene(found: Sequence[FoundScene], keys: SceneKeys, main: str) -> tuple[list[FoundScene], list[str]]:
    """Return the scenes whose main product has little enough cloud and covers enough, with what to say of others."""
    kept, unknown, alone = [], [], []
    for one in found:
        product = one.scene.product(main)
        if product is None:
            alone.append(one.scene.name)
            continue
        if not _is_clear(product, keys):
            continue
        if product.coverage is None and keys.min_coverage:
            unknown.append(one.scene.name)
        elif product.coverage is not None and product.coverage < keys.min_coverage:
            continue
        kept.append(one)
    notes = [f"no footprint is known of {_named(unknown)}: taken whatever they cover"] if unknown else []
    if alone and not _asks_of_main(keys):
        notes.append(f"there is no {main} of {_named(alone)}, which are left out")
    return kept, notes


def _asks_of_main(keys: SceneKeys) -> bool:
    """Tell whether products were asked for by what only the main level is asked: then its absence says nothing."""
    return keys.cloud_min is not None or keys.cloud_max is not None


def _is_clear(product: ProductInfo, keys: SceneKeys) -> bool:
    if product.cloud_cover is None:
        return True
    return (keys.cloud_min is None or product.cloud_cover >= keys.cloud_min) and (
        keys.cloud_max is None or product.cloud_cover <= keys.cloud_max
    )


def _about(found: Sequence[FoundScene]) -> list[str]:
    notes = []
    if several := [one for one in found if one.passed_over]:
        first = several[0]
        taken = " and ".join(p.baseline for p in (first.scene.l1c, first.scene.l2a) if p is not None)
        notes.append(
            f"{format_count(len(several), 'sensing')} came in several baselines, and the newest is taken: of "
            f"{first.scene.name} {taken}, not {_named(first.passed_over)}"
        )
    if offline := [one.scene.name for one in found if not one.online]:
        notes.append(f"not online now, so that the service may refuse it: {_named(offline)}")
    return notes


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def without_footprints(found: FoundScene) -> FoundScene:
    """Return a scene that does not say where its products lie."""
    scene = found.scene
    l1c, l2a = (p and replace(p, footprint=None) for p in (scene.l1c, scene.l2a))
    return replace(found, scene=replace(scene, l1c=l1c, l2a=l2a))
