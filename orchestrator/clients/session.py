"""
The session of Earth Engine's client, which a process has once: one service, one project, one transport.

Another service takes its place. What may be given back when a service ends is remembered here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import ee

from orchestrator.clients.probe import probe
from orchestrator.clients.transport import Transport
from orchestrator.core import log as logs

log = logs.get(__name__)

PUBLIC_URL = "https://earthengine.googleapis.com"
_SENTENCE_LIMIT = 2_000


@dataclass(frozen=True)
class Session:
    """
    What signs the client in to one service.

    Attributes:
        url: Of the service.
        project: Which is billed.
        sign_in: Signs the client in again.
        ours: Whether it is this program's, not made by its user's own `ee.Initialize`.
    """

    url: str
    project: str
    sign_in: Callable[[], object]
    ours: bool = True

    @property
    def key(self) -> str:
        return f"{self.url} {self.project}" if self.ours else f"{self.url} {self.project} of the user"


class Client:
    """
    The client of this process, signed in to one service at a time.

    Attributes:
        key: Of the session that was opened last; empty where there is none of ours.
        transport: That of this session.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.key = ""
        self.transport = Transport()
        self._living: dict[str, Session] = {}  # in the order of their first use
        self._loans = 0

    def open(self, session: Session, initialise: Callable[[Transport], None]) -> None:
        """Sign the client in with `initialise`, unless it is."""
        with self.lock:
            if session.key != self.key or not self._is_ours():
                self.transport.close()
                self.key, self.transport = "", Transport()
                ee.Reset()  # algorithms of another service would be kept otherwise
                ee.data.setMaxRetries(0)
                if ".googleapis.com" not in session.url:
                    # A list of Google's deprecated assets would be fetched from Google. With an entry, none is.
                    ee.deprecation.deprecated_assets = {"": None}  # type: ignore[dict-item]
                initialise(self.transport)
                self.key = session.key
            self._living[session.key] = session

    def _is_ours(self) -> bool:
        """Tell whether the client is signed in by us, and by nobody else since."""
        return _address() != "" and ee.data._get_state().http_transport is self.transport  # noqa: SLF001

    def close(self) -> None:
        """Sign the client out; the next use opens it anew."""
        with self.lock:
            self.transport.close()
            self.key = ""
            ee.Reset()

    def begin_loan(self) -> None:
        """Remember whom the client is signed in for, where that is none of the living."""
        with self.lock:
            if not self._loans:
                self._living = {key: one for key, one in self._living.items() if one.ours}
            self._loans += 1
            if _address() and not self._is_ours():  # one of ours that was forgotten is nobody's
                theirs = _of_the_user()
                self._living[theirs.key] = theirs

    def end_loan(self, url: str) -> list[Session]:
        """Forget a service that ends; return what the client may be given back to, the best first."""
        with self.lock:
            self._loans -= 1
            self._living = {key: one for key, one in self._living.items() if one.url != url}
            return list(reversed(self._living.values()))

    def forget(self, url: str, project: str) -> None:
        """
        Do not give the client back to a service that nobody in this process uses any more.

        It stays signed in where it is, until another service takes the place.
        """
        with self.lock:
            self._living.pop(Session(url or PUBLIC_URL, project, _nobody).key, None)

    def known(self, key: str) -> Session | None:
        """Return a session that is still used."""
        with self.lock:
            return self._living.get(key)


CLIENT = Client()


def _nobody() -> None:
    """Sign nobody in."""


def _address() -> str:
    """Return the address that the client is signed in to; empty where it is not."""
    return str(ee.data._get_state().cloud_api_base_url) if ee.data.is_initialized() else ""  # noqa: SLF001


def _of_the_user() -> Session:
    """Return what signs the client in as it is."""
    state = ee.data._get_state()  # noqa: SLF001
    url, project, credentials = state.cloud_api_base_url, state.cloud_api_user_project, state.credentials

    def sign_in() -> None:
        CLIENT.close()
        probe(str(url), "Earth Engine", None)  # the client would try for half a minute
        ee.Initialize(credentials, url=url, project=project)

    return Session(str(url), str(project), sign_in, ours=False)


@contextmanager
def borrowed(url: str) -> Iterator[None]:
    """
    Give the client of the process back when the service at `url` ends with the block.

    Otherwise it would go on speaking to nobody. It is signed in to the newest service that lives on, or as its user had
    it, or not at all; blocks may end in any order. Where it speaks to another service by then, it is left alone.
    """
    CLIENT.begin_loan()
    try:
        yield
    finally:
        left = CLIENT.end_loan(url)
        if _address() in {"", url}:
            CLIENT.close()
            any(_signs_in(session) for session in left)


def give_back(key: str) -> None:
    """Sign the client in to what it was signed in to before (`CLIENT.key`), where that is used still."""
    session = CLIENT.known(key)
    if session is not None and key != CLIENT.key:
        _signs_in(session)


def _signs_in(session: Session) -> bool:
    try:
        session.sign_in()
    except Exception as error:  # noqa: BLE001  the work is over; whoever needs the session sees why it is not there
        CLIENT.close()
        log.warning("earthengine.session_not_restored", error=logs.one_line(str(error), _SENTENCE_LIMIT))
        return False
    return True
