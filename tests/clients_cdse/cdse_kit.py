"""A Copernicus on loopback with products of a few small files, and the way there as the program makes it."""

from __future__ import annotations

import hashlib
import json
import threading
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from orchestrator.app.copernicus import Copernicus as Shared
from orchestrator.config import load
from orchestrator.core.clock import SystemClock
from orchestrator.core.retry import RetryPolicy
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.files import Asset, CatalogueProduct, ProductQuery

NAME = "S2A_MSIL1C_20180101T105441_N0206_R051_T31TDH_20180101T124911.SAFE"
BAND = "GRANULE/L1C_T31TDH_A013210_20180101T105435/IMG_DATA/T31TDH_20180101T105441_B02.jp2"
YEAR = ProductQuery(datetime(2018, 1, 1, tzinfo=UTC), datetime(2019, 1, 1, tzinfo=UTC))
HASTE = RetryPolicy(attempts=4, first_wait_seconds=0.01, max_wait_seconds=0.05)
HASHES = {"MD5": hashlib.md5, "SHA3-256": hashlib.sha3_256}


def content_of(path: str, size: int = 700_000) -> bytes:
    """Bytes that differ from file to file, and from place to place in each."""
    block = hashlib.shake_128(path.encode()).digest(4093)
    return (block * (size // len(block) + 1))[:size]


def write_safe(folder: Path, name: str, files: dict[str, bytes], algorithm: str, *, upper: bool = False) -> Path:
    """Write a product and its manifest, with checksums in either case."""
    root = folder / name
    entries = []
    for number, (path, content) in enumerate(files.items()):
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        value = HASHES[algorithm](content).hexdigest()
        value = value.upper() if upper else value
        entries.append(
            f'<dataObject ID="f{number}"><byteStream mimeType="application/octet-stream" size="{len(content)}">'
            f'<fileLocation locatorType="URL" href="./{path}"/>'
            f'<checksum checksumName="{algorithm}">{value}</checksum></byteStream></dataObject>'
        )
    listing = f"<dataObjectSection>{''.join(entries)}</dataObjectSection>"
    manifest = f'<xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1">{listing}</xfdu:XFDU>'
    (root / "manifest.safe").write_text(manifest, encoding="utf-8")
    return root


class MovedClock(SystemClock):
    """The machine's clock, of which a test moves the one that only grows."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


@dataclass
class World:
    """A sandbox, and a machine of the program's that speaks to it."""

    sandbox: Any
    state_dir: Path
    settings: dict[str, Any] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    said: list[str] = field(default_factory=list)
    clock: MovedClock = field(default_factory=MovedClock)

    def loaded(self) -> Any:
        tables = {
            "copernicus": {"url": self.sandbox.url, "per_minute": 2000},
            "local": {"state_dir": str(self.state_dir)},
        }
        for name, table in self.settings.items():
            tables[name] = tables.get(name, {}) | table
        return load(environment={}, overrides=tables).settings

    @cached_property
    def store(self) -> SqlStore:
        self.state_dir.mkdir(parents=True, exist_ok=True)
        return SqlStore(f"sqlite:///{self.state_dir / 'state.db'}", self.clock)

    def shared(self) -> Shared:
        return Shared(self.loaded(), self.clock, HASTE, lambda: self.store.limits)

    def close(self) -> None:
        """Let go of the state, if there was one."""
        if "store" in self.__dict__:
            self.store.close()

    def route(self) -> Any:
        return self.shared().route(self.said.append)

    def search(self, query: ProductQuery = YEAR) -> list[CatalogueProduct]:
        return list(self.route().search(query, self.stop))

    def asset(self, route: Any, path: str = BAND, name: str = NAME) -> Asset:
        product = next(one for one in route.search(YEAR, self.stop) if one.name == name)
        return next(one for one in route.files(product, self.stop) if one.path == path)

    def fetch(self, route: Any, asset: Asset, target: Path) -> Any:
        return route.fetch(asset, target, self.stop, lambda _count: None)

    # What the sandbox tells and is told

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.sandbox.url + path, data, headers, method=method)  # noqa: S310  loopback
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  loopback
            return json.load(answer)

    def order(self, **fault: Any) -> None:
        """Order a fault for the next fitting call."""
        self.call("POST", "/sandbox/faults", fault)

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", "/sandbox/state")["copernicus"]
        return found

    def asked(self, api: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("GET", f"/sandbox/requests?api={api}")["requests"]
        return found
