"""The catalogue by OData: `Products`, page by page, and one of them by its Id."""

from __future__ import annotations

from typing import Any

from orchestrator.sandbox.cdse.products import Product, Products
from orchestrator.sandbox.cdse.query import (
    FIELDS,
    MEDIA_TYPE,
    OutOfRange,
    Query,
    expanded,
    next_link,
    query_of,
)
from orchestrator.sandbox.cdse_errors import CATALOGUE
from orchestrator.sandbox.web import ApiError, Request, Response, Route, json_response, not_imitated, route

ROOT = "/odata/v1"
PRODUCTS = ROOT + "/Products"
NUMBER = r"(?P<number>[^()/]*)"
_ABSENT = ("DeletedProducts", "Assets", "Subscriptions", "Bursts", "Attributes", "Workflows", "ProductionOrders")


class CatalogueRoutes:
    """Questions that need no token."""

    def __init__(self, products: Products) -> None:
        self._products = products

    def routes(self) -> list[Route]:
        return [
            route(CATALOGUE, "cdse.products.list", "GET", PRODUCTS + "/?", self._list, query=None),
            route(CATALOGUE, "cdse.products.get", "GET", rf"{PRODUCTS}\({NUMBER}\)", self._get, query=None),
            _absent("POST", PRODUCTS + r"/OData\.CSC\.FilterList", "the list of names OData.CSC.FilterList"),
            *(_absent("GET", rf"{ROOT}/{name}(?:[(/].*)?", f"{name} of the catalogue") for name in _ABSENT),
        ]

    def _list(self, request: Request) -> Response:
        try:
            query = query_of(request)
        except OutOfRange as refused:
            return refused.response
        found = query.found(self._products.all(query.bounds))
        page = found[query.skip : query.skip + query.top]
        told: dict[str, Any] = {"@odata.context": "$metadata#Products" + _shape(query.expand, query.select)}
        if query.count:
            told["@odata.count"] = len(found)
        told["value"] = [_told(each, query, request.base_url) for each in page]
        # A full page has a next one, which may be empty: the service looks no further than it must.
        link = next_link(request, PRODUCTS, query) if query.top and len(page) == query.top else None
        return json_response(told if link is None else {**told, "@odata.nextLink": link})

    def _get(self, request: Request, number: str) -> Response:
        for name in request.query:
            if name != "$expand":
                raise ApiError(400, f"Invalid query option {name!r}; known is $expand")
        names = expanded(request.query)
        product = self._products.get(number)
        if product is None:
            raise ApiError(404, f"Product {number} not found")
        context = "$metadata#Products" + _shape(names, ()) + "/$entity"
        return json_response({"@odata.context": context, **entity(product, names, (), request.base_url)})


def entity(product: Product, expand: tuple[str, ...], select: tuple[str, ...], base_url: str) -> dict[str, Any]:
    """Write a product as the catalogue does, its fields in the same order."""
    told = {name: product.record.get(name) for name in select or FIELDS}
    more = {name: _EXPANSIONS[name](product, base_url) for name in expand}
    return {MEDIA_TYPE: "application/octet-stream", **told, **more}


def _told(product: Product, query: Query, base_url: str) -> dict[str, Any]:
    return entity(product, query.expand, query.select, base_url)


def _attributes(product: Product, base_url: str) -> Any:  # noqa: ARG001  each expansion takes both
    return product.record.get("Attributes", [])


def _assets(product: Product, base_url: str) -> Any:  # noqa: ARG001
    return product.record.get("Assets", [])


def _locations(product: Product, base_url: str) -> Any:
    if "Locations" in product.record:
        return product.record["Locations"]
    same = {name: product.record.get(name) for name in ("ContentLength", "Checksum", "S3Path")}
    link = f"{base_url}{PRODUCTS}({product.id})/$value"
    return [{"FormatType": "Extracted", "DownloadLink": link, **same}]


_EXPANSIONS = {"Attributes": _attributes, "Assets": _assets, "Locations": _locations}


def _shape(expand: tuple[str, ...], select: tuple[str, ...]) -> str:
    names = [*select, *(f"{name}()" for name in expand)]
    return f"({','.join(names)})" if names else ""


def _absent(method: str, path: str, what: str) -> Route:
    def refuse(request: Request) -> Response:  # noqa: ARG001
        raise not_imitated(what)

    return route(CATALOGUE, "cdse.odata", method, path, refuse, query=None)
