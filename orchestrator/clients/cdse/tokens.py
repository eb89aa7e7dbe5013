"""One login for all threads of a process: renewed before it ends, and again only when it must be."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from orchestrator.clients.answers import read_object
from orchestrator.clients.cdse.account import Account, need
from orchestrator.clients.cdse.refusals import refused
from orchestrator.clients.cdse.wire import Wire
from orchestrator.core.clock import Clock
from orchestrator.core.errors import CredentialError, OrchestratorError, PermanentError, TransientError
from orchestrator.core.log import one_line
from orchestrator.core.retry import RetryPolicy, retrying
from orchestrator.model.ports import Stop

PUBLIC_CLIENT = "cdse-public"
# A token is renewed this long before its end, or a fifth of its life where that is less: a request that begins now
# must still be let in when it arrives.
_MARGIN_SECONDS = 30.0
_WHAT = "logging in to Copernicus"


@dataclass(frozen=True, slots=True)
class _Login:
    """What the identity service gave; times are the monotonic clock's."""

    access: str
    renew_at: float
    refresh: str
    refresh_until: float


class Tokens:
    """
    The account's token. Safe to use from several threads, of which one logs in and the others wait for it.

    Many logins at once are refused by the service as if the password were wrong, and a code of the second factor is
    good for one: what was opened by it is refreshed for as long as the service allows.
    """

    def __init__(self, account: Account, identity: str, wire: Wire, clock: Clock, policy: RetryPolicy) -> None:
        self._account, self._identity, self._wire = account, identity, wire
        self._clock, self._policy = clock, policy
        self._lock = threading.Lock()
        self._login: _Login | None = None
        self._code_used = False

    def get(self, stop: Stop) -> str:
        """
        Return a token that is good now.

        Raises:
            CredentialError: The account is not taken, or its second factor is asked for anew; says what to do.
            TransientError: The identity service does not answer.
        """
        with self._lock:
            if self._login is None or self._clock.monotonic() >= self._login.renew_at:
                self._login = self._renewed(stop)
            return self._login.access

    def sign_in(self, stop: Stop) -> str:
        """Log in where we are not, and return as whom; errors as for `get`."""
        self.get(stop)
        return self._account.name

    def renew(self, rejected: str, stop: Stop) -> str:
        """Return another token than `rejected`, which the service did not take; errors as for `get`."""
        with self._lock:
            if self._login is None or self._login.access == rejected:
                self._login = self._renewed(stop)
            return self._login.access

    def _renewed(self, stop: Stop) -> _Login:
        before = self._login
        if before is not None and before.refresh and self._clock.monotonic() < before.refresh_until:
            try:
                return self._grant({"grant_type": "refresh_token", "refresh_token": before.refresh}, stop)
            except PermanentError:  # it is over sooner than was said: the password opens another
                pass
        return self._begin(stop)

    def _begin(self, stop: Stop) -> _Login:
        account = need(self._account)
        if not account.user:
            secret = {"client_id": account.client_id, "client_secret": account.client_secret}
            return self._first({"grant_type": "client_credentials", **secret}, stop)
        if self._code_used:
            raise CredentialError(
                f"the login of {account.name} to Copernicus is over, and the code of its second factor is good once: "
                "set `totp` under [credentials.cdse] (ORCHESTRATOR_CREDENTIALS__CDSE__TOTP) to a new code; the same "
                "command continues"
            )
        form = {"grant_type": "password", "username": account.user, "password": account.password}
        found = self._first(form | ({"totp": account.totp} if account.totp else {}), stop)
        self._code_used = bool(account.totp)
        return found

    def _first(self, form: Mapping[str, str], stop: Stop) -> _Login:
        try:
            return self._grant(form, stop)
        except PermanentError as error:
            also = (
                "a code of the second factor is good for half a minute and once"
                if self._account.totp
                else "an account with a second factor needs `totp`, too"
            )
            raise CredentialError(
                f"Copernicus does not take {self._account.name}: {error}; correct it under [credentials.cdse], or in "
                f"the variables ORCHESTRATOR_CREDENTIALS__CDSE__*; {also}"
            ) from None

    def _grant(self, form: Mapping[str, str], stop: Stop) -> _Login:
        again = retrying(self._policy, stop)
        return again(lambda: self._asked({"client_id": PUBLIC_CLIENT, **form}, stop))

    def _asked(self, form: Mapping[str, str], stop: Stop) -> _Login:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        asked_at = self._clock.monotonic()
        answer = self._wire.ask("POST", self._identity, headers, _WHAT, stop, urlencode(form).encode())
        if answer.status != 200:
            raise self._hidden(refused(answer.status, answer.headers, answer.content, _WHAT))
        return _read(read_object(answer.content, _WHAT), asked_at)

    def _hidden(self, error: OrchestratorError) -> OrchestratorError:
        """Return an error without our secrets: a service may say back what it was told."""
        text = str(error)
        for secret in (self._account.password, self._account.totp, self._account.client_secret):
            text = text.replace(secret, "[masked]") if secret else text
        if text == str(error):
            return error
        return TransientError(text) if isinstance(error, TransientError) else PermanentError(text)


def _read(told: Mapping[str, object], asked_at: float) -> _Login:
    access, refresh = told.get("access_token"), told.get("refresh_token", "")
    try:
        lives, refreshes = float(str(told.get("expires_in", 0))), float(str(told.get("refresh_expires_in", 0)))
    except ValueError:
        access, lives, refreshes = None, 0.0, 0.0
    if not isinstance(access, str) or not access or not isinstance(refresh, str):
        raise TransientError(one_line(f"{_WHAT}: the answer has no token in it; it has {', '.join(sorted(told))}", 200))
    margin = min(_MARGIN_SECONDS, lives / 5)
    # Keycloak says 0 of a refresh token without an end.
    return _Login(access, asked_at + lives - margin, refresh, asked_at + (refreshes or float("inf")))
