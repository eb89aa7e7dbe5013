"""Boxes as words of a command line: west of Greenwich they begin with a minus, as options do."""

from __future__ import annotations

import re

import rich_click as click

_WESTERN = re.compile(r"\s*-[\d.][^,;]*(,[^,;]+){3}(;.*)?", re.DOTALL)


class AreaCommand(click.RichCommand):
    """A command whose argument, of type `str.strip`, may be a box west of Greenwich; its minus is no option's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # A word that begins with a space is no option to click.
        return super().parse_args(ctx, [f" {word}" if _WESTERN.fullmatch(word) else word for word in args])
