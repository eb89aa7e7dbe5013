"""What a package index shows of the README: a page without the repository around it, so no link may lead into it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?!\w+:|#)(?P<path>[^)]+)\)")


class ReadmeHook(MetadataHookInterface):
    """Hands the README on with links that work anywhere."""

    def update(self, metadata: dict[str, Any]) -> None:
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        repository = metadata.get("urls", {}).get("Repository", "")
        text = for_index(text, repository, f"v{metadata.get('version', '')}")
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def for_index(text: str, repository: str, tag: str) -> str:
    """
    Return Markdown in which links to files of the repository are absolute, at `tag`.

    Without an address of the repository they become their words: a link that leads nowhere is worse than none.
    """

    def replaced(match: re.Match[str]) -> str:
        words = match["text"] if not match["picture"] else f"*{' '.join(match['text'].split())}*"
        view = "raw" if match["picture"] else "blob"
        target = f"{repository.rstrip('/')}/{view}/{tag}/{match['path']}"
        return f"{match['picture']}[{match['text']}]({target})" if repository else words

    return _LINK.sub(replaced, text)
