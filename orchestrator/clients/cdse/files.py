"""Files of products as bodies of bytes, from any offset on, with our token at every host on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from orchestrator.clients.answers import read_object
from orchestrator.clients.cdse.addresses import Addresses
from orchestrator.clients.cdse.refusals import refused
from orchestrator.clients.cdse.tokens import Tokens
from orchestrator.clients.cdse.wire import BODY, Turn, Wire, at_once, explanation, whole
from orchestrator.clients.media import MediaBody, offered_body
from orchestrator.clients.refusals import calling
from orchestrator.core.errors import DamagedObjectError, NotFoundError, PermanentError, TransientError
from orchestrator.core.retry import RetryPolicy, retrying
from orchestrator.model.files import Asset
from orchestrator.model.objects import StoredObject
from orchestrator.model.ports import Stop

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
# identity: what is stored is what is checked; a transparent gunzip would fit neither size nor checksum.
# no-cache, no-transform: nobody in between shall answer from memory, or with other bytes.
AS_STORED = {"Accept-Encoding": "identity", "Cache-Control": "no-cache, no-transform"}


class FileClient:
    """The files of the Copernicus Data Space. Safe to use from several threads."""

    def __init__(
        self, addresses: Addresses, tokens: Tokens, wire: Wire, policy: RetryPolicy, turn: Turn = at_once
    ) -> None:
        self._addresses, self._tokens, self._wire = addresses, tokens, wire
        self._policy, self._turn = policy, turn

    def address(self, asset: Asset) -> str:
        """Return where the bytes of a file are asked for."""
        return self._addresses.file(asset.product_id, asset.product_name, asset.path)

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
        what = describe(asset)

        def once() -> bytes:
            with self.answer(self.address(asset), AS_STORED, what, stop) as response:
                return whole(response, what, stop)

        return retrying(self._policy, stop)(once)

    def renew(self) -> None:
        """Let the next body come over a new connection."""
        self._wire.renew()

    @contextmanager
    def answer(self, url: str, headers: dict[str, str], what: str, stop: Stop) -> Iterator[Any]:
        """
        Lend the answer to a GET with our token, led on as far as allowed; its body is unread.

        Raises:
            CredentialError: A token that was renewed for it is not taken either.
            OrchestratorError: Any other refusal, as `refused` sorts it.
        """
        with self._turn(stop), calling(what, stop, BODY):
            token = self._tokens.get(stop)
            response = self._led_on(url, {**headers, **_bearer(token)}, what)
            if response.status == 401:
                response.close()
                response = self._led_on(url, {**headers, **_bearer(self._tokens.renew(token, stop))}, what)
            if response.status not in (200, 206):
                with closing(response):
                    raise refused(response.status, response.headers, explanation(response), what)
        with closing(response):
            yield response

    def _led_on(self, url: str, headers: dict[str, str], what: str) -> Any:
        """Follow redirects by hand: libraries drop the token where the host changes, and take it to any host."""
        for _ in range(_MOST_REDIRECTS + 1):
            response = self._wire.send("GET", url, headers)
            if response.status not in _REDIRECTS:
                return response
            location = response.headers.get("Location", "")
            response.drain_conn()
            response.release_conn()
            if not location:
                raise TransientError(f"{what}: HTTP {response.status} leads nowhere")
            url = self._addresses.next(url, location, what)
        raise PermanentError(f"{what}: led on more than {_MOST_REDIRECTS} times")

    def _listing(self, url: str, what: str, stop: Stop) -> list[Any]:
        with self._turn(stop), calling(what, stop, BODY), closing(self._led_on(url, {}, what)) as response:
            content = whole(response, what, stop)
            if response.status != 200:
                raise refused(response.status, response.headers, content, what)
        found = read_object(content, what).get("result")
        if not isinstance(found, list):
            raise TransientError(f"{what}: the answer has no list in it")
        return found


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


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
        with self._client.answer(self._client.address(self._asset), headers, what, self._stop) as response:
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
