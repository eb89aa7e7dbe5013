"""
Breaks the program on purpose, one way after the other, in a copy, and runs the tests that must notice.

    PYTHONPATH=. .venv/bin/python tests/soak/mutations.py
    PYTHONPATH=. .venv/bin/python tests/soak/mutations.py --only "BEGIN instead of BEGIN IMMEDIATE"

Exit code 1 where a mutation lives: a promise that no test keeps.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Mutation:
    """
    A fault of ours.

    Attributes:
        path: The file.
        old: What stands there, once.
        new: What stands there instead.
        tests: Which must fail then.
    """

    path: str
    old: str
    new: str
    tests: tuple[str, ...]


_BESIDE = '        for file in beside:\n            self._name(file)\n            crash.point("output.named")\n'
_AGAIN = "            self._objects.fetch(source, path, self._context.progress.received, self._stop)\n"
DURABLE = ("tests/soak/test_kills.py",)
MUTATIONS = {
    "download without fsync": Mutation(
        "orchestrator/transfer/unfinished.py",
        "            os.fsync(self._file.fileno())\n            crash",
        "            crash",
        ("tests/core/test_durable.py",),
    ),
    "atomic write without fsync": Mutation(
        "orchestrator/core/files.py",
        '            os.fsync(file.fileno())\n            crash.point("file.synced")',
        '            crash.point("file.synced")',
        ("tests/core/test_durable.py",),
    ),
    "publish without folder sync": Mutation(
        "orchestrator/core/files.py",
        '    sync_folder(final.parent)\n    crash.point("file.published")',
        '    crash.point("file.published")',
        ("tests/core/test_durable.py",),
    ),
    "a picture without fsync": Mutation(
        "orchestrator/assemble/quicklook.py",
        "write_whole(picture, memory.read())",
        "picture.write_bytes(memory.read())",
        DURABLE,
    ),
    "HTTP 408 not transient": Mutation(
        "orchestrator/clients/refusals.py",
        "status in {408, 409} or",
        "status in {409} or",
        ("tests/clients_storage/test_media.py",),
    ),
    "BEGIN instead of BEGIN IMMEDIATE": Mutation(
        "orchestrator/engine/stores/dialect.py",
        'driver_sql("BEGIN IMMEDIATE")',
        'driver_sql("BEGIN")',
        ("tests/engine/test_store.py",),
    ),
    "NORMAL instead of FULL": Mutation(
        "orchestrator/engine/stores/dialect.py",
        '"synchronous=FULL"',
        '"synchronous=NORMAL"',
        ("tests/engine/test_store.py",),
    ),
    "delete without generation match": Mutation(
        "orchestrator/clients/gcs.py",
        "blob.delete(if_generation_match=generation, timeout",
        "self._bucket.blob(source.name).delete(timeout",
        ("tests/clients_storage/test_gcs.py",),
    ),
    "read without generation match": Mutation(
        "orchestrator/clients/gcs.py",
        '"ifGenerationMatch": source.generation',
        '"prettyPrint": "false"',
        ("tests/clients_storage/test_gcs.py",),
    ),
    "proof after the rename": Mutation(
        "orchestrator/engine/publication.py",
        f"{_BESIDE}        self._name(main)\n",
        f"        self._name(main)\n{_BESIDE}",
        ("tests/journey/test_manifest.py",),
    ),
    "request id without the run id": Mutation(
        "orchestrator/routes/names.py",
        'f"{self.owner}|{run_id}|{task}|{number}"',
        'f"{self.owner}|{task}|{number}"',
        ("tests/routes/test_names.py", "tests/routes/test_batch_routes.py"),
    ),
    "cover proof without overlap check": Mutation(
        "orchestrator/products/mosaic/covering.py",
        "planned != covered or _overlap(windows) or",
        "planned != covered or",
        ("tests/products/test_covering.py",),
    ),
    "a database in trouble fails the run": Mutation(
        "orchestrator/engine/execution.py",
        "except (Stopped, FencedError, StateError):",
        "except (Stopped, FencedError):",
        ("tests/faults/test_database.py",),
    ),
    "a cube's metadata without fsync": Mutation(
        "orchestrator/products/cube/sink.py",
        "            sync_whole(self.path)\n",
        "            sync_tree(self.path)\n",
        ("tests/products/test_cube_sinks.py",),
    ),
    "rotted parts are placed": Mutation(
        "orchestrator/engine/batch/transfers.py",
        f"{_AGAIN}        self._hand_over",
        "            pass\n        self._hand_over",
        ("tests/faults/test_unattended.py",),
    ),
}


def lives(mutation: Mutation) -> str:
    """Return why a mutation was not noticed; empty where a test failed."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        for name in ("orchestrator", "tests", "pyproject.toml", "docs", "config.toml", "README.md"):
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, Path(folder) / name)
        path = Path(folder) / mutation.path
        text = path.read_text(encoding="utf-8")
        if text.count(mutation.old) != 1 or mutation.old == mutation.new:
            return f"{mutation.path} has {text.count(mutation.old)} times {mutation.old!r}"
        path.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
        words = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", *mutation.tests]
        environment = os.environ | {"PYTHONPATH": folder}
        ended = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        return "" if ended.returncode == 1 else f"pytest ended with {ended.returncode}: {ended.stdout[-300:]}"


def main() -> int:
    about = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    about.add_argument("--only", action="append", choices=sorted(MUTATIONS))
    living = []
    for name in about.parse_args().only or MUTATIONS:
        why = lives(MUTATIONS[name])
        print(f"{'LIVES' if why else 'dies '}  {name}  {why}", flush=True)  # noqa: T201
        living += [name] if why else []
    return 1 if living else 0


if __name__ == "__main__":
    sys.exit(main())
