"""Where the Copernicus Data Space is, and which hosts a file's address may lead on to."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from orchestrator.core.errors import ConfigError, PermanentError
from orchestrator.core.log import one_line

_ODATA = "/odata/v1"
_TOKEN = "/auth/realms/CDSE/protocol/openid-connect/token"  # noqa: S105  an address


@dataclass(frozen=True, slots=True)
class Addresses:
    """
    Attributes:
        catalogue: Up to and with `/odata/v1`.
        download: Likewise.
        identity: The token endpoint.
        hosts: Names that a redirect may lead to, besides that of `download`.
    """

    catalogue: str
    download: str
    identity: str
    hosts: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse what is no address."""
        for name in ("catalogue", "download", "identity"):
            url = getattr(self, name)
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ConfigError(
                    f"`{name}_url` under [copernicus] is {one_line(url)!r}; write an address such as https://host{_ODATA}"
                )

    def file(self, product_id: str, product_name: str, path: str) -> str:
        """Return the address of a file's bytes."""
        return f"{self._node(product_id, (product_name, *path.split('/')))}/$value"

    def folder(self, product_id: str, product_name: str, path: str) -> str:
        """Return the address of the listing of the folder that `path` lies in."""
        return f"{self._node(product_id, (product_name, *path.split('/')[:-1]))}/Nodes"

    def next(self, came_from: str, location: str, what: str) -> str:
        """
        Return where a redirect leads, a whole address.

        Raises:
            PermanentError: To a host that is not configured, or from https to http: nothing is sent there.
        """
        url = urljoin(came_from, location)
        here, there = urlsplit(came_from), urlsplit(url)
        if there.scheme not in ("http", "https") or (here.scheme == "https" and there.scheme != "https"):
            raise PermanentError(
                one_line(f"{what}: led on to {_bare(there)}, which is not encrypted; nothing was sent")
            )
        if not self._is_allowed(here, there):
            raise PermanentError(
                one_line(
                    f"{what}: led on to host {there.hostname}, which is none of `hosts` under [copernicus] "
                    f"({', '.join(sorted(self.hosts)) or 'none'}); the token was not sent there. Add it if it is theirs"
                )
            )
        return url

    def _is_allowed(self, here: SplitResult, there: SplitResult) -> bool:
        if there.hostname in self.hosts:
            return True
        same = there.hostname == here.hostname
        return same and (there.port == here.port or is_loopback(there.hostname or ""))

    def _node(self, product_id: str, names: tuple[str, ...]) -> str:
        nodes = "".join(f"/Nodes({quote(name, safe='')})" for name in names)
        return f"{self.download}/Products({quote(product_id, safe='')}){nodes}"


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bare(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def sandbox_addresses(url: str) -> Addresses:
    """Return the addresses of a sandbox."""
    base = url.rstrip("/")
    return Addresses(base + _ODATA, base + _ODATA, base + _TOKEN)
