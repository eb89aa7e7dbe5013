"""
Compare the sandbox's Cloud Storage call for call with Google's storage-testbench, and print a table.

The testbench is a public repository of Google's that imitates the JSON API and some of the XML API for tests of client
libraries. It is not kept here. Get it and start it in a virtual environment of its own:

    git clone https://github.com/googleapis/storage-testbench
    python -m venv testbench && testbench/bin/pip install ./storage-testbench
    testbench/bin/storage-testbench --port 9000

Then:

    PYTHONPATH=. python benchmarks/storage_calls.py --testbench http://localhost:9000 [--sandbox URL] [--all]

Without `--sandbox` one is started for the purpose. Both are sent the same requests in the same order; status and the
named facts of the answers are compared. `different` has a reason where ours is what the reference says; one without a
reason is a fault of the sandbox, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from storage_requests import GROUPS, WHY, Call

from orchestrator.sandbox.server import Options, Sandbox

JSON = {"Content-Type": "application/json"}


class Side:
    """One of the two services, with what its answers gave for later paths."""

    def __init__(self, url: str, bucket: str) -> None:
        self.url = url.rstrip("/")
        self.values = {"b": bucket, "unknown": f"/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id=none"}
        self._session = requests.Session()

    def answer(self, call: Call) -> tuple[int, dict[str, Any], str]:
        path = self._filled(call.path)
        url = path if path.startswith("http") else self.url + path
        headers, data = {k: self._filled(v) for k, v in call.headers.items()}, call.body
        if isinstance(data, dict):
            data, headers = json.dumps(self._filled(data)), {**JSON, **headers}
        elif isinstance(data, bytes) and b"{b}" in data:
            data = data.replace(b"{b}", self.values["b"].encode())
        found = self._session.request(call.method, url, data=data, headers=headers, timeout=30, stream=True)
        raw = found.raw.read(decode_content=False)
        told = _json(raw)
        for name, where in call.keep.items():
            self.values[name] = str(_fact(where, found, told, raw) or "none")
        facts = {each: self._plain(_fact(each, found, told, raw)) for each in call.show} if found.ok else {}
        return found.status_code, facts, raw[:300].decode("utf-8", "replace")

    def _filled(self, value: Any) -> Any:
        if isinstance(value, str):
            for name, text in self.values.items():
                value = value.replace(f"{{{name}}}", text)
            return value
        if isinstance(value, dict):
            return {key: self._filled(each) for key, each in value.items()}
        return [self._filled(each) for each in value] if isinstance(value, list) else value

    def _plain(self, value: Any) -> Any:
        return value.replace(self.values["b"], "BUCKET") if isinstance(value, str) else value


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _fact(name: str, found: requests.Response, told: Any, raw: bytes) -> Any:
    if name.startswith("h:"):
        return found.headers.get(name[2:])
    if name in _OF_ALL:
        return _OF_ALL[name](told or {}, raw)
    for part in name.split("."):
        told = told.get(part) if isinstance(told, dict) else None
    if name == "metadata" and told:  # the testbench adds marks of its own
        return {key: value for key, value in told.items() if not key.startswith(("x_emulator_", "x_testbench_"))}
    return told


_OF_ALL = {
    "bytes": lambda _, raw: raw,
    "names": lambda told, _: [each["name"].partition("-")[0] for each in told.get("items", [])],
    "count": lambda told, _: len(told.get("items", [])),
    "keys": lambda told, _: sorted(told),
}


def compare(ours: Side, theirs: Side) -> list[tuple[str, str, str]]:
    """Return a row for every call: its name, what came out, and how the answers differ."""
    rows = []
    for call in (each for group in GROUPS for each in group()):
        mine, other = ours.answer(call), theirs.answer(call)
        refused = mine[0] == 400 and "does not imitate" in mine[2]
        outcome = "refused" if refused else "equal" if mine[:2] == other[:2] else "different"
        note = "" if outcome == "equal" else f"{_shown(mine)} | {_shown(other)}"
        rows.append((call.name, outcome, note))
    return rows


def _shown(answer: tuple[int, dict[str, Any], str]) -> str:
    facts = ", ".join(f"{name}={str(value)[:60]}" for name, value in answer[1].items())
    return f"{answer[0]} {facts}".strip()


class _Nothing:
    """A catalogue without scenes."""

    def collections(self) -> dict[str, Any]:
        return {}

    def scenes(self, *_: Any) -> Iterator[Any]:
        return iter(())

    def scene(self, _: str) -> None:
        return None


@contextmanager
def sandbox_at(url: str | None) -> Iterator[str]:
    """Yield `url`, or that of a sandbox of our own."""
    if url:
        yield url
        return
    with Sandbox(_Nothing(), Options()) as running:
        yield running.url


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--testbench", required=True, metavar="URL")
    parser.add_argument("--sandbox", metavar="URL")
    parser.add_argument("--all", action="store_true", help="print equal calls, too")
    chosen = parser.parse_args()
    with sandbox_at(chosen.sandbox) as url:
        rows = compare(Side(url, "compared"), Side(chosen.testbench, "compared"))
    unexplained = 0
    print("| call | outcome | sandbox \\| testbench | why |\n|---|---|---|---|")
    for name, outcome, note in rows:
        why = WHY.get(name, "") if outcome == "different" else ""
        unexplained += outcome == "different" and not why
        if chosen.all or outcome != "equal":
            print(f"| {name} | {outcome} | {note} | {why} |")
    counts = Counter(outcome for _, outcome, _ in rows)
    told = counts["different"] - unexplained
    print(f"\n{len(rows)} calls: {counts['equal']} equal, {counts['different']} different ({told} explained), "
          f"{counts['refused']} refused")  # fmt: skip
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
