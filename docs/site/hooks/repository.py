"""
Brings into the site what lies elsewhere in the repository, without a copy of it.

A page of docs/ may link to any file: a page (README.md) becomes one of the site below `repository/`, a source is shown
in a page of its own, a folder stands for its README.md, and the notebook is read as a page. Links are written for the
repository; here they are turned to where the site has the same.
"""

from __future__ import annotations

import json
import os.path
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File, Files, InclusionLevel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

BELOW = "repository"
NOTEBOOK, NOTEBOOK_PAGE = "python.ipynb", "notebook.md"
SHOWN = {".py": "python", ".toml": "toml", ".yaml": "yaml", ".json": "json"}  # sources that have a page of their own
_LINK = re.compile(r"(\]\()(?!\w+:|#)([^)#\s]+)((?:#[^)\s]*)?\))")
_FENCE = re.compile(r"^ *```")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Let a folder in the navigation stand for its pages, so that a new decision needs no line there."""
    config.nav = _unfolded(config.nav, Path(config.docs_dir))
    config.watch.append(str(_root(config) / "README.md"))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the notebook as a page, and each file outside docs/ that a page leads to, with those they lead to."""
    docs, root = Path(config.docs_dir), _root(config)
    files.append(_made(config, NOTEBOOK_PAGE, _notebook(docs / NOTEBOOK)))
    waiting = [docs / file.src_uri for file in files.documentation_pages() if (docs / file.src_uri).exists()]
    waiting += [root / uri.removeprefix(f"{BELOW}/") for uri in _uris(config.nav) if uri.startswith(BELOW)]
    seen = set(waiting)
    while waiting:
        path = waiting.pop()
        if docs not in path.parents:
            files.append(_mounted(config, path, root))
        if path.suffix == ".md":
            found = [target for target in _targets(path) if target not in seen and docs not in target.parents]
            seen.update(found)
            waiting += found
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the links of a page to where the site has their files."""
    docs, root = Path(config.docs_dir), _root(config)
    here = _source(page.file.src_uri, docs, root)

    def turned(link: str) -> str:
        target = _target(here, link)
        uri = _uri(target, docs, root) if target is not None else ""
        known = uri and files.get_file_from_path(uri) is not None
        return posixpath.relpath(uri, posixpath.dirname(page.file.src_uri)) if known else link

    return _with_links(markdown, turned)


def _root(config: MkDocsConfig) -> Path:
    return Path(config.docs_dir).parent


def _unfolded(nav: list, docs: Path) -> list:  # type: ignore[type-arg]  # what YAML gives
    def entry(one: object) -> object:
        if isinstance(one, str):
            return one
        ((name, inside),) = one.items()  # type: ignore[attr-defined]
        if isinstance(inside, str) and inside.endswith("/"):
            pages = sorted((docs / inside).glob("*.md"), key=lambda path: (path.name != "README.md", path.name))
            return {name: [f"{inside}{path.name}" for path in pages]}
        return {name: [entry(each) for each in inside] if isinstance(inside, list) else inside}

    return [entry(one) for one in nav]


def _uris(nav: object) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    for one in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ():
        yield from _uris(one)


def _mounted(config: MkDocsConfig, path: Path, root: Path) -> File:
    uri = f"{BELOW}/{path.relative_to(root).as_posix()}"
    if path.suffix == ".md":
        return File.generated(config, uri, abs_src_path=str(path))
    text = path.read_text(encoding="utf-8")
    if path.suffix not in SHOWN:
        return File.generated(config, uri, content=text)
    content = f"# {path.relative_to(root).as_posix()}\n\n````{SHOWN[path.suffix]}\n{text}````\n"
    return _made(config, f"{uri}.md", content, InclusionLevel.NOT_IN_NAV)


def _made(config: MkDocsConfig, uri: str, content: str, inclusion: InclusionLevel = InclusionLevel.UNDEFINED) -> File:
    return File.generated(config, uri, content=content, inclusion=inclusion)


def _source(uri: str, docs: Path, root: Path) -> Path:
    """Return the file in the repository that a page of the site is made from."""
    if uri.startswith(f"{BELOW}/"):
        return root / uri.removeprefix(f"{BELOW}/")
    return docs / (NOTEBOOK if uri == NOTEBOOK_PAGE else uri)


def _uri(path: Path, docs: Path, root: Path) -> str:
    """Return where the site has a file of the repository."""
    if path == docs / NOTEBOOK:
        return NOTEBOOK_PAGE
    if docs in path.parents:
        return path.relative_to(docs).as_posix()
    return f"{BELOW}/{path.relative_to(root).as_posix()}" + (".md" if path.suffix in SHOWN else "")


def _target(here: Path, link: str) -> Path | None:
    """Return the file that a link of a file leads to; of a folder its README.md."""
    path = Path(os.path.normpath(here.parent / link))
    path = path / "README.md" if path.is_dir() else path
    return path if path.is_file() else None


def _targets(path: Path) -> list[Path]:
    found: list[Path] = []

    def noted(link: str) -> str:
        found.extend(filter(None, [_target(path, link)]))
        return link

    _with_links(path.read_text(encoding="utf-8"), noted)
    return list(dict.fromkeys(found))


def _with_links(markdown: str, turned: Callable[[str], str]) -> str:
    """Return Markdown with other links; what stands in blocks of code is none."""
    lines, fenced = [], False
    for line in markdown.splitlines(keepends=True):
        fenced ^= bool(_FENCE.match(line))
        lines.append(line if fenced else _LINK.sub(lambda m: f"{m[1]}{turned(m[2])}{m[3]}", line))
    return "".join(lines)


def _notebook(path: Path) -> str:
    """Return a notebook as a page: its words as they are, its cells as code; nothing in it was executed."""
    cells = [(one["cell_type"], "".join(one["source"])) for one in json.loads(path.read_bytes())["cells"]]
    first, *rest = [text if kind == "markdown" else f"```python\n{text}\n```" for kind, text in cells]
    return "\n\n".join([first, f"[The notebook itself]({path.name}) can be opened and executed.", *rest]) + "\n"
