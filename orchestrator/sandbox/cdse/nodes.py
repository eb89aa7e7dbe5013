"""A product's files as a tree of nodes, found by the way of names in a request's path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from orchestrator.sandbox.cdse.products import Product, Products, Tree
from orchestrator.sandbox.cdse_errors import MALFORMED_PATH
from orchestrator.sandbox.web import ApiError

_STEP = re.compile(r"/Nodes\(([^/]*)\)")
_NUMBER = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


@dataclass(frozen=True, slots=True)
class Node:
    """
    A place in a product.

    Attributes:
        names: From the SAFE folder downwards; empty is the product itself.
        content: A folder, or a file's size in bytes.
    """

    product: Product
    names: tuple[str, ...]
    content: Tree | int

    @property
    def path(self) -> str:
        """The way inside the SAFE folder."""
        return "/".join(self.names[1:])


def node_at(products: Products, number: str, steps: str) -> Node:
    """
    Find a node.

    Args:
        products: Where to look.
        number: The product's Id.
        steps: `/Nodes(a)/Nodes(b)`, or nothing.

    Raises:
        ApiError: 400 if Id or steps are none, such as with quotes; 404 if there is no such product or node.
    """
    names = tuple(_STEP.findall(steps))
    if not _NUMBER.fullmatch(number) or _STEP.sub("", steps) or any(each[:1] in ("'", '"', "") for each in names):
        code, message = MALFORMED_PATH
        raise ApiError(400, message, code=code)
    product = products.get(number)
    if product is None:
        raise ApiError(404, f"Product {number} not found")
    content: Tree | int = {product.name: products.tree(product)}
    for name in names:
        if not isinstance(content, Mapping) or name not in content:
            raise ApiError(404, f"Node {name} of product {number} not found")
        content = content[name]
    return Node(product, names, content)


def listed(node: Node, root: str) -> list[dict[str, Any]]:
    """Write the children of a node; a file has none. `root` is the address of `Products`."""
    if not isinstance(node.content, Mapping):
        return []
    return [_child(node, name, content, root) for name, content in node.content.items()]


def _child(node: Node, name: str, content: Tree | int, root: str) -> dict[str, Any]:
    way = "".join(f"/Nodes({quote(each)})" for each in (*node.names, name))
    return {
        "Id": name,
        "Name": name,
        "ContentLength": content if isinstance(content, int) else 0,
        "ChildrenNumber": 0 if isinstance(content, int) else len(content),
        "Nodes": {"uri": f"{root}({node.product.id}){way}/Nodes"},
    }
