"""What is said of each of the client's functions: right by which source, or refused."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.sandbox.documented.examples import Example, Outcome, Verdict
from orchestrator.sandbox.earthengine.evaluate import refusals, registry

SOURCES = Path(__file__).parent / "sources"
_PAGE = """# What the sandbox makes of every function

Of the {declared} functions that the installed client knows {imitated} are imitated, each by the source that is named.
`apidocs/`, `guides/` and `tutorials/` are pages below developers.google.com/earth-engine. A function without a source
is refused by its name with HTTP 400, and so are the corners in the last column; of the most used refused functions it
says why, and what may serve instead. Written by `python -m orchestrator.sandbox.documented --page`.

| function | right by | refused corners, or why |
|---|---|---|"""


@dataclass(frozen=True, slots=True)
class Source:
    """
    Why a function is held to be right.

    Attributes:
        function: Its name.
        pages: What tells its rule: `apidocs/ee-number-add`, `guides/reducers_weighting`, or a reference by name.
        refused: Corners that are refused by name, in a few words; empty where there are none.
    """

    function: str
    pages: str
    refused: str = ""


def read_sources(folder: Path = SOURCES) -> dict[str, Source]:
    """
    Read the sources of all imitated functions: name, pages and refused corners, separated by tabs.

    Raises:
        ValueError: If a line is none, or a function has two; it names file and line.
    """
    found: dict[str, Source] = {}
    for path in sorted(folder.glob("*.tsv")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if not line or line.startswith("#"):
                continue
            columns = line.split("\t")
            if not 2 <= len(columns) <= 3 or not all(columns[:2]) or columns[0] in found:
                raise ValueError(f"{path.name}, line {number}: not a function with its pages, or a second one of it")
            found[columns[0]] = Source(*columns)
    return found


@dataclass(frozen=True, slots=True)
class Row:
    """A family of functions: how many are imitated, refused, declared by the client, and examples by verdict."""

    family: str
    imitated: int
    refused: int
    examples: Mapping[Verdict, int]

    @property
    def total(self) -> int:
        return self.imitated + self.refused


def family_of(function: str) -> str:
    """Give the part of a function's name before the first dot."""
    return function.partition(".")[0]


def rows(outcomes: Iterable[tuple[Example, Outcome]]) -> list[Row]:
    """Give a row per family, the largest first."""
    verdicts: defaultdict[str, Counter[Verdict]] = defaultdict(Counter)
    for example, outcome in outcomes:
        verdicts[family_of(example.of)][outcome.verdict] += 1
    declared = Counter(map(family_of, registry.declared()))
    imitated = Counter(map(family_of, registry.imitated()))
    return [
        Row(family, imitated[family], count - imitated[family], verdicts[family])
        for family, count in declared.most_common()
    ]


def written(found: Sequence[Row]) -> str:
    """Write the table, with a line of sums at its end."""
    head = f"{'family':28}{'right':>7}{'refused':>9}{'total':>7}   {'examples right':>14}{'refused':>9}{'wrong':>7}"
    lines = [head, *(_line(row.family, [row]) for row in found), _line("all", found)]
    return "\n".join(lines)


def page(sources: Mapping[str, Source]) -> str:
    """Write what is said of every function the client knows: right by which source, or refused."""
    imitated, declared, refused = registry.imitated(), registry.declared(), refusals.told()
    lines = [_PAGE.format(declared=len(declared), imitated=len(imitated & declared))]
    for name in sorted(declared):
        source = sources.get(name)
        if source is None:
            told = ("**refused**", refused[name].sentence if name in refused else "")
        else:
            told = (_cell(source.pages), _cell(source.refused))
        lines.append(f"| `{name}` | {told[0]} | {told[1]} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _line(name: str, found: Sequence[Row]) -> str:
    functions = (sum(row.imitated for row in found), sum(row.refused for row in found), sum(row.total for row in found))
    right, refused, wrong = (
        sum(row.examples.get(verdict, 0) for row in found)
        for verdict in (Verdict.RIGHT, Verdict.REFUSED, Verdict.WRONG)
    )
    return f"{name:28}{functions[0]:7}{functions[1]:9}{functions[2]:7}   {right:14}{refused:9}{wrong:7}"
