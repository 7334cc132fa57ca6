"""The token service and the door of the API, over sockets."""

import base64
import datetime
import email.utils
import hashlib
import json

import pytest
import yarl

DAY = 86_400
CLAIM = "http://rhythmsoftware.com/"


def claims_of(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def month(year, number):
    return datetime.datetime(year, number, 1, tzinfo=datetime.UTC).timestamp()


async def test_machine_token_is_a_jwt_of_a_day_with_the_tenants_claims(rhythm, clock, mint):
    status, body = await mint()
    claims = claims_of(body["access_token"])
    assert (status, body["token_type"], body["expires_in"]) == (200, "Bearer", DAY)
    assert claims[f"{CLAIM}tenant_id"] == rhythm.tenant_id
    assert claims[f"{CLAIM}customer_id"]
    assert f"{CLAIM}contact_id" not in claims
    assert claims["exp"] == clock.now() + DAY
    rhythm.settings.machine_customer_id = False
    assert f"{CLAIM}customer_id" not in claims_of((await mint())[1]["access_token"])


async def test_month_is_counted_over_all_clients_of_a_tenant_and_opens_again_on_the_first(rhythm, clock, mint):
    """1,000 a month over all integrations; none until the next month; refusals count for nobody."""
    clock.step_wall(month(2027, 1) + 5 * DAY - clock.now())
    rhythm.settings.monthly_tokens = 3
    rhythm.add_client("second", "other")
    assert [(await mint())[0], (await mint(client_id="second", client_secret="other"))[0], (await mint())[0]] == [
        200
    ] * 3
    status, body = await mint(client_id="second", client_secret="other")
    assert (status, body["error"]) == (429, "too_many_requests")
    assert (len(rhythm.mints()), len(rhythm.mints("second")), len(rhythm.mints(month="2027-01"))) == (3, 1, 3)
    clock.advance(month(2027, 2) - clock.now() - 1)
    assert (await mint())[0] == 429
    clock.advance(1)
    assert (await mint())[0] == 200
    assert [one.month for one in rhythm.mints()] == ["2027-01"] * 3 + ["2027-02"]


async def test_lock_out_is_answered_as_the_settings_say(rhythm, mint):
    rhythm.settings.update({"monthly_tokens": 0, "lockout_status": 403, "lockout_error": "access_denied"})
    assert (await mint())[1]["error"] == "access_denied"


async def test_month_boundary_can_lie_elsewhere_than_midnight_utc(rhythm, clock, mint):
    clock.step_wall(month(2027, 2) - clock.now())
    rhythm.settings.month_offset_seconds = 6 * 3600
    await mint()
    assert rhythm.mints()[0].month == "2027-01"


async def test_another_customers_month_is_its_own(rhythm, mint):
    rhythm.settings.monthly_tokens = 1
    rhythm.add_tenant("other.example.org", records=3)
    rhythm.add_client("theirs", "secret", "other.example.org")
    assert (await mint())[0] == (await mint(client_id="theirs", client_secret="secret"))[0] == 200
    assert (await mint())[0] == 429


async def test_user_tokens_do_not_count(rhythm, mint):
    rhythm.settings.update({"monthly_tokens": 0, "password_grant": True})
    form = {"grant_type": "password", "username": rhythm.user_email, "password": rhythm.user_password}
    assert (await mint(**form))[0] == 200
    assert rhythm.mints() == []


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "access_denied"),
        ({"client_id": "nobody"}, 401, "access_denied"),
        ({"audience": None}, 403, "access_denied"),
        ({"grant_type": "refresh_token"}, 403, "unsupported_grant_type"),
        ({"grant_type": "password", "username": "x", "password": "y"}, 403, "unauthorized_client"),
    ],
)
async def test_refused_grants_say_why_in_oauths_words_and_mint_nothing(rhythm, mint, form, status, error):
    answer = await mint(**form)
    assert (answer[0], answer[1]["error"]) == (status, error)
    assert rhythm.mints() == []
    assert rhythm.journal[-1].reason == error


async def test_body_is_form_encoded_unless_the_setting_allows_json(rhythm, plain):
    body = {
        "grant_type": "client_credentials",
        "client_id": rhythm.client_id,
        "client_secret": rhythm.client_secret,
        "audience": rhythm.audience,
    }
    url = f"{rhythm.auth_url}/oauth/token"
    async with plain.post(url, json=body) as response:
        assert response.status == 400
    rhythm.settings.token_encoding = "json"
    async with plain.post(url, json=body) as response:
        assert response.status == 200
    async with plain.post(url, data=body) as response:
        assert response.status == 400


async def test_wrong_audience_is_minted_and_counted_and_answered_with_401(rhythm, mint, call):
    status, body = await mint(audience="https://example.org")
    assert (status, len(rhythm.mints())) == (200, 1)
    assert (await call("GET", "rolodex", "/contacts/{t}", token=body["access_token"]))[0] == 401
    assert rhythm.journal[-1].reason == "audience"
    rhythm.settings.wrong_audience = "refuse"
    assert (await mint(audience="https://example.org"))[0] == 403


