"""A group of commands of which only the one that is called is imported: `--help` and `status` answer at once."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import rich_click as click

from orchestrator.faces.cli.called import Called


def quicken() -> None:
    """
    Do not collect garbage until the command is imported.

    What imports make lives as long as the process, and the collector would look through it again and again: a sixth
    of the time in which `status` answers.
    """
    gc.disable()


def collect_garbage() -> None:
    """Collect garbage from now on; what is there already is left out of it for good."""
    gc.freeze()
    gc.enable()


@dataclass(frozen=True, slots=True)
class Listed:
    """Where a command is, and the sentence that the group's help shows of it: the first one of its own."""

    module: str
    says: str
    attribute: str = ""


class LazyGroup(click.RichGroup):
    """Knows its commands by name; `cli.commands[name]` imports one."""

    def __init__(self, *args: Any, listed: Mapping[str, Listed], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._listed = dict(listed)
        self.commands = _Commands(listed)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(self._listed)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        """Return what help shows of a command; see `resolve_command` for the command itself."""
        found = self._listed.get(cmd_name)
        if not found:
            return None
        says = Called().spoken(found.says)
        return click.RichCommand(name=cmd_name, help=says, short_help=says)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self.help = Called().spoken(self.help or "")
        super().format_help(ctx, formatter)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, self.commands[command.name] if command and command.name else None, rest


class _Commands(dict[str, click.Command]):
    """Commands by name, each imported when it is asked for."""

    def __init__(self, listed: Mapping[str, Listed]) -> None:
        super().__init__({name: click.RichCommand(name=name) for name in listed})
        self._where = dict(listed)

    def __getitem__(self, name: str) -> click.Command:
        where = self._where[name]
        command: click.Command = getattr(import_module(where.module), where.attribute or name)
        if not gc.isenabled():
            collect_garbage()
        command.help = Called().spoken(command.help or "")
        return command
