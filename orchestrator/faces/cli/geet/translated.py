"""A verb of geetiles as a command: its options as it prints them, and the words that say the same here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import rich_click as click
from click.core import ParameterSource
from rich_click import option

from orchestrator.core.errors import UserError
from orchestrator.faces.cli.called import quoted
from orchestrator.faces.cli.output import Output
from orchestrator.faces.cli.session import Context

Option = Callable[[Callable[..., Any]], Callable[..., Any]]
Words = Sequence[str]

TILES_FILE = option("--tiles_file", required=True, metavar="FILE", help="File of tiles.")
FOREIGN_FILE = option("--foreign_tiles_file", required=True, metavar="FILE", help="File of the coarser tiles.")
AREA_FILE = option("--aoi_wkt_file", required=True, metavar="FILE", help="Area, as WKT in degrees or any vector file.")
AREA_NAME = option("--aoi_name", required=True, metavar="NAME", help="What the area is called in the file's name.")
FOLDER = option("--dest_dir", required=True, metavar="DIR", help="Folder of the file.")


def old(
    name: str,
    *options: Option,
    ignored: Mapping[str, str] | None = None,
    after: Callable[[Words, Output], None] | None = None,
) -> Callable[..., click.Command]:
    """
    Make a command of a function that says the same in the words of this program.

    Args:
        name: The verb, as geetiles calls it.
        options: Its options; the function is given their values.
        ignored: Options that mean nothing here, each with the reason; a flag's ends with a space.
        after: Puts what was made where geetiles leaves it; is given the words.
    """

    def wrap(translate: Callable[..., Words]) -> click.Command:
        unused = {_name(spelling): (spelling.strip(), why) for spelling, why in (ignored or {}).items()}

        def run(ctx: click.Context, /, **given: Any) -> Any:
            said = [unused[each] for each in unused if _is_given(ctx, each)]
            context = ctx.find_object(Context) or Context()
            context.project = given.pop("project", None) or ""
            output = context.output()
            words = translate(**{key: value for key, value in given.items() if key not in unused})
            code = _speak(ctx, words, said, output)
            if after and not code:
                after(words, output)
            return code

        command: Callable[..., Any] = click.pass_context(run)
        for spelling in reversed(list(ignored or {})):
            command = option(spelling.strip(), is_flag=spelling.endswith(" "), default=None, hidden=True)(command)
        for each in reversed(options):
            command = each(command)
        made: click.Command = click.command(name, help=translate.__doc__)(command)
        return made

    return wrap


def either(first: str | None, second: str | None, *spellings: str) -> str:
    """
    Return the value of an option that has two spellings.

    Raises:
        UserError: Neither was given, or both with different values.
    """
    found = {each for each in (first, second) if each is not None}
    if len(found) == 1:
        return found.pop()
    if found:
        raise UserError(
            f"{spellings[0]} is {first} and {spellings[1]} is {second}; they mean the same, give one of them"
        )
    raise UserError(f"{' or '.join(spellings)} is missing; see `orchestrator geet --help`")


def whole_numbers(text: str, name: str, example: str) -> list[int]:
    """
    Return the list of whole numbers that an option holds, `[10,20]` or `(10,20)`; nothing of it is executed.

    Raises:
        UserError: It is something else.
    """
    inner = text.strip()
    if inner.startswith("(") and inner.endswith(")"):
        inner = f"[{inner[1:-1]}]"
    try:
        numbers = json.loads(inner)
    except ValueError:
        numbers = None
    if not isinstance(numbers, list) or not numbers or any(type(each) is not int for each in numbers):
        raise UserError(f"{name} is {text!r}; write whole numbers in brackets, for example {name} {example}")
    return numbers


def _name(spelling: str) -> str:
    return spelling.strip().removeprefix("--")


def _is_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) not in (None, ParameterSource.DEFAULT)


def _speak(ctx: click.Context, words: Words, unused: Sequence[tuple[str, str]], output: Output) -> Any:
    """Say what is ignored and what is done instead, and do it."""
    root = ctx.find_root()
    for spelling, why in unused:
        output.note(f"note: {spelling} is ignored: {why}")
    output.note(f"in new words: `orchestrator {' '.join(map(quoted, words))}`")
    if not isinstance(root.command, click.Group):
        raise TypeError("the verbs of geetiles are commands of a group")
    name, command, rest = root.command.resolve_command(root, list(words))
    if command is None:
        raise UserError(f"there is no command {words[0]!r}")
    with command.make_context(name, list(rest), parent=root) as inner:
        return command.invoke(inner)