async def test_token_ends_after_a_day_to_the_second(rhythm, clock, call):
    assert (await call("GET", "rolodex", "/addressTypes/{t}"))[0] == 200
    clock.advance(DAY - 1)
    assert (await call("GET", "rolodex", "/addressTypes/{t}"))[0] == 200
    clock.advance(1)
    assert (await call("GET", "rolodex", "/addressTypes/{t}"))[0] == 401
    assert rhythm.journal[-1].reason == "expired"


async def test_revoked_secret_is_refused_with_its_tokens(rhythm, mint, call):
    assert (await call("GET", "rolodex", "/addressTypes/{t}"))[0] == 200
    rhythm.revoke_secret(rhythm.client_id, "new")
    assert (await call("GET", "rolodex", "/addressTypes/{t}"))[0] == 401
    assert rhythm.journal[-1].reason == "revoked"
    assert (await mint())[0] == 401
    assert (await mint(client_secret="new"))[0] == 200


async def test_revoked_secret_may_leave_its_tokens_alone(rhythm, call):
    rhythm.settings.revoked_secret_revokes_tokens = False
    await call("GET", "rolodex", "/addressTypes/{t}")
    rhythm.revoke_secret(rhythm.client_id, "new")
    assert (await call("GET", "rolodex", "/addressTypes/{t}"))[0] == 200


async def test_date_is_the_servers_clock_with_its_skew(rhythm, clock, call):
    rhythm.settings.skew_seconds = 600
    _, _, headers = await call("GET", "rolodex", "/addressTypes/{t}")
    assert email.utils.parsedate_to_datetime(headers["Date"]).timestamp() == clock.now() + 600
    rhythm.advance(5)
    assert rhythm.now() == clock.now() + 605


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x.y.z"}, {"Authorization": "Basic eA=="}])
async def test_without_a_token_of_this_server_it_is_401(call, headers):
    assert (await call("GET", "rolodex", "/contacts/{t}", headers=headers))[0] == 401


async def test_bare_token_is_taken_only_if_the_setting_says_so(rhythm, mint, call):
    bare = {"Authorization": (await mint())[1]["access_token"]}
    assert (await call("GET", "rolodex", "/addressTypes/{t}", headers=bare))[0] == 401
    rhythm.settings.bare_token = True
    assert (await call("GET", "rolodex", "/addressTypes/{t}", headers=bare))[0] == 200


@pytest.mark.parametrize("status", [403, 404])
async def test_foreign_tenant_and_unknown_uri_are_denied_in_the_same_words(rhythm, call, status):
    """The client cannot tell one from the other; the journal can."""
    rhythm.settings.denied_status = status
    rhythm.add_tenant("other.example.org", records=3)
    answers = [
        await call("GET", "rolodex", path)
        for path in (
            "/contacts/other.example.org", "/contacts/nobody", "/contactz/{t}", "/contacts/{t}/a/b/c",
            "/contacts/a%2Fb", "/contacts/",
        )
    ]  # fmt: skip
    answers += [await call("DELETE", "rolodex", "/contacts/{t}"), await call("GET", "events", "/contacts/{t}")]
    assert {(one[0], one[1]["message"]) for one in answers} == {(status, answers[0][1]["message"])}
    assert [entry.reason for entry in rhythm.journal[-8:]] == [
        "foreign tenant", "foreign tenant", "unknown URI", "unknown URI", "foreign tenant", "unknown URI",
        "unknown URI", "unknown URI",
    ]  # fmt: skip


async def test_service_may_be_said_by_the_host_header(rhythm, mint, plain):
    token = (await mint())[1]["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Host": "rolodex.api.rhythmsoftware.com"}
    async with plain.get(f"{rhythm.url}/addressTypes/{rhythm.tenant_id}", headers=headers) as response:
        assert response.status == 200
    assert rhythm.journal[-1].service == "rolodex"
    async with plain.post(f"{rhythm.url}/oauth/token", headers={"Host": "some.us.auth0.com"}) as response:
        assert response.status == 400
    assert rhythm.journal[-1].operation == "issueM2MToken"


class Browser:
    """Follows the authorization code flow as an application does."""

    def __init__(self, box, plain):
        self.box, self.plain = box, plain
        self.redirect = box.settings.redirect_uris[0]

    async def authorize(self, **more):
        query = {
            "response_type": "code",
            "client_id": self.box.client_id,
            "redirect_uri": self.redirect,
            "scope": "openid profile email",
            "state": "s-1",
            **more,
        }
        url = f"{self.box.auth_url}/authorize"
        async with self.plain.get(url, params=query, allow_redirects=False) as response:
            return response.status, yarl.URL(response.headers.get("Location", ""))

    async def exchange(self, code, **more):
        form = {
            "grant_type": "authorization_code",
            "client_id": self.box.client_id,
            "redirect_uri": self.redirect,
            "code": code,
            **more,
        }
        async with self.plain.post(f"{self.box.auth_url}/oauth/token", data=form) as response:
            return response.status, await response.json()


