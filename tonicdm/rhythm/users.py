"""Tokens of users who log in: kept in the session object only, never beside the machine tokens, and never counted."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlencode

import attrs

from tonicdm.clock import Clock, SystemClock
from tonicdm.errors import ConfigError, ServerError
from tonicdm.http.call import Answer
from tonicdm.http.plain import Plain
from tonicdm.rhythm.claims import AUDIENCE, Claims, Verifier, check_audience, check_tenant, read_claims, require_contact
from tonicdm.rhythm.errors import InvalidTokenError, LoginError, SessionExpiredError, TokenRefusedError
from tonicdm.rhythm.issuer import Issuer, read_date, read_grant, read_refusal
from tonicdm.rhythm.issuerclock import LONGEST_CALL, IssuerClock
from tonicdm.rhythm.minting import MintRules
from tonicdm.types import Secret

SCOPE: Final = "openid profile email"
"""What a login asks for (reference: securitySchemes, authorizationCode)."""

_LIFETIME: Final = 86400.0
"""Seconds that a token lives where neither the answer nor the token says (concepts page, "Tokens")."""


@attrs.frozen(kw_only=True)
class Authorization:
    """A login that has begun; keep it in the user's own web session until the user is sent back."""

    url: str = attrs.field(repr=False)
    """Where to send the user."""
    state: str = attrs.field(repr=False)
    """Comes back with the user: it must be this one."""
    verifier: Secret
    """Proves at the exchange that the login began here (PKCE)."""
    redirect_uri: str
    """Where the user is sent back to."""


class UserSession:
    """A user's token for as long as it lives, and what it says. It is the `Bearer` of a transport.

    Args:
        token: The access token.
        now: The issuer's time, Unix seconds.
        expires_at: End of the token's life by that time; else the token's own claim, else a day from now.
        audience: The API that it must be for, where it says.
        tenant_id: The tenant that it must be for, where it says.
        verify: Checks its signature; needed where the token came from somebody else than the issuer.
        on_answer: Told of each answer that refused the token.

    Raises:
        WrongAudienceError: It is for another API.
        WrongTenantError: It is for another tenant.
        InvalidTokenError: Its signature was not accepted.
    """

    def __init__(
        self,
        token: str | Secret,
        *,
        now: Callable[[], float] | None = None,
        expires_at: float | None = None,
        audience: str = AUDIENCE,
        tenant_id: str | None = None,
        verify: Verifier | None = None,
        on_answer: Callable[[Answer], None] | None = None,
    ) -> None:
        self._token: Secret | None = token if isinstance(token, Secret) else Secret(token)
        self._now = now or SystemClock().now
        self._on_answer = on_answer
        self.claims: Claims | None = _claims(self._token, verify)
        """What the token says; None where it can't be read."""
        if self.claims is not None:
            check_audience(self.claims, audience)
            if tenant_id is not None:
                check_tenant(self.claims, tenant_id)
            expires_at = expires_at if expires_at is not None else self.claims.expires_at
        self.expires_at: float = expires_at if expires_at is not None else self._now() + _LIFETIME
        """End of its life, Unix seconds."""

    def __repr__(self) -> str:
        return f"<UserSession {'ended' if self._token is None else 'open'}>"

    @property
    def contact(self) -> str:
        """The user's contact; NoContactError where there is none (concepts page, "Users vs. Contacts")."""
        return require_contact(self.claims)

    async def token(self) -> Secret:
        """Return the user's token.

        Raises:
            SessionExpiredError: Its life has ended; nothing was sent.
        """
        if self._token is None or self._now() >= self.expires_at:
            raise SessionExpiredError(
                "the user's token has expired or the session was ended; the user has to log in again. Nothing was sent."
            )
        return self._token

    async def refresh(self, _refused: Secret, answer: Answer, /) -> bool:
        """Return False: nobody but the user can bring another token."""
        if self._on_answer is not None:
            self._on_answer(answer)
        return False

    def end(self) -> None:
        """Forget the token."""
        self._token = None


