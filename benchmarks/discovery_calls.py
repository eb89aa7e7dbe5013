"""
Compare what the sandbox answers with the discovery documents of Drive and Cloud Storage, and print a table.

    PYTHONPATH=. python benchmarks/discovery_calls.py [--all]

Each method of a document is called: it is imitated, or refused by its name. Then a session of ordinary calls is made,
and each answer is held against the schema that its method promises: a field that the schema does not have, or of
another type, is wrong, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import requests

from orchestrator.sandbox.documents import bundled
from orchestrator.sandbox.scenes.synthetic import SyntheticCatalogue
from orchestrator.sandbox.server import DEFAULT_BUCKET, Options, Sandbox

FOLDER = "application/vnd.google-apps.folder"
DRIVE, STORAGE = "drive.v3", "storage.v1"
KINDS: dict[str, Any] = {"string": str, "boolean": bool, "integer": int, "number": (int, float)}
# (document, method, path below the service, parameters, body); names in braces are kept from earlier answers.
CALLS: list[tuple[str, str, str, dict[str, str], Any, dict[str, str]]] = [
    (DRIVE, "drive.about.get", "GET about", {"fields": "*"}, None, {}),
    (DRIVE, "drive.files.generateIds", "GET files/generateIds", {}, None, {}),
    (DRIVE, "drive.files.create", "POST files", {}, {"name": "f", "mimeType": FOLDER}, {"folder": "id"}),
    (
        DRIVE,
        "drive.files.create",
        "POST files",
        {},
        {"name": "a.tif", "parents": ["{folder}"], "properties": {"k": "v"}, "appProperties": {"a": "b"}},
        {"file": "id"},
    ),
    (DRIVE, "drive.files.get", "GET files/{file}", {}, None, {}),
    (DRIVE, "drive.files.list", "GET files", {"q": "'{folder}' in parents", "orderBy": "name_natural"}, None, {}),
    (DRIVE, "drive.files.update", "PATCH files/{file}", {}, {"starred": True, "description": "d"}, {}),
    (DRIVE, "drive.files.copy", "POST files/{file}/copy", {}, {"name": "copy"}, {"copy": "id"}),
    (DRIVE, "drive.files.update", "PATCH files/{copy}", {}, {"trashed": True}, {}),
    (
        DRIVE,
        "drive.permissions.create",
        "POST files/{file}/permissions",
        {},
        {"type": "user", "role": "reader", "emailAddress": "a@example.com"},
        {"permission": "id"},
    ),
    (DRIVE, "drive.permissions.list", "GET files/{file}/permissions", {}, None, {}),
    (DRIVE, "drive.permissions.get", "GET files/{file}/permissions/{permission}", {}, None, {}),
    (DRIVE, "drive.permissions.update", "PATCH files/{file}/permissions/{permission}", {}, {"role": "writer"}, {}),
    (DRIVE, "drive.files.get", "GET files/{file}", {}, None, {"revision": "headRevisionId"}),
    (DRIVE, "drive.revisions.list", "GET files/{file}/revisions", {}, None, {}),
    (DRIVE, "drive.revisions.get", "GET files/{file}/revisions/{revision}", {}, None, {}),
    (DRIVE, "drive.revisions.update", "PATCH files/{file}/revisions/{revision}", {}, {"keepForever": True}, {}),
    (DRIVE, "drive.changes.getStartPageToken", "GET changes/startPageToken", {}, None, {}),
    (DRIVE, "drive.changes.list", "GET changes", {"pageToken": "0"}, None, {}),
    (DRIVE, "drive.drives.create", "POST drives", {"requestId": "r"}, {"name": "team"}, {"drive": "id"}),
    (DRIVE, "drive.drives.list", "GET drives", {}, None, {}),
    (DRIVE, "drive.drives.get", "GET drives/{drive}", {}, None, {}),
    (DRIVE, "drive.drives.update", "PATCH drives/{drive}", {}, {"name": "other"}, {}),
    (DRIVE, "drive.drives.hide", "POST drives/{drive}/hide", {}, None, {}),
    (DRIVE, "drive.drives.unhide", "POST drives/{drive}/unhide", {}, None, {}),
    (
        DRIVE,
        "drive.files.create",
        "POST files",
        {"supportsAllDrives": "true"},
        {"name": "shared", "parents": ["{drive}"]},
        {},
    ),
    (STORAGE, "storage.buckets.list", "GET b", {"project": "p"}, None, {}),
    (STORAGE, "storage.buckets.insert", "POST b", {"project": "p"}, {"name": "other-bucket"}, {}),
    (STORAGE, "storage.buckets.get", "GET b/other-bucket", {"projection": "full"}, None, {}),
    (STORAGE, "storage.buckets.patch", "PATCH b/other-bucket", {}, {"versioning": {"enabled": True}}, {}),
    (STORAGE, "storage.buckets.getIamPolicy", "GET b/{bucket}/iam", {}, None, {}),
    (STORAGE, "storage.bucketAccessControls.list", "GET b/other-bucket/acl", {}, None, {}),
    (STORAGE, "storage.objects.insert", "UPLOAD b/{bucket}/o", {"uploadType": "media", "name": "o"}, b"data", {}),
    (STORAGE, "storage.objects.get", "GET b/{bucket}/o/o", {}, None, {}),
    (STORAGE, "storage.objects.list", "GET b/{bucket}/o", {"delimiter": "/"}, None, {}),
    (STORAGE, "storage.objects.patch", "PATCH b/{bucket}/o/o", {}, {"metadata": {"k": "v"}}, {}),
    (STORAGE, "storage.objects.rewrite", "POST b/{bucket}/o/o/rewriteTo/b/{bucket}/o/p", {}, {}, {}),
    (
        STORAGE,
        "storage.objects.compose",
        "POST b/{bucket}/o/q/compose",
        {},
        {"sourceObjects": [{"name": "o"}, {"name": "p"}]},
        {},
    ),
]


def methods(resource: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Walk over every method of a document."""
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from methods(inner)


