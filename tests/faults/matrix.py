"""The matrix of faults: what is done about each at each step, and which test proves it; and its page."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = Path(__file__).with_name("faults.csv")
PAGE = ROOT / "docs" / "reference" / "faults.md"
BEGIN, END = "<!-- from tests/faults/faults.csv -->\n", "<!-- end -->\n"


@dataclass(frozen=True)
class Cell:
    """
    A fault at a step.

    Attributes:
        behaviour: What is done about it, in the words of the page.
        test: Node id of the test that lets it happen.
        fired: How that test knows that it happened.
    """

    fault: str
    step: str
    behaviour: str
    test: str
    fired: str


def cells() -> list[Cell]:
    """Return the matrix, by fault and step."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return [Cell(**row) for row in csv.DictReader(file)]


def table() -> str:
    """Return the matrix as the page shows it: a heading for each fault, a row for each step, or for several alike."""
    lines = []
    for fault, found in groupby(cells(), key=lambda cell: cell.fault):
        lines += [f"### {fault}", "", "| step | behaviour | test | it happened, since |", "|---|---|---|---|"]
        for (behaviour, test, fired), same in groupby(found, key=lambda cell: (cell.behaviour, cell.test, cell.fired)):
            steps = ", ".join(cell.step for cell in same)
            path, _, name = test.partition("::")
            lines.append(f"| {steps} | {behaviour} | `{name}` in `{path}` | {fired} |".replace("[|", "["))
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(before + BEGIN + "\n" + table() + END + rest.partition(END)[2], encoding="utf-8")
