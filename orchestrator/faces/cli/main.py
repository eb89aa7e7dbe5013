"""The command `orchestrator`."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

import rich_click as click
from click.exceptions import NoArgsIsHelpError

from orchestrator import __version__
from orchestrator.core.errors import OrchestratorError, Stopped
from orchestrator.faces.cli import lazily
from orchestrator.faces.cli.called import NAME, Called
from orchestrator.faces.cli.exits import MEANINGS
from orchestrator.faces.cli.help_text import HelpFormatter
from orchestrator.faces.cli.lazily import LazyGroup, Listed
from orchestrator.faces.cli.output import Output

click.rich_click.TEXT_MARKUP = "markdown"
click.RichContext.formatter_class = HelpFormatter
click.rich_click.COMMAND_GROUPS = {
    "orchestrator": [
        {"name": "Begin", "commands": ["demo", "doctor", "sandbox", "calibrate"]},
        {
            "name": "Work",
            "commands": [
                *("query", "plan", "simulate", "run", "cube", "table", "submit", "serve", "worker", "web", "assemble"),
            ],
        },
        {"name": "Training sets", "commands": ["tiles", "labels", "dataset", "aoi", "copernicus", "patches"]},
        {
            "name": "Look after runs",
            "commands": ["status", "watch", "why", "logs", "usage", "fetch", "audit", "retry", "cancel", "clean"],
        },
        {
            "name": "Keep it running",
            "commands": ["schedule", "db", "prune", "recover", "health", "metrics", "notify"],
        },
    ]
}

EXIT_CODES = f"\nExit codes: {', '.join(f'{code} {meaning}' for code, meaning in MEANINGS.items())}.\n"

_HERE = "orchestrator.faces.cli"
# Each with the first sentence of its own help, so that the list of commands needs none of them.
COMMANDS = {
    "demo": Listed(
        f"{_HERE}.demo",
        "Watch the whole way without an account: plan, export, poll, download, merge, clip, publish, clean up.",
    ),
    "doctor": Listed(
        f"{_HERE}.doctor",
        "Check settings, disk, clock, credentials, project, bucket and Drive, and say how to mend each.",
    ),
    "sandbox": Listed(
        f"{_HERE}.sandbox",
        "Run a sandbox to try things with: `orchestrator run --sandbox-url http://127.0.0.1:8099 ...`.",
    ),
    "calibrate": Listed(
        f"{_HERE}.calibrate",
        "Ask the service, by a dozen of the smallest experiments, what the sandbox only assumes of it.",
    ),
    "query": Listed(
        f"{_HERE}.query",
        "List the scenes of a collection over an area, with their time, cloud cover and share of the area.",
    ),
    "plan": Listed(f"{_HERE}.run", "Show grid, tasks, parts and what they need, without asking Earth Engine anything."),
    "simulate": Listed(
        f"{_HERE}.simulate",
        "Show how long a job would take, what it would cost and what would hold it up, without doing it.",
    ),
    "run": Listed(f"{_HERE}.run", "Bring one area to one clipped GeoTIFF, and watch."),
    "cube": Listed(f"{_HERE}.cube", "Bring the scenes of one area to one cube of (time, band, y, x), date by date."),
    "table": Listed(
        f"{_HERE}.table",
        "Bring values of images to one table: at points, over polygons, or of every pixel of a small area.",
    ),
    "tiles": Listed(f"{_HERE}.tiles", "Cut an area into tiles, split them for training, and bring a chip for each."),
    "labels": Listed(f"{_HERE}.labels", "Count the classes in each tile, from chips or from a raster of your own."),
    "dataset": Listed(f"{_HERE}.dataset", "List what can be downloaded, look at chips, and pack a training set."),
    "aoi": Listed(f"{_HERE}.aoi", "Find areas by name: countries, continents and regions of the Earth."),
    "geet": Listed(
        f"{_HERE}.geet", "Speak as to geetiles: its words, old and new, are understood as they are printed."
    ),
    "copernicus": Listed(
        f"{_HERE}.copernicus",
        "Find, fetch and verify Sentinel-2 products of Copernicus, and make them ready for training.",
    ),
    "s2pipe": Listed(f"{_HERE}.s2pipe", "Speak as to s2pipe: its configuration files run unchanged, YAML or TOML."),
    "patches": Listed(
        f"{_HERE}.patches",
        "Cut training-ready scenes into patches, filter and split them, and pack them into shards.",
    ),
    "submit": Listed(
        f"{_HERE}.run", "Hand a job to the daemon (`orchestrator serve`) that uses the same state folder."
    ),
    "serve": Listed(
        f"{_HERE}.serve",
        "Work for months: scheduled jobs of config.toml, submitted jobs, and what an earlier process left unfinished.",
    ),
    "worker": Listed(
        f"{_HERE}.worker",
        "Do single units of runs that other processes hold: requests for pixels, files to fetch, scenes to compute.",
    ),
    "web": Listed(
        f"{_HERE}.web",
        "Open the page: what runs, what needs a person, results on a map, new jobs, the schedule.",
    ),
    "assemble": Listed(
        f"{_HERE}.assemble",
        "Make one clipped, cloud-optimised GeoTIFF of parts in FOLDER: those of an export, or any on one lattice.",
    ),
    "status": Listed(f"{_HERE}.status", "Show the latest runs, or one run with its tasks and latest events."),
    "watch": Listed(f"{_HERE}.watch", "Follow a run that another process works on, until it ends."),
    "why": Listed(f"{_HERE}.runs", "Say what a run is waiting for, and what happens next."),
    "logs": Listed(f"{_HERE}.watch", "Show what happened to a run, event by event."),
    "usage": Listed(
        f"{_HERE}.usage",
        "Show what runs have cost in EECU-hours, by month and job, beside the budget and the project's tier.",
    ),
    "fetch": Listed(
        f"{_HERE}.fetch",
        "Bring the files of a result that was delivered to a bucket to a folder here, whole and verified.",
    ),
    "audit": Listed(
        f"{_HERE}.audit",
        "Ask for windows of a mosaic once more, without an export, and compare them with the file, value by value.",
    ),
    "schedule": Listed(
        f"{_HERE}.schedule", "See when jobs run; pause one, let it go on, run a date of it now, and say who goes first."
    ),
    "retry": Listed(
        f"{_HERE}.runs",
        "Take a failed, cancelled or held run up again where it stopped; `run` or `serve` then carries it on.",
    ),
    "cancel": Listed(
        f"{_HERE}.runs", "End a run: its tasks in Earth Engine are cancelled; what it left is kept until `clean`."
    ),
    "clean": Listed(
        f"{_HERE}.runs",
        "Take away what an ended run left in the cloud and on disk; never its result, never what is not ours.",
    ),
    "recover": Listed(
        f"{_HERE}.recover",
        "Rebuild a lost or old state from operations, objects and plans in the cloud; `run` or `serve` then goes on.",
    ),
    "db": Listed(
        f"{_HERE}.database", "Look after the state database: a copy, a check, another version's schema, another place."
    ),
    "prune": Listed(f"{_HERE}.database", "Forget what ended long ago, and give its room on the disk back."),
    "health": Listed(
        f"{_HERE}.health",
        "Tell whether the daemon lives and its database can be read: exit code 0, else 1 with a sentence.",
    ),
    "metrics": Listed(
        f"{_HERE}.metrics",
        "Print how everything stands, as Prometheus reads it: runs, parts, limits, disks, schedules, the daemon.",
    ),
    "notify": Listed(
        f"{_HERE}.notify", "Tell people what happens: try who is told, send a word, look at what was sent."
    ),
}


@click.group(
    cls=LazyGroup,
    listed=COMMANDS,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "ORCHESTRATOR_CLI"},
)
@click.version_option(__version__, prog_name="orchestrator")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings.  [default: ./config.toml]")
@click.option("--profile", default="", metavar="NAME", help="Lay the table [profiles.NAME] over the settings.")
@click.option("--state-dir", default="", metavar="DIR", help="Where runs are remembered.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON lines instead of text.")
@click.option("-q", "--quiet", is_flag=True, help="Of a run only the path of its result, and errors.")
@click.option("-v", "--verbose", is_flag=True, help="Log every step.")
@click.pass_context
def cli(ctx: click.RichContext, /, **options: Any) -> None:
    """
    Get large images out of Google Earth Engine: one correct, clipped GeoTIFF per area.

    `orchestrator demo` shows the whole way without an account.
    """
    from orchestrator.faces.cli.session import Context  # noqa: PLC0415  --help needs no settings

    ctx.obj = Context(**options, called=ctx.obj or Called())


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit; every error of ours is one line."""
    # GDAL would keep 5 % of the machine's memory for blocks that we read once.
    os.environ.setdefault("GDAL_CACHEMAX", "64")
    # Nobody's plug-in looks at our settings; seeking one reads what every installed package says of itself.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    lazily.quicken()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            # A console or a pipe of another code page (Windows) lacks letters that areas have in their names.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run_cli(arguments))


