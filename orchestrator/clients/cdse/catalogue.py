"""Which products there are: the whole list, proved against the catalogue's own count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from orchestrator.clients.answers import read_object
from orchestrator.clients.cdse.areas import AskedArea
from orchestrator.clients.cdse.filters import filter_text, moment
from orchestrator.clients.cdse.products import read_product
from orchestrator.clients.cdse.refusals import refused
from orchestrator.clients.cdse.wire import Turn, Wire, at_once
from orchestrator.clients.probe import probe
from orchestrator.core.errors import TransientError, UserError
from orchestrator.core.retry import RetryPolicy, retrying
from orchestrator.model.files import CatalogueProduct, ProductQuery
from orchestrator.model.ports import Stop

# The service answers 422 to a $skip beyond it, and its links to next pages end there (CDSE documentation, OData).
WALL = 10_000
PAGE = 1_000
# Lists that do not agree with the count, of which products are taken in or out meanwhile, are asked for so often.
_TRIES = 3
_SHORTEST = timedelta(milliseconds=2)
_LATE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class _Interval:
    """[start, end) of one product type."""

    product_type: str
    start: datetime
    end: datetime

    def halves(self) -> tuple[_Interval, _Interval]:
        half = (self.end - self.start) / 2
        middle = self.start + timedelta(milliseconds=half // timedelta(milliseconds=1))
        return replace(self, end=middle), replace(self, start=middle)

    def __str__(self) -> str:
        return f"{self.product_type or 'products'} from {moment(self.start)} to {moment(self.end)}"


class ProductCatalogue:
    """The catalogue's OData interface; it asks for no token. Safe to use from several threads."""

    def __init__(self, url: str, wire: Wire, policy: RetryPolicy, turn: Turn = at_once) -> None:
        self._url, self._wire, self._policy, self._turn = url, wire, policy, turn

    def search(self, query: ProductQuery, stop: Stop) -> Iterator[CatalogueProduct]:
        """
        Yield the products of a query, each once, all of them, in the order of sensing within each product type.

        Raises:
            UserError: The area is none; or so many begin at one moment that no list can hold them.
            TransientError: As many products as were counted did not come.
        """
        search = _Search(self, query, stop)
        self.reach(stop)
        for product_type in query.product_types or ("",):
            if query.start < query.end:
                yield from search.products(_Interval(product_type, query.start, query.end))

    def reach(self, stop: Stop) -> None:
        """
        Make sure that somebody is there.

        Raises:
            UnreachableError: Nobody answers, which is said at once and not after all retries.
        """
        probe(self._url, "the catalogue of Copernicus", stop)

    def newest(self, stop: Stop, part: str = "") -> str:
        """
        Return the name of a product that was published of late; a look at whether the catalogue answers.

        `part` is what its name holds, sensed in the last month; of a catalogue of everything that is not asked.
        """
        self.reach(stop)
        asked = {"$top": "1", "$orderby": "PublicationDate desc"}
        since = moment(datetime.now(UTC) - _LATE)
        asked |= {"$filter": f"contains(Name,'{part}') and ContentDate/Start gt {since}"} if part else {}
        told = self.page(asked, "looking at the catalogue", stop).get("value")
        return read_product(told[0], "looking at the catalogue").name if isinstance(told, list) and told else ""

    def s3_path(self, product_id: str, stop: Stop) -> str:
        """
        Return where a product lies by S3, `/eodata/Sentinel-2/.../NAME.SAFE`.

        Raises:
            NotFoundError: The catalogue has no such product.
        """
        what = f"asking where product {product_id} lies"
        told = self._ask(f"{self._url}/Products({quote(product_id, safe='')})", what, stop).get("S3Path")
        if not isinstance(told, str) or not told.startswith("/"):
            raise TransientError(f"{what}: the answer has no S3Path in it")
        return told

    def page(self, parameters: Mapping[str, str], what: str, stop: Stop) -> dict[str, Any]:
        """Return one answer of the list of products; what fails for a reason that passes is asked again."""
        return self._ask(f"{self._url}/Products?{urlencode(parameters, quote_via=quote)}", what, stop)

    def _ask(self, url: str, what: str, stop: Stop) -> dict[str, Any]:
        def once() -> dict[str, Any]:
            with self._turn(stop):
                answer = self._wire.ask("GET", url, {"Accept": "application/json"}, what, stop)
                if answer.status != 200:
                    raise refused(answer.status, answer.headers, answer.content, what)
            return read_object(answer.content, what)

        return retrying(self._policy, stop)(once)


class _Search:
    """One query, and what has been given out of it."""

    def __init__(self, catalogue: ProductCatalogue, query: ProductQuery, stop: Stop) -> None:
        self._catalogue, self._query, self._stop = catalogue, query, stop
        self._area = AskedArea(query.area) if query.area is not None else None
        self._seen: set[str] = set()

    def products(self, interval: _Interval) -> Iterator[CatalogueProduct]:
        """Yield what is new of an interval, in the order of time; one with too many is cut in two."""
        filters = [
            filter_text(self._query, interval.product_type, interval.start, interval.end, text)
            for text in (self._area.texts if self._area else ("",))
        ]
        counts = [self._count(condition, interval) for condition in filters]
        if max(counts) > WALL:
            if interval.end - interval.start < _SHORTEST:
                raise UserError(
                    f"{interval}: {max(counts)} products begin there, more than one list holds; name a tile"
                )
            for half in interval.halves():
                yield from self.products(half)
            return
        found: dict[str, CatalogueProduct] = {}
        for condition, count in zip(filters, counts, strict=True):
            found |= self._proved(condition, count, interval)
        new = [one for one in found.values() if one.id not in self._seen and self._meets(one)]
        self._seen |= found.keys()
        yield from sorted(new, key=lambda one: (one.start, one.name, one.id))

    def _meets(self, product: CatalogueProduct) -> bool:
        return self._area is None or self._area.meets(product.footprint)

    def _count(self, condition: str, interval: _Interval) -> int:
        told = self._catalogue.page(
            {"$filter": condition, "$count": "true", "$top": "1"}, f"counting {interval}", self._stop
        ).get("@odata.count")
        if not isinstance(told, int) or isinstance(told, bool) or told < 0:
            raise TransientError(f"counting {interval}: the answer has no count in it")
        return told

    def _proved(self, condition: str, count: int, interval: _Interval) -> dict[str, CatalogueProduct]:
        """Return as many products as are counted, by their ids."""
        for _ in range(_TRIES):
            found = self._list(condition, count, interval)
            if len(found) == count:
                return found
            count = self._count(condition, interval)
        raise TransientError(f"listing {interval}: {len(found)} products came, {count} are counted; ask again later")

    def _list(self, condition: str, count: int, interval: _Interval) -> dict[str, CatalogueProduct]:
        """Return what the pages bring, up to the wall."""
        found: dict[str, CatalogueProduct] = {}
        got = 0
        while got < count and got <= WALL:
            parameters = {
                "$filter": condition,
                "$orderby": "ContentDate/Start asc",
                "$expand": "Attributes",
                "$top": str(PAGE),
                "$skip": str(got),
            }
            what = f"listing {interval}, from {got} of {count}"
            page = self._catalogue.page(parameters, what, self._stop).get("value")
            if not isinstance(page, list):
                raise TransientError(f"{what}: the answer has no list in it")
            if not page:
                break
            products = [read_product(one, what) for one in page]
            found |= {one.id: one for one in products}
            got += len(page)
        return found