@pytest.fixture
def browser(rhythm, plain):
    return Browser(rhythm, plain)


async def test_code_brings_a_user_token_with_the_contact_once(rhythm, browser, call):
    status, back = await browser.authorize()
    assert (status, back.query["state"]) == (302, "s-1")
    status, body = await browser.exchange(back.query["code"], client_secret=rhythm.client_secret)
    assert (status, body["expires_in"], body["scope"]) == (200, DAY, "openid profile email")
    contact = claims_of(body["access_token"])[f"{CLAIM}contact_id"]
    _, current, _ = await call("GET", "rolodex", "/contacts/current", token=body["access_token"])
    assert current["id"] == contact == rhythm.world.tables["contacts"].id(0)
    assert (await browser.exchange(back.query["code"], client_secret=rhythm.client_secret))[1][
        "error"
    ] == "invalid_grant"


async def test_pkce_wants_the_verifier_of_its_challenge_and_no_secret(browser):
    verifier = "v" * 43
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    for sent, status in ((verifier, 200), ("w" * 43, 403)):
        _, back = await browser.authorize(code_challenge=challenge, code_challenge_method="S256")
        assert (await browser.exchange(back.query["code"], code_verifier=sent))[0] == status
    _, back = await browser.authorize(code_challenge=challenge, code_challenge_method="plain")
    assert back.query["error"] == "invalid_request"


async def test_code_without_challenge_wants_the_secret(browser):
    _, back = await browser.authorize()
    assert (await browser.exchange(back.query["code"]))[0] == 401


async def test_code_runs_out_and_redirects_must_be_registered_and_match(rhythm, clock, browser):
    _, back = await browser.authorize()
    clock.advance(rhythm.settings.code_seconds)
    assert (await browser.exchange(back.query["code"], client_secret=rhythm.client_secret))[0] == 403
    _, back = await browser.authorize()
    wrong = await browser.exchange(
        back.query["code"], client_secret=rhythm.client_secret, redirect_uri="https://x.test"
    )
    assert wrong[0] == 403
    assert (await browser.authorize(redirect_uri="https://x.test"))[0] == 403


async def test_newcomer_is_401_on_contact_bound_calls_until_a_token_carries_the_contact(rhythm, browser, call):
    """The token of a user who has not visited the portal is valid, and other calls answer."""

    async def token():
        _, back = await browser.authorize(login_hint=rhythm.new_user_email)
        return (await browser.exchange(back.query["code"], client_secret=rhythm.client_secret))[1]["access_token"]

    first = await token()
    for path in ("/contacts/current", "/contacts/{t}/current"):
        assert (await call("GET", "rolodex", path, token=first))[0] == 401
        assert rhythm.journal[-1].reason == "no contact"
    assert (await call("GET", "rolodex", "/addressTypes/{t}", token=first))[0] == 200
    address = rhythm.world.tables["contacts"].value(7, "email_address")
    status, _, _ = await call("POST", "rolodex", f"/contacts/{{t}}/portal/{address}", {}, token=first)
    assert status == 200
    assert (await call("GET", "rolodex", "/contacts/current", token=first))[0] == 401
    assert (await call("GET", "rolodex", "/contacts/current", token=await token()))[1]["email_address"] == address


async def test_machine_token_has_no_current_contact_and_links_nobody(call):
    assert (await call("GET", "rolodex", "/contacts/current"))[0] == 401
    assert (await call("POST", "rolodex", "/contacts/{t}/portal/a@b.c", {}))[0] == 401


async def test_password_grant_needs_the_right_password(rhythm, mint):
    rhythm.settings.password_grant = True
    form = {"grant_type": "password", "username": rhythm.user_email}
    assert (await mint(**form, password="wrong"))[1]["error"] == "invalid_grant"
    _, body = await mint(**form, password=rhythm.user_password)
    assert claims_of(body["access_token"])[f"{CLAIM}contact_id"]


async def test_journal_holds_no_token_secret_or_signature(rhythm, mint, call):
    token = (await mint())[1]["access_token"]
    await call("GET", "rolodex", "/addressTypes/{t}", token=token)
    text = json.dumps([entry.as_json() for entry in rhythm.journal])
    assert token not in text
    assert rhythm.client_secret not in text
    assert rhythm.journal[-1].token == "m2m-000001"
    assert rhythm.journal[-1].client == rhythm.client_id


async def test_a_month_of_three_applications_minting_daily_stays_far_below_the_limit(rhythm, clock, mint):
    """31 tokens each are what the page expects of an application."""
    clock.step_wall(month(2027, 1) - clock.now())
    names = [rhythm.client_id, "two", "three"]
    for name in names[1:]:
        rhythm.add_client(name, rhythm.client_secret)
    for _ in range(31):
        for name in names:
            assert (await mint(client_id=name))[0] == 200
        clock.advance(DAY)
    assert [len(rhythm.mints(name, "2027-01")) for name in names] == [31] * 3
