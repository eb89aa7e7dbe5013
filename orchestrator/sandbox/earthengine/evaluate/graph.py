"""
Walks an expression graph and calls the functions in it.

A value may contain references to arguments of the function it stands in, and the same argument name is used by
sibling functions; so a result is remembered per value and per bindings of exactly the arguments it depends on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.array_guard import refuse_arrays
from orchestrator.sandbox.earthengine.evaluate.coercion import coerced
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.extent import limited
from orchestrator.sandbox.earthengine.evaluate.keeping import Keeping
from orchestrator.sandbox.earthengine.evaluate.limits import whole
from orchestrator.sandbox.earthengine.evaluate.registry import arranged, lookup
from orchestrator.sandbox.earthengine.evaluate.values import Algorithm
from orchestrator.sandbox.scenes.catalogue import Catalogue

Node = Mapping[str, Any]
Environment = Mapping[str, Any]

# A graph is as deep as its author chained calls, and so are the bands made from it. Python functions that call
# Python functions do not use the C stack, so the interpreter's own modest limit can be lifted.
sys.setrecursionlimit(max(sys.getrecursionlimit(), 20_000))


class Graph:
    """One expression under evaluation. Used by one thread."""

    def __init__(self, expression: Mapping[str, Any], catalogue: Catalogue) -> None:
        """
        Take an expression as the client sends it: `{"result": key, "values": {key: node}}`.

        Raises:
            EvaluationError: If it is not of this form.
        """
        if not isinstance(expression.get("values"), Mapping):
            raise EvaluationError("Invalid expression: 'result' and 'values' are required.")
        self._values: Mapping[str, Node] = expression["values"]
        self._result = expression.get("result")
        self._catalogue = catalogue
        self._free: dict[str, frozenset[str]] = {}
        self._memo: dict[Any, tuple[Any, Any]] = {}

    def evaluate(self) -> Any:
        """Evaluate the result."""
        return self._reference(self._result, {})

    def _reference(self, key: Any, environment: Environment) -> Any:
        if key not in self._values:
            raise EvaluationError(f"Invalid expression: value '{key}' is referenced but not defined.")
        names = sorted(self._free_names(key))
        bound = tuple(environment.get(name) for name in names)
        memo = (key, *map(id, bound))
        if memo not in self._memo:
            # The bound objects are kept beside the result, so that no other object can take their identity.
            self._memo[memo] = (bound, self._node(self._values[key], environment))
        return self._memo[memo][1]

    def _node(self, node: Node, environment: Environment) -> Any:
        if len(node) != 1:
            raise EvaluationError("Invalid expression: a value must be of exactly one kind.")
        ((kind, content),) = node.items()
        step = _KINDS.get(kind)
        if step is None:
            raise EvaluationError(f"Invalid expression: values of kind '{kind}' are not imitated by this sandbox.")
        return step(self, content, environment)

    def _constant(self, content: Any, environment: Environment) -> Any:
        del environment
        return content

    def _integer(self, content: Any, environment: Environment) -> int:
        del environment
        try:
            return whole("integerValue", int(content))
        except (TypeError, ValueError):
            raise EvaluationError(f"Invalid expression: the integerValue '{content}' is no integer.") from None

    def _array(self, content: Any, environment: Environment) -> list[Any]:
        items = []
        for node in content.get("values") or ():
            items.append(self._node(node, environment))  # noqa: PERF401 - one frame less per level of depth
        return items

    def _dictionary(self, content: Any, environment: Environment) -> dict[str, Any]:
        items = {}
        for key, node in (content.get("values") or {}).items():
            items[key] = self._node(node, environment)
        return items

    def _argument(self, content: str, environment: Environment) -> Any:
        if content not in environment:
            raise EvaluationError(f"Invalid expression: argument '{content}' is not bound.")
        return environment[content]

    def _definition(self, content: Any, environment: Environment) -> Algorithm:
        names = tuple(content.get("argumentNames") or ())
        body = content["body"]

        def call(arguments: Mapping[str, Any]) -> Any:
            return self._reference(body, {**environment, **arguments})

        return Algorithm(names, call, Keeping(self._values, body, names[0]) if names else None)

    def _invocation(self, content: Any, environment: Environment) -> Any:
        function, called = content.get("functionReference"), content.get("functionName")
        given = content.get("arguments") or {}
        if function is None and not isinstance(called, str):
            raise EvaluationError("Invalid expression: a call must name its function.")
        if function is None and lookup(called).lazy:
            return self._call_lazily(called, given, environment)
        arguments = {}
        for name, node in given.items():
            arguments[name] = self._node(node, environment)
        if function is not None:
            return self._call_value(self._reference(function, environment), arguments)
        return self._call(called, arguments)

    def _call_lazily(self, name: str, nodes: Mapping[str, Node], environment: Environment) -> Any:
        promised = {key: partial(self._node, node, environment) for key, node in nodes.items()}
        return lookup(name).call(*(promise for _, promise in arranged(name, promised)))

    def _call_value(self, target: Any, arguments: Mapping[str, Any]) -> Any:
        if not isinstance(target, Algorithm):
            raise EvaluationError("Invalid expression: the referenced function is not a function.")
        return target.call(arguments)

    def _call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        implementation = lookup(name)
        given = arranged(name, arguments)
        ordered = [coerced(name, parameter, value) for parameter, value in given]
        refuse_arrays(name, zip((parameter.name for parameter, _ in given), ordered, strict=True))
        if implementation.needs_catalogue:
            ordered.insert(0, self._catalogue)
        return limited(implementation.call(*ordered))

    def _free_names(self, key: str) -> frozenset[str]:
        """Name the arguments a value depends on and does not bind itself."""
        if key not in self._free:
            self._free[key] = frozenset()  # ends circular references; they fail in evaluation
            self._free[key] = self._free_in(self._values.get(key, {}))
        return self._free[key]

    def _free_in(self, node: Any) -> frozenset[str]:
        if "argumentReference" in node:
            return frozenset({node["argumentReference"]})
        if "valueReference" in node:
            return self._free_names(node["valueReference"])
        if "functionDefinitionValue" in node:
            definition = node["functionDefinitionValue"]
            return self._free_names(definition["body"]) - frozenset(definition.get("argumentNames") or ())
        names: frozenset[str] = frozenset()
        for child in _children(node):
            names |= self._free_in(child)
        if (function := node.get("functionInvocationValue", {}).get("functionReference")) is not None:
            names |= self._free_names(function)
        return names


def _children(node: Node) -> list[Node]:
    if "functionInvocationValue" in node:
        return list((node["functionInvocationValue"].get("arguments") or {}).values())
    if "arrayValue" in node:
        return list(node["arrayValue"].get("values") or ())
    if "dictionaryValue" in node:
        return list((node["dictionaryValue"].get("values") or {}).values())
    return []


_KINDS: dict[str, Callable[[Graph, Any, Environment], Any]] = {
    "constantValue": Graph._constant,  # noqa: SLF001 - the table of the class's own methods
    "integerValue": Graph._integer,  # noqa: SLF001
    "arrayValue": Graph._array,  # noqa: SLF001
    "dictionaryValue": Graph._dictionary,  # noqa: SLF001
    "functionDefinitionValue": Graph._definition,  # noqa: SLF001
    "functionInvocationValue": Graph._invocation,  # noqa: SLF001
    "argumentReference": Graph._argument,  # noqa: SLF001
    "valueReference": Graph._reference,  # noqa: SLF001
}
