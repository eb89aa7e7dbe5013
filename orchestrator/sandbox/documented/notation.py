"""
Expressions written short, as the files of examples have them.

    {"Number.add": [1, 2]}                      a call with arguments in their declared order, null for one left out
    {"List.sequence": {"start": 1, "end": 3}}   a call with named arguments
    {"function": ["x", {"Number.add": ["@x", 1]}]}   a function of x; several names are a list
    "@x"                                        the argument x; "@@x" is the text "@x"

An object whose only key is a declared function, or `function`, is such a form; every other one is a dictionary. All
else is the value it looks like.
"""

from __future__ import annotations

from typing import Any

from orchestrator.sandbox.earthengine.evaluate import registry


def expression(written: Any) -> dict[str, Any]:
    """
    Make what the client would send of a written expression.

    Raises:
        ValueError: If a call has more arguments than its function.
    """
    values: dict[str, Any] = {}
    values["0"] = _node(written, values)
    return {"result": "0", "values": values}


def _node(written: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Give a node; the bodies of functions, which are referred to by name, go into `values`."""
    if isinstance(written, str) and written.startswith("@"):
        return {"constantValue": written[1:]} if written[1:2] == "@" else {"argumentReference": written[1:]}
    if isinstance(written, list):
        return {"arrayValue": {"values": [_node(each, values) for each in written]}}
    if not isinstance(written, dict):
        return {"constantValue": written}
    if len(written) == 1:
        ((name, given),) = written.items()
        if name == "function":
            return _definition(given, values)
        if registry.is_declared(name):
            return {"functionInvocationValue": {"functionName": name, "arguments": _arguments(name, given, values)}}
    return {"dictionaryValue": {"values": {key: _node(value, values) for key, value in written.items()}}}


def _definition(given: Any, values: dict[str, Any]) -> dict[str, Any]:
    names, written = given
    body = _node(written, values)
    key = str(len(values) + 1)
    values[key] = body
    return {"functionDefinitionValue": {"argumentNames": [names] if isinstance(names, str) else names, "body": key}}


def _arguments(name: str, given: Any, values: dict[str, Any]) -> dict[str, Any]:
    if isinstance(given, list):
        declared = [parameter.name for parameter in registry.parameters(name)]
        if len(given) > len(declared):
            raise ValueError(f"{name} has {len(declared)} arguments, found {len(given)}")
        given = dict(zip(declared, given, strict=False))
    return {key: _node(value, values) for key, value in given.items() if value is not None}
