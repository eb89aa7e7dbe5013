"""XML as text: elements as nested calls, indented."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'


def tag(name: str, *content: object, **attributes: object) -> str:
    """Return an element; content is text, or elements that this function made. Nothing else may begin with `<`."""
    told = "".join(f" {key}={quoteattr(str(value))}" for key, value in attributes.items())
    inner = [str(each) for each in content if str(each)]
    if not inner:
        return f"<{name}{told}/>"
    if not inner[0].startswith("<"):
        return f"<{name}{told}>{escape(''.join(inner))}</{name}>"
    lines = "\n".join(inner).replace("\n", "\n  ")
    return f"<{name}{told}>\n  {lines}\n</{name}>"


def root(name: str, spaces: dict[str, str], *content: str, **attributes: object) -> str:
    """Return a document; `spaces` are the namespaces by prefix."""
    body = tag(name, *content, **{f"xmlns:{prefix}": uri for prefix, uri in spaces.items()}, **attributes)
    return f"{HEAD}{body}\n"
