"""The bucket `eodata` by S3: read, in the path style, with keys of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path

from orchestrator.sandbox.cdse import sigv4
from orchestrator.sandbox.cdse.conditions import named
from orchestrator.sandbox.cdse.node_routes import carried, file_response
from orchestrator.sandbox.cdse.products import Bounds, Product, Products, files_of
from orchestrator.sandbox.cdse.settings import Copernicus
from orchestrator.sandbox.cdse.transfers import Transfers
from orchestrator.sandbox.clock import rfc3339_millis
from orchestrator.sandbox.storage import xml_text as xml
from orchestrator.sandbox.web import ApiError, Request, Response, Route, digits, not_imitated, route

BUCKET = "eodata"
MAX_KEYS = 1000
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_LISTED = frozenset(
    {"list-type", "prefix", "delimiter", "max-keys", "continuation-token", "start-after", "encoding-type"}
)
_DATED = re.compile(r"Sentinel-2/MSI/L(?:1C|2A)/(\d{4})/(\d{2})/(\d{2})/(?:([^/]+)/?)?")


@dataclass(frozen=True, slots=True)
class _Object:
    key: str
    size: int
    product: Product


class S3Routes:
    """Objects and their lists."""

    def __init__(self, products: Products, settings: Copernicus, transfers: Transfers) -> None:
        self._products = products
        self._keys = settings.s3_keys
        self._transfers = transfers

    def routes(self) -> list[Route]:
        return [
            self._route("cdse.s3.list", f"/{BUCKET}/?", self._list),
            self._route("cdse.s3.get", f"/{BUCKET}/(?P<key>.+)", self._get),
        ]

    def _route(self, api: str, path: str, handler: Callable[..., Response]) -> Route:
        def signed(request: Request, **names: str) -> Response:
            user = f"s3:{sigv4.signer(request, self._keys)}"
            self._transfers.ask(user)
            return handler(request, user=user, **names)

        return route("xml", api, "GET", path, signed, query=None)

    def _get(self, request: Request, user: str, key: str) -> Response:
        if request.query.keys() - {"x-id"}:
            raise not_imitated(f"the parameter {min(request.query)!r} of an object of the bucket {BUCKET}")
        product, inner = self._found(key)
        answer = partial(self._answer, request, self._products.open(product, inner), key.rpartition("/")[2])
        if request.method == "HEAD":
            return answer()
        transfer = self._transfers.begin(user)
        try:
            return carried(transfer, answer(), f"{product.name}/{inner}")
        except BaseException:
            transfer.close()
            raise

    @staticmethod
    def _answer(request: Request, path: Path, name: str) -> Response:
        answer = file_response(request, path, name, "xml")
        changed = format_datetime(datetime.fromtimestamp(int(path.stat().st_mtime), UTC), usegmt=True)
        return replace(answer, headers={**answer.headers, "Last-Modified": changed})

    def _found(self, key: str) -> tuple[Product, str]:
        for product in self._products.all(_bounds(key)):
            inner = key.removeprefix(_root(product))
            if inner != key and inner in files_of(self._products.tree(product)):
                return product, inner
        raise ApiError(404, "The specified key does not exist.", code="NoSuchKey")

    # Lists

    def _list(self, request: Request, user: str) -> Response:  # noqa: ARG002  every handler takes it
        told = request.query
        if told.get("list-type") != "2":
            raise not_imitated("lists of S3's first version (list-type=2 is)")
        if unknown := told.keys() - _LISTED:
            raise not_imitated(f"the parameter {min(unknown)!r} of a list of the bucket {BUCKET}")
        prefix, delimiter = told.get("prefix", ""), told.get("delimiter", "")
        found = sorted(self._entries(prefix, delimiter).items())
        after = told.get("continuation-token") or told.get("start-after", "")
        rest = [each for each in found if each[0] > after]
        page = rest[: _max_keys(told.get("max-keys"))]
        return self._document(told, page, more=len(rest) > len(page))

    def _entries(self, prefix: str, delimiter: str) -> Mapping[str, _Object | None]:
        """What lies below a prefix by key; what is rolled up at a delimiter is None."""
        entries: dict[str, _Object | None] = {}
        for each in self._objects(prefix):
            cut = each.key.find(delimiter, len(prefix)) if delimiter else -1
            if cut < 0:
                entries[each.key] = each
            else:
                entries[each.key[: cut + len(delimiter)]] = None
        return entries

    def _objects(self, prefix: str) -> Iterator[_Object]:
        for product in self._products.all(_bounds(prefix)):
            root = _root(product)
            if root.startswith(prefix) or prefix.startswith(root):
                for path, size in files_of(self._products.tree(product)).items():
                    if (root + path).startswith(prefix):
                        yield _Object(root + path, size, product)

    def _document(self, told: Mapping[str, str], page: list[tuple[str, _Object | None]], *, more: bool) -> Response:
        form = told.get("encoding-type", "")
        inner = [
            xml.leaf("Name", BUCKET),
            xml.leaf("Prefix", xml.encoded(told.get("prefix", ""), form)),
            xml.leaf("KeyCount", len(page)),
            xml.leaf("MaxKeys", _max_keys(told.get("max-keys"))),
            xml.leaf("IsTruncated", "true" if more else "false"),
            *([xml.leaf("Delimiter", told["delimiter"])] if "delimiter" in told else []),
            *([xml.leaf("EncodingType", form)] if form else []),
            *([xml.leaf("NextContinuationToken", page[-1][0])] if more else []),
            *(self._contents(each, form) for _, each in page if each is not None),
            xml.prefixes((key for key, each in page if each is None), form),
        ]
        return xml.document("ListBucketResult", *inner, namespace=NAMESPACE)

    @staticmethod
    def _contents(each: _Object, form: str) -> str:
        return xml.tag(
            "Contents",
            xml.leaf("Key", xml.encoded(each.key, form)),
            xml.leaf("LastModified", rfc3339_millis(each.product.date("ModificationDate"))),
            xml.leaf("Size", each.size),
            xml.leaf("StorageClass", "STANDARD"),
        )


def _root(product: Product) -> str:
    return str(product.record["S3Path"]).removeprefix(f"/{BUCKET}/") + "/"


def _bounds(key: str) -> Bounds:
    """Tell what a key, or the beginning of one, says of the products that it may lead to."""
    found = _DATED.match(key)
    if found is None:
        return Bounds()
    try:
        day = datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=UTC)
    except ValueError:
        raise ApiError(404, "The specified key does not exist.", code="NoSuchKey") from None
    bounds = Bounds(start=day, end=day + timedelta(days=1))
    return named(bounds, found[4]) if found[4] else bounds


def _max_keys(text: str | None) -> int:
    if text is None:
        return MAX_KEYS
    if not digits(text):
        raise ApiError(400, f"Invalid max-keys: {text!r}", code="InvalidArgument")
    return min(int(text), MAX_KEYS)
