"""The token service: JSON Web Tokens, its paths, the rules of issue, and the month's limit."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import attrs

from tonicdm.sandbox.messages import Request, Response, json_response, to_json
from tonicdm.sandbox.rhythm.settings import RhythmSettings
from tonicdm.sandbox.rhythm.versions import Table


def encode_jwt(claims: Mapping[str, Any], key: bytes) -> str:
    """Return a signed token with these claims."""
    head = f"{to_base64(to_json({'alg': 'HS256', 'typ': 'JWT'}))}.{to_base64(to_json(claims))}"
    return f"{head}.{to_base64(_signature(head, key))}"


def decode_jwt(token: str, key: bytes) -> dict[str, Any] | None:
    """Return the claims of a token, None when it was not signed with this key."""
    head, _, signature = token.rpartition(".")
    if not hmac.compare_digest(to_base64(_signature(head, key)).encode(), signature.encode()):
        return None
    claims: dict[str, Any] = json.loads(from_base64(head.partition(".")[2]))
    return claims


def from_base64(text: str) -> bytes:
    """Return the bytes behind URL-safe Base64 without padding.

    Raises:
        ValueError: It is something else.
    """
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def to_base64(data: bytes) -> str:
    """Return bytes as URL-safe Base64 without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _signature(head: str, key: bytes) -> bytes:
    return hmac.digest(key, head.encode(), hashlib.sha256)


CLAIM = "http://rhythmsoftware.com/"
"""What the names of Rhythm's own claims begin with: http, not https (reference, AccessTokenClaims)."""
USER_SCOPE = "openid profile email"


class GrantRefusal(Exception):  # noqa: N818 - an answer, not an error of ours
    """A token that is not issued (reference, OAuthError)."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(status, error, description)
        self.status: int = status
        self.error: str = error
        self.description: str = description


@attrs.define
class Client:
    """An application of a customer, as the console lists it under API Keys."""

    id: str
    secret: str = attrs.field(repr=False)
    tenant: str
    customer_id: str
    revoked_tokens: set[str] = attrs.field(factory=set)
    """Tokens that are refused since a secret was revoked."""


@attrs.define
class User:
    """A login; the contact behind it is linked at the first visit (concepts page, "Users vs. Contacts")."""

    email: str
    password: str = attrs.field(repr=False)
    tenant: str
    customer_id: str
    contact_id: str | None = None
    contact_name: str | None = None


def subject(user: User) -> str:
    """Return the claim sub of a login."""
    return f"auth0|{hashlib.sha256(user.email.encode()).hexdigest()[:24]}"


@attrs.frozen
class Mint:
    """One machine token that was issued."""

    token_id: str
    """Claim jti."""
    client_id: str
    """Application it went to."""
    tenant: str
    """Customer whose month it counts for."""
    at: float
    """Server time."""
    month: str
    """Month it counts for, as "2027-01"."""


@attrs.frozen
class Code:
    """An authorization code that waits to be exchanged."""

    client_id: str
    redirect_uri: str
    scope: str
    audience: str
    challenge: str | None
    user: User
    expires_at: float


@attrs.frozen
class TokenLife:
    """What a token says of its life, in place of the setting token_seconds."""

    expires_in: object
    """Beside it, in seconds; None for no such member."""
    exp: float | None
    """In it, in seconds from now; None for no such claim."""


@attrs.frozen
class RefreshToken:
    """What brings a user's next token."""

    client_id: str
    user: User
    audience: str
    scope: str


