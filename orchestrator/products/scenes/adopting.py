"""Products that lie in a folder already, as whole SAFE trees, become an index of step one; nothing is moved."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.core.digests import digests_of
from orchestrator.core.errors import OrchestratorError, UserError
from orchestrator.core.files import StopFlag, make_folder
from orchestrator.model.credit import sentinel_notice
from orchestrator.products.scenes.checking import FolderFault
from orchestrator.products.scenes.index import merge_into
from orchestrator.products.scenes.listing import SHA256
from orchestrator.products.scenes.publication import with_percentages
from orchestrator.products.scenes.roles import INDEX, STEP, by_role, files_folder
from orchestrator.products.scenes.scene import IndexedScene, ProductInfo, SceneFile, SceneKey
from orchestrator.safe.bands import BANDS
from orchestrator.safe.folder import ProductFolder, find_products
from orchestrator.safe.manifest import ManifestFile, read_manifest
from orchestrator.safe.names import ProductName, parse_name
from orchestrator.safe.product import read_product

_METADATA = ("product_metadata", "tile_metadata")
# What every product of a level has, wherever its manifest is.
_EXPECTED: Mapping[str, tuple[str, ...]] = {
    "L1C": (*(f"l1c.band.{band}" for band in BANDS), *(f"l1c.{name}" for name in _METADATA)),
    "L2A": ("l2a.scl_20m", *(f"l2a.{name}" for name in _METADATA)),
}


@dataclass(frozen=True, slots=True)
class AdoptionReport:
    """
    What was found in a folder of SAFE trees, and where its index lies.

    Attributes:
        path: Of the index.
        scenes: How many scenes were found.
        files: How many files with a role.
        bytes: What they weigh.
        verified: How many of them are what their manifest says.
        faults: What is not: "size" and "checksum" of files that the index has as planned and present, "missing" of what
            is not there, "manifest" of products without one that can be read, "skipped" of folders.
    """

    path: Path
    scenes: int
    files: int
    bytes: int
    verified: int
    faults: tuple[FolderFault, ...]


def home_of(folder: Path) -> Path:
    """Return where the index of a folder goes unless somebody says: into it, or beside it where it is a product."""
    return folder.absolute().parent if folder.suffix == ".SAFE" else folder


def adopt(
    folder: Path, root: Path, stop: StopFlag, *, verify: bool = True, say: Callable[[str], None] = lambda _what: None
) -> AdoptionReport:
    """
    Write what lies in `folder` into the index of `root`, beside what that lists.

    Args:
        folder: In which SAFE folders lie, at any depth; or one of them.
        root: Gets `meta/step1/index.json`; and links to files that do not lie below it, as a download names them.
        stop: Heeded between and within files.
        verify: Read every file, and compare its size and checksum with its product's manifest.
        say: Told what is done.

    Raises:
        UserError: There is no such folder, or no product in it; or what lies at the place of the index, or
            of a link, is something else.
        Stopped: `stop` was set.
    """
    found = find_products(folder)
    faults = [FolderFault("skipped", str(one.path), one.reason) for one in found.skipped]
    newest = _newest((one for one in found.products if one.name), faults)
    if not newest:
        why = f"; {faults[0].path}: {faults[0].what}" if faults else ""
        raise UserError(f"{folder}: no SAFE folder of Sentinel-2 lies there{why}. Name the one in which *.SAFE lie")
    scenes: dict[SceneKey, IndexedScene] = {}
    verified = 0
    for (key, level), product in sorted(newest.items()):
        say(f"looking at {product.path.name}")
        items, proved = _items(product, root, stop, faults, verify=verify)
        if not items:
            continue
        verified += proved
        info, before = _info(product), scenes.get(key, IndexedScene(key, root=root))
        with_info = replace(before, l1c=info) if level == "L1C" else replace(before, l2a=info)
        scenes[key] = replace(with_info, items=(*before.items, *items))
    known = [with_percentages(scene) for scene in scenes.values()]
    path = root / STEP / INDEX
    merge_into(path, known, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), stop, _notice(path, known))
    there = [item for scene in known for item in scene.items if item.present]
    size = sum(item.size or 0 for item in there)
    return AdoptionReport(path, len(known), len(there), size, verified, tuple(faults))


def _newest(products: Iterator[ProductFolder], faults: list[FolderFault]) -> dict[tuple[SceneKey, str], ProductFolder]:
    """Return the product of each scene and level: of several the one of the newest baseline."""
    chosen: dict[tuple[SceneKey, str], ProductFolder] = {}
    for product in sorted(products, key=lambda one: _age(parse_name(one.name))):
        key = (_key(product), product.level)
        if earlier := chosen.get(key):
            faults.append(FolderFault("skipped", str(earlier.path), f"{product.name} is of the same scene, and newer"))
        chosen[key] = product
    return chosen


def _key(product: ProductFolder) -> SceneKey:
    taken = datetime.strptime(product.datatake, "%Y%m%dT%H%M%S")  # noqa: DTZ007  Z is written below
    return SceneKey(f"T{product.tile}", f"{taken.isoformat()}Z")


def _age(name: ProductName) -> tuple[str, str]:
    return name.baseline, name.discriminator


def _items(
    product: ProductFolder, root: Path, stop: StopFlag, faults: list[FolderFault], *, verify: bool
) -> tuple[list[SceneFile], int]:
    """Return the files of a product that have a role, and how many were verified."""
    listed = _listed(product, faults)
    there = {path.relative_to(product.path).as_posix() for path in product.path.rglob("*") if path.is_file()}
    try:
        roles = by_role(product.level, sorted(there | listed.keys()))
    except OrchestratorError as error:
        faults.append(FolderFault("skipped", str(product.path), str(error)))
        return [], 0
    absent = [role for role in _EXPECTED[product.level] if role not in roles]
    faults += [FolderFault("missing", str(product.path), f"{role} is not there") for role in absent]
    items = []
    for role, inside in roles.items():
        path = product.path / inside
        told = _told(path, product, root)
        if inside not in there:
            faults.append(FolderFault("missing", told, f"{role} is not there"))
            items.append(SceneFile(role, told, False))
        elif verify:
            items.append(_compared(SceneFile(role, told), path, listed.get(inside), stop, faults))
        else:
            items.append(SceneFile(role, told, True, path.stat().st_size))
    return items, sum(bool(item.checksum) for item in items)


def _told(path: Path, product: ProductFolder, root: Path) -> str:
    """
    Return a file's path from the folder of the index; what lies elsewhere gets a link there, as a download names it.

    Raises:
        UserError: Another file has that name, or no link can be made.
    """
    whole, top = path.absolute(), root.absolute()
    if whole.is_relative_to(top):
        return whole.relative_to(top).as_posix()
    told = f"{files_folder(product.level, f'T{product.tile}', _key(product).sensing)}/{path.name}"
    link = top / told
    if link.exists() and not link.samefile(whole):
        raise UserError(f"{link} exists already and is not {whole}; choose another --out")
    if whole.exists() and not link.exists():
        make_folder(link.parent)
        try:
            link.unlink(missing_ok=True)  # one whose file was moved away
            link.symlink_to(whole)
        except OSError as error:
            raise UserError(
                f"{link} cannot be a link to {whole} ({error.strerror}); leave --out out, so that the index lies "
                "beside the products"
            ) from None
    return told


def _listed(product: ProductFolder, faults: list[FolderFault]) -> Mapping[str, ManifestFile]:
    try:
        if product.manifest is None:
            raise UserError("there is no manifest.safe: nothing to compare its files with")
        content = product.manifest.read_bytes()
        return {file.path: file for file in read_manifest(content, str(product.manifest))}
    except (OrchestratorError, OSError) as error:
        faults.append(FolderFault("manifest", str(product.path), " ".join(str(error).split())))
        return {}


def _compared(
    item: SceneFile, path: Path, listed: ManifestFile | None, stop: StopFlag, faults: list[FolderFault]
) -> SceneFile:
    """Return a file with its size and checksum, and whether its product's manifest says the same."""
    size = path.stat().st_size
    algorithm = listed.algorithm if listed else SHA256
    sha256, found = digests_of(path, (SHA256, algorithm), stop)
    measured = replace(item, size=size, sha256=sha256)
    if listed is None:
        return measured
    if listed.size != size:
        faults.append(FolderFault("size", item.path, f"{size:,} bytes, its manifest says {listed.size:,}"))
        return replace(measured, doubtful=True)
    if listed.checksum != found:
        what = f"{algorithm} {found}, its manifest says {listed.checksum}"
        faults.append(FolderFault("checksum", item.path, what))
        return replace(measured, doubtful=True)
    return replace(measured, checksum=f"{algorithm}:{found}")


def _info(product: ProductFolder) -> ProductInfo:
    name = parse_name(product.name)
    cloud = None
    if product.product_metadata is not None:
        try:
            metadata = product.product_metadata
            cloud = read_product(metadata.read_bytes(), str(metadata)).cloud_percentage
        except (OrchestratorError, OSError):
            cloud = None  # whoever uses the file is told what is wrong with it
    return ProductInfo("", name.name, f"N{name.baseline.replace('.', '')}", f"R{name.orbit:03}", cloud)


def _notice(path: Path, scenes: list[IndexedScene]) -> str:
    """Return the sentence that goes with these scenes and those of the index that is there."""
    try:
        told = json.loads(path.read_bytes())
        before, keys = str(told.get("attribution", "")), [one["key"]["sensing_start_utc"] for one in told["scenes"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        before, keys = "", []  # none, or one that merging refuses
    years = {int(sensing[:4]) for sensing in [*keys, *(scene.key.sensing for scene in scenes)]}
    served, found, _ = before.partition("Contains modified")
    return (served if found else "") + sentinel_notice(years)
