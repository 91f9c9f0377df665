"""What was granted: codes, access tokens and refresh tokens, in memory.

A code is good once, for a minute. Tokens given for one code are a family: a code or refresh token that is
used twice revokes all of it, as one of the two who used it is a thief. Safe between threads; bounded: what
has ended is forgotten first, then what is oldest.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock

from ehr_sandbox.smart_launches import LaunchContext
from ehr_sandbox.smart_scopes import OFFLINE, ONLINE, covers

CODE_LASTS = timedelta(seconds=60)
_REPLAY_SEEN_FOR = timedelta(minutes=10)
_ONLINE_LASTS, _OFFLINE_LASTS = timedelta(hours=12), timedelta(days=90)
_MOST_CODES, _MOST_FAMILIES, _MOST_TOKENS_OF_FAMILY = 1000, 5000, 2000
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


class GrantRefusedError(Exception):
    """A code or refresh token is not honoured. ``error`` is the code of RFC 6749."""

    def __init__(self, error: str, text: str) -> None:
        super().__init__(text)
        self.error = error
        self.text = text


@dataclass(frozen=True, slots=True)
class Grant:
    """What a client may do, and for whom. ``context`` is ``None`` for a token made for a CDS service."""

    client_id: str
    scope: str
    patient_id: str | None
    context: LaunchContext | None = None
    nonce: str | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """Tokens that were given out. ``grant.scope`` is that of the access token."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    grant: Grant
    seconds: int


@dataclass(slots=True)
class _Code:
    grant: Grant
    redirect_uri: str
    challenge: str
    until: datetime
    used: bool = False
    family: int | None = None


@dataclass(slots=True)
class _Family:
    grant: Grant
    until: datetime
    tokens: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _AccessToken:
    grant: Grant
    family: int
    until: datetime


@dataclass(slots=True)
class _RefreshToken:
    family: int
    used: bool = False


