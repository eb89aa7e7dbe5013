"""Files of products by the nodes of their trees, with our token at every host on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from orchestrator.clients.cdse.addresses import Addresses
from orchestrator.clients.cdse.refusals import refused
from orchestrator.clients.cdse.tokens import Tokens
from orchestrator.clients.cdse.wire import Wire
from orchestrator.core.errors import OrchestratorError, PermanentError, TransientError
from orchestrator.model.files import Asset
from orchestrator.model.ports import Stop

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5


class Way(Protocol):
    """How the bytes of files are asked for, and as whom."""

    def sign_in(self, stop: Stop) -> str:
        """Make sure that the service takes us, and return as whom."""

    def prepare(self, asset: Asset, stop: Stop) -> str:
        """Return the address of a file."""

    def send(self, address: str, headers: Mapping[str, str], what: str, stop: Stop) -> Any:
        """Return the answer to a GET, its body unread, whatever its status; within a watch."""

    def refused(self, status: int, headers: Mapping[str, str], content: bytes, what: str) -> OrchestratorError:
        """Return the error for an answer that is no success."""


class NodeWay:
    """The way by OData, with a token. Safe to use from several threads."""

    def __init__(self, addresses: Addresses, tokens: Tokens, wire: Wire) -> None:
        self._addresses, self._tokens, self._wire = addresses, tokens, wire

    def sign_in(self, stop: Stop) -> str:
        """Log in where we are not."""
        return self._tokens.sign_in(stop)

    def prepare(self, asset: Asset, stop: Stop) -> str:  # noqa: ARG002  the names say it all
        """Return the address of a file."""
        return self._addresses.file(asset.product_id, asset.product_name, asset.path)

    def send(self, address: str, headers: Mapping[str, str], what: str, stop: Stop) -> Any:
        """Return the answer, led on as far as allowed; a token that is not taken any more is renewed once."""
        token = self._tokens.get(stop)
        response = led_on(self._wire, self._addresses, address, {**headers, **_bearer(token)}, what)
        if response.status == 401:
            response.close()
            token = self._tokens.renew(token, stop)
            response = led_on(self._wire, self._addresses, address, {**headers, **_bearer(token)}, what)
        return response

    def refused(self, status: int, headers: Mapping[str, str], content: bytes, what: str) -> OrchestratorError:
        """Return the error for an answer that is no success."""
        return refused(status, headers, content, what)


def led_on(wire: Wire, addresses: Addresses, url: str, headers: Mapping[str, str], what: str) -> Any:
    """
    Follow redirects by hand: libraries drop the token where the host changes, or take it to any host.

    Raises:
        PermanentError: They lead to a host that is not configured, or do not end.
    """
    for _ in range(_MOST_REDIRECTS + 1):
        response = wire.send("GET", url, headers)
        if response.status not in _REDIRECTS:
            return response
        location = response.headers.get("Location", "")
        response.drain_conn()
        response.release_conn()
        if not location:
            raise TransientError(f"{what}: HTTP {response.status} leads nowhere")
        url = addresses.next(url, location, what)
    raise PermanentError(f"{what}: led on more than {_MOST_REDIRECTS} times")


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
