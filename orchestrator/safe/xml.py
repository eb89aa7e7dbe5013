"""Metadata in XML as a tree of plain elements: names without namespaces, no link, no entity, no document type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from orchestrator.core.errors import UserError

MAX_DEPTH = 100


@dataclass(slots=True)
class Element:
    """
    One element of a document.

    Attributes:
        where: The document, as messages call it.
    """

    name: str
    attributes: Mapping[str, str]
    where: str
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def all(self, name: str) -> Iterator[Element]:
        """Yield every element called `name` below this one, in the order of the document."""
        for child in self.children:
            if child.name == name:
                yield child
            yield from child.all(name)

    def find(self, *names: str) -> Element | None:
        """Return the first element below this one with the first of `names` that is there at all."""
        return next((found for name in names for found in self.all(name)), None)

    def one(self, *names: str) -> Element:
        """
        Return what `find` does.

        Raises:
            UserError: It is not there.
        """
        found = self.find(*names)
        if found is None:
            raise UserError(f"{self.where}: {self.name} has no element {' or '.join(names)}; fetch the file again")
        return found

    def number(self) -> float:
        """
        Return the text as a number; "NaN" is one.

        Raises:
            UserError: It is none.
        """
        try:
            return float(self.text)
        except ValueError:
            raise UserError(f"{self.where}: {self.name} is {self.text[:40]!r}, expected a number") from None

    def whole(self, *attributes: str) -> int:
        """
        Return the first of `attributes` that is there, or without any the text, as a whole number.

        Raises:
            UserError: It is missing or no whole number.
        """
        found = next((self.attributes[name] for name in attributes if name in self.attributes), None)
        text = (found or "") if attributes else self.text
        try:
            return int(text)
        except ValueError:
            what = f"attribute {' or '.join(attributes)} of {self.name}" if attributes else self.name
            raise UserError(f"{self.where}: {what} is {text[:40]!r}, expected a whole number") from None


class _Builder:
    def __init__(self, where: str) -> None:
        self.root: Element | None = None
        self._where = where
        self._open: list[Element] = []
        self._text: list[str] = []

    def doctype(self, *_: Any) -> None:
        raise UserError(f"{self._where}: holds a document type or entities, which no metadata needs; it is not read")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag.rpartition(":")[2], attributes, self._where)
        if len(self._open) >= MAX_DEPTH:
            raise UserError(f"{self._where}: is nested deeper than {MAX_DEPTH} elements; it is damaged or hostile")
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)
        self._text = []

    def characters(self, piece: str) -> None:
        self._text.append(piece)

    def end(self, _: str) -> None:
        element = self._open.pop()
        if not element.children:
            element.text = "".join(self._text).strip()
        self._text = []


def parse(content: bytes, where: str, root: str) -> Element:
    """
    Return the root element of a document, whose name must end with `root`.

    Raises:
        UserError: It is no XML, is cut short, is another document, or holds a document type.
    """
    builder = _Builder(where)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = builder.doctype
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.characters
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError, UnicodeError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(
            f"{where}: cannot be read as XML ({reason}); it is damaged or cut short: fetch it again"
        ) from None
    found = builder.root
    if found is None or not found.name.endswith(root):
        raise UserError(f"{where}: begins with {found.name if found else 'nothing'}, expected …{root}")
    return found
