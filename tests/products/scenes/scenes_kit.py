"""A Copernicus on loopback with small products, and this program's API that speaks to it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import shapely

import orchestrator as orc
from orchestrator.sandbox.cdse.products import ListedProducts
from orchestrator.sandbox.cdse.records import sentinel2_record
from orchestrator.sandbox.cdse.settings import Copernicus
from orchestrator.sandbox.faults import Rule
from orchestrator.sandbox.server import Options, Sandbox

HASHES = {"MD5": hashlib.md5, "SHA3-256": hashlib.sha3_256}
# Nothing waits for a distant service here.
HASTE = """
[retry]
attempts = 4
first_wait = 0.01
max_wait = 0.05
hold = 0.2
[local]
state_dir = "{state}"
"""
# The corners of tile T33UWQ as a live catalogue gives them.
TILE = shapely.Polygon(
    [(14.999722922552591, 49.652722814505665), (14.999728378048822, 48.66503141156509),
     (16.49066964052278, 48.65538534877128), (16.520595653725128, 49.64273706516441)]
)  # fmt: skip
DATES = ("2025-12-01", "2025-12-31")


def product_name(
    level: str, day: int = 10, *, mission: str = "S2B", baseline: str = "0511", made: str = "20251220T000000"
) -> str:
    return f"{mission}_MSI{level}_202512{day:02}T100319_N{baseline}_R122_T33UWQ_{made}.SAFE"


def content_of(name: str, path: str, size: int = 3000) -> bytes:
    """Bytes that differ from file to file, and from product to product."""
    return hashlib.shake_128(f"{name}/{path}".encode()).digest(size)


def files_of(name: str, size: int = 3000) -> dict[str, bytes]:
    """The files of a product, some wanted and some not; `size` is that of its images."""
    bands = ("B02", "B03", "B04")
    level, taken = name[7:10], name.split("_")[2]
    granule = f"GRANULE/{level}_T33UWQ_A004000_20251210T100321"
    if level == "L1C":
        images = [f"IMG_DATA/T33UWQ_{taken}_{band}.jp2" for band in (*bands, "TCI")]
    else:
        images = [f"IMG_DATA/R20m/T33UWQ_{taken}_{what}_20m.jp2" for what in ("SCL", "AOT")]
        images += [f"IMG_DATA/R10m/T33UWQ_{taken}_{band}_10m.jp2" for band in bands]
    paths = [f"{granule}/{path}" for path in (*images, "MTD_TL.xml", "QI_DATA/MSK_CLASSI_B00.jp2")]
    paths += [f"MTD_MSI{level}.xml", "INSPIRE.xml", "HTML/a.html"]
    return {path: content_of(name, path, size if path.endswith(".jp2") else 3000) for path in paths}


def write_product(folder: Path, name: str, *, algorithm: str = "SHA3-256", huge: str = "-", size: int = 3000) -> Path:
    """Write a product with its manifest, whose checksums are in capitals; what ends in `huge` is said to be so."""
    root, entries = folder / name, []
    for number, (path, content) in enumerate(files_of(name, size).items()):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
        value = HASHES[algorithm](content).hexdigest().upper()
        stated = 10**15 if path.endswith(huge) else len(content)
        entries.append(
            f'<dataObject ID="f{number}"><byteStream mimeType="x" size="{stated}">'
            f'<fileLocation locatorType="URL" href="./{path}"/>'
            f'<checksum checksumName="{algorithm}">{value}</checksum></byteStream></dataObject>'
        )
    listing = f"<dataObjectSection>{''.join(entries)}</dataObjectSection>"
    manifest = f'<xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1">{listing}</xfdu:XFDU>'
    (root / "manifest.safe").write_text(manifest, encoding="utf-8")
    record = sentinel2_record(name, footprint=TILE, cloud=20.0)
    root.with_suffix(".odata.json").write_text(json.dumps(record), encoding="utf-8")
    return root


class World:
    """A folder of products, the sandbox that serves them, and a connection to it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.served, self.out = folder, folder / "served", folder / "out"
        self.records: list[dict[str, Any]] = []

    def add(self, *names: str, algorithm: str = "SHA3-256", huge: str = "-", **told: Any) -> None:
        """Let products be served, from the next opening on; `told` is what the catalogue says of them."""
        for name in names:
            write_product(self.served, name, algorithm=algorithm, huge=huge)
            self.records.append(sentinel2_record(name, **({"footprint": TILE, "cloud": 20.0} | told)))

    @contextmanager
    def open(self, folder: Path | None = None):
        """Serve the products, or those of a folder of others."""
        (self.folder / "config.toml").write_text(HASTE.format(state=self.folder / "state"))
        products = ListedProducts(self.records, folder_of=lambda product: self.served / product.name)
        options = Options(copernicus=Copernicus(folder=folder) if folder else Copernicus(products=products))
        with Sandbox(None, options, evaluator=object()) as self.sandbox:
            url = self.sandbox.url
            with orc.connect(sandbox_url=url, config=self.folder / "config.toml") as self.connection:
                yield self

    def download(self, tile: str | tuple[str, ...] = "33UWQ", dates: tuple[str, str] = DATES, **conditions: Any) -> Any:
        given = {"l1c_bands": ["B02", "B03"]} | conditions
        return orc.copernicus.download(tile, dates, self.out, progress=False, connection=self.connection, **given)

    def index(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.out / "meta/step1/index.json").read_bytes())
        return found

    def raw(self) -> dict[str, bytes]:
        """The content of every file, by its path."""
        root = self.out / "raw"
        return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}

    def order(self, action: str, api: str = "cdse.nodes.value", **rule: Any) -> None:
        """Order a fault for the next fitting calls."""
        self.sandbox.faults.order(Rule.of({"action": action, "api": api, **rule}))

    def report(self) -> dict[str, Any]:
        """What was sent, once nothing is under way."""
        assert self.sandbox.copernicus.transfers.wait_idle()
        found: dict[str, Any] = self.sandbox.copernicus.report()
        return found

    def transfers(self) -> dict[str, int]:
        """How often each file was sent, or a part of it, by its name; manifests apart."""
        sent: Counter[str] = Counter()
        for path, told in self.report()["files"].items():
            if not path.endswith("manifest.safe"):
                sent[path.rpartition("/")[2]] += told["transfers"]
        return dict(sent)
