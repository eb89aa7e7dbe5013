"""Alerts and the dashboard ask for what is on the page of metrics, by labels and values that it has."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from orchestrator.app.records import Records
from orchestrator.config import load
from orchestrator.engine.stores.records import Admission
from orchestrator.faces.cli.main import cli
from orchestrator.faces.metrics import EventCounter, Page
from orchestrator.model.states import UnitState

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "monitoring"
(GROUP,) = yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
BOARD = json.loads((FOLDER / "grafana-dashboard.json").read_text(encoding="utf-8"))
ALERTS = {rule["alert"]: rule["expr"] for rule in GROUP["rules"]}
TARGETS = {
    f"{panel['title']} {target['refId']}": (target["expr"], target["legendFormat"])
    for panel in BOARD["panels"]
    for target in panel["targets"]
}
ASKED = ALERTS | {name: expression for name, (expression, _) in TARGETS.items()}
# What Prometheus adds to whatever it reads.
ITS_OWN = frozenset({"instance", "job"})
JOB = """
[jobs.east]
area = "east.geojson"
output = "out"
base_name = "east"
start_date = "2024-05-01"
end_date = "2024-06-01"
every = "1h"
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """For each metric of a page with something of everything, the values of each of its labels."""
    folder = tmp_path_factory.mktemp("state")
    (folder / "config.toml").write_text(JOB)
    settings = load(folder / "config.toml", environment={"ORCHESTRATOR_LOCAL__STATE_DIR": str(folder)}).settings
    app, heard = Records(settings, config_dir=folder), EventCounter()
    app.store.dates.settle("east", "2024-05-01T00:00")
    run = app.store.runs.admit(Admission("east", "", ("f",), "{}"))
    heard.hear("task.failed", "r", {"failure": "MEMORY"})
    with closing(sqlite3.connect(folder / "state.db")) as database, database:
        database.execute("INSERT INTO limits (name, allowed, updated) VALUES ('ee.tasks', 6, 0)")
        database.execute("UPDATE runs SET state = 'CLEANED'")
        for state in UnitState:
            database.execute("INSERT INTO unit_counts VALUES (?, 'chip', ?, 1)", (run.id, state))
    found = {}
    for family in text_string_to_metric_families(Page(app, heard).text()):
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for name, value in sample.labels.items():
                labels.setdefault(name, set()).add(value)
    app.store.close()
    return found


def asked_of(expression):
    """Yield the metrics of an expression with the labels that are asked for: (name, {label: values})."""
    for name, matchers in re.findall(r"\b((?:orchestrator|process)_\w+)(?:\{([^}]*)\})?", expression):
        yield name, {label: set(values.split("|")) for label, values in re.findall(r'(\w+)=~?"([^"]*)"', matchers)}


@pytest.mark.parametrize("name", ASKED)
def test_every_metric_that_is_asked_for_is_on_the_page(page, name):
    """With these labels and values; a misspelt one would be silent for ever."""
    wanted = [*asked_of(ASKED[name])]

    assert wanted
    for metric, labels in wanted:
        assert metric in page
        for label in labels.keys() - ITS_OWN:
            assert labels[label] <= page[metric][label], (metric, label)


@pytest.mark.parametrize("name", ASKED)
def test_every_expression_is_whole(name):
    """Its brackets match, whichever they are."""
    open_ = []
    for letter in re.sub(r'"[^"]*"', "", ASKED[name]):
        if letter in "([{":
            open_.append(letter)
        elif letter in ")]}":
            assert open_, name
            assert open_.pop() + letter in ("()", "[]", "{}")
    assert open_ == []


@pytest.mark.parametrize("name", TARGETS)
def test_a_legend_names_labels_that_are_there(page, name):
    expression, legend = TARGETS[name]

    labels = {label for metric, _ in asked_of(expression) for label in page[metric]}
    assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= labels


@pytest.mark.parametrize("rule", GROUP["rules"], ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_it_is_and_what_to_do(rule):
    """In two sentences; the commands that it names exist, and fields are Prometheus'."""
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["annotations"].keys() == {"summary", "description"}
    named = re.findall(r"`orchestrator (\w+)", rule["annotations"]["description"])
    assert set(named) <= set(cli.commands)


def test_panels_lie_beside_each_other():
    """Each has a number of its own and a place of its own in the 24 columns."""
    taken = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])


def test_the_dashboard_is_tied_to_no_server():
    """Which Prometheus is asked is chosen where it is imported."""
    asked = [panel["datasource"] for panel in BOARD["panels"]]
    asked += [target["datasource"] for panel in BOARD["panels"] for target in panel["targets"]]

    assert all(one == {"type": "prometheus", "uid": "${datasource}"} for one in asked)
    assert {one["name"] for one in BOARD["templating"]["list"]} == {"datasource", "instance"}