class Grants:
    """All codes and tokens. ``now`` is real time (aware)."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = Lock()
        self._codes: dict[str, _Code] = {}
        self._families: dict[int, _Family] = {}
        self._access: dict[str, _AccessToken] = {}
        self._refresh: dict[str, _RefreshToken] = {}
        self._next_family = 1

    def give_code(self, grant: Grant, redirect_uri: str, challenge: str) -> str:
        """A code for a grant, bound to the redirect URI and the S256 challenge."""
        code, now = secrets.token_urlsafe(32), self._now()
        with self._lock:
            for old in [key for key, one in self._codes.items() if one.until + _REPLAY_SEEN_FOR < now]:
                del self._codes[old]
            while len(self._codes) >= _MOST_CODES:
                del self._codes[next(iter(self._codes))]
            self._codes[code] = _Code(grant, redirect_uri, challenge, now + CODE_LASTS)
        return code

    def exchange(
        self, code: str, client_id: str, redirect_uri: str, verifier: str, *, seconds: int, renewable: bool
    ) -> Issued:
        """Tokens for a code. An attempt that fails uses the code up. Raises :class:`GrantRefusedError`."""
        with self._lock:
            known = self._codes.get(code)
            if known is None:
                raise GrantRefusedError("invalid_grant", "the code is not known")
            if known.used:
                if known.family is not None:
                    self._revoke_family(known.family)
                raise GrantRefusedError("invalid_grant", "the code was used before; its tokens are revoked")
            known.used = True
            if known.grant.client_id != client_id:
                raise GrantRefusedError("invalid_grant", "the code was given to another client")
            if self._now() > known.until:
                raise GrantRefusedError("invalid_grant", "the code is older than a minute")
            if redirect_uri != known.redirect_uri:
                raise GrantRefusedError("invalid_grant", "redirect_uri is not that of the code")
            if not _VERIFIER.fullmatch(verifier) or not hmac.compare_digest(
                challenge_of(verifier), known.challenge
            ):
                raise GrantRefusedError("invalid_grant", "code_verifier does not fit the code_challenge")
            issued, known.family = self._open_family(known.grant, seconds, renewable)
            return issued

    def issue(self, grant: Grant, seconds: int) -> Issued:
        """An access token without a code and without a refresh token."""
        with self._lock:
            return self._open_family(grant, seconds, renewable=False)[0]

    def renew(self, token: str, client_id: str, scope: str | None, *, seconds: int) -> Issued:
        """New tokens for a refresh token, which is used up; ``scope`` narrows the access token.

        Raises :class:`GrantRefusedError`; a token that was used before takes its family with it.
        """
        with self._lock:
            known = self._refresh.get(token)
            family = None if known is None else self._families.get(known.family)
            if known is None or family is None:
                raise GrantRefusedError("invalid_grant", "the refresh token is not known")
            if family.grant.client_id != client_id:
                raise GrantRefusedError("invalid_grant", "the refresh token was given to another client")
            if known.used:
                self._revoke_family(known.family)
                raise GrantRefusedError(
                    "invalid_grant", "the refresh token was used before; all tokens of its family are revoked"
                )
            if self._now() > family.until:
                raise GrantRefusedError("invalid_grant", "the refresh token has expired")
            if scope is not None and (not scope.split() or not covers(family.grant.scope, scope)):
                raise GrantRefusedError("invalid_scope", "scope holds more than was granted")
            if len(family.tokens) > _MOST_TOKENS_OF_FAMILY:
                raise GrantRefusedError("invalid_grant", "the refresh token was renewed too often")
            known.used = True
            grant = family.grant if scope is None else replace(family.grant, scope=scope)
            return self._give(known.family, grant, seconds, renewable=True)

    def find(self, access_token: str) -> Grant | None:
        """What an access token permits; ``None`` for one that is unknown, expired or revoked."""
        with self._lock:
            known = self._access.get(access_token)
        return known.grant if known is not None and self._now() < known.until else None

    def revoke(self, token: str, client_id: str) -> None:
        """Take back a client's token: a refresh token with its family, an access token alone (RFC 7009).

        Does nothing for a token that is unknown. Raises :class:`GrantRefusedError` for another client's.
        """
        with self._lock:
            access, refresh = self._access.get(token), self._refresh.get(token)
            number = refresh.family if refresh else access.family if access else None
            family = None if number is None else self._families.get(number)
            if number is None or family is None:
                return
            if family.grant.client_id != client_id:
                raise GrantRefusedError("invalid_grant", "the token was given to another client")
            if refresh is not None:
                self._revoke_family(number)
            else:
                self._access.pop(token, None)

    def _open_family(self, grant: Grant, seconds: int, renewable: bool) -> tuple[Issued, int]:
        now, asked = self._now(), grant.scope.split()
        renewable = renewable and (ONLINE in asked or OFFLINE in asked)
        lasts = timedelta(seconds=seconds)
        if renewable:
            lasts = _OFFLINE_LASTS if OFFLINE in asked else _ONLINE_LASTS
        for number in [key for key, one in self._families.items() if one.until < now]:
            self._revoke_family(number)
        while len(self._families) >= _MOST_FAMILIES:
            self._revoke_family(next(iter(self._families)))
        number, self._next_family = self._next_family, self._next_family + 1
        self._families[number] = _Family(grant, now + lasts)
        return self._give(number, grant, seconds, renewable), number

    def _give(self, number: int, grant: Grant, seconds: int, renewable: bool) -> Issued:
        family = self._families[number]
        access, refresh = secrets.token_urlsafe(32), secrets.token_urlsafe(32) if renewable else None
        self._access[access] = _AccessToken(grant, number, self._now() + timedelta(seconds=seconds))
        family.tokens.add(access)
        if refresh is not None:
            self._refresh[refresh] = _RefreshToken(number)
            family.tokens.add(refresh)
        return Issued(access, refresh, grant, seconds)

    def _revoke_family(self, number: int) -> None:
        family = self._families.pop(number, None)
        for token in family.tokens if family else ():
            self._access.pop(token, None)
            self._refresh.pop(token, None)


def challenge_of(verifier: str) -> str:
    """The S256 code challenge of a verifier (RFC 7636)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