class UserLogin:
    """Brings users' tokens: by sending the user to the issuer, or as a last resort with the user's password.

    Args:
        auth_domain: The tenant's Auth0 domain, or the URL of a sandbox's.
        client_id: The application.
        client_secret: Its secret; a public application (a mobile or single-page one) has none.
        redirect_uri: Where the user is sent back to; registered beforehand with the issuer.
        audience: The API.
        tenant_id: Checked against the tokens' claim where both are there.
        verify: Checks the signatures of tokens.
        clock: Time.
        http: Sends the requests; one of its own unless given.
        timeout: Seconds that the issuer may take.
    """

    def __init__(
        self,
        auth_domain: str,
        client_id: str,
        *,
        client_secret: str | Secret | None = None,
        redirect_uri: str | None = None,
        audience: str = AUDIENCE,
        tenant_id: str | None = None,
        verify: Verifier | None = None,
        clock: Clock | None = None,
        http: Plain | None = None,
        timeout: float = 30.0,
    ) -> None:
        if not client_id:
            raise ConfigError("no client_id: give client_id= or set RHYTHM_CLIENT_ID")
        self.issuer: Issuer = Issuer.parse(auth_domain)
        self._client_id = client_id
        self._secret = Secret(client_secret) if isinstance(client_secret, str) else client_secret
        self._redirect_uri = redirect_uri
        self._audience = audience
        self._tenant_id = tenant_id
        self._verify = verify
        self._clock = clock or SystemClock()
        self._own_http = http is None
        self._http = http or Plain(clock=self._clock)
        self._issuer_clock = IssuerClock(self.issuer, self._http, self._clock)
        self._timeout = timeout

    def __repr__(self) -> str:
        return f"<UserLogin {self._client_id} at {self.issuer.name}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections made here; sessions live on."""
        if self._own_http:
            await self._http.close()

    # --- Authorization Code with PKCE ---------------------------------------------------------------------------

    def authorize_url(self, *, scope: str = SCOPE, login_hint: str | None = None) -> Authorization:
        """Begin a login: make the URL to send the user to, and what the exchange will need (RFC 7636).

        Args:
            scope: What to ask for.
            login_hint: Fills in the user's e-mail address at the issuer.
        """
        if not self._redirect_uri:
            raise ConfigError("no redirect_uri: the user could not be sent back; register one with the issuer")
        verifier, state = secrets.token_urlsafe(64), secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": scope,
            "audience": self._audience,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        if login_hint is not None:
            query["login_hint"] = login_hint
        url = f"{self.issuer.authorize_url}?{urlencode(query)}"
        return Authorization(url=url, state=state, verifier=Secret(verifier), redirect_uri=self._redirect_uri)

    async def exchange(self, code: str, *, state: str, authorization: Authorization) -> UserSession:
        """End a login: turn the code with which the user was sent back into a session.

        Args:
            code: As it came back.
            state: As it came back.
            authorization: The login that this user began.

        Raises:
            LoginError: The answer belongs to another login; nothing was sent.
            TokenRefusedError: The issuer refused the code.
            TransportError: The issuer can't be reached.
        """
        if not code or not hmac.compare_digest(state.encode(), authorization.state.encode()):
            raise LoginError(
                "the user came back without a code, or with the state of another login: it may be somebody else's. "
                "Nothing was sent; begin the login anew."
            )
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": authorization.redirect_uri,
            "code_verifier": authorization.verifier.reveal(),
        }
        return await self._session(form)

    # --- Resource Owner Password --------------------------------------------------------------------------------

    async def password(self, username: str, password: str | Secret, *, scope: str = SCOPE) -> UserSession:
        """Log a user in with name and password, where the user can't be sent to the issuer.

        Rhythm's support has to enable this for the credentials (concepts page, "Tokens").

        Args:
            username: The login name.
            password: Sent to the issuer only, and kept nowhere.
            scope: What to ask for.

        Raises:
            TokenRefusedError: The issuer refused the login.
            TransportError: The issuer can't be reached.
        """
        word = password.reveal() if isinstance(password, Secret) else password
        form = {"grant_type": "password", "username": username, "password": word}
        return await self._session({**form, "audience": self._audience, "scope": scope})

    async def _session(self, form: Mapping[str, str]) -> UserSession:
        secret = {} if self._secret is None else {"client_secret": self._secret.reveal()}
        full = {**form, "client_id": self._client_id, **secret}
        answer = await self._http.post(self.issuer.token_url, full, timeout=self._timeout)
        self._issuer_clock.heard(answer)
        grant = read_grant(answer.status, answer.body)
        path = f"{self.issuer.name}/oauth/token"
        if grant is None and (answer.status < 300 or answer.status >= 500):
            raise ServerError(
                status=answer.status, method="POST", path=path, note="No token came; begin the login anew."
            )
        if grant is None:
            refusal = read_refusal(answer.status, answer.headers, answer.body, self._issuer_clock.now(), MintRules())
            raise TokenRefusedError(
                status=answer.status,
                path=path,
                code=refusal.code,
                note="The login was refused; begin it anew. A code can be exchanged once, and the password grant has "
                "to be enabled by Rhythm's support.",
            )
        date = read_date(answer.headers)
        issued_at = self._issuer_clock.now() if date is None else date
        return UserSession(
            grant.token,
            now=self._issuer_clock.now,
            expires_at=None if grant.expires_in is None else issued_at + grant.expires_in,
            audience=self._audience,
            tenant_id=self._tenant_id,
            verify=self._verify,
            on_answer=self._hear,
        )

    def _hear(self, answer: Answer) -> None:
        now = self._clock.monotonic()
        self._issuer_clock.observe(read_date(answer.headers), now - LONGEST_CALL, now)


def _claims(token: Secret, verify: Verifier | None) -> Claims | None:
    try:
        return read_claims(token, verify=verify)
    except InvalidTokenError:
        if verify is not None:
            raise
        return None
