"""
The grammar of a $filter, as the service's pages show it.

    either    = both { "or" both }
    both      = negated { "and" negated }
    negated   = [ "not" ] ( "(" either ")" | match | intersects | any | comparison )
    match     = ( "contains" | "startswith" | "endswith" ) "(" "Name" "," text ")"
    any       = "Attributes/OData.CSC.<Type>Attribute/any" "(" v ":" v"/Name" "eq" text
                "and" v"/OData.CSC.<Type>Attribute/Value" operator value ")"
    comparison = field operator value

What the pages do not show is refused by its name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import shapely
from shapely.errors import GEOSException
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.cdse.conditions import (
    MATCHES,
    OPERATORS,
    AttributeIs,
    Both,
    Condition,
    DateIs,
    Either,
    InCollection,
    NameMatches,
    Not,
    Touches,
)
from orchestrator.sandbox.cdse.lexer import Word, words_of
from orchestrator.sandbox.cdse.products import moment_of
from orchestrator.sandbox.web import ApiError, not_imitated

DATES = ("ContentDate/Start", "ContentDate/End", "PublicationDate", "ModificationDate", "OriginDate")
TEXTS = ("Name", "Collection/Name")
INTERSECTS = "OData.CSC.Intersects"
MOST_DEEP = 50
_ANY = re.compile(r"[Aa]ttributes/OData\.CSC\.(String|Double|Integer|DateTimeOffset|Boolean)Attribute/any")
_KINDS_OF_VALUES = {"String": "text", "Double": "number", "Integer": "number", "DateTimeOffset": "time"}


def condition_of(text: str) -> Condition:
    """
    Read a $filter.

    Raises:
        ApiError: 400 for what the service does not accept, or is not known to.
    """
    reader = _Reader(words_of(text))
    found = reader.either()
    reader.expect("end")
    return found


class _Reader:
    def __init__(self, words: list[Word]) -> None:
        self._words = words
        self._at = 0
        self._deep = 0

    @property
    def _next(self) -> Word:
        return self._words[self._at]

    def expect(self, kind: str, text: str | None = None) -> Word:
        """Take the next word, which must be of this kind."""
        word = self._next
        if word.kind != kind or text not in (None, word.text):
            wanted = f"'{text}'" if text else {"end": "its end", "text": "a text in quotes"}.get(kind, f"a {kind}")
            raise _wrong(f"expected {wanted} at character {word.at}, found {word.text!r}")
        self._at += 1
        return word

    def _takes(self, text: str) -> bool:
        """Take the next word if it is this one."""
        found = self._next.kind in ("path", "mark") and self._next.text == text
        self._at += found
        return found

    # Rules

    def either(self) -> Condition:
        return self._joined("or", self._both, Either)

    def _both(self) -> Condition:
        return self._joined("and", self._negated, Both)

    def _joined(
        self, word: str, part: Callable[[], Condition], join: Callable[[tuple[Condition, ...]], Condition]
    ) -> Condition:
        parts = [part()]
        while self._takes(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else join(tuple(parts))

    def _negated(self) -> Condition:
        self._deep += 1
        if self._deep > MOST_DEEP:
            raise _wrong(f"more than {MOST_DEEP} levels of parentheses")
        try:
            return Not(self._negated()) if self._takes("not") else self._primary()
        finally:
            self._deep -= 1

    def _primary(self) -> Condition:
        if self._takes("("):
            found = self.either()
            self.expect("mark", ")")
            return found
        word = self.expect("path")
        if word.text in MATCHES:
            return self._match(word.text)
        if word.text == INTERSECTS:
            return self._intersects()
        if found_any := _ANY.fullmatch(word.text):
            return self._any(found_any[1])
        return self._comparison(word.text)

    def _match(self, function: str) -> Condition:
        self.expect("mark", "(")
        field = self.expect("path").text
        if field != "Name":
            raise not_imitated(f"{function}() of {field!r} in a $filter; of Name it is")
        self.expect("mark", ",")
        text = self.expect("text").text
        self.expect("mark", ")")
        return NameMatches(function, text)

    def _intersects(self) -> Condition:
        self.expect("mark", "(")
        self.expect("path", "area")
        self.expect("mark", "=")
        area = _area(self.expect("geography").text)
        self.expect("mark", ")")
        return Touches(area)

    def _any(self, kind: str) -> Condition:
        self.expect("mark", "(")
        name = self.expect("path").text
        self.expect("mark", ":")
        self.expect("path", f"{name}/Name")
        self.expect("path", "eq")
        attribute = self.expect("text").text
        self.expect("path", "and")
        self.expect("path", f"{name}/OData.CSC.{kind}Attribute/Value")
        compared = self._operator()
        if kind == "String" and compared != "eq":
            raise _wrong(f"the operator {compared!r} of a StringAttribute; only eq is")
        value = self._value(kind)
        self.expect("mark", ")")  # a second bound in one any() is refused here, as the service refuses it
        return AttributeIs(kind, attribute, compared, value)

    def _comparison(self, field: str) -> Condition:
        if field not in DATES + TEXTS:
            raise _wrong(f"the field {field!r}; known are {', '.join(DATES + TEXTS)} and Attributes/...")
        compared = self._operator()
        if field in DATES:
            return DateIs(field, compared, _moment(self.expect("time").text))
        if compared != "eq":
            raise _wrong(f"the operator {compared!r} of {field}; only eq is")
        text = self.expect("text").text
        return NameMatches("eq", text) if field == "Name" else InCollection(text)

    def _operator(self) -> str:
        word = self.expect("path")
        if word.text not in OPERATORS:
            raise _wrong(f"the operator {word.text!r} at character {word.at}; known are {', '.join(OPERATORS)}")
        return word.text

    def _value(self, kind: str) -> str | float | datetime:
        if kind not in _KINDS_OF_VALUES:
            raise not_imitated(f"attributes of the type {kind} in a $filter")
        text = self.expect(_KINDS_OF_VALUES[kind]).text
        if kind == "Integer":
            if not text.lstrip("+-").isdigit():
                raise _wrong(f"the value {text!r} of an IntegerAttribute")
            return int(text)
        if kind == "Double":
            return float(text)
        return _moment(text) if kind == "DateTimeOffset" else text


def _moment(text: str) -> datetime:
    try:
        return moment_of(text)
    except ValueError:
        raise _wrong(f"the time {text!r}") from None


def _area(text: str) -> BaseGeometry:
    """Read what stands in geography'...': a point or a closed polygon in degrees."""
    head, _, wkt = text.partition(";")
    if head.replace(" ", "") != "SRID=4326":
        raise _wrong(f"the geography {text[:60]!r}; it begins with SRID=4326;")
    try:
        area = shapely.from_wkt(wkt)
    except GEOSException as error:  # also a polygon whose ends do not meet
        raise _wrong(f"the geography {wkt[:60]!r}: {error}") from None
    if area.geom_type not in ("Point", "Polygon"):
        raise _wrong(f"the geography {wkt[:60]!r}; POINT and POLYGON are supported, MULTIPOLYGON is not")
    return area


def _wrong(what: str) -> ApiError:
    return ApiError(400, f"Invalid filter: {what}")
