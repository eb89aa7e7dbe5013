"""The site of the documents: whole by its navigation, without another host, with the words of the code."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml
from mkdocs.exceptions import PluginError
from reading import ROOT, blocks, rows, sections

import orchestrator as orc
from orchestrator.faces.cli.main import cli

SITE = ROOT / "docs" / "site"
WHICH = ROOT / "docs" / "howto" / "which-command.md"


def hook(name):
    spec = importlib.util.spec_from_file_location(f"site_{name}", SITE / "hooks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HOSTS, REPOSITORY = hook("hosts"), hook("repository")


class Loader(yaml.SafeLoader):
    """Passes over the names of Python that MkDocs allows."""


Loader.add_multi_constructor("", lambda _loader, _tag, _node: None)


def settings():
    return yaml.load((SITE / "mkdocs.yml").read_text(encoding="utf-8"), Loader)  # noqa: S506  ours, and safe


def test_every_page_is_in_the_navigation():
    """Who adds a page of docs/ says where readers find it: `nav` of docs/site/mkdocs.yml."""
    nav = REPOSITORY._unfolded(settings()["nav"], ROOT / "docs")
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}

    assert {uri for uri in REPOSITORY._uris(nav) if not uri.startswith("repository/")} == pages | {"notebook.md"}


def words_of(name):
    """Return the words of each command that the page names, options and values left out."""
    return {
        tuple(re.findall(r"(?:^| )([a-z][a-z0-9.-]*)(?= |$)", words.partition(" -")[0])[1:])
        for words in re.findall(r"`(orchestrator [^`]+)`", name)
    }


def test_which_command_names_every_command_and_no_other():
    """The table from wishes to commands is whole."""
    told = words_of(WHICH.read_text(encoding="utf-8"))
    known = {(name,) for name in cli.commands}
    known |= {(name, sub) for name in cli.commands for sub in getattr(cli.commands[name], "commands", {})}

    assert {words[0] for words in told} == set(cli.commands)
    assert told <= known


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`orc\.([\w.]+)`", WHICH.read_text(encoding="utf-8")))))
def test_which_command_names_what_python_has(name):
    """A name of the column Python can be called."""
    found = orc
    for word in name.split("."):
        found = getattr(found, word)

    assert callable(found) or isinstance(found, property)


def test_the_first_page_begins_with_the_two_lines_of_the_readme():
    """Whoever begins at the site pastes what is tested in the README."""
    assert blocks(ROOT / "docs" / "index.md", "bash")[0] == blocks(ROOT / "README.md", "bash")[0]


def test_what_is_vendored_is_what_the_page_of_licences_says():
    """Every vendored file of the site has its line, with the checksum of what is here, and its licence beside it."""
    told = {
        row[0].strip("`"): row[4].strip("`") for row in rows(sections(ROOT / "docs" / "licences.md")["These pages"])
    }
    here = {path: path.read_bytes() for path in (SITE / "vendor").iterdir() if path.suffix != ".LICENSE"}

    assert told == {str(path.relative_to(ROOT)): hashlib.sha256(held).hexdigest() for path, held in here.items()}
    assert all(path.with_suffix(".LICENSE").exists() for path in here)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('<script src="https://elsewhere/x.js"></script>', id="script"),
        pytest.param("<script src=//elsewhere/x.js></script>", id="script without quotes and scheme"),
        pytest.param('<link rel="stylesheet" href="https://elsewhere/x.css">', id="style sheet"),
        pytest.param('<link href="https://elsewhere/x" rel="preconnect">', id="connection made ahead"),
        pytest.param("<IMG alt='' SRC='http://elsewhere/x.png'>", id="picture"),
        pytest.param('<p style="background: url(https://elsewhere/x.png)">', id="style of an element"),
        pytest.param("<style>@import 'https://elsewhere/x.css';</style>", id="import"),
    ],
)
def test_a_page_that_would_ask_another_host_is_found(text):
    """Nothing is loaded from elsewhere when the site is read."""
    assert len(HOSTS.in_page(f"<html>{text}</html>")) == 1


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('<a href="https://elsewhere/">there</a>', id="a link that people follow"),
        pytest.param('<link rel="canonical" href="https://elsewhere/">', id="the page's own address"),
        pytest.param('<img src="images/x.png"><script src="../x.js"></script>', id="files of the site"),
        pytest.param("<pre>fetch https://elsewhere/x.js</pre>", id="words"),
    ],
)
def test_a_page_that_asks_nobody_is_not_told(text):
    """Links may lead anywhere."""
    assert HOSTS.in_page(f"<html>{text}</html>") == []


def test_a_site_that_asks_another_host_is_not_built(tmp_path):
    """The build fails, and names file and address."""
    (tmp_path / "x.css").write_text("@font-face { src: url(https://elsewhere/f.woff) }")

    with pytest.raises(PluginError, match=r"x\.css: https://elsewhere/f\.woff"):
        HOSTS.on_post_build(SimpleNamespace(site_dir=str(tmp_path)))


FILES = {
    "README.md": "# Read\n\n[one](docs/one.md#a-part), [all](docs/folder/), [code](tests/code.py)\n",
    "tests/code.py": "answer = 42\n",
    "docs/one.md": "# One\n\n[home](../README.md) [gone](gone.md) [no such part](two.md#part)\n\n## A part\n",
    "docs/two.md": "# Two\n",
    "docs/forgotten.md": "# Forgotten\n",
    "docs/folder/README.md": "# All\n",
    "docs/folder/0001.md": "# First\n",
    "docs/python.ipynb": '{"cells": [{"cell_type": "markdown", "source": ["# Note"]}, '
    '{"cell_type": "code", "source": ["1 + 1"]}]}',
}
NAV = ["repository/README.md", "one.md", "two.md", "notebook.md", {"Folder": "folder/"}]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A small repository with this one's settings: the site that is made of it, and what MkDocs says."""
    root = tmp_path_factory.mktemp("small")
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    shutil.copytree(SITE, root / "docs" / "site")
    path = root / "docs" / "site" / "mkdocs.yml"
    path.write_text(path.read_text().partition("\nnav:")[0] + f"\nnav: {NAV}\n")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(path), "-d", str(root / "made")]
    ended = subprocess.run(
        command, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
    )
    return SimpleNamespace(code=ended.returncode, told=ended.stderr, made=root / "made")


