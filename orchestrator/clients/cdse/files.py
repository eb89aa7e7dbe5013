"""Files of products as bodies of bytes, from any offset on, with our token at every host on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from orchestrator.clients.answers import read_object
from orchestrator.clients.cdse.addresses import Addresses
from orchestrator.clients.cdse.nodes import Way, led_on
from orchestrator.clients.cdse.refusals import refused
from orchestrator.clients.cdse.wire import BODY, Turn, Wire, at_once, explanation, whole
from orchestrator.clients.media import MediaBody, offered_body
from orchestrator.clients.refusals import calling
from orchestrator.core.errors import DamagedObjectError, NotFoundError, TransientError
from orchestrator.core.retry import RetryPolicy, retrying
from orchestrator.model.files import Asset
from orchestrator.model.objects import StoredObject
from orchestrator.model.ports import Stop

# identity: what is stored is what is checked; a transparent gunzip would fit neither size nor checksum.
# no-cache, no-transform: nobody in between shall answer from memory, or with other bytes.
AS_STORED = {"Accept-Encoding": "identity", "Cache-Control": "no-cache, no-transform"}


class FileClient:
    """The files of the Copernicus Data Space. Safe to use from several threads."""

    def __init__(self, addresses: Addresses, way: Way, wire: Wire, policy: RetryPolicy, turn: Turn = at_once) -> None:
        self._addresses, self._way, self._wire = addresses, way, wire
        self._policy, self._turn = policy, turn

    def size_of(self, asset: Asset, stop: Stop) -> int:
        """
        Return the bytes of a file, as the listing of its folder says.

        Raises:
            NotFoundError: There is none.
        """
        what = f"looking for {describe(asset)}"
        url = self._addresses.folder(asset.product_id, asset.product_name, asset.path)
        name = asset.path.rpartition("/")[2]
        for one in retrying(self._policy, stop)(lambda: self._listing(url, what, stop)):
            if isinstance(one, dict) and one.get("Name") == name:
                return int(one.get("ContentLength") or 0)
        raise NotFoundError(f"{what}: there is no such file")

    def content(self, asset: Asset, stop: Stop) -> bytes:
        """Return the bytes of a small file whose size nobody has said yet; as many as the answer says came."""

        def once() -> bytes:
            with self.answer(asset, AS_STORED, stop) as response:
                return whole(response, describe(asset), stop)

        return retrying(self._policy, stop)(once)

    def renew(self) -> None:
        """Let the next body come over a new connection."""
        self._wire.renew()

    @contextmanager
    def answer(self, asset: Asset, headers: dict[str, str], stop: Stop) -> Iterator[Any]:
        """
        Lend the answer to a GET of a file, as somebody whom the service knows; its body is unread.

        Raises:
            CredentialError: It does not know us.
            OrchestratorError: Any other refusal, as the way sorts it.
        """
        what = describe(asset)
        url = self._way.prepare(asset, stop)
        with self._turn(stop), calling(what, stop, BODY):
            response = self._way.send(url, headers, what, stop)
            if response.status not in (200, 206):
                with closing(response):
                    raise self._way.refused(response.status, response.headers, explanation(response), what)
        with closing(response):
            yield response

    def _listing(self, url: str, what: str, stop: Stop) -> list[Any]:
        with (
            self._turn(stop),
            calling(what, stop, BODY),
            closing(led_on(self._wire, self._addresses, url, {}, what)) as response,
        ):
            content = whole(response, what, stop)
            if response.status != 200:
                raise refused(response.status, response.headers, content, what)
        found = read_object(content, what).get("result")
        if not isinstance(found, list):
            raise TransientError(f"{what}: the answer has no list in it")
        return found


class Opener:
    """
    Opens the bytes of one file for one transfer, and is asked when they arrive wrong (`transfer.ObjectService`).

    What is resumed must be of the same content: the tag of the first answer goes with every later range (If-Range).
    """

    def __init__(self, client: FileClient, asset: Asset, size: int, stop: Stop) -> None:
        self._client, self._asset, self._size, self._stop = client, asset, size, stop
        self._tag = ""

    @contextmanager
    def open(self, start: int) -> Iterator[MediaBody]:
        """
        Open the bytes from `start` on.

        Raises:
            DamagedObjectError: The service has another number of bytes than the product says.
            OrchestratorError: As `FileClient.answer`.
        """
        headers = dict(AS_STORED)
        if start:
            headers |= {"Range": f"bytes={start}-"} | ({"If-Range": self._tag} if self._tag else {})
        what = describe(self._asset)
        with self._client.answer(self._asset, headers, self._stop) as response:
            try:
                body = offered_body(response, start=start, size=self._size, what=what, stop=self._stop)
            except TransientError:
                self._compare_sizes()
                raise
            self._tag = self._tag or _strong(response.headers.get("ETag", ""))
            yield body

    def look(self, source: StoredObject) -> StoredObject:
        """Return the file as the service lists it now."""
        self._compare_sizes()
        return source

    def renew(self) -> None:
        """Let the next body come over a new connection."""
        self._tag = ""
        self._client.renew()

    def _compare_sizes(self) -> None:
        there = self._client.size_of(self._asset, self._stop)
        if there != self._size:
            raise DamagedObjectError(
                f"{describe(self._asset)}: the product's manifest says {self._size} bytes, the service lists {there}: "
                "the product is not what it says of itself"
            )


def describe(asset: Asset) -> str:
    """Return what a file is called in messages."""
    return f"{asset.path} of {asset.product_name}"


def _strong(tag: str) -> str:
    """Return a tag that stands for bytes: a weak one may not be used with a range (RFC 9110, 13.1.5)."""
    return "" if tag.startswith("W/") else tag
