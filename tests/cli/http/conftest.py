"""The API in this process, over the state folder that the commands look at; every answer is held against its schema."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from orchestrator.app import Application
from orchestrator.config import load
from orchestrator.faces.listening import Listening
from orchestrator.faces.web.api.document import document
from orchestrator.faces.web.gate import Options
from orchestrator.faces.web.joined import make
from orchestrator.faces.web.site import make_site

BASE = "/api/v1"
TOKEN = "of-the-tests-alone"  # noqa: S105  nobody else's


@cache
def validators():
    """For each path, method and status (None: any other) what its answer must be; objects have no field more."""
    import jsonschema  # noqa: PLC0415  builds grammars for seconds, which every process that collects tests would pay
    from referencing import Registry, Resource  # noqa: PLC0415

    told = document()
    closed = {
        name: schema
        if "message_type" not in schema.get("properties", {})
        else {"additionalProperties": False, **schema}
        for name, schema in told["components"]["schemas"].items()
    }
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": {"schemas": closed}}
    registry = Registry().with_resource("urn:api", Resource.from_contents(whole))
    found = {}
    for path, methods in told["paths"].items():
        for method, said in methods.items():
            for status, answer in said["responses"].items():
                schema = _at_home(answer["content"]["application/json"]["schema"])
                found[path, method, status] = jsonschema.Draft202012Validator(schema, registry=registry)
    return found


def _at_home(schema):
    if isinstance(schema, dict):
        return {key: f"urn:api{value}" if key == "$ref" else _at_home(value) for key, value in schema.items()}
    return [_at_home(one) for one in schema] if isinstance(schema, list) else schema


@dataclass
class Api:
    """A client of the API. `asked` lists what was answered as the document says it."""

    client: TestClient
    asked: set = field(default_factory=set)

    def get(self, path, **words):
        return self.ask("get", path, params=words or None)

    def post(self, path, **body):
        return self.ask("post", path, json=body)

    def ask(self, method, path, **given):
        answer = self.client.request(method, BASE + path, **given)
        self._check(method, path, answer)
        return answer

    def _check(self, method, path, answer):
        pattern = _pattern(method, BASE + path)
        known = validators()
        validator = known.get((pattern, method, str(answer.status_code))) or known[pattern, method, "default"]
        faults = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(answer.json())]
        assert not faults, faults


def _pattern(method, path):
    words = path.partition("?")[0].split("/")
    fitting = [
        known
        for known, methods in document()["paths"].items()
        if method in methods
        and len(known.split("/")) == len(words)
        and all(a == b or a.startswith("{") for a, b in zip(known.split("/"), words, strict=True))
    ]
    return min(fitting, key=lambda known: known.count("{"))


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Return a client of the API over the state folder and the config.toml of the test, as they are now."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORCHESTRATOR_LOCAL__STATE_DIR", str(tmp_path / "state"))
    opened = []

    def served(**overrides):
        def reload():
            return load(Path("config.toml") if Path("config.toml").exists() else None, overrides=overrides)

        loaded = reload()
        app = Application(
            loaded.settings, stop=threading.Event(), config_dir=tmp_path, refused_jobs=loaded.refused_jobs
        )
        opened.append(app)
        where = Listening("127.0.0.1", 8765, token=TOKEN)
        client = TestClient(make(make_site(app, Options(where), reload)), "http://127.0.0.1:8765")
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        return Api(client)

    yield served
    for app in opened:
        if app.has_state():
            app.store.close()
