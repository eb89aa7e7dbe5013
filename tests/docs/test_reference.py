"""The reference pages equal the code they describe."""

from __future__ import annotations

import dataclasses
import re

import pytest
import rich_click as click
from reading import REFERENCE, rows, sections

from orchestrator.core import errors
from orchestrator.faces.cli.exits import WAITS_FOR_PERSON
from orchestrator.faces.cli.main import EXIT_CODES, cli
from orchestrator.model import states
from orchestrator.recipes import (
    cloudscore,
    dataset,
    embeddings,
    graph,
    landcover,
    landsat,
    ndvi,
    sentinel1,
    sentinel2,
    temperature,
    terrain,
    user_code,
)
from orchestrator.recipes.registry import RECIPES

COMMANDS = sections(REFERENCE / "cli.md")
RECIPE_PAGE = sections(REFERENCE / "recipes.md")
STATES = sections(REFERENCE / "states.md")


def options_of(command: click.Command) -> list[set[str]]:
    return [{*p.opts, *p.secondary_opts} for p in command.params if not isinstance(p, click.Argument)]


def options_told(text: str) -> list[set[str]]:
    return [set(re.findall(r"`(-[\w-]+)`", row[0])) for row in rows(text)]


@pytest.mark.parametrize("name", ["", *cli.commands])
def test_the_page_lists_every_option(name):
    """Each option with all its spellings, in the order of --help; nothing that is not there."""
    command = cli.commands[name] if name else cli
    words = [p.metavar or p.name.upper() for p in command.params if isinstance(p, click.Argument) and p.required]
    optional = [
        p.metavar or f"[{p.name.upper()}]" for p in command.params if p.param_type_name == "argument" and not p.required
    ]
    heading = " ".join(["orchestrator", *filter(None, [name]), *words, *optional])

    assert options_told(COMMANDS[heading]) == options_of(command)


def test_the_page_lists_no_other_command():
    """Every heading about a command names one that exists."""
    told = {heading.split()[1] for heading in COMMANDS if heading.startswith("orchestrator ")}

    assert told == set(cli.commands)


def test_the_exit_codes_are_those_of_the_errors():
    """The table, --help and the tree of errors agree."""
    tree = {cls.exit_code for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, Exception)}
    told = [int(row[0]) for row in rows(COMMANDS["Exit codes"])]

    assert told == sorted(tree | {0, WAITS_FOR_PERSON})
    assert told == [int(code) for code in re.findall(r"(?<=[ ,\n])(\d+)(?= )", EXIT_CODES)]


@pytest.mark.parametrize(
    ("heading", "table"),
    [
        pytest.param("Runs", states.RUN_TRANSITIONS, id="runs"),
        pytest.param("Tasks", states.TASK_TRANSITIONS, id="tasks"),
        pytest.param("Parts", states.PART_TRANSITIONS, id="parts"),
        pytest.param("Units", states.UNIT_TRANSITIONS, id="units"),
    ],
)
def test_the_page_lists_every_transition(heading, table):
    """Same states, and from each the same states reachable."""
    told = {row[0]: set(row[2].split(", ")) - {"(end)"} for row in rows(STATES[heading])}

    assert told == {state.value: {other.value for other in table[state]} for state in table}


def test_the_page_lists_every_class_of_failure():
    """No failure is without its answer."""
    told = [row[0] for row in rows(STATES["Failures of tasks"])]

    assert told == [failure.value for failure in states.Failure]


PARAMETERS = {
    "sentinel2-cloudless": sentinel2.Sentinel2Parameters,
    "sentinel2-cloudscore": cloudscore.CloudScoreParameters,
    "landsat-composite": landsat.LandsatParameters,
    "sentinel1-backscatter": sentinel1.Sentinel1Parameters,
    "ndvi-series": ndvi.NdviParameters,
    "lst-series": temperature.TemperatureParameters,
    "embeddings": embeddings.EmbeddingParameters,
    "terrain": terrain.TerrainParameters,
    "landcover": landcover.LandCoverParameters,
    "dataset": dataset.DatasetParameters,
    "image-code": user_code.UserCodeParameters,
    "graph": graph.GraphParameters,
}


@pytest.mark.parametrize("name", RECIPES)
def test_the_page_lists_every_parameter(name):
    """Same parameters in the same order with the same defaults."""
    told = [(row[0].strip("`"), row[1].strip('`"')) for row in rows(RECIPE_PAGE[name])]

    assert told == [(f.name, str(f.default)) for f in dataclasses.fields(PARAMETERS[name])]


def test_the_help_names_every_recipe():
    """Who types `--recipe` need not look for the page."""
    (option,) = [one for one in cli.commands["run"].params if one.name == "recipe"]

    assert all(name in option.help for name in RECIPES)


def test_the_page_lists_every_recipe():
    """In its first table, in the order of the registry, and in a section of its own."""
    told = [re.findall(r"`([\w-]+)`", row[0])[0] for row in rows(RECIPE_PAGE["Recipes"])]

    assert told == list(RECIPES)
    assert set(RECIPES) <= set(RECIPE_PAGE)
