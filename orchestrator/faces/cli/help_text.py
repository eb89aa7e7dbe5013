"""How help is drawn: sentences with `code` in them as they are, whatever else is Markdown by its parser."""

from __future__ import annotations

import re
from typing import Any

import rich_click as click
from rich.text import Text

_PARSED = re.compile(r"[*<>&\\#|~]|\n\s*\n|^\s*[-+>]|\]\(|__")


class HelpFormatter(click.RichHelpFormatter):
    """
    Draws plain sentences without the Markdown parser.

    To import it, and to make one for each of forty commands, takes longer than all the rest of `--help`.
    """

    def rich_text(self, text: Any, style: Any = "") -> Any:
        if not isinstance(text, str) or _PARSED.search(text):
            return super().rich_text(text, style)
        return drawn(text, style)


def drawn(text: str, style: Any = "") -> Text:
    """Return a paragraph of Markdown that has no other marks than `code`, which is drawn as Markdown draws it."""
    made = Text(style=style)
    for place, piece in enumerate(" ".join(line.strip() for line in text.strip().splitlines()).split("`")):
        made.append(piece, "markdown.code" if place % 2 else None)
    return made