def wrong(schemas: Mapping[str, Any], schema: Mapping[str, Any], value: Any, place: str) -> Iterator[str]:
    """Name each field of `value` that its schema does not have, or has of another type."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"]]
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        if not isinstance(value, dict):
            yield f"{place}: {value!r} is no object"
            return
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        for name, inner in value.items():
            told = known.get(name, others)
            if told is None:
                yield f"{place}.{name}: not in the schema"
            else:
                yield from wrong(schemas, told, inner, f"{place}.{name}")
    elif kind == "array":
        for at, inner in enumerate(value if isinstance(value, list) else [value]):
            yield from wrong(schemas, schema["items"], inner, f"{place}[{at}]")
    elif kind in KINDS and not (isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))):
        yield f"{place}: {value!r} is no {kind}"
    elif kind == "string" and schema.get("format") in ("int64", "uint64") and not re.fullmatch(r"-?\d+", value):
        yield f"{place}: {value!r} is no number written as text"


def fields(value: Any) -> int:
    """Count the fields of an answer."""
    if isinstance(value, dict):
        return sum(1 + fields(each) for each in value.values())
    return sum(map(fields, value)) if isinstance(value, list) else 0


def told_of(url: str, name: str) -> Counter[str]:
    """Call every method of a document with nothing; count which are imitated and which refused by name."""
    document, found = bundled(name), Counter[str]()
    for method in methods(document):
        path = re.sub(r"\{[^}]+\}", "x", method.get("flatPath", method["path"]))
        answer = requests.request(method["httpMethod"], f"{url}/{document['servicePath']}{path}", json={}, timeout=20)
        refused = answer.status_code == 400 and "does not imitate" in answer.text and method["id"] in answer.text
        found["refused" if refused else "imitated"] += 1
    return found


def call(url: str, entry: tuple[str, str, str, dict[str, str], Any, dict[str, str]], kept: dict[str, str]) -> Any:
    """Make one call of the session; keep what later ones need."""
    name, _, path, query, body, keep = entry
    verb, _, below = path.partition(" ")
    base = bundled(name)["servicePath"]
    place = f"{url}/{'upload/' if verb == 'UPLOAD' else ''}{base}{below.format(**kept)}"
    more = {"data": body} if isinstance(body, bytes) else {"json": json.loads(_filled(json.dumps(body), kept))}
    asked = {key: _filled(text, kept) for key, text in query.items()}
    wide = {"fields": "*"} if name == DRIVE else {}
    answer = requests.request(
        "POST" if verb == "UPLOAD" else verb, place, params={**wide, **asked}, timeout=20, **(more if body else {})
    )
    answer.raise_for_status()
    told = answer.json() if answer.content else {}
    for key, field in keep.items():
        kept[key] = told[field]
    return told


def _filled(text: str, kept: Mapping[str, str]) -> str:
    for key, value in kept.items():
        text = text.replace(f"{{{key}}}", value)
    return text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="print every call")
    asked = parser.parse_args()
    faults = 0
    with Sandbox(SyntheticCatalogue(), Options()) as running:
        for name in (DRIVE, STORAGE):
            found = told_of(running.url, name)
            both = f"{found['imitated']} imitated, {found['refused']} refused by name"
            print(f"{name}: {sum(found.values())} methods, {both}")
    checked: Counter[str] = Counter()
    with Sandbox(SyntheticCatalogue(), Options()) as running:
        kept = {"bucket": DEFAULT_BUCKET}
        for entry in CALLS:
            document = bundled(entry[0])
            method = next(each for each in methods(document) if each["id"] == entry[1])
            told = call(running.url, entry, kept)
            bad = list(wrong(document["schemas"], method.get("response", {"type": "object"}), told, method["id"]))
            faults += len(bad)
            checked[entry[0]] += fields(told)
            if asked.all or bad:
                print(f"{'wrong' if bad else 'right'}  {method['id']}: {fields(told)} fields", *bad, sep="\n       ")
    for name, count in checked.items():
        calls = sum(entry[0] == name for entry in CALLS)
        print(f"{name}: {calls} answers with {count} fields against their schemas")
    print(f"{faults} wrong")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
