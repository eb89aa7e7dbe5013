"""Logins: who may have a token, how long it lives, and how many logins one user has at once."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from orchestrator.sandbox.cdse import tokens
from orchestrator.sandbox.cdse.second_factor import SecondFactor
from orchestrator.sandbox.cdse.settings import PUBLIC_CLIENT, Copernicus
from orchestrator.sandbox.cdse_errors import EXPIRED, NO_TOKEN, WRONG_AUDIENCE
from orchestrator.sandbox.clock import Clock
from orchestrator.sandbox.web import ApiError, Request

SCOPE = "AUDIENCE_PUBLIC openid email profile ondemand_processing user-context"


@dataclass(frozen=True, slots=True)
class Session:
    """
    One login.

    Attributes:
        user: A user's name, or a client's id behind `service-account-`.
        ends: When it is over, however often it is refreshed.
        downloads: Whether its tokens open downloads.
    """

    number: str
    user: str
    client: str
    ends: datetime
    downloads: bool = True


@dataclass(frozen=True, slots=True)
class _Token:
    session: Session
    ends: datetime


class Identity:
    """Give tokens and know them again; safe from several threads."""

    def __init__(self, settings: Copernicus, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._factor = SecondFactor(settings.totp_secret)
        self._sessions: dict[str, Session] = {}
        self._access: dict[str, _Token] = {}
        self._refresh: dict[str, _Token] = {}
        self._grants: Counter[str] = Counter()

    def grant(self, form: Mapping[str, str], issuer: str) -> dict[str, Any]:
        """
        Answer a form of the token endpoint with tokens.

        Raises:
            ApiError: In Keycloak's words; `code` is the name of the error.
        """
        kind = form.get("grant_type")
        if kind is None:
            raise ApiError(400, "Missing form parameter: grant_type", code="invalid_request")
        known = {"password": self._password, "refresh_token": self._again, "client_credentials": self._client}
        if kind not in known:
            raise ApiError(400, "Unsupported grant_type", code="unsupported_grant_type")
        with self._lock:
            session = known[kind](form)
            self._grants[kind] += 1
            return self._tokens(session, issuer)

    def session_of(self, request: Request) -> Session:
        """
        Return the login behind a download: its Authorization header, or its parameter `token`.

        Raises:
            ApiError: 401 without a token, or with one that is expired or unknown, or not good for downloads.
        """
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        told = text.strip() if kind.lower() == "bearer" else request.query.get("token", "")
        with self._lock:
            token = self._access.get(told)
            if token is None:
                raise _refused(NO_TOKEN)
            if self._clock.now() >= token.ends or token.session.number not in self._sessions:
                raise _refused(EXPIRED)
        if not token.session.downloads:
            raise _refused(WRONG_AUDIENCE)
        return token.session

    def end_all(self) -> None:
        """End every login, as an operator may: access and refresh tokens are good for nothing."""
        with self._lock:
            self._sessions.clear()

    def report(self) -> dict[str, Any]:
        """Show how often which grant was given, and how many logins live."""
        with self._lock:
            self._forget_ended()
            return {"grants": dict(self._grants), "sessions": len(self._sessions)}

    # Grants

    def _password(self, form: Mapping[str, str]) -> Session:
        self._check_public(form)
        user = form.get("username", "")
        if not user:
            raise ApiError(401, "Missing parameter: username", code="invalid_request")
        good = self._settings.accounts.get(user) == form.get("password", "")
        if not good or not self._factor.accepts(user, form.get("totp", ""), self._clock.now()):
            raise ApiError(401, "Invalid user credentials", code="invalid_grant")
        return self._begin(user, PUBLIC_CLIENT)

    def _client(self, form: Mapping[str, str]) -> Session:
        client = form.get("client_id", "")
        if client == PUBLIC_CLIENT:
            message = "Public client not allowed to retrieve service account"
            raise ApiError(401, message, code="unauthorized_client")
        if client not in self._settings.clients or self._settings.clients[client] != form.get("client_secret", ""):
            raise ApiError(401, "Invalid client or Invalid client credentials", code="invalid_client")
        return self._begin(f"service-account-{client}", client, downloads=self._settings.client_downloads)

    def _again(self, form: Mapping[str, str]) -> Session:
        self._check_public(form)
        token = self._refresh.get(form.get("refresh_token", ""))
        if token is None:
            raise ApiError(400, "Invalid refresh token", code="invalid_grant")
        if self._clock.now() >= token.ends or token.session.number not in self._sessions:
            raise ApiError(400, "Token is not active", code="invalid_grant")
        return token.session

    @staticmethod
    def _check_public(form: Mapping[str, str]) -> None:
        if form.get("client_id") != PUBLIC_CLIENT:
            raise ApiError(401, "Invalid client or Invalid client credentials", code="invalid_client")

    # Sessions and tokens

    def _begin(self, user: str, client: str, *, downloads: bool = True) -> Session:
        self._forget_ended()
        if sum(each.user == user for each in self._sessions.values()) >= self._settings.sessions:
            raise ApiError(401, "Invalid user credentials", code="invalid_grant")
        ends = self._clock.now() + timedelta(seconds=self._settings.session_seconds)
        session = Session(str(uuid.uuid4()), user, client, ends, downloads)
        self._sessions[session.number] = session
        return session

    def _forget_ended(self) -> None:
        now = self._clock.now()
        for each in [each for each in self._sessions.values() if now >= each.ends]:
            del self._sessions[each.number]

    def _tokens(self, session: Session, issuer: str) -> dict[str, Any]:
        now = self._clock.now()
        ends = min(now + timedelta(seconds=self._settings.token_seconds), session.ends)
        access = self._signed(session, issuer, "Bearer", now, ends)
        self._access[access] = _Token(session, ends)
        told = {
            "access_token": access,
            "expires_in": round((ends - now).total_seconds()),
            "token_type": "Bearer",
            "not-before-policy": 0,
            "scope": SCOPE,
        }
        if session.client != PUBLIC_CLIENT:  # Keycloak gives no refresh token to a service account
            return {**told, "refresh_expires_in": 0}
        refresh = self._signed(session, issuer, "Refresh", now, session.ends)
        self._refresh[refresh] = _Token(session, session.ends)
        left = round((session.ends - now).total_seconds())
        return {**told, "refresh_token": refresh, "refresh_expires_in": left, "session_state": session.number}

    @staticmethod
    def _signed(session: Session, issuer: str, kind: str, now: datetime, ends: datetime) -> str:
        times = {"iat": int(now.timestamp()), "exp": int(ends.timestamp())}
        who = {"sub": session.user, "azp": session.client, "preferred_username": session.user}
        what = {"jti": str(uuid.uuid4()), "iss": issuer, "typ": kind, "scope": SCOPE, "session_state": session.number}
        return tokens.signed({**times, **what, **who, "aud": ["CLOUDFERRO_PUBLIC"] if session.downloads else []})


def _refused(what: tuple[str, str]) -> ApiError:
    code, message = what
    return ApiError(401, message, code=code)
