"""How deep an expression graph is, told without evaluating it and without recursion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Values within values, referred to or not. A chain of 2,000 calls has 4,000; the interpreter bears some 10,000.
MAX_LEVELS = 8000


def refusal(values: Mapping[str, Any], result: str) -> str | None:
    """
    Tell why a graph, whose form has been checked, cannot be walked: it is endless, or too deep.

    Args:
        values: Of the expression, by key.
        result: Key of the value that is wanted.
    """
    begun: dict[str, tuple[dict[str, int], int]] = {}
    levels: dict[str, int] = {}
    waiting = [result]
    while waiting:
        key = waiting[-1]
        if key not in begun:
            begun[key] = _links(values[key])
            for other in begun[key][0].keys() - levels.keys():
                if other in begun:
                    return f"Invalid expression: value '{other}' refers to itself."
                waiting.append(other)
            continue
        waiting.pop()
        if key not in levels:
            links, own = begun[key]
            levels[key] = max([own, *(below + levels[other] for other, below in links.items())])
            if levels[key] > MAX_LEVELS:
                return f"Invalid expression: values are nested deeper than {MAX_LEVELS} levels."
    return None


def _links(node: Any) -> tuple[dict[str, int], int]:
    """Give the values that one refers to, each with how many levels it lies below; and the value's own depth."""
    links: dict[str, int] = {}
    deepest, waiting = 0, [(node, 1)]
    while waiting:
        each, level = waiting.pop()
        ((kind, content),) = each.items()
        deepest = max(deepest, level)
        for key in _references(kind, content):
            links[key] = max(level, links.get(key, 0))
        waiting += [(child, level + 1) for child in children(kind, content)]
    return links, deepest


def children(kind: str, content: Any) -> list[Any]:
    """Give the nodes that stand within a node."""
    if kind == "functionInvocationValue":
        return list((content.get("arguments") or {}).values())
    if kind == "arrayValue":
        return list(content.get("values") or ())
    if kind == "dictionaryValue":
        return list((content.get("values") or {}).values())
    return []


def _references(kind: str, content: Any) -> list[str]:
    if kind == "valueReference":
        return [content]
    if kind == "functionDefinitionValue":
        return [content["body"]]
    given = content.get("functionReference") if kind == "functionInvocationValue" else None
    return [] if given is None else [given]
