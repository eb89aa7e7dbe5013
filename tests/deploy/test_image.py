"""The Dockerfile keeps its promises as far as they can be read; no image is built here."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import rasterio

from orchestrator.config import unknown_variables
from orchestrator.faces.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]


def instructions() -> list[tuple[str, str]]:
    """Return (instruction, arguments) of each line, continued lines joined, comments left out."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


ALL = instructions()
LAST = ALL[max(n for n, (word, _) in enumerate(ALL) if word == "FROM") :]


def last(word: str) -> str:
    return [arguments for found, arguments in LAST if found == word][-1]


def test_dependencies_are_installed_by_hash():
    """Every pip install checks hashes and builds nothing."""
    installs = [arguments for word, arguments in ALL if word == "RUN" and "pip install" in arguments]

    assert installs
    assert all("--require-hashes" in line and "--only-binary :all:" in line for line in installs)


def test_the_program_is_not_root():
    """A number, which Kubernetes can check; and nothing after it is run as root."""
    assert last("USER") == "65532:65532"
    assert [word for word, _ in LAST].index("USER") > max(n for n, (word, _) in enumerate(LAST) if word == "RUN")


def test_every_base_is_named_by_a_version():
    """No `latest`."""
    assert {arguments.split()[0] for word, arguments in ALL if word == "FROM"} == {"python:3.13-slim"}


# What Python and the smallest Debian have themselves.
OF_THE_BASE = {
    f"lib{name}" for name in ("c.so.6", "dl.so.2", "gcc_s.so.1", "m.so.6", "pthread.so.0", "resolv.so.2", "rt.so.1")
}
OF_THE_BASE |= {"libstdc++.so.6", "libz.so.1"}
PACKAGES = {"libexpat.so.1": "libexpat1"}


def test_libraries_that_wheels_take_from_the_system_are_installed():
    """Whatever the dependencies here would load from outside their wheels, the image has."""
    site = Path(rasterio.__file__).parents[1]
    bundled = [path for path in site.glob("*.libs/*.so*") if path.is_file()]
    told = subprocess.run(["ldd", *bundled], capture_output=True, text=True, check=True).stdout
    needed = {line.split()[0] for line in told.splitlines() if " => " in line} - {path.name for path in bundled}

    lacking = {PACKAGES.get(name, name) for name in needed - OF_THE_BASE}

    assert "libc.so.6" in needed
    assert lacking <= set(re.search(r"apt-get install ([^&]*)", str(LAST))[1].split())


def test_what_is_copied_is_there_and_reaches_the_builder():
    """.dockerignore lets through what COPY asks for."""
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copies = [arguments.split()[:-1] for word, arguments in ALL if word == "COPY" and "--from" not in arguments]
    copied = {path.removeprefix("./") for paths in copies for path in paths}

    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)


def test_every_variable_is_a_setting():
    """A name that sets nothing would be ignored in silence."""
    assert unknown_variables(dict.fromkeys(re.findall(r"(ORCHESTRATOR_\w+)=", last("ENV")), "")) == []


@pytest.mark.parametrize("word", ["CMD", "HEALTHCHECK"])
def test_its_commands_exist(word):
    """The container's commands are commands of the program."""
    words = json.loads(re.search(r"\[.*\]", last(word))[0])
    name = next(w for w in words if w in cli.commands)

    known = {o for p in [*cli.params, *cli.commands[name].params] for o in p.opts}
    assert {w for w in words if w.startswith("--")} <= known
