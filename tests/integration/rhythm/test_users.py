"""Users' logins against the sandbox: never a machine token, never in the shared cache, each mistake its own error."""

from __future__ import annotations

import asyncio
import logging
import pathlib
import traceback
from collections.abc import AsyncIterator
from email.utils import formatdate
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest

from tonicdm.clock import VirtualClock
from tonicdm.errors import ConfigError, RateLimitedError, ServerError, TransportError
from tonicdm.http.messages import Response
from tonicdm.http.plain import Plain
from tonicdm.rhythm.claims import hs256
from tonicdm.rhythm.errors import (
    InvalidTokenError,
    LoginError,
    MultiFactorError,
    NoContactError,
    SessionExpiredError,
    TokenRefusedError,
    UserScopeError,
    WrongAudienceError,
    WrongTenantError,
)
from tonicdm.rhythm.scope import as_user
from tonicdm.rhythm.tokens.broker import TokenBroker
from tonicdm.rhythm.tokens.store import FileTokenStore
from tonicdm.rhythm.users import Authorization, UserLogin, UserSession
from tonicdm.sandbox.rhythm import RhythmSandbox

CALLBACK = "http://127.0.0.1:8400/callback"


@pytest.fixture
async def box(clock: VirtualClock) -> AsyncIterator[RhythmSandbox]:
    async with RhythmSandbox(records=5, clock=clock) as box:
        yield box


@pytest.fixture
async def http(clock: VirtualClock) -> AsyncIterator[Plain]:
    http = Plain(clock=clock)
    yield http
    await http.close()


@pytest.fixture
def login(box: RhythmSandbox, http: Plain, clock: VirtualClock) -> UserLogin:
    return UserLogin(
        box.auth_url, box.client_id, redirect_uri=CALLBACK, tenant_id=box.tenant_id, clock=clock, http=http
    )


async def visit(http: Plain, authorization: Authorization) -> dict[str, str]:
    """Be the user's browser: log in at the issuer and come back."""
    sent_back = (await http.get(authorization.url)).headers["Location"]
    assert sent_back.startswith(CALLBACK)
    return {name: values[0] for name, values in parse_qs(urlsplit(sent_back).query).items()}


async def status(box: RhythmSandbox, http: Plain, session: UserSession) -> Response:
    token = await session.token()
    got = await http.get(f"{box.url}/rolodex/contacts/current", {"Authorization": f"Bearer {token.reveal()}"})
    return Response(status=got.status, headers=got.headers, body=got.body, rate_limit=None, attempts=1)


async def test_a_login_by_code_and_pkce_gives_a_session_with_a_contact(box, http, login) -> None:
    authorization = login.authorize_url(login_hint=box.user_email)
    back = await visit(http, authorization)
    session = await login.exchange(back["code"], state=back["state"], authorization=authorization)
    assert session.contact == box.world.tables["contacts"].id(0)
    assert session.claims is not None
    assert session.claims.tenant == box.tenant_id
    assert (await status(box, http, session)).status == 200
    assert box.mints() == [], "a user's token does not count"


