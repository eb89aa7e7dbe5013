"""The pieces of a run as a list: what a map shows, for those who read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from orchestrator.app.finding import find_head
from orchestrator.app.records import Records
from orchestrator.app.verbs.run_map import WORDS, Stage, stage_of
from orchestrator.engine.stores.contract_marks import How, Mark, Unplaced
from orchestrator.model.grid import Window


@dataclass(frozen=True, slots=True)
class ListedPiece:
    """
    A piece in a list.

    Attributes:
        kind: `part`, or a unit's kind.
        key: Of a unit without a window; empty of others, which are found by their place.
        grid: Index of its grid in the plan.
        window: Its pixels; None where it has none.
        stage: See `run_map.Stage`.
        words: The stage in words.
    """

    kind: str
    key: str
    grid: int
    window: Window | None
    stage: Stage
    words: str


@dataclass(frozen=True, slots=True)
class PieceList:
    """
    Some pieces of a run.

    Attributes:
        run: Its id.
        rows: The pieces.
        counts: How many there are of each kind and stage.
        placed: Whether any has a window.
        more: Whether more follow.
    """

    run: str
    rows: tuple[ListedPiece, ...]
    counts: dict[str, dict[str, int]]
    placed: bool
    more: bool


def list_pieces(app: Records, name: str, stage: str = "", skip: int = 0, limit: int = 50) -> PieceList:
    """
    Return pieces of a run, those of one stage where its letter is given, by grid, row and column.

    Raises:
        UserError: No run is called so, or several are.
    """
    run = find_head(app.store, name).id
    marks = app.store.marks.of(run)
    everything: list[Mark | Unplaced] = [*marks, *app.store.marks.unplaced(run)]
    counts: dict[str, dict[str, int]] = {}
    for each in everything:
        of_kind = counts.setdefault(_how(each).kind, {})
        letter = stage_of(_how(each))
        of_kind[letter] = of_kind.get(letter, 0) + 1
    wanted = (each for each in everything if stage in ("", stage_of(_how(each))))
    found = list(islice(wanted, skip, skip + limit + 1))
    return PieceList(run, tuple(_listed(found[:limit])), counts, bool(marks), len(found) > limit)


def _how(each: Mark | Unplaced) -> How:
    return each.how if isinstance(each, Unplaced) else each[1]


def _listed(found: list[Mark | Unplaced]) -> Iterator[ListedPiece]:
    for each in found:
        how = _how(each)
        stage = stage_of(how)
        if isinstance(each, Unplaced):
            yield ListedPiece(how.kind, each.key, 0, None, stage, WORDS[stage])
        else:
            grid, *window = each[0]
            yield ListedPiece(how.kind, "", grid, Window(*window), stage, WORDS[stage])
