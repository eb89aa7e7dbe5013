"""
Downloads side by side: ours, Blob.download_to_filename and transfer_manager, against a sandbox in its own process.

    python benchmarks/download.py [--rounds 3] [--threads 4]

Each client brings the same objects to a fresh folder, with CRC32C checked. Ours also makes each file durable
(fsync of file and folder), which the others do not; a second row leaves that out. Each measurement is a process
of its own, so that its CPU seconds are the client's alone; the clients take turns within a round, and the table
shows medians.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.cloud.storage import transfer_manager

from orchestrator.clients.gcs import connect_gcs
from orchestrator.model.objects import StoredObject
from orchestrator.transfer.download import download

BUCKET = "bench"
SETS = {"large": (16, 18_000_000), "small": (300, 300_000)}
CLIENTS = ("ours", "ours without fsync", "blob", "transfer_manager")
Run = Callable[[Path], None]


def main() -> None:
    asked = _arguments()
    if asked.measure:
        print(json.dumps(_measure(*asked.measure, asked.threads)))
        return
    with tempfile.TemporaryDirectory(prefix="download-") as folder:
        sandbox, url = _start_sandbox(Path(folder))
        try:
            _fill(url)
            for name, (count, size) in SETS.items():
                results = _rounds(url, name, asked.rounds, asked.threads)
                _show(f"{count} files of {size / 1e6:g} MB, {asked.threads} threads", results, count, count * size)
        finally:
            sandbox.terminate()
            sandbox.wait()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.strip().partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each client (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=4, help="transfers at a time (default: %(default)s)")
    parser.add_argument("--measure", nargs=3, metavar=("URL", "CLIENT", "SET"), help=argparse.SUPPRESS)
    return parser.parse_args()


def _start_sandbox(folder: Path) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "orchestrator.sandbox", "--bucket", BUCKET, "--data-dir", str(folder / "sandbox")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    return process, json.loads(process.stdout.readline())["url"]


def _client(url: str) -> storage.Client:
    return storage.Client("ee-sandbox", credentials=AnonymousCredentials(), client_options={"api_endpoint": url})


def _fill(url: str) -> None:
    bucket = _client(url).bucket(BUCKET)
    for name, (count, size) in SETS.items():
        content = os.urandom(size)
        for number in range(count):
            bucket.blob(f"{name}/{number:04d}.tif").upload_from_string(content, content_type="image/tiff")


def _rounds(url: str, name: str, rounds: int, threads: int) -> dict[str, list[dict[str, float]]]:
    results: dict[str, list[dict[str, float]]] = {client: [] for client in CLIENTS}
    for _ in range(rounds):
        for client in CLIENTS:
            command = [sys.executable, __file__, "--threads", str(threads), "--measure", url, client, name]
            answer = subprocess.run(command, check=True, capture_output=True, text=True)
            results[client].append(json.loads(answer.stdout))
    return results


def _measure(url: str, client: str, name: str, threads: int) -> dict[str, float]:
    """Download the set `name` with `client`; return seconds of wall clock and of this process's CPU."""
    with tempfile.TemporaryDirectory(prefix="download-") as folder:
        if client == "ours without fsync":
            os.fsync = lambda _descriptor: None  # what durability costs, which the other two do not pay
        make = {"blob": _blob, "transfer_manager": _transfer_manager}.get(client, _ours)
        run = make(url, name, threads)
        before = time.perf_counter(), time.process_time()
        run(Path(folder))
        return {"wall": time.perf_counter() - before[0], "cpu": time.process_time() - before[1]}


def _ours(url: str, name: str, threads: int) -> Run:
    gcs = connect_gcs(url, "ee-sandbox", AnonymousCredentials(), BUCKET, threads)
    found, stop = gcs.find(name + "/"), threading.Event()

    def one(source: StoredObject, folder: Path) -> None:
        target = folder / Path(source.name).name
        download(source, lambda start: gcs.open_body(source, start), target, on_bytes=lambda _count: None, stop=stop)

    return lambda folder: _in_threads(threads, lambda source: one(source, folder), found)


def _blob(url: str, name: str, threads: int) -> Run:
    blobs = list(_client(url).list_blobs(BUCKET, prefix=name + "/"))

    def one(blob: storage.Blob, folder: Path) -> None:
        blob.download_to_filename(str(folder / Path(blob.name).name), checksum="crc32c")

    return lambda folder: _in_threads(threads, lambda blob: one(blob, folder), blobs)


def _transfer_manager(url: str, name: str, threads: int) -> Run:
    bucket = _client(url).bucket(BUCKET)
    names = [blob.name for blob in _client(url).list_blobs(BUCKET, prefix=name + "/")]

    def run(folder: Path) -> None:
        results = transfer_manager.download_many_to_path(
            bucket, names, str(folder), max_workers=threads, worker_type=transfer_manager.THREAD
        )
        if any(isinstance(result, Exception) for result in results):
            raise RuntimeError(results)

    return run


def _in_threads(threads: int, work: Callable[[Any], None], items: list[Any]) -> None:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, items))


def _show(title: str, results: dict[str, list[dict[str, float]]], count: int, total: int) -> None:
    medians = {
        client: {key: statistics.median(run[key] for run in runs) for key in ("wall", "cpu")}
        for client, runs in results.items()
    }
    print(f"\n{title}; median of {len(results['ours'])}\n")
    print("| client | MB/s | files/s | MB per CPU s | against Blob, per CPU s | MB/s, least to most |")
    print("|---|---|---|---|---|---|")
    for client, median in medians.items():
        speeds = sorted(total / 1e6 / run["wall"] for run in results[client])
        print(
            f"| {client} | {total / 1e6 / median['wall']:.0f} | {count / median['wall']:.0f} "
            f"| {total / 1e6 / median['cpu']:.0f} | {medians['blob']['cpu'] / median['cpu']:.2f} "
            f"| {speeds[0]:.0f} to {speeds[-1]:.0f} |"
        )


if __name__ == "__main__":
    main()
