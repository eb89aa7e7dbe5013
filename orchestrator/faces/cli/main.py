"""The command `orchestrator`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import rich_click as click

from orchestrator import __version__
from orchestrator.core.errors import OrchestratorError, Stopped
from orchestrator.faces.cli.assemble import assemble
from orchestrator.faces.cli.demo import demo
from orchestrator.faces.cli.doctor import doctor
from orchestrator.faces.cli.health import health
from orchestrator.faces.cli.run import plan, run, submit
from orchestrator.faces.cli.runs import cancel, clean, retry, status, why
from orchestrator.faces.cli.sandbox import sandbox
from orchestrator.faces.cli.serve import serve
from orchestrator.faces.cli.session import Context

click.rich_click.TEXT_MARKUP = "markdown"
click.rich_click.COMMAND_GROUPS = {
    "orchestrator": [
        {"name": "Begin", "commands": ["demo", "doctor", "sandbox"]},
        {"name": "Work", "commands": ["plan", "run", "submit", "serve", "assemble"]},
        {"name": "Look after runs", "commands": ["status", "why", "retry", "cancel", "clean", "health"]},
    ]
}

EXIT_CODES = """
Exit codes: 0 done, 1 failed, 2 asked wrongly, 3 waits for a person, 4 settings or credentials,
5 try again later, 130 stopped (the same command continues).
"""


@click.group(
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "ORCHESTRATOR_CLI"},
)
@click.version_option(__version__, prog_name="orchestrator")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings.  [default: ./config.toml]")
@click.option("--profile", default="", metavar="NAME", help="Lay the table [profiles.NAME] over the settings.")
@click.option("--state-dir", default="", metavar="DIR", help="Where runs are remembered.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON lines instead of text.")
@click.option("-q", "--quiet", is_flag=True, help="Only results and errors.")
@click.option("-v", "--verbose", is_flag=True, help="Log every step.")
@click.pass_context
def cli(ctx: click.RichContext, /, **options: Any) -> None:
    """
    Get large images out of Google Earth Engine: one correct, clipped GeoTIFF per area.

    `orchestrator demo` shows the whole way without an account.
    """
    ctx.obj = Context(**options)


for command in (demo, doctor, sandbox, plan, run, submit, serve, assemble, status, why, retry, cancel, clean, health):
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit; every error of ours is one line."""
    # GDAL would keep 5 % of the machine's memory for blocks that we read once.
    os.environ.setdefault("GDAL_CACHEMAX", "64")
    sys.exit(run_cli(arguments))


def run_cli(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    try:
        result = cli.main(args=_lifted(sys.argv[1:] if arguments is None else arguments), standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return Stopped.exit_code
    except OrchestratorError as error:
        click.echo(f"orchestrator: {_one_line(error)}", err=True)
        return error.exit_code
    except BrokenPipeError:
        return 1
    except OSError as error:
        click.echo(f"orchestrator: {_one_line(error)}", err=True)
        return 1
    return result if isinstance(result, int) else 0


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


_GLOBAL_FLAGS = frozenset({"--json"})
_GLOBAL_VALUES = frozenset({"--state-dir"})


def _lifted(arguments: list[str]) -> list[str]:
    """Accept `--json` and `--state-dir` after the command too: there people write them."""
    first: list[str] = []
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        name = word.split("=", 1)[0]
        if word == "--":
            rest += [word, *words]
        elif word in _GLOBAL_FLAGS or (name in _GLOBAL_VALUES and "=" in word):
            first.append(word)
        elif word in _GLOBAL_VALUES:
            first += [word, *list(words_next(words))]
        else:
            rest.append(word)
    return first + rest


def words_next(words: Any) -> list[str]:
    """Return the next word in a list, or none at the end."""
    following = next(words, None)
    return [] if following is None else [following]
