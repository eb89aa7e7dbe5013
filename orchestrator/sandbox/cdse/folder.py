"""SAFE trees of a folder as a catalogue: records told beside them, or made from their metadata."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.cdse.products import Bounds, Product, Tree, moment_of, tree_of
from orchestrator.sandbox.cdse.records import sentinel2_record

SUFFIX = ".SAFE"
BESIDE = ("{name}.odata.json", "product.odata.json")
_NEEDED = ("Id", "Name", "ContentDate")


class FolderError(ValueError):
    """A folder that cannot be served; the message names it."""


class FolderProducts:
    """Every folder `*.SAFE` below a folder, at any depth."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise FolderError(f"{folder} is no folder; give one with SAFE folders in it")
        self._paths: dict[str, Path] = {}
        self._products: list[Product] = []
        for path in _safes(folder):
            self._add(path)
        if not self._products:
            raise FolderError(f"{folder} holds no folder whose name ends in {SUFFIX}")

    def _add(self, path: Path) -> None:
        product = Product(_told_beside(path) or _made(path))
        if (other := self._paths.setdefault(product.id, path)) != path:
            raise FolderError(f"{path} and {other} have the same Id {product.id}; give each its own, or leave one out")
        self._products.append(product)

    def all(self, bounds: Bounds) -> Iterable[Product]:  # noqa: ARG002  there are few enough
        return self._products

    def get(self, number: str) -> Product | None:
        return next((each for each in self._products if each.id == number), None)

    def tree(self, product: Product) -> Tree:
        return tree_of(self._paths[product.id])

    def open(self, product: Product, path: str) -> Path:
        return self._paths[product.id] / path


def _safes(folder: Path) -> Iterator[Path]:
    if folder.name.endswith(SUFFIX):
        yield folder
        return
    for each in sorted(folder.iterdir()):
        if each.is_dir():
            yield from _safes(each)


def _told_beside(path: Path) -> Mapping[str, Any] | None:
    """Read the record that lies beside a SAFE folder and is that product's; None if there is none."""
    for form in BESIDE:
        found = path.with_name(form.format(name=path.name.removesuffix(SUFFIX)))
        if found.is_file() and (record := _record_of(found))["Name"] == path.name:
            return record
    return None


def _record_of(path: Path) -> Mapping[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        moment_of(record["ContentDate"]["Start"]), moment_of(record["ContentDate"]["End"])
        return {**record, **{name: str(record[name]) for name in _NEEDED[:2]}}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FolderError(f"{path} is no record of a product with {', '.join(_NEEDED)}: {error!r}") from error


def _made(path: Path) -> Mapping[str, Any]:
    told = _metadata(path)
    size = sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
    return sentinel2_record(path.name, size=size, **told)


def _metadata(path: Path) -> dict[str, Any]:
    """What the product's metadata tells; nothing where there is none."""
    found = next(iter(sorted(path.glob("MTD_MSI*.xml"))), None)
    if found is None:
        return {}
    try:
        texts = _texts(found)
        return {
            "start": _moment(texts, "PRODUCT_START_TIME"),
            "end": _moment(texts, "PRODUCT_STOP_TIME"),
            "footprint": _outline(texts.get("EXT_POS_LIST", "")),
            "cloud": float(texts["Cloud_Coverage_Assessment"]) if "Cloud_Coverage_Assessment" in texts else None,
            "attributes": _orbit(texts),
        }
    except (ET.ParseError, ValueError) as error:
        raise FolderError(f"{found} cannot be read as a product's metadata: {error}") from error


def _texts(path: Path) -> dict[str, str]:
    """The first text of each element, by its name without a namespace."""
    found: dict[str, str] = {}
    for _, element in ET.iterparse(path):  # noqa: S314  the user's own files, on the user's own machine
        text = (element.text or "").strip()
        if text:
            found.setdefault(element.tag.rpartition("}")[2], text)
    return found


def _moment(texts: Mapping[str, str], name: str) -> datetime | None:
    return moment_of(texts[name]) if name in texts else None


def _outline(text: str) -> BaseGeometry | None:
    """Read pairs of latitude and longitude."""
    numbers = [float(each) for each in text.split()]
    return shapely.Polygon(zip(numbers[1::2], numbers[0::2], strict=True)) if numbers else None


def _orbit(texts: Mapping[str, str]) -> dict[str, str | float | datetime]:
    told: dict[str, str | float | datetime] = {}
    if "SENSING_ORBIT_DIRECTION" in texts:
        told["orbitDirection"] = texts["SENSING_ORBIT_DIRECTION"]
    if "DATATAKE_TYPE" in texts:
        told["operationalMode"] = texts["DATATAKE_TYPE"]
    return told