@attrs.define
class Issuer:
    """Clients, users, and the tokens they were given.

    Args:
        settings: The choices.
        seed: Of the key that signs.
    """

    settings: RhythmSettings
    seed: int = 1
    clients: dict[str, Client] = attrs.field(factory=dict)
    """By client ID."""
    users: dict[str, User] = attrs.field(factory=dict)
    """By e-mail address."""
    mints: list[Mint] = attrs.field(factory=list)
    """Machine tokens in the order of their issue."""
    _codes: dict[str, Code] = attrs.field(factory=dict)
    _refresh_tokens: dict[str, RefreshToken] = attrs.field(factory=dict)
    _numbers: Iterator[int] = attrs.field(init=False, factory=lambda: itertools.count(1))
    _issued: dict[str, set[str]] = attrs.field(factory=dict)
    _life: TokenLife | None = None

    @property
    def key(self) -> bytes:
        """What tokens are signed with."""
        return hashlib.sha256(f"{self.seed}/rhythm".encode()).digest()

    def month(self, now: float) -> str:
        """Return the calendar month that a moment counts for, as "2027-01"."""
        return datetime.fromtimestamp(now - self.settings.month_offset_seconds, UTC).strftime("%Y-%m")

    def minted(
        self, *, tenant: str | None = None, client_id: str | None = None, month: str | None = None
    ) -> list[Mint]:
        """Return the machine tokens issued to a tenant or an application, in one month or ever."""
        return [
            mint
            for mint in self.mints
            if tenant in {None, mint.tenant} and client_id in {None, mint.client_id} and month in {None, mint.month}
        ]

    def revoke(self, client_id: str, new_secret: str) -> None:
        """Replace a client's secret; the old one is refused from now on, and its tokens if the settings say so."""
        client = self.clients[client_id]
        client.secret = new_secret
        if self.settings.revoked_secret_revokes_tokens:
            client.revoked_tokens |= self._issued.pop(client_id, set())

    def grant(self, form: Mapping[str, str], now: float, life: TokenLife | None = None) -> dict[str, Any]:
        """Answer a request to the token endpoint (RFC 6749, 4.1.3, 4.3 and 4.4; RFC 7636, 4.5).

        Args:
            form: Its parameters.
            now: Server time.
            life: What a token says of its life, where it is another one than usual.

        Raises:
            GrantRefusal: No token is issued.
        """
        self._life = life
        match form.get("grant_type"):
            case "client_credentials":
                return self._machine(form, now)
            case "refresh_token" if "refresh_token" in form:
                return self._refreshed(form, now)
            case "authorization_code":
                return self._exchange(form, now)
            case "password":
                return self._password(form, now)
            case other:
                raise GrantRefusal(403, "unsupported_grant_type", f"unsupported grant type: {other}")

    def authorize(self, query: Mapping[str, str], now: float) -> tuple[str, dict[str, str]]:
        """Sign a user in without a page and return the redirect URI with its parameters (RFC 6749, 4.1.2).

        Args:
            query: Parameters of the authorization request; login_hint picks the user, otherwise it is the first.
            now: Server time.

        Raises:
            GrantRefusal: The client or the redirect URI is not registered: nothing may be sent to it.
        """
        client = self.clients.get(query.get("client_id", ""))
        redirect = query.get("redirect_uri", "")
        if client is None or redirect not in self.settings.redirect_uris:
            raise GrantRefusal(403, "invalid_request", "client_id or redirect_uri is not registered")
        state = {"state": query["state"]} if "state" in query else {}
        if query.get("response_type") != "code":
            return redirect, {"error": "unsupported_response_type", **state}
        if "code_challenge" in query and query.get("code_challenge_method") != "S256":
            return redirect, {"error": "invalid_request", **state}
        user = self.users.get(query.get("login_hint", "")) or next(
            (user for user in self.users.values() if user.tenant == client.tenant), None
        )
        if user is None or user.tenant != client.tenant:
            return redirect, {"error": "access_denied", **state}
        code = f"code-{next(self._numbers):06d}"
        self._codes[code] = Code(
            client_id=client.id,
            redirect_uri=redirect,
            scope=query.get("scope", ""),
            audience=query.get("audience", self.settings.audience),
            challenge=query.get("code_challenge"),
            user=user,
            expires_at=now + self.settings.code_seconds,
        )
        return redirect, {"code": code, **state}

    def claims(self, token: str) -> dict[str, Any] | None:
        """Return what a token says, None when it is not one of this service's."""
        return decode_jwt(token, self.key)

    def is_revoked(self, claims: Mapping[str, Any]) -> bool:
        """Return whether a token was refused before its time."""
        client = self.clients.get(str(claims.get("azp")))
        return client is None or claims.get("jti") in client.revoked_tokens

    def _machine(self, form: Mapping[str, str], now: float) -> dict[str, Any]:
        client = self._client(form)
        audience = form.get("audience")
        if not audience:
            raise GrantRefusal(403, "access_denied", "no audience was sent and none is configured")
        if audience != self.settings.audience and self.settings.wrong_audience == "refuse":
            raise GrantRefusal(403, "access_denied", f"client is not authorized to access {audience!r}")
        month = self.month(now)
        if len(self.minted(tenant=client.tenant, month=month)) >= self.settings.monthly_tokens:
            settings = self.settings
            raise GrantRefusal(settings.lockout_status, settings.lockout_error, settings.lockout_description)
        token_id = f"m2m-{next(self._numbers):06d}"
        self.mints.append(Mint(token_id, client.id, client.tenant, now, month))
        customer = {f"{CLAIM}customer_id": client.customer_id} if self.settings.machine_customer_id else {}
        own = {"sub": f"{client.id}@clients", "gty": "client-credentials", "aud": audience, **customer}
        return self._token(client, token_id, own, now)

    def _exchange(self, form: Mapping[str, str], now: float) -> dict[str, Any]:
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.expires_at <= now or code.client_id != form.get("client_id"):
            raise GrantRefusal(403, "invalid_grant", "the authorization code is unknown, used or expired")
        if code.redirect_uri != form.get("redirect_uri"):
            raise GrantRefusal(403, "invalid_grant", "redirect_uri is not that of the authorization request")
        if code.challenge is None:
            client = self._client(form)
        else:
            verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            if to_base64(verifier) != code.challenge:
                raise GrantRefusal(403, "invalid_grant", "code_verifier does not match the challenge")
            client = self.clients[code.client_id]
        return self._user_token(client, code.user, code.audience, code.scope, now)

    def _password(self, form: Mapping[str, str], now: float) -> dict[str, Any]:
        client = self._client(form)
        if not self.settings.password_grant:
            raise GrantRefusal(403, "unauthorized_client", "grant type 'password' is not allowed for the client")
        user = self.users.get(form.get("username", ""))
        if user is None or user.password != form.get("password") or user.tenant != client.tenant:
            raise GrantRefusal(403, "invalid_grant", "wrong email or password")
        return self._user_token(
            client, user, form.get("audience", self.settings.audience), form.get("scope", USER_SCOPE), now
        )

    def _refreshed(self, form: Mapping[str, str], now: float) -> dict[str, Any]:
        """Answer a refresh token (RFC 6749, 6), which is good once where they rotate (RFC 9700, 4.14.2)."""
        known = self._refresh_tokens.get(form.get("refresh_token", ""))
        if known is None or known.client_id != form.get("client_id"):
            raise GrantRefusal(403, "invalid_grant", "unknown or used refresh token")
        if self.settings.rotate_refresh_tokens:
            del self._refresh_tokens[form["refresh_token"]]
        return self._user_token(self.clients[known.client_id], known.user, known.audience, known.scope, now)

    def _client(self, form: Mapping[str, str]) -> Client:
        client = self.clients.get(form.get("client_id", ""))
        secret = form.get("client_secret", "")
        if client is None or not hmac.compare_digest(client.secret.encode(), secret.encode()):
            raise GrantRefusal(401, "access_denied", "Unauthorized")
        return client

    def _user_token(self, client: Client, user: User, audience: str, scope: str, now: float) -> dict[str, Any]:
        own: dict[str, Any] = {
            "sub": subject(user),
            "aud": [audience, "https://sandbox.us.auth0.com/userinfo"],
            f"{CLAIM}customer_id": user.customer_id,
        }
        if user.contact_id is not None:
            own |= {f"{CLAIM}contact_id": user.contact_id, f"{CLAIM}contact_name": user.contact_name}
        body = self._token(client, f"user-{next(self._numbers):06d}", own, now) | {"scope": scope}
        if "offline_access" in scope.split():
            token = f"refresh-{next(self._numbers):06d}"
            self._refresh_tokens[token] = RefreshToken(client.id, user, audience, scope)
            body["refresh_token"] = token
        return body

    def _token(self, client: Client, token_id: str, own: Mapping[str, Any], now: float) -> dict[str, Any]:
        claims = {
            "iss": "https://sandbox.us.auth0.com/",
            "azp": client.id,
            "jti": token_id,
            "iat": int(now),
            "exp": int(now) + self.settings.token_seconds,
            f"{CLAIM}tenant_id": client.tenant,
            **own,
        }
        self._issued.setdefault(client.id, set()).add(token_id)
        body: dict[str, Any] = {"token_type": "Bearer", "expires_in": self.settings.token_seconds}
        if self._life is not None:
            claims["exp"] = None if self._life.exp is None else int(now + self._life.exp)
            body["expires_in"] = self._life.expires_in
        present = {name: value for name, value in claims.items() if value is not None}
        body["access_token"] = encode_jwt(present, self.key)
        return {name: value for name, value in body.items() if value is not None}


