"""What is asked of a long list of runs, and a page of it, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.core.errors import UserError
from orchestrator.engine.stores.records import Head
from orchestrator.model.states import RunState, Who

MOST_ROWS = 500  # of one page


class RunOrder(StrEnum):
    """By what a list of runs is sorted."""

    STARTED = "started"  # when it was begun
    UPDATED = "updated"
    TOOK = "took"  # from its beginning to its end, or to now
    NAME = "name"  # of its job
    PRODUCT = "product"
    SERVICE = "service"
    STATE = "state"
    AREA = "area"
    OUTPUT = "output"
    SIZE = "size"  # of its result, bytes
    VALID = "valid"  # the share of the area's pixels that hold data, of the worst band


@dataclass(frozen=True, slots=True)
class RunQuery:
    """
    Which runs are meant, in which order, and which page of them.

    Attributes:
        states: Any of these; none is all.
        who: Who must act on it; None is anybody.
        job: Of exactly this job.
        product: Of exactly this product.
        service: Begun on exactly this service.
        text: Words, each of which stands in its id, the name of its job, its base name, its area, where its result
            goes, or its reason; capitals of ASCII count as small letters.
        since: Begun at this time or later, RFC 3339 or its beginning, UTC; empty is whenever.
        until: Begun before this time, likewise.
        order: By what they are sorted; of what is equal, and of what is not known, the newest first.
        descending: Whether the greatest comes first.
        offset: How many are passed over.
        limit: How many are returned.
    """

    states: tuple[RunState, ...] = ()
    who: Who | None = None
    job: str = ""
    product: str = ""
    service: str = ""
    text: str = ""
    since: str = ""
    until: str = ""
    order: RunOrder = RunOrder.STARTED
    descending: bool = True
    offset: int = 0
    limit: int = 50

    def __post_init__(self) -> None:
        if self.offset < 0:
            raise UserError(f"a list of runs cannot begin {self.offset} before its first; give 0 or more")
        if not 1 <= self.limit <= MOST_ROWS:
            raise UserError(f"a page of {self.limit} runs is not given; ask for 1 to {MOST_ROWS}")


@dataclass(frozen=True, slots=True)
class RunPage:
    """
    A page of a list of runs.

    Attributes:
        heads: Of the runs on it, in order.
        total: How many runs are meant, on all pages.
        by_state: How many there would be of each state, if any state were meant.
    """

    heads: Sequence[Head]
    total: int
    by_state: Mapping[RunState, int]
