"""Tokens of users who log in; they are kept in the session object only, and are never counted."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias
from urllib.parse import urlencode

import attrs

from tonicdm.clock import Clock, SystemClock
from tonicdm.closing import AsyncClosing
from tonicdm.errors import APIError, ConfigError, RateLimitedError, ServerError, TransportError
from tonicdm.http.messages import Response
from tonicdm.http.plain import Plain, PlainResponse
from tonicdm.rhythm.claims import AUDIENCE, Claims, Verifier, check_audience, check_tenant, read_claims, require_contact
from tonicdm.rhythm.errors import (
    InvalidTokenError,
    LoginError,
    MultiFactorError,
    SessionExpiredError,
    TokenRefusedError,
)
from tonicdm.rhythm.tokens.issuer import Issuer, IssuerClock, read_date, read_grant, read_refusal
from tonicdm.rhythm.tokens.ledger import Cause, digest
from tonicdm.rhythm.tokens.minting import MintRules, moment
from tonicdm.types import Secret

SCOPE: Final = "openid profile email"
"""What a login asks for (reference: securitySchemes, authorizationCode)."""

_LOGIN_PAUSE_SECONDS: Final = 60.0
"""Seconds to wait after a 429 that names none."""
MAX_REMEMBERED: Final = 10_000
"""Logins that are remembered as exchanged."""
_CODE: Final = re.compile(r"[a-z_]{1,60}")
_LIFETIME_SECONDS: Final = 86400.0
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


@attrs.frozen(kw_only=True)
class UserGrant:
    """What a login, or the renewal of one, brought."""

    token: Secret
    expires_at: float | None
    """End of the token's life, Unix seconds by the issuer's clock; None where the answer did not say."""
    refresh_token: Secret | None = None
    """Brings the next token, once; only where the scope ``offline_access`` was asked for and granted."""


Renew: TypeAlias = Callable[[Secret], Awaitable[UserGrant]]
"""Sends a refresh token to the issuer."""


class UserSession:
    """A user's token for as long as it lives, and what it says. It is the `Bearer` of a transport.

    Args:
        token: The access token.
        now: The issuer's time, Unix seconds.
        expires_at: End of the token's life by that time; else the token's own claim, else a day from now.
        audience: The API that it must be for, where it says.
        tenant_id: The tenant that it must be for, where it says.
        verify: Checks its signature; needed where the token came from somebody else than the issuer.
        refresh_token: Brings the next token when this one has ended; kept in memory, and sent once.
        renew: Sends it.
        check_time: Asks the issuer for its time, after an answer that refused the token.

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
        refresh_token: Secret | None = None,
        renew: Renew | None = None,
        check_time: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._now = now or SystemClock().now
        self._audience, self._tenant_id, self._verify = audience, tenant_id, verify
        self._renew, self._check_time = renew, check_time
        self._renewing = asyncio.Lock()
        self._ended = False
        self.claims: Claims | None = None
        """What the token says; None where it can't be read."""
        self.expires_at: float = 0.0
        """End of its life, Unix seconds."""
        self._token: Secret = token if isinstance(token, Secret) else Secret(token)
        self._refresh_token: Secret | None = refresh_token
        self._take(UserGrant(token=self._token, expires_at=expires_at, refresh_token=refresh_token))

    def __repr__(self) -> str:
        return f"<UserSession {'ended' if self._ended else 'open'}>"

    @property
    def contact(self) -> str:
        """The user's contact; NoContactError where there is none (concepts page, "Users vs. Contacts")."""
        return require_contact(self.claims)

    async def token(self) -> Secret:
        """Return the user's token; a renewed one where its life has ended and the login brought a refresh token.

        Raises:
            SessionExpiredError: Its life has ended, and it can't be renewed.
            RateLimitedError: The issuer asked for a pause; it can be renewed later.
            TransportError: The issuer can't be reached.
        """
        if self._is_over:
            async with self._renewing:
                if self._is_over:
                    await self._renewed()
        return self._token

    async def refresh(self, refused: Secret, _answer: Response, /) -> bool:
        """Say whether there is another token than the *refused* one.

        A 401 ends no token: the issuer is asked for its time, and only a token whose life has ended is renewed.
        """
        if self._check_time is not None:
            # The 401 is the answer; an issuer that can't be asked does not change it.
            with contextlib.suppress(TransportError):
                await self._check_time()
        if self._is_over and self._refresh_token is not None:
            await self.token()
        return not self._ended and self._token.reveal() != refused.reveal()

    def end(self) -> None:
        """Forget the token, and what would renew it."""
        self._ended, self._token = True, Secret("")
        self._refresh_token = None

    @property
    def _is_over(self) -> bool:
        return self._ended or self._now() >= self.expires_at

    def _take(self, grant: UserGrant) -> None:
        claims, expires_at = _claims(grant.token, self._verify), grant.expires_at
        if claims is not None:
            check_audience(claims, self._audience)
            if self._tenant_id is not None:
                check_tenant(claims, self._tenant_id)
            expires_at = expires_at if expires_at is not None else claims.expires_at
        self.claims = claims
        self.expires_at = expires_at if expires_at is not None else self._now() + _LIFETIME_SECONDS
        self._token = grant.token
        self._refresh_token = grant.refresh_token

    async def _renewed(self) -> None:
        """Send the refresh token, once: an issuer that rotates them takes a second use for a theft (RFC 9700, 4.14)."""
        given, self._refresh_token = self._refresh_token, None
        if given is None or self._renew is None:
            raise SessionExpiredError(
                "the user's token has expired or the session was ended; the user has to log in again. Nothing was sent."
            )
        try:
            grant = await self._renew(given)
        except TokenRefusedError as error:
            raise SessionExpiredError(
                f"the user's token has expired, and the issuer did not renew it ({error.status} {error.code}); the "
                "user has to log in again."
            ) from error
        except (RateLimitedError, ServerError):
            self._refresh_token = given
            raise
        except TransportError as error:
            self._refresh_token = None if error.sent else given
            raise
        self._take(attrs.evolve(grant, refresh_token=grant.refresh_token or given))


