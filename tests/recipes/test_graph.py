"""`graph`: an image that is part of its job."""

from __future__ import annotations

import json
from datetime import date

import pytest

from orchestrator.config import JobTable
from orchestrator.core.errors import RecipeError
from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.registry import find_recipe

CONSTANT = json.dumps({"result": "0", "values": {"0": {"constantValue": 1}}})
ANYWHERE = {"area": "14,46,14.1,46.1", "output": "o", "base_name": "a"}


def request(bands=("a",), **params):
    return ImageRequest({}, date.min, date.max, tuple(bands), params)


def test_its_pixels_are_settled_without_asking_anybody():
    """Bands as named, the number type and a nodata value outside what it usually holds."""
    pixels = find_recipe("graph").pixels(request(["a", "b"], graph=CONSTANT, dtype="int16"))

    assert (pixels.bands, pixels.dtype, pixels.nodata) == (("a", "b"), "int16", 32767)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        pytest.param(request(), "'', no expression", id="nothing"),
        pytest.param(request(graph="{"), "no JSON", id="no JSON"),
        pytest.param(request(graph="[1]"), "no expression", id="a list"),
        pytest.param(request(graph='{"result": "1", "values": {"0": {}}}'), "no expression", id="no result"),
        pytest.param(request([], graph=CONSTANT), "names of the image's bands", id="no bands"),
        pytest.param(request(graph=CONSTANT, dtype="int64"), "int64", id="number type"),
    ],
)
def test_what_is_no_expression_is_refused_before_anything_is_sent(asked, named):
    """With what was found and where an expression comes from."""
    with pytest.raises(RecipeError, match=named):
        find_recipe("graph").pixels(asked)


def test_the_proof_names_the_expression_by_its_checksum():
    """The expression itself may weigh megabytes; the run keeps it apart."""
    facts = find_recipe("graph").facts(request(graph=CONSTANT))

    assert len(facts["graph_sha256"]) == 64
    assert "graph" not in facts["parameters"]


def test_its_dates_may_be_left_out(tmp_path):
    """They are in the expression, where only its author knows them."""
    table = JobTable.model_validate(ANYWHERE | {"recipe": "graph", "params": {"graph": CONSTANT}})

    assert table.job(tmp_path, "google").dated(date(2024, 5, 1)).undated


def test_other_recipes_need_dates():
    """A key that is missing is named."""
    with pytest.raises(ValueError, match="start_date"):
        JobTable.model_validate(ANYWHERE)
