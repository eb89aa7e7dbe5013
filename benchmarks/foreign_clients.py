"""
Run programs that others published, unmodified, against a sandbox, and print a table of what they got.

They are not dependencies. Install them in a virtual environment of their own (pkg_resources, which geetiles wants, left
setuptools with version 80):

    python -m venv foreign
    foreign/bin/pip install "setuptools<80" geedim==2.0.0 xee==0.1.2 geemap==0.37.2 georeader-spaceml==2.4.2 \\
        geetiles==0.1.7

Then, with the project's own Python:

    PYTHONPATH=. python benchmarks/foreign_clients.py foreign/bin/python [--only geedim]

A sandbox is started for the purpose. What a client brings of a scene is compared, pixel for pixel, with the scene as
the catalogue has it, read without the evaluator; masked pixels are zero on both sides. The exit code is 1 if one
failed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from foreign_client_programs import PROGRAMS

from orchestrator.sandbox.scenes.world import WorldCatalogue
from orchestrator.sandbox.server import DEFAULT_BUCKET, Options, Sandbox

COLLECTION, BAND = "COPERNICUS/S2_SR_HARMONIZED", "B4"
PLACE = shapely.Point(11.3, 48.1)
JUNE_MS = 1_685_577_600_000
HEIGHT, WIDTH = 300, 280
PROGRAM = Path(__file__).parent / "foreign_client_programs.py"
SECONDS = 300


class Truth:
    """A window of a scene, read from the catalogue."""

    def __init__(self) -> None:
        month = 30 * 86_400_000
        found = WorldCatalogue().scenes(COLLECTION, PLACE, JUNE_MS, JUNE_MS + month)
        self.scene, (row, col) = next((scene, at) for scene in found if (at := self._inside(scene)) is not None)
        band = next(each for each in self.scene.bands if each.name == BAND)
        values, valid = self.scene.read(BAND, 0, row, col, HEIGHT, WIDTH)
        self.pixels = np.where(valid, values, 0)
        self.clear = np.where(_clear(self.scene, row, col), self.pixels, 0)
        a, _, c, _, e, f = band.transform
        self.crs, self.transform = band.crs, [a, 0.0, c + a * col, 0.0, e, f + e * row]

    def _inside(self, scene: Any) -> tuple[int, int] | None:
        """A window of the scene that has pixels, and some clouds."""
        for at in range(1000, 9000, 1000):
            whole = scene.read(BAND, 0, at, at, HEIGHT, WIDTH)[1].mean() > 0.9
            if whole and 0.2 < _clear(scene, at, at).mean() < 0.9:
                return at, at
        return None


def _clear(scene: Any, row: int, col: int) -> Any:
    """Where Cloud Score+ is at least 0.6, which is geedim's threshold."""
    index = scene.properties["system:index"]
    score = WorldCatalogue().scene(f"GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED/{index}")
    return score.read("cs", 0, row, col, HEIGHT, WIDTH)[0] >= 0.6


def service_account(url: str) -> str:
    """A key of nobody, whose tokens the sandbox gives."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    text = key.private_bytes(*form).decode()
    facts = {"type": "service_account", "client_email": "somebody@example.com", "client_id": "1", "private_key_id": "1"}
    return json.dumps({**facts, "private_key": text, "token_uri": f"{url}/token", "project_id": "somebody"})


def judged(client: str, what: str, found: Any, pixels: Any, clear: Any) -> tuple[int, str]:
    """Say how many values of what a program got were compared, and what is wrong with them; nothing is right."""
    exact = {
        "ee_tile_layer": np.full((256, 256), 128),  # 7 of 0 to 14, of 255
        "fishnet": np.array([10, 50, 11, 51]),
        "image_stats": np.array(5.0),
        "get_tile": np.full((24, 32), 7),
        "the command earthengine": np.array([True] * 3),
        "mean over time": np.array(True),
        "query": np.array([True] * 2),
        "zonal_stats": np.array([half.sum() for half in np.hsplit(pixels.astype(np.float64), 2)]),
    }
    if what == "get_image_thumbnail":  # a picture of nines, transparent and so zero beyond the region
        right = max(found.shape) == 50 and (found == 9).any() and set(np.unique(found)) <= {0, 9}
        return found.size, "" if right else f"{found.shape}, {np.unique(found)[:5]}"
    if what in ("maskClouds", "filter and composite"):
        pixels = clear
    expected = exact.get(what, pixels)
    if np.shape(found) != np.shape(expected):
        return 0, f"{client} gave {np.shape(found)}, expected {np.shape(expected)}"
    differ = int((~np.isclose(found, expected, rtol=0, atol=1e-6)).sum())
    return np.size(expected), f"{differ} differ" if differ else ""


def run(python: str, client: str, what: str, job: dict[str, Any], truth: Truth) -> tuple[int, str]:
    """Run one program; return how much was compared, and why it failed, or nothing."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.json"
        path.write_text(json.dumps({**job, "folder": folder}))
        try:
            done = subprocess.run(
                [python, str(PROGRAM), f"{client}/{what}", str(path)],
                capture_output=True, text=True, timeout=SECONDS, check=False, cwd=folder,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return 0, f"did not end within {SECONDS} s"
        if done.returncode:
            return 0, (done.stderr.strip().splitlines() or ["?"])[-1][:300]
        return judged(client, what, np.load(Path(folder) / "found.npy"), truth.pixels, truth.clear)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", help="of the virtual environment with the clients")
    parser.add_argument("--only", default="", help="clients or programs whose names contain this")
    options = parser.parse_args()
    truth = Truth()
    failures = 0
    print("| client | what was done | pixels or facts compared | result |\n|---|---|---|---|")
    with Sandbox(WorldCatalogue(), Options()) as sandbox:
        job = {
            "url": sandbox.url, "bucket": DEFAULT_BUCKET, "key": service_account(sandbox.url),
            "scene": truth.scene.asset_id, "band": BAND, "crs": truth.crs, "transform": truth.transform,
            "height": HEIGHT, "width": WIDTH,
        }  # fmt: skip
        for client, programs in PROGRAMS.items():
            for what in programs:
                if options.only not in f"{client}/{what}":
                    continue
                compared, why = run(options.python, client, what, job, truth)
                failures += bool(why)
                print(f"| {client} | {what} | {compared:,} | {why or 'passed'} |", flush=True)
        for each in sandbox.state()["troubles"]:
            print(each, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
