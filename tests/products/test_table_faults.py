"""What services do to tables: rows in any order, pages that are empty, requests that were too much; and bad input."""

from __future__ import annotations

import json

import pytest

import orchestrator as orc
from orchestrator.core.errors import OrchestratorError

DATES = ("2024-06-01", "2024-06-09")
POINTS = "\n".join(f"SRID=4326;POINT ({14.5 + at / 1000} 46.05)" for at in range(6))
FIELDS = "\n".join(f"SRID=4326;POLYGON (({x} 46, {x + 0.001} 46, {x} 46.001, {x} 46))" for x in (14.5, 14.51, 14.52))


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """One sandbox for the tests of this file, spoken to by this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORCHESTRATOR_RETRY__FIRST_WAIT", "0.02")
        patch.setenv("ORCHESTRATOR_RETRY__MAX_WAIT", "0.2")
        with orc.sandbox(state_dir=tmp_path_factory.mktemp("state")) as connection:
            yield connection


@pytest.fixture
def order(sandbox):
    """Order a fault; afterwards none is left over."""
    import requests  # noqa: PLC0415

    def ask(**rule):
        answer = requests.post(f"{sandbox.url}/sandbox/faults", json={"faults": [rule]}, timeout=30)
        answer.raise_for_status()

    yield ask
    left = [each["rule"] for each in requests.get(f"{sandbox.url}/sandbox/state", timeout=30).json()["faults"]
            if each["pending"]]  # fmt: skip
    requests.delete(f"{sandbox.url}/sandbox/faults", timeout=30)
    assert left == []


def get(path, **given):
    said = {"collection": "s2-l2a", "dates": DATES, "bands": ["B4"], "path": path, "progress": False}
    orc.table(**{**said, **given})
    return path.read_bytes(), json.loads(path.with_suffix("").with_suffix(".proof.json").read_text())


def too_many(count):
    sentence = f"ImageCollection.getRegion: Too many values: {count} points x 1 bands x 1 images > 1048576."
    body = json.dumps({"error": {"code": 400, "message": sentence, "status": "INVALID_ARGUMENT"}})
    return {"action": "http", "api": "value.compute", "text": "getRegion", "status": 400, "body": body}


@pytest.mark.parametrize(
    "places",
    [pytest.param({"points": POINTS}, id="points"), pytest.param({"area": "14.5,46,14.501,46.001"}, id="area")],
)
def test_rows_in_any_order_give_the_same_file(order, tmp_path, places):
    """A row goes where its coordinates and its image say."""
    straight, _ = get(tmp_path / "a.csv", **places)
    order(action="shuffle_rows", api="value.compute", text="getRegion")

    shuffled, _ = get(tmp_path / "b.csv", **places)

    assert shuffled == straight


def test_an_empty_page_with_a_token_is_followed(order, tmp_path):
    """Of a table of shapes; nothing is lost, and nothing is asked for anew: the bytes are those of both pages."""
    straight, before = get(tmp_path / "a.csv", polygons=FIELDS)
    order(action="empty_page", api="table.computeFeatures", skip=1)

    paged, after = get(tmp_path / "b.csv", polygons=FIELDS)

    assert paged == straight
    assert after["parts"][0]["bytes"] > before["parts"][0]["bytes"]


def test_too_many_values_are_cut_by_the_numbers_of_the_sentence(order, tmp_path):
    """Three times as many as allowed: three requests instead of one, of the same pairs."""
    whole, before = get(tmp_path / "a.csv", points=POINTS)
    order(**too_many(3 * 1_048_576))

    cut, after = get(tmp_path / "b.csv", points=POINTS)

    assert cut == whole
    assert (before["cover"]["requests"], after["cover"]["requests"], after["cover"]["cut"]) == (1, 3, 1)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param({"points": POINTS, "bands": ["B99"]}, "no band 'B99'", id="band"),
        pytest.param(
            {"polygons": FIELDS, "reducer": "average"}, "'average' is no reducer; choose of mean", id="reducer"
        ),
        pytest.param({"points": POINTS, "reducer": "mean"}, "a reducer is for polygons", id="a reducer of points"),
        pytest.param({"points": POINTS, "collection": "COPERNICUS/S2_XR"}, "COPERNICUS/S2_XR", id="collection"),
        pytest.param({"points": POINTS, "dates": DATES[::-1]}, "not before the end date 2024-06-01", id="dates"),
        pytest.param({"points": POINTS, "area": "1,2,3,4"}, "one of points=, polygons= and area=", id="two places"),
        pytest.param({"points": "lost.csv"}, "lost.csv", id="no such file"),
        pytest.param({"area": "14,46,15,47"}, "a table of pixels has 20,000,000 at most", id="an area too large"),
        pytest.param({"points": POINTS, "filters": ["CLOUDS ~ 3"]}, "CLOUDS ~ 3", id="filter"),
        pytest.param({"points": POINTS, "max_cloud": 120}, "max_cloud", id="cloud"),
    ],
)
@pytest.mark.usefixtures("sandbox")
def test_what_cannot_be_done_is_named_in_one_line(tmp_path, given, says):
    """The value that is wrong, and nothing is left behind."""
    with pytest.raises(OrchestratorError) as refused:
        get(tmp_path / "x.csv", **given)

    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "x.csv").exists()
