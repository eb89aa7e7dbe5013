"""Nodes and files of products: the catalogue's host sends on, the download host answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

from orchestrator.sandbox.cdse.archive import zipped
from orchestrator.sandbox.cdse.catalogue_routes import PRODUCTS
from orchestrator.sandbox.cdse.identity import Identity, Session
from orchestrator.sandbox.cdse.nodes import Node, listed, node_at
from orchestrator.sandbox.cdse.products import Products
from orchestrator.sandbox.cdse.transfers import Transfer, Transfers
from orchestrator.sandbox.cdse_errors import DOWNLOAD
from orchestrator.sandbox.ranges import media_response
from orchestrator.sandbox.streams import FileBody
from orchestrator.sandbox.web import ApiError, Request, Response, Route, json_response, route

_PRODUCT = PRODUCTS + r"(?:\(|%28)(?P<number>[^/]*?)(?:\)|%29)"
_STEPS = r"(?P<steps>(?:/Nodes\([^/]*\))*)"
_VALUE = r"/(?:\$|%24)value"
BINARY = "application/octet-stream"


class RedirectRoutes:
    """What the catalogue's host says to whoever wants files: elsewhere, and not without a token."""

    def __init__(self, identity: Identity, download_url: Callable[[], str]) -> None:
        self._identity = identity
        self._download_url = download_url

    def routes(self) -> list[Route]:
        return [
            route(DOWNLOAD, "cdse.value.redirect", "GET", _PRODUCT + _STEPS + _VALUE, self._value, query=None),
            route(DOWNLOAD, "cdse.nodes.redirect", "GET", _PRODUCT + _STEPS + "/Nodes/?", self._nodes, query=None),
        ]

    def _value(self, request: Request, **where: str) -> Response:
        self._identity.session_of(request)
        return self._nodes(request, **where)

    def _nodes(self, request: Request, **where: str) -> Response:  # noqa: ARG002  the path says it all
        query = f"?{urlencode(request.queries, doseq=True)}" if request.queries else ""
        return Response(301, {"Location": self._download_url() + request.path + query})


class DownloadRoutes:
    """Listings for everybody, files for whoever has a token."""

    def __init__(self, products: Products, identity: Identity, transfers: Transfers) -> None:
        self._products = products
        self._identity = identity
        self._transfers = transfers

    def routes(self) -> list[Route]:
        return [
            self._route("cdse.nodes.list", "/Nodes/?", self._list),
            self._route("cdse.nodes.value", _VALUE, self._value),
        ]

    @staticmethod
    def _route(api: str, end: str, handler: Callable[..., Response]) -> Route:
        return route(DOWNLOAD, api, "GET", _PRODUCT + _STEPS + end, handler, query=None)

    def _list(self, request: Request, number: str, steps: str) -> Response:
        node = node_at(self._products, number, steps)
        return json_response({"result": listed(node, request.base_url + PRODUCTS)})

    def _value(self, request: Request, number: str, steps: str) -> Response:
        session = self._identity.session_of(request)
        self._transfers.ask(session.user)
        node = node_at(self._products, number, steps)
        if isinstance(node.content, Mapping) and node.names:
            raise ApiError(400, f"Node {node.names[-1]} is a folder: this sandbox sends files and whole products")
        return self._answer(request, node, session)

    def _answer(self, request: Request, node: Node, session: Session) -> Response:
        if request.method == "HEAD":
            return self._whole(request, node)
        transfer = self._transfers.begin(session.user)
        try:
            return carried(transfer, self._whole(request, node), file_of(node))
        except BaseException:
            transfer.close()
            raise

    def _whole(self, request: Request, node: Node) -> Response:
        if node.names:
            path = self._products.open(node.product, node.path)
            return file_response(request, path, node.names[-1], DOWNLOAD)
        name = node.product.name.removesuffix(".SAFE") + ".zip"
        return Response(200, _headers(name), zipped(self._products, node.product))


def file_of(node: Node) -> str:
    """Name a file in reports: the product and the way inside it; of a whole product, its name."""
    return "/".join(node.names) or node.product.name


def carried(transfer: Transfer, response: Response, file: str) -> Response:
    """Let a transfer last as long as the body of its answer; one without a file is over at once."""
    body = response.body
    if not isinstance(body, FileBody):
        transfer.close()
        return response
    whole = response.headers.get("Content-Range", f"/{body.length}").rpartition("/")[2]
    return replace(response, body=transfer.carry(body, file, int(whole)))


def file_response(request: Request, path: Path, name: str, service: str) -> Response:
    """Answer with a file or a range of it; a range of another version (`If-Range`) is the whole."""
    told = path.stat()
    tag = f'"{hashlib.md5(f"{path}{told.st_size}{told.st_mtime_ns}".encode(), usedforsecurity=False).hexdigest()}"'
    if request.headers.get("if-range", tag) != tag:
        request = replace(request, headers={k: v for k, v in request.headers.items() if k != "range"})
    return media_response(path, told.st_size, request, {**_headers(name), "ETag": tag}, service=service)


def _headers(name: str) -> dict[str, str]:
    return {"Content-Type": BINARY, "Content-Disposition": f'attachment; filename="{name}"'}