@pytest.mark.parametrize(
    "sentence",
    [
        pytest.param('not included in the "nav" configuration:\n  - forgotten.md', id="a page that no one finds"),
        pytest.param("contains a link 'gone.md'", id="a link that leads nowhere"),
        pytest.param("does not contain an anchor '#part'", id="a part that is not on the page"),
    ],
)
def test_what_readers_would_stumble_over_fails_the_build(small, sentence):
    """Warnings are errors."""
    assert small.code == 1
    assert sentence in small.told


@pytest.mark.parametrize(
    ("page", "link"),
    [
        pytest.param("repository/index.html", '"../one.html#a-part"', id="from the README to a page"),
        pytest.param("repository/index.html", '"../folder/index.html"', id="a folder is its README"),
        pytest.param("repository/index.html", '"tests/code.py.html"', id="a source is shown"),
        pytest.param("one.html", '"repository/index.html"', id="from a page to the README"),
        pytest.param("folder/index.html", "0001.html", id="a folder in the navigation is its pages"),
    ],
)
def test_a_link_of_the_repository_leads_to_the_same_on_the_site(small, page, link):
    """README and sources are read where they lie; there is no copy of them."""
    assert link in (small.made / page).read_text()


def test_opened_as_files_it_can_be_searched_and_asks_nobody(small):
    """Without a server and without a network: every request of the browser is for a file of the site."""
    sys.path.append(str(ROOT / "tests" / "web"))
    import browsing  # noqa: PLC0415  of the other folder, and only now on the path
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    if not browsing.find_chromium():
        pytest.skip("no chromium")
    asked = []
    with sync_playwright() as playwright, browsing.launch(playwright) as browser:
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto((small.made / "one.html").as_uri())
        page.keyboard.press("/")
        page.keyboard.type("forgotten")
        found = page.locator(".md-search-result__link").first
        found.wait_for()

        assert found.get_attribute("href").partition("?")[0].endswith("/forgotten.html")
    assert [url for url in asked if not url.startswith(small.made.as_uri())] == []
