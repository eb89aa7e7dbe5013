"""A scene: one tile, seen once, with its products and their files; and what two runs know of it, put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from orchestrator.core.errors import IntegrityError, UserError

LEVELS = ("L1C", "L2A")


@dataclass(frozen=True, slots=True, order=True)
class SceneKey:
    """
    What tells scenes apart.

    Attributes:
        tile: MGRS tile with its letter, "T33UWQ".
        sensing: When the sensing of the datatake began, UTC, "2025-12-10T10:03:19Z".
    """

    tile: str
    sensing: str


@dataclass(frozen=True, slots=True)
class ProductInfo:
    """
    A product of a scene.

    Attributes:
        id: In the catalogue, a UUID.
        name: With ".SAFE".
        baseline: "N0511".
        orbit: Relative orbit, "R122".
        cloud_cover: Percent.
        footprint: GeoJSON, in degrees.
        coverage: Share of the tile's area that the footprint covers, 0 to 1.
        scl: Percentages of the scene classification, by their names in the metadata.
    """

    id: str
    name: str
    baseline: str = ""
    orbit: str = ""
    cloud_cover: float | None = None
    footprint: Mapping[str, Any] | None = None
    coverage: float | None = None
    scl: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class SceneFile:
    """
    A file of a scene.

    Attributes:
        role: See `roles.role_of`.
        path: From the output folder, with slashes.
        present: Whether it is on the disk; else it is planned.
        size: Bytes; None where nobody wrote them down.
        sha256: Of its content, hex; empty likewise.
        checksum: What it was verified by, "MD5:…" or "SHA3-256:…"; empty where none was known.
        doubtful: It is there, and is not what its product's manifest says: present, and planned still.
    """

    role: str
    path: str
    present: bool = True
    size: int | None = None
    sha256: str = ""
    checksum: str = ""
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class IndexedScene:
    """
    One tile, seen once.

    Attributes:
        key: Of it.
        l1c: The Level-1C product; None where there is none.
        l2a: The Level-2A product, likewise.
        items: The files of both.
        root: The output folder.
    """

    key: SceneKey
    l1c: ProductInfo | None = None
    l2a: ProductInfo | None = None
    items: tuple[SceneFile, ...] = ()
    root: Path = field(default_factory=Path, compare=False)

    def __post_init__(self) -> None:
        roles: set[str] = set()
        for item in self.items:
            if item.role in roles:
                raise IntegrityError(f"scene {self.name} has two files of the role {item.role}: expected one of each")
            roles.add(item.role)

    @property
    def name(self) -> str:
        """The scene in a sentence: `T33UWQ 2025-12-10T10:03:19Z`."""
        return f"{self.key.tile} {self.key.sensing}"

    @property
    def files(self) -> Mapping[str, Path]:
        """The files that are there, by role."""
        return MappingProxyType({item.role: self.root / item.path for item in self.items if item.present})

    def require(self, roles: Iterable[str]) -> Mapping[str, Path]:
        """
        Return the files of some roles.

        Raises:
            UserError: One of them is not there; the message lists what is.
        """
        files = self.files
        if missing := [role for role in roles if role not in files or not files[role].is_file()]:
            there = ", ".join(sorted(role for role in files if role not in missing)) or "nothing"
            raise UserError(
                f"scene {self.name} lacks {', '.join(missing)}; there is {there}. "
                "Bring them with `orchestrator copernicus download`"
            )
        return MappingProxyType({role: files[role] for role in roles})

    def product(self, level: str) -> ProductInfo | None:
        """Return the product of a level."""
        return self.l1c if level == "L1C" else self.l2a

    def of_level(self, level: str) -> tuple[SceneFile, ...]:
        """Return the files of a level."""
        return tuple(item for item in self.items if item.role.startswith(f"{level.lower()}."))


def merge(before: IndexedScene | None, now: IndexedScene) -> IndexedScene:
    """
    Return a scene with what another run knows of it: files of the same product are added, and replace those of their
    role; another product, such as one of a newer baseline, takes the place of the earlier one with all its files.
    """
    if before is None:
        return now
    merged = now
    for level in LEVELS:
        mine, earlier = now.product(level), before.product(level)
        if earlier is None or (mine is not None and mine.name != earlier.name):
            continue
        roles = {item.role for item in now.of_level(level)}
        kept = tuple(item for item in before.of_level(level) if item.role not in roles)
        product = earlier if mine is None else _fuller(mine, earlier)
        merged = replace(_with_product(merged, level, product), items=(*merged.items, *kept))
    return merged


def _with_product(scene: IndexedScene, level: str, product: ProductInfo) -> IndexedScene:
    return replace(scene, l1c=product) if level == "L1C" else replace(scene, l2a=product)


def _fuller(product: ProductInfo, earlier: ProductInfo) -> ProductInfo:
    """Return what is known of a product, with what an earlier run knew and this one did not look at."""
    known = {name: getattr(earlier, name) for name in ("cloud_cover", "footprint", "coverage", "scl")}
    return replace(product, **{name: value for name, value in known.items() if getattr(product, name) is None})


def looked_at(scene: IndexedScene, root: Path) -> IndexedScene:
    """Return a scene that says of each file whether it is on the disk now."""
    items = tuple(replace(item, present=(root / item.path).is_file()) for item in scene.items)
    return replace(scene, root=root, items=items)
