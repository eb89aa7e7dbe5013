"""Which files of a product are wanted, and where each goes: its manifest says so, or the folder's index knows it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from orchestrator.core.digests import digests_of
from orchestrator.model.files import Asset, CatalogueProduct, Checksum, FileRoute
from orchestrator.model.ports import Stop
from orchestrator.products.scenes.roles import by_role, files_folder
from orchestrator.products.scenes.scene import IndexedScene, ProductInfo, SceneFile

SHA256 = "SHA-256"


@dataclass(frozen=True, slots=True)
class WantedFile:
    """
    A file that a run brings.

    Attributes:
        role: See `roles.role_of`.
        final: Where it goes, from the output folder, with slashes.
        source: Its path inside the product.
        size: Bytes; None where nobody says.
        algorithm: Of its checksum; empty where there is none.
        checksum: Hexadecimal, lower case.
    """

    role: str
    final: str
    source: str
    size: int | None
    algorithm: str = ""
    checksum: str = ""

    @property
    def stated(self) -> str:
        """The service's own checksum, `MD5:...`; empty where it stated none."""
        return f"{self.algorithm}:{self.checksum}" if self.algorithm not in ("", SHA256) else ""

    def to_json(self) -> dict[str, Any]:
        """Return it as a unit keeps it."""
        return asdict(self)

    def asset(self, product: ProductInfo) -> Asset:
        """Return it as the route knows it."""
        stated = Checksum(self.algorithm, self.checksum) if self.checksum else None
        return Asset(product.id, product.name, self.source, self.size, stated)


@dataclass(frozen=True, slots=True)
class Listing:
    """
    The files of one product that are wanted.

    Attributes:
        files: By role.
        missing: Roles that the product has no file of.
    """

    files: tuple[WantedFile, ...]
    missing: tuple[str, ...] = ()

    def to_json(self) -> str:
        return json.dumps({"files": [file.to_json() for file in self.files], "missing": list(self.missing)})

    @classmethod
    def from_json(cls, text: str) -> Listing:
        told = json.loads(text)
        return cls(tuple(WantedFile(**file) for file in told["files"]), tuple(told["missing"]))


def listing_of(scene: IndexedScene, level: str, roles: Iterable[str], route: FileRoute, stop: Stop) -> Listing:
    """
    Return the wanted files of a scene's product, as its manifest lists them.

    Raises:
        IntegrityError: Two files have the same role.
        NotFoundError: The product is gone, or has no manifest.
    """
    product = scene.product(level)
    assert product is not None  # noqa: S101  units are made for products that are there
    found = {asset.path: asset for asset in route.files(CatalogueProduct(product.id, product.name, ""), stop)}
    paths = by_role(level, found)
    wanted = tuple(roles)
    files = tuple(_wanted(scene, level, role, found[paths[role]]) for role in wanted if role in paths)
    return Listing(files, tuple(role for role in wanted if role not in paths))


def _wanted(scene: IndexedScene, level: str, role: str, asset: Asset) -> WantedFile:
    folder = files_folder(level, scene.key.tile, scene.key.sensing)
    stated = asset.checksum
    final = f"{folder}/{PurePosixPath(asset.path).name}"
    return WantedFile(
        role, final, asset.path, asset.size, stated.algorithm if stated else "", stated.value if stated else ""
    )


def known(
    before: IndexedScene | None, scene: IndexedScene, level: str, roles: Iterable[str], root: Path
) -> Listing | None:
    """Return the wanted files where all of them are in the folder already, by its index; nobody is asked then."""
    product, earlier = scene.product(level), before.product(level) if before else None
    if before is None or product is None or earlier is None or earlier.name != product.name:
        return None
    items = {item.role: item for item in before.of_level(level)}
    wanted = [items.get(role) for role in roles]
    if not all(item is not None and _is_here(item, root) for item in wanted):
        return None
    return Listing(tuple(_of_item(item) for item in wanted if item is not None))


def _is_here(item: SceneFile, root: Path) -> bool:
    return bool(item.sha256) and not item.doubtful and is_of_size(root / item.path, item.size)


def _of_item(item: SceneFile) -> WantedFile:
    algorithm, _, value = item.checksum.partition(":")
    return WantedFile(item.role, item.path, "", item.size, *((algorithm, value) if value else (SHA256, item.sha256)))


def is_of_size(path: Path, size: int | None) -> bool:
    """Tell whether a file is there, and has that size; None is any."""
    return path.is_file() and size in (None, path.stat().st_size)


def is_whole(path: Path, file: WantedFile, stop: Stop) -> str:
    """Return the SHA-256 of a file that is there and is what its size and checksum say; empty where it is not."""
    if not file.checksum or not is_of_size(path, file.size):
        return ""
    algorithms = (SHA256,) if file.algorithm == SHA256 else (SHA256, file.algorithm)
    sha256, *_, found = digests_of(path, algorithms, stop)
    return sha256 if found == file.checksum else ""


def wanted_of(spec: Mapping[str, Any]) -> WantedFile:
    """Return the file of a unit."""
    return WantedFile(**spec["file"])