def attach(user: User, contacts: Table, contact_id: str) -> None:
    """Put a contact behind a login, as the first visit to the portal does (concepts page, "Users vs. Contacts").

    Raises:
        KeyError: There is no such contact.
    """
    rank = contacts.rank(contact_id)
    if rank is None:
        raise KeyError(f"no contact {contact_id}")
    user.contact_id, user.contact_name = contact_id, contacts.value(rank, "name")


_FORM = "application/x-www-form-urlencoded"


def authorize(issuer: Issuer, query: Mapping[str, str], now: float) -> Response:
    """Answer an authorization request: sign the user in at once and send the browser back.

    Raises:
        GrantRefusal: It may not be sent back anywhere.
    """
    redirect, parameters = issuer.authorize(query, now)
    return Response(status=302, headers={"Location": f"{redirect}?{urlencode(parameters)}"})


def refused(refusal: GrantRefusal) -> Response:
    """Return a refusal in the form of OAuth (reference, OAuthError)."""
    return json_response(refusal.status, {"error": refusal.error, "error_description": refusal.description}, 0)


def read_form(issuer: Issuer, request: Request) -> dict[str, str]:
    """Return the parameters of a token request.

    Raises:
        GrantRefusal: They are written in a way that the settings do not allow, or are none.
    """
    media = (request.header("Content-Type") or "").partition(";")[0].strip().lower()
    allowed = issuer.settings.token_encoding
    if media == _FORM and allowed != "json":
        return dict(parse_qsl(request.body.decode("utf-8", "replace")))
    if media == "application/json" and allowed != "form":
        try:
            fields = json.loads(request.body)
        except ValueError:
            fields = None
        if isinstance(fields, dict):
            return {name: value for name, value in fields.items() if isinstance(value, str)}
    raise GrantRefusal(400, "invalid_request", "the body cannot be read")
