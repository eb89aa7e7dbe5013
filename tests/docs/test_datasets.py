"""The page of datasets says what the code says; the example of an own dataset is one."""

from __future__ import annotations

import ast

import numpy as np
import pytest
from reading import REFERENCE, ROOT, blocks, rows, sections

import orchestrator as orc
from orchestrator.app.verbs.datasets import choose, listed
from orchestrator.recipes.definitions import load_definition
from orchestrator.recipes.presets import ALIASES, find
from orchestrator.recipes.presets.legends import WORLDCOVER

PAGE = sections(REFERENCE / "datasets.md")
HOWTO = ROOT / "docs" / "howto" / "own-dataset.md"
FEW = 6  # bands that are all told


def told(form):
    """Return the form of a name as a cell, which has no upright line."""
    return "`" + form.replace("|", "` or `-") + "`"


def bands(names):
    if len(names) <= FEW:
        return ", ".join(f"`{name}`" for name in names)
    return f"{len(names)}: `{names[0]}`, `{names[1]}` ... `{names[-1]}`"


def row(form):
    """Return the cells of a dataset in the first table."""
    preset = find(next(alias for alias in ALIASES if alias.form == form).example())
    (shown,) = [one for one in listed() if one.name == form]
    low, high = preset.valid
    values = f"{preset.dtype}, {low:g} to {high:g}, nodata {preset.nodata:g}"
    licence = preset.licence if preset.licence.startswith("CC-") else f"[terms]({preset.licence})"
    return [told(form), shown.summary, shown.years, bands(preset.bands), values, f"{preset.scale:g} m", licence]


def test_the_page_lists_every_dataset():
    """In the order of `dataset list`, with everything that it tells."""
    wanted = [row(alias.form) for alias in ALIASES]

    found = rows(PAGE["Datasets"])

    assert found == wanted, "\n".join("| " + " | ".join(cells) + " |" for cells in wanted)


def test_the_page_says_how_each_is_made_and_what_is_not_as_published():
    """Steps, sources and mended faults, word for word."""
    wanted = []
    for alias in ALIASES:
        preset = find(alias.example())
        wanted.append([told(alias.form), "; ".join(preset.steps), preset.mended or "as published"])

    found = rows(PAGE["How they are made"])

    assert found == wanted, "\n".join("| " + " | ".join(cells) + " |" for cells in wanted)


def test_the_page_says_what_labels_each_makes():
    """Thresholds of those that have such."""
    wanted = [
        [told(alias.form), ", ".join(f"{one:g}" for one in find(alias.example()).breaks)]
        for alias in ALIASES
        if find(alias.example()).breaks
    ]

    found = rows(PAGE["Labels"])

    assert found == wanted, "\n".join("| " + " | ".join(cells) + " |" for cells in wanted)


def test_the_classes_of_worldcover_are_on_the_page():
    """Value, label, name and colour."""
    wanted = [
        [str(each.value), str(number), each.name, f"`#{each.colour}`"] for number, each in enumerate(WORLDCOVER, 1)
    ]

    assert rows(PAGE["Classes of WorldCover"]) == wanted


@pytest.fixture(scope="module")
def app(tmp_path_factory, forked_sandboxes):  # noqa: ARG001
    with orc.sandbox(state_dir=tmp_path_factory.mktemp("state")) as connection:
        yield connection.shared


def test_the_example_of_a_class_is_a_dataset(app, tmp_path):
    """Its bands, type and hooks are those that the page tells."""
    first, *_ = blocks(HOWTO, "python")
    file = tmp_path / "greenness.py"
    file.write_text(first)
    ring = ((14.40, 46.00), (14.41, 46.00), (14.41, 46.01), (14.40, 46.01), (14.40, 46.00))

    chosen, hooks = choose(app, str(file), ring=ring), load_definition(file).hooks

    assert (chosen.bands, chosen.dtype) == (("NDVI", "scenes"), "int16")
    np.testing.assert_array_equal(hooks.map_values(np.array([[[2999, 3000]], [[4, 4]]])), [[[0, 1]]])
    assert hooks.include_chip({"label_proportions": {"partitions_aschip": {"0": 0.4}}})


def test_the_page_names_every_hook():
    """In its table, as the loader looks for them."""
    source = (ROOT / "orchestrator" / "recipes" / "definitions.py").read_text()
    names = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    told_names = [cells[0].split("(")[0].strip("`") for cells in rows(sections(HOWTO)["What the file may have"])]

    assert len(told_names) == 10
    assert all(name in names or name == "get_dtype" for name in told_names)


def test_the_example_of_functions_is_a_dataset(app, tmp_path):
    """The older form."""
    _, second, *_ = blocks(HOWTO, "python")
    file = tmp_path / "crops.py"
    file.write_text(second)

    chosen = choose(app, str(file))

    assert (chosen.name, chosen.bands, chosen.dtype) == ("crops", ("landcover",), "int16")
