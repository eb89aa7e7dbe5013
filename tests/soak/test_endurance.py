"""What the long form measures with: faults that are drawn, and figures of the first and the last quarter."""

from __future__ import annotations

import random

import numpy as np
from drawn import drawn
from endurance import Sample, table

from orchestrator.sandbox.faults import Faults, Rule
from orchestrator.sandbox.web import Request

CALLS, SHARE = 400, 0.5


def test_each_call_goes_wrong_with_the_share_that_was_asked_for():
    """Of 400 calls at one half, as the sandbox takes the orders: within four standard deviations, of every kind."""
    faults = Faults()
    for order in drawn(random.Random(3), SHARE, CALLS):  # noqa: S311  nothing to guard
        faults.order(Rule.of(order))
    request = Request("GET", "/", {}, {}, {}, b"", "")

    acted = [faults.for_call("any", request) for _ in range(CALLS)]

    kinds = [(each.rule.action, each.rule.status) for each in acted if each]
    spread = 4 * (CALLS * SHARE * (1 - SHARE)) ** 0.5
    assert abs(len(kinds) - CALLS * SHARE) < spread
    assert min(kinds.count(kind) for kind in {("http", 503), ("http", 429), ("reset", 503), ("truncate", 503)}) > 25


def test_the_table_tells_medians_of_quarters_and_the_slope_of_an_hour():
    """Of figures that grow with the minutes: against numpy."""
    minutes = np.arange(1, 9)
    samples = [Sample(m, int(3 * m), 200 + m, 9, 4, 0, 10.0, 20.0, float(m * m)) for m in minutes.tolist()]

    rows = {line.split()[0]: [float(word) for word in line.split()[1:]] for line in table(samples).splitlines()[1:]}

    slope = np.polyfit(minutes / 60, minutes**2, 1)[0]
    assert rows["parts"] == [4.5, 22.5, 3, 24, 180]
    assert rows["threads"] == [4, 4, 4, 4, 0]
    assert rows["kib_a_part"] == [2.5, 56.5, 1, 64, round(slope, 1)]


def test_memory_is_compared_among_processes_that_have_done_as_much():
    """A process that was just begun is light: that there are fewer of them later is no growth."""
    samples = [
        Sample(float(m), 0, 370.0 if worked else 240.0, 9, 4, 0, 1.0, 1.0, 1.0, 3.0 * worked)
        for m, worked in enumerate([0, 0, 0, 1, 0, 1, 1, 1])
    ]

    [row] = [line.split()[1:] for line in table(samples).splitlines() if line.startswith("rss_mib")]

    assert [float(word) for word in row] == [370.0, 370.0, 370.0, 370.0, 0.0]