def run_cli(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    words = _lifted(sys.argv[1:] if arguments is None else arguments)
    called = Called()
    output = Output(as_json=_wants_json(words), called=called)
    try:
        result = cli.main(args=words, standalone_mode=False, prog_name=NAME, obj=called)
    except NoArgsIsHelpError as error:  # no command asks for help
        if output.as_json:
            return _end(output, "no command is given; `orchestrator --help` lists them", error.exit_code)
        error.show()
        return error.exit_code
    except click.UsageError as error:
        return _end(output, _asked_wrongly(error), error.exit_code)
    except BrokenPipeError:
        return 1
    except _EXPECTED as error:
        return _end(output, *_told(error))
    except Exception as error:  # a fault of ours: programs are told in their way, people see where it happened
        output.message("error", {"exit_code": 1, "sentence": f"{type(error).__name__}: {error}"})
        raise
    return result if isinstance(result, int) else 0


_EXPECTED = (click.ClickException, click.Abort, OrchestratorError, OSError)


def _told(error: BaseException) -> tuple[str, int]:
    """Return the sentence and the exit code of an error that is no fault of ours."""
    if isinstance(error, click.Abort):
        return "stopped; the same command continues", Stopped.exit_code
    if isinstance(error, click.ClickException):
        return error.format_message(), error.exit_code
    return str(error), error.exit_code if isinstance(error, OrchestratorError) else 1


def _end(output: Output, sentence: str, exit_code: int) -> int:
    output.error(" ".join(sentence.split()), exit_code)
    return exit_code


def _asked_wrongly(error: click.UsageError) -> str:
    """Return click's sentence, and where to look."""
    sentence = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    return f"{sentence}; see `{context.command_path} --help`" if context else sentence


def _wants_json(words: list[str]) -> bool:
    """Tell whether JSON was asked for, before anything else about the command is understood."""
    ours = words[: words.index("--")] if "--" in words else words
    return "--json" in ours or _json_by_environment()


def _json_by_environment() -> bool:
    return os.environ.get("ORCHESTRATOR_CLI_AS_JSON", "").lower() in ("1", "true", "t", "yes", "y", "on")


_GLOBAL_FLAGS = frozenset({"--json", "--quiet", "-q"})
_GLOBAL_VALUES = frozenset({"--state-dir"})


def _lifted(arguments: list[str]) -> list[str]:
    """Accept `--json`, `-q` and `--state-dir` after the command too: there people write them."""
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