class UserLogin(AsyncClosing):
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
        self._issuer_clock = IssuerClock(self.issuer, self._clock)
        self._timeout = timeout
        self._exchanged: dict[str, None] = {}

    def __repr__(self) -> str:
        return f"<UserLogin {self._client_id} at {self.issuer.name}>"

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

    async def exchange(
        self,
        code: str | None,
        *,
        state: str | None,
        authorization: Authorization,
        error: str | None = None,
        error_description: str | None = None,
    ) -> UserSession:
        """End a login: turn the code with which the user was sent back into a session.

        Args:
            code: As it came back; None where none did.
            state: As it came back; None where none did.
            authorization: The login that this user began; it can be exchanged once.
            error: As it came back, where the login was refused (RFC 6749, 4.1.2.1).
            error_description: As it came back.

        Raises:
            LoginError: The answer belongs to another login, the login was refused, or it was exchanged before; nothing
                was sent.
            TokenRefusedError: The issuer refused the code.
            RateLimitedError: The issuer asked for a pause.
            TransportError: The issuer can't be reached.
        """
        if not state or not hmac.compare_digest(str(state).encode(), authorization.state.encode()):
            raise LoginError(
                "the user came back without a state, or with the state of another login: it may be somebody else's. "
                "Nothing was sent; begin the login anew."
            )
        if error:
            raise LoginError(_login_refused(error, error_description), code=error if _CODE.fullmatch(error) else "")
        if not code:
            raise LoginError("the user came back without a code. Nothing was sent; begin the login anew.")
        begun = digest(authorization.state)
        if begun in self._exchanged:
            raise LoginError(
                "this login was exchanged before: a user who comes back twice, by the browser's reload or back button, "
                "has a session already. Nothing was sent; begin the login anew."
            )
        form: dict[str, str | Secret] = {
            "grant_type": "authorization_code",
            "code": Secret(code),
            "redirect_uri": authorization.redirect_uri,
            "code_verifier": authorization.verifier,
        }
        # Sealed in the form: tools that track errors show the variables of the frames that an error passes.
        code = None
        self._exchanged[begun] = None
        if len(self._exchanged) > MAX_REMEMBERED:
            del self._exchanged[next(iter(self._exchanged))]
        try:
            return self._session(await self._grant(form, "login"))
        except TransportError as lost:
            if not lost.sent:
                self._exchanged.pop(begun, None)
            raise

    # --- Resource Owner Password --------------------------------------------------------------------------------

    async def password(self, username: str, password: str | Secret, *, scope: str = SCOPE) -> UserSession:
        """Log a user in with name and password, where the user can't be sent to the issuer.

        Rhythm's support has to enable this for the credentials (concepts page, "Tokens").

        Args:
            username: The login name.
            password: Sent to the issuer only, and kept nowhere.
            scope: What to ask for.

        Raises:
            MultiFactorError: The issuer wants a second factor, which this grant can't give: send the user to it.
            TokenRefusedError: The issuer refused the login.
            RateLimitedError: The issuer asked for a pause.
            TransportError: The issuer can't be reached.
        """
        # Sealed first: tools that track errors show the variables of the frames that an error passes.
        password = password if isinstance(password, Secret) else Secret(password)
        form: dict[str, str | Secret] = {"grant_type": "password", "username": username, "password": password}
        return self._session(await self._grant({**form, "audience": self._audience, "scope": scope}, "login"))

    # --- what the issuer says -----------------------------------------------------------------------------------

    def _session(self, grant: UserGrant) -> UserSession:
        return UserSession(
            grant.token,
            now=self._issuer_clock.now,
            expires_at=grant.expires_at,
            audience=self._audience,
            tenant_id=self._tenant_id,
            verify=self._verify,
            refresh_token=grant.refresh_token,
            renew=self._renew,
            check_time=self._check_time,
        )

    async def _renew(self, refresh_token: Secret) -> UserGrant:
        form: dict[str, str | Secret] = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return await self._grant(form, "renewal")

    async def _check_time(self) -> None:
        if self._issuer_clock.may_be_wrong:
            await self._issuer_clock.ask(self._http, self._timeout)

    async def _grant(self, form: Mapping[str, str | Secret], what: str) -> UserGrant:
        secret = {} if self._secret is None else {"client_secret": self._secret}
        full = {**form, "client_id": self._client_id, **secret}
        answer = await self._http.post(self.issuer.token_url, full, timeout=self._timeout)
        self._issuer_clock.heard(answer)
        grant = read_grant(answer.status, answer.body)
        if grant is None:
            raise self._refused(answer, what)
        date = read_date(answer.headers)
        issued_at = self._issuer_clock.now() if date is None else date
        return UserGrant(
            token=grant.token,
            expires_at=None if grant.expires_in is None else issued_at + grant.expires_in,
            refresh_token=grant.refresh_token,
        )

    def _refused(self, answer: PlainResponse, what: str) -> APIError:
        """Return the error for an answer without a token, as far as it can be told apart."""
        path, status = f"{self.issuer.name}/oauth/token", answer.status
        now = self._issuer_clock.now()
        refusal = read_refusal(status, answer.headers, answer.body, now, MintRules())
        if status == 429 or refusal.cause in {Cause.THROTTLED, Cause.LOCKED_OUT}:
            wait = refusal.pause or _LOGIN_PAUSE_SECONDS
            return RateLimitedError(
                method="POST",
                path=path,
                body=refusal.code,
                reset_at=moment(now + wait),
                note=f"The issuer takes no more logins for now: this user's or this application's come too fast. Wait "
                f"{wait:,.0f} s and begin the login anew; the credentials were not judged.",
            )
        if refusal.code == "mfa_required":
            return MultiFactorError(status=status, path=path, code=refusal.code)
        if refusal.cause is Cause.UNANSWERED:
            return ServerError(status=status, method="POST", path=path, note="No token came; begin the login anew.")
        note = (
            "The login was refused; begin it anew. A code can be exchanged once, and the password grant has to be "
            "enabled by Rhythm's support."
            if what == "login"
            else "The session was not renewed; the user has to log in again."
        )
        return TokenRefusedError(status=status, path=path, code=refusal.code, note=note)


def _login_refused(error: str, description: str | None) -> str:
    word = error if _CODE.fullmatch(error) else "an error"
    why = {
        "access_denied": "the user, or a rule of the issuer, said no",
        "login_required": "the user is not logged in, and was not to be asked",
        "consent_required": "the user has to agree first",
    }.get(word, "see the description at the issuer's log" if description else "the issuer gave no more words")
    return f"the issuer sent the user back with {word}: {why}. Nothing was sent; the user may begin the login anew."


def _claims(token: Secret, verify: Verifier | None) -> Claims | None:
    try:
        return read_claims(token, verify=verify)
    except InvalidTokenError:
        if verify is not None:
            raise
        return None
