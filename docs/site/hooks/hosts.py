"""Refuses a site that would ask another host for anything when it is read: no font, script, style or picture."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.exceptions import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig

_FOREIGN = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
_IN_STYLE = re.compile(r"(?:@import\s+|url\()\s*[\"']?(\s*(?:https?:)?//[^\"')]+)", re.IGNORECASE)
_STYLE = re.compile(r"<style\b[^>]*>(.*?)</style|\bstyle=(\"[^\"]*\"|'[^']*')", re.IGNORECASE | re.DOTALL)
# What these load is asked for by the browser; the address of an `a` is only followed by a person.
_LOADING = re.compile(
    r"<(script|link|img|source|iframe|embed|object|video|audio|track|image|use|input|base)\b([^>]*)>", re.IGNORECASE
)
_ATTRIBUTE = re.compile(r"([\w:-]+)\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s>]+)")
_ASKED = {"src", "srcset", "data", "poster"}
_HREF = {"href", "xlink:href"}
_BY_HREF = {"link", "image", "use", "base"}
_NOT_ASKED = {"canonical", "license", "author", "alternate", "help", "me"}


def on_post_build(config: MkDocsConfig) -> None:
    """Look at every page and style of the site."""
    if told := list(foreign(Path(config.site_dir))):
        raise PluginError("the site asks other hosts:\n" + "\n".join(told))


def foreign(site: Path) -> Iterator[str]:
    """Yield a line for each address of another host that a browser would ask, with the file it stands in."""
    for path in sorted(site.rglob("*")):
        if path.suffix in {".html", ".css", ".svg"}:
            text = path.read_text(encoding="utf-8")
            for address in in_style(text) if path.suffix == ".css" else in_page(text):
                yield f"{path.relative_to(site)}: {address}"


def in_style(text: str) -> list[str]:
    """Return the addresses of other hosts that a style sheet imports or shows."""
    return [address.strip() for address in _IN_STYLE.findall(text)]


def in_page(text: str) -> list[str]:
    """Return the addresses of other hosts that a page loads, its own styles included."""
    found = [address for pair in _STYLE.findall(text) for address in in_style("".join(pair))]
    for tag, inside in _LOADING.findall(text):
        told = {name.lower(): value.strip("\"'") for name, value in _ATTRIBUTE.findall(inside)}
        asked = _ASKED if tag.lower() not in _BY_HREF or told.get("rel") in _NOT_ASKED else {*_ASKED, *_HREF}
        found += [told[name] for name in sorted(asked & told.keys()) if _FOREIGN.match(told[name])]
    return found