async def test_each_login_has_its_own_state_and_verifier(login) -> None:
    first, second = login.authorize_url(), login.authorize_url()
    assert first.state != second.state
    assert first.verifier.reveal() != second.verifier.reveal()
    assert first.verifier.reveal() not in first.url
    query = parse_qs(urlsplit(first.url).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["audience"] == ["https://api.rhythmsoftware.com"]


async def test_the_answer_of_another_login_is_refused_before_anything_is_sent(box, http, login) -> None:
    mine, other = login.authorize_url(), login.authorize_url()
    back = await visit(http, other)
    for state, code in ((back["state"], back["code"]), ("", back["code"]), (mine.state, "")):
        with pytest.raises(LoginError, match="Nothing was sent"):
            await login.exchange(code, state=state, authorization=mine)
    assert box.calls(operation="issueUserToken") == []
    with pytest.raises(TokenRefusedError, match="begin it anew"):  # the verifier of another login
        await login.exchange(back["code"], state=mine.state, authorization=mine)


async def test_a_code_is_good_once(box, http, login) -> None:
    authorization = login.authorize_url()
    back = await visit(http, authorization)
    await login.exchange(back["code"], state=back["state"], authorization=authorization)
    with pytest.raises(LoginError, match="exchanged before"):
        await login.exchange(back["code"], state=back["state"], authorization=authorization)
    kept = Authorization(**attrs.asdict(authorization))  # as a web session of another process brings it back
    other = UserLogin(box.auth_url, box.client_id, redirect_uri=CALLBACK, http=http)
    with pytest.raises(TokenRefusedError) as caught:
        await other.exchange(back["code"], state=back["state"], authorization=kept)
    assert caught.value.code == "invalid_grant"


async def test_a_password_login_works_where_it_is_enabled_and_says_so_where_not(box, http, clock) -> None:
    login = UserLogin(box.auth_url, box.client_id, client_secret=box.client_secret, clock=clock, http=http)
    with pytest.raises(TokenRefusedError, match="support"):
        await login.password(box.user_email, box.user_password)
    box.settings.password_grant = True
    session = await login.password(box.user_email, box.user_password)
    assert (await status(box, http, session)).status == 200
    with pytest.raises(ConfigError, match="redirect_uri"):
        login.authorize_url()
    assert box.mints() == []


async def test_a_user_without_a_contact_is_told_apart_before_a_call_is_sent(box, http, login) -> None:
    authorization = login.authorize_url(login_hint=box.new_user_email)
    back = await visit(http, authorization)
    session = await login.exchange(back["code"], state=back["state"], authorization=authorization)
    with pytest.raises(NoContactError, match="first login to the Rhythm portal"):
        _ = session.contact
    refused = await status(box, http, session)
    assert refused.status == 401
    assert not await session.refresh(await session.token(), refused), "nothing is asked for in its place"
    assert box.calls(operation="issueM2MToken") == []


async def test_a_session_ends_by_the_issuers_clock_and_when_it_is_told(box, http, clock) -> None:
    clock.step_wall(-600)
    box.settings.skew_seconds = 600
    async with UserLogin(box.auth_url, box.client_id, redirect_uri=CALLBACK, clock=clock) as login:
        sessions = []
        for _ in range(2):
            authorization = login.authorize_url()
            back = await visit(http, authorization)
            sessions.append(await login.exchange(back["code"], state=back["state"], authorization=authorization))
    clock.advance(86400 - 20)
    await sessions[0].token()
    sessions[0].end()
    clock.advance(60)
    for session in sessions:
        with pytest.raises(SessionExpiredError, match="log in again"):
            await session.token()


async def test_foreign_tokens_are_refused_and_signatures_checked_where_a_key_is_given(box, http, login, clock) -> None:
    authorization = login.authorize_url()
    back = await visit(http, authorization)
    session = await login.exchange(back["code"], state=back["state"], authorization=authorization)
    token = await session.token()
    with pytest.raises(WrongTenantError):
        UserSession(token, tenant_id="other.org")
    with pytest.raises(WrongAudienceError):
        UserSession(token, audience="https://elsewhere")
    with pytest.raises(InvalidTokenError, match="signature"):
        UserSession(token, verify=hs256(b"another key"), now=clock.now)
    known = UserSession(token, verify=hs256(box.issuer.key), now=clock.now)
    assert known.claims is not None
    assert known.claims.verified
    assert UserSession("an-opaque-token").claims is None


async def test_a_users_token_never_reaches_the_machine_cache_and_no_machine_token_a_user(
    box, http, login, clock, tmp_path: pathlib.Path
) -> None:
    broker = TokenBroker(
        box.auth_url, box.client_id, box.client_secret, store=FileTokenStore(tmp_path), clock=clock, http=http
    )
    authorization = login.authorize_url()
    back = await visit(http, authorization)
    with as_user(await login.exchange(back["code"], state=back["state"], authorization=authorization)) as session:
        user_token = (await session.token()).reveal()
        with pytest.raises(UserScopeError):
            await broker.token()
    assert box.mints() == []
    machine_token = (await broker.token()).reveal()
    content = b"".join(path.read_bytes() for path in list(tmp_path.iterdir()))  # noqa: ASYNC240 - a handful of small files
    assert user_token.encode() not in content
    assert machine_token.encode() in content
    assert box.client_secret.encode() not in content


async def test_no_log_error_or_repr_holds_a_password_code_verifier_or_token(box, http, login, clock, caplog) -> None:
    secrets = [box.user_password, box.client_secret]
    with caplog.at_level(logging.DEBUG):
        authorization = login.authorize_url()
        secrets += [authorization.verifier.reveal(), authorization.state]
        back = await visit(http, authorization)
        secrets.append(back["code"])
        session = await login.exchange(back["code"], state=back["state"], authorization=authorization)
        secrets.append((await session.token()).reveal())
        shown = repr(authorization) + repr(session) + repr(login) + repr(session.claims) + repr(vars(login))
        other = UserLogin(box.auth_url, box.client_id, client_secret=box.client_secret, clock=clock, http=http)
        for work in (
            other.password(box.user_email, box.user_password),
            login.exchange(back["code"], state=back["state"], authorization=authorization),
        ):
            try:
                await work
            except (TokenRefusedError, LoginError) as error:
                shown += "".join(traceback.format_exception(error)) + repr(vars(error))
            else:
                raise AssertionError
    for secret in secrets:
        assert secret not in shown
        assert secret not in "".join(record.getMessage() for record in caplog.records if record.name != "asyncio")


# --- bad days -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [None, ""])
async def test_a_user_who_comes_back_without_a_state_is_a_login_error(box, login, state) -> None:
    with pytest.raises(LoginError, match="without a state"):
        await login.exchange("code", state=state, authorization=login.authorize_url())
    assert box.calls(operation="issueUserToken") == []


async def test_a_login_that_was_refused_says_so_and_is_nobody_elses(box, login) -> None:
    begun = login.authorize_url()
    back = {"state": begun.state, "error": "access_denied", "error_description": "User did not authorize"}
    with pytest.raises(LoginError, match="access_denied: the user, or a rule of the issuer, said no") as caught:
        await login.exchange(None, authorization=begun, **back)
    assert caught.value.code == "access_denied"
    with pytest.raises(LoginError, match="without a code"):
        await login.exchange(None, authorization=begun, state=begun.state)
    with pytest.raises(LoginError, match="another login"):
        await login.exchange(None, authorization=login.authorize_url(), **back)


async def test_one_authorization_is_exchanged_once_whatever_code_comes(box, http, login) -> None:
    begun = login.authorize_url()
    first, second = await visit(http, begun), await visit(http, begun)
    assert first["code"] != second["code"]
    await login.exchange(first["code"], state=first["state"], authorization=begun)
    with pytest.raises(LoginError, match="exchanged before"):
        await login.exchange(second["code"], state=second["state"], authorization=begun)
    assert len(box.calls(operation="issueUserToken")) == 1


async def test_a_second_factor_and_a_429_are_no_disabled_grant(box, http, clock) -> None:
    box.settings.password_grant = True
    login = UserLogin(box.auth_url, box.client_id, client_secret=box.client_secret, clock=clock, http=http)
    box.faults.next("response", status=403, body='{"error": "mfa_required", "mfa_token": "x"}')
    with pytest.raises(MultiFactorError, match=r"authorize_url\(\)"):
        await login.password(box.user_email, box.user_password)
    box.faults.next("too_many_requests", retry_after=30)
    with pytest.raises(RateLimitedError, match="Wait 30 s") as caught:
        await login.password(box.user_email, box.user_password)
    assert "support" not in str(caught.value)
    box.faults.next("response", status=403, body="<html>blocked</html>")
    with pytest.raises(ServerError, match="No token came"):
        await login.password(box.user_email, box.user_password)
    assert await login.password(box.user_email, box.user_password)


async def renewable(login: UserLogin, http: Plain) -> UserSession:
    begun = login.authorize_url(scope="openid offline_access")
    back = await visit(http, begun)
    return await login.exchange(back["code"], state=back["state"], authorization=begun)


async def test_a_refresh_token_is_rotated_in_memory_and_sent_once(box, http, login, clock) -> None:
    """Ten callers at the end of a life share one renewal; each renewal brings the token of the next."""
    session = await renewable(login, http)
    for _ in range(3):
        before = (await session.token()).reveal()
        clock.advance(86400 + 60)
        tokens = {token.reveal() for token in await asyncio.gather(*(session.token() for _ in range(10)))}
        assert len(tokens) == 1 and before not in tokens
        assert (await status(box, http, session)).status == 200
    assert len(box.calls(operation="issueUserToken")) == 4
    assert "refresh-" not in repr(session) + repr(vars(login))
    assert box.mints() == []


async def test_a_401_alone_renews_no_session_and_an_api_ahead_ends_none(box, http, login, clock) -> None:
    session = await renewable(login, http)
    token = await session.token()
    for ahead in (0.0, 25 * 3600.0):
        clock.advance(120)
        date = {"Date": formatdate(clock.now() + ahead, usegmt=True)}
        told = Response(status=401, headers=date, body=b"", rate_limit=None, attempts=1)
        assert not await session.refresh(token, told)
        assert (await session.token()).reveal() == token.reveal()
    clock.advance(86400 + 60)
    assert await session.refresh(token, told)
    assert len(box.calls(operation="issueUserToken")) == 2


@pytest.mark.parametrize(
    ("fault", "error", "goes_on"),
    [
        ({"name": "response", "status": 403, "body": '{"error": "invalid_grant"}'}, SessionExpiredError, False),
        ({"name": "too_many_requests"}, RateLimitedError, True),
        ({"name": "server_error"}, ServerError, True),
        ({"name": "drop_after"}, TransportError, False),
    ],
)
async def test_a_renewal_that_fails_ends_the_session_only_where_its_token_is_gone(
    box, http, login, clock, fault, error, goes_on
) -> None:
    session = await renewable(login, http)
    clock.advance(86400 + 60)
    box.faults.next(**fault)
    with pytest.raises(error):
        await session.token()
    if goes_on:
        assert await session.token()
    else:
        with pytest.raises(SessionExpiredError, match="log in again"):
            await session.token()
