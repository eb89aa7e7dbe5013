"""
The bill of materials of what is installed, and the known faults in it.

    python .ci/supply.py bill requirements.txt sbom.json    write it (CycloneDX 1.6) and compare it with the lock
    python .ci/supply.py audit requirements.txt             ask for known faults of each locked version

Where nobody answers for a version, pip-audit passes over it and ends with success. Here that is no data: it is said,
and where `ORCHESTRATOR_AUDIT=demanded` it is a failure.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_PINNED = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:(?P<sha256>[0-9a-f]{64})")
Materials = dict[tuple[str, str], frozenset[str]]  # by name and version, the checksums of its files


def locked(text: str) -> Materials:
    """Return what a lock file pins."""
    found: Materials = {}
    for entry in re.split(r"\n(?=[A-Za-z0-9])", text):
        if pin := _PINNED.match(entry):
            key = _plain(pin["name"]), pin["version"]
            found[key] = found.get(key, frozenset()) | set(_HASH.findall(entry))
    return found


def billed(bill: Mapping[str, Any]) -> Materials:
    """Return what a bill of materials names."""
    found: Materials = {}
    for part in bill.get("components", ()):
        files = (file for told in part.get("externalReferences", ()) for file in told.get("hashes", ()))
        key = _plain(part["name"]), part["version"]
        found[key] = found.get(key, frozenset()) | {file["content"] for file in files if file["alg"] == "SHA-256"}
    return found


def differences(lock: Materials, bill: Materials) -> list[str]:
    """Return what one has and the other has not, a sentence each."""
    told = [f"{name} {version} is locked and not in the bill" for name, version in sorted(lock.keys() - bill.keys())]
    told += [f"{name} {version} is in the bill and not locked" for name, version in sorted(bill.keys() - lock.keys())]
    both = sorted(lock.keys() & bill.keys())
    told += [
        f"{name} {version} has other files in the bill"
        for name, version in both
        if lock[name, version] != bill[name, version]
    ]
    return told + [
        f"{name} {version} is locked without a checksum" for name, version in both if not lock[name, version]
    ]


def verdict(report: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the faults that a report of pip-audit tells, and the versions of which it knows nothing."""
    parts = report.get("dependencies", ())
    faults = [
        f"{part['name']} {part['version']}: {fault['id']}, mended in {', '.join(fault.get('fix_versions', ())) or '-'}"
        for part in parts
        for fault in part.get("vulns", ())
    ]
    return faults, [str(part["name"]) for part in parts if "skip_reason" in part]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _bill(lock: Path, target: Path) -> int:
    tool = Path(sys.executable).with_name("cyclonedx-py")
    options = ["--of", "JSON", "--output-reproducible", "--no-validate", "-o", target]  # its own schema takes 4 s
    subprocess.run([tool, "requirements", lock, *options], check=True, stderr=subprocess.DEVNULL)  # noqa: S603
    told = differences(locked(lock.read_text(encoding="utf-8")), billed(json.loads(target.read_bytes())))
    for sentence in told:
        _say(f"{lock.name}: {sentence}")
    _say(f"{target}: {len(billed(json.loads(target.read_bytes())))} parts of {lock.name}")
    return 1 if told else 0


def _audit(lock: Path) -> int:
    demanded = os.environ.get("ORCHESTRATOR_AUDIT") == "demanded"
    names = sorted(locked(lock.read_text(encoding="utf-8")))
    # One version first: where nobody answers for it, a hundred would only take longer.
    for asked in (names[:1], names):
        faults, unknown = verdict(_asked(asked))
        if unknown or not asked:
            _say(f"known faults: no data for {len(unknown)} of {len(asked)} parts, {', '.join(unknown[:3]) or 'any'}")
            _say("that is a failure" if demanded else "the audit is left out; ORCHESTRATOR_AUDIT=demanded makes it one")
            return 1 if demanded else 0
    for fault in faults:
        _say(fault)
    _say(f"known faults: {len(faults)} in {len(names)} parts")
    return 1 if faults else 0


def _asked(names: list[tuple[str, str]]) -> Mapping[str, Any]:
    """Return pip-audit's report; an empty one where it has nothing to say in JSON: nobody answered at all."""
    tool = Path(sys.executable).with_name("pip-audit")
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "pins.txt"
        pins.write_text("".join(f"{name}=={version}\n" for name, version in names), encoding="utf-8")
        options = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--timeout", "10", "-f", "json"]
        ended = subprocess.run([tool, "-r", pins, *options], capture_output=True, text=True, check=False)  # noqa: S603
    try:
        found: Mapping[str, Any] = json.loads(ended.stdout)
    except ValueError:
        return {"dependencies": [{"name": name, "skip_reason": ended.stderr[-200:]} for name, _ in names]}
    return found


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")


if __name__ == "__main__":
    word, *paths = sys.argv[1:]
    sys.exit({"bill": _bill, "audit": _audit}[word](*map(Path, paths)))
