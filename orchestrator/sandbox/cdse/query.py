"""The options of a question to the catalogue besides $filter: how many, from where, in which order, with what."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from orchestrator.sandbox.cdse.conditions import Condition
from orchestrator.sandbox.cdse.filters import condition_of
from orchestrator.sandbox.cdse.products import Bounds, Product
from orchestrator.sandbox.web import ApiError, Request, Response, json_response

TOP, MOST_TOP, MOST_SKIP = 20, 1000, 10_000
OPTIONS = ("$filter", "$orderby", "$top", "$skip", "$count", "$expand", "$select")
ORDERS = ("ContentDate/Start", "ContentDate/End", "PublicationDate", "ModificationDate")
EXPANDED = ("Attributes", "Assets", "Locations")
TRUTHS = {"True": True, "true": True, "1": True, "False": False, "false": False, "0": False}
MEDIA_TYPE = "@odata.mediaContentType"
FIELDS = (
    "Id", "Name", "ContentType", "ContentLength", "OriginDate", "PublicationDate", "ModificationDate", "Online",
    "EvictionDate", "S3Path", "Checksum", "ContentDate", "Footprint", "GeoFootprint",
)  # fmt: skip


class OutOfRange(Exception):  # noqa: N818  it is answered, not failed
    """A number that the service refuses with 422 and a body of its own."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        super().__init__(body)
        self.response: Response = json_response({"detail": [body]}, 422)


@dataclass(frozen=True, slots=True)
class Query:
    """
    Attributes:
        order: A date to sort by, or empty for none.
        select: Fields to tell; empty for all.
    """

    condition: Condition | None
    order: str
    descending: bool
    top: int
    skip: int
    count: bool
    expand: tuple[str, ...]
    select: tuple[str, ...]

    def found(self, products: Iterable[Product]) -> list[Product]:
        """Return those that the filter holds of, in order; without one, in an order that nobody can use."""
        held = [each for each in products if self.condition is None or self.condition.holds(each)]
        if not self.order:
            return sorted(held, key=lambda each: hashlib.md5(each.id.encode(), usedforsecurity=False).digest())
        held.sort(key=lambda each: each.id)  # the service adds it, so that pages are complete
        held.sort(key=self._date, reverse=self.descending)
        return held

    def _date(self, product: Product) -> Any:
        if self.order.startswith("ContentDate/"):
            return product.start if self.order.endswith("Start") else product.end
        return product.date(self.order)

    @property
    def bounds(self) -> Bounds:
        return Bounds() if self.condition is None else self.condition.narrowed(Bounds())


def query_of(request: Request) -> Query:
    """
    Read the options.

    Raises:
        ApiError: 400 for an option or a word that is unknown.
        OutOfRange: $top or $skip are none, or too large.
    """
    told = request.query
    for name in told:
        if name not in OPTIONS:
            raise ApiError(400, f"Invalid query option {name!r}; known are {', '.join(OPTIONS)}")
    order, descending = _order(told.get("$orderby", ""))
    return Query(
        condition=condition_of(told["$filter"]) if told.get("$filter", "").strip() else None,
        order=order,
        descending=descending,
        top=_number(told, "$top", TOP, MOST_TOP),
        skip=_number(told, "$skip", 0, MOST_SKIP),
        count=_truth(told.get("$count", "False")),
        expand=expanded(told),
        select=_listed(told, "$select", FIELDS),
    )


def expanded(told: Mapping[str, str]) -> tuple[str, ...]:
    """
    Read $expand.

    Raises:
        ApiError: 400 for a name that cannot be expanded.
    """
    return _listed(told, "$expand", EXPANDED)


def next_link(request: Request, path: str, query: Query) -> str | None:
    """Return where the next page is; None beyond the wall."""
    skip = query.skip + query.top
    if skip > MOST_SKIP:
        return None
    options = {name: str(skip) if name == "$skip" else value for name, value in request.query.items()}
    return f"{request.base_url}{path}?{urlencode({**options, '$skip': str(skip)})}"


def _order(text: str) -> tuple[str, bool]:
    field, _, direction = text.strip().partition(" ")
    if text and (field not in ORDERS or direction.strip() not in ("", "asc", "desc")):
        raise ApiError(400, f"Invalid $orderby {text!r}; known are {', '.join(ORDERS)}, each with asc or desc")
    return field, direction.strip() == "desc"


def _listed(told: Mapping[str, str], name: str, known: tuple[str, ...]) -> tuple[str, ...]:
    named = tuple(each.strip() for each in told.get(name, "").split(",") if each.strip())
    for each in named:
        if each not in known:
            raise ApiError(400, f"Invalid {name} {each!r}; known are {', '.join(known)}")
    return named


def _truth(text: str) -> bool:
    if text not in TRUTHS:
        raise ApiError(400, f"Invalid $count {text!r}; known are {', '.join(TRUTHS)}")
    return TRUTHS[text]


def _number(told: Mapping[str, str], name: str, usual: int, most: int) -> int:
    text = told.get(name)
    if text is None:
        return usual
    where = {"loc": ["query", name], "input": text}
    if not text.lstrip("-").isdigit() or len(text) > 18:
        message = "Input should be a valid integer, unable to parse string as an integer"
        raise OutOfRange({"type": "int_parsing", **where, "msg": message})
    number = int(text)
    if number > most:
        message = f"Input should be less than or equal to {most}"
        raise OutOfRange({"type": "less_than_equal", **where, "msg": message, "ctx": {"le": most}})
    if number < 0:
        message = "Input should be greater than or equal to 0"
        raise OutOfRange({"type": "greater_than_equal", **where, "msg": message, "ctx": {"ge": 0}})
    return number
