"""Bad input and refusals: each has its own error, costs no token, and tells nothing that is secret."""

from __future__ import annotations

import logging
import traceback

import pytest

from tonicdm.errors import (
    AuthenticationError,
    ClientClosedError,
    ConfigError,
    InvalidOptionError,
    RateLimitedError,
    RequestTimeoutError,
    ServerError,
    TransportError,
)
from tonicdm.rhythm import MemoryTokenStore, RhythmClient, ThrottleRules, TokenBroker, UserLogin, field
from tonicdm.rhythm.errors import (
    CriteriaError,
    DeniedError,
    InvalidTenantError,
    NoContactError,
    UnknownTypeError,
    WrongAudienceError,
    WrongTenantError,
)
from tonicdm.sandbox.rhythm import RhythmSandbox

from .conftest import UNPACED, drive


async def test_bad_input_is_refused_before_a_token_is_spent(make, rhythm, box: RhythmSandbox, clock) -> None:
    """A tenant with a slash, an unknown type, a wrong audience, a call that needs a contact: each its own error."""
    with pytest.raises(InvalidTenantError, match="holds a slash"):
        make("example.org/contacts")
    with pytest.raises(UnknownTypeError, match="'people' is no type"):
        rhythm.fetch("people")
    with pytest.raises(WrongAudienceError, match="no token was spent"):
        TokenBroker(box.auth_url, box.client_id, box.client_secret, audience="https://other", store=MemoryTokenStore())
    for path in ("plain", "tenant"):
        with pytest.raises(NoContactError, match="no token was spent"):
            await rhythm.contacts.current(path=path)
    with pytest.raises(NoContactError):
        await rhythm.request("GET", "rolodex", "/contacts/current")
    with pytest.raises(InvalidOptionError, match="is no query type"):
        await rhythm.queries.describe_type("contacts")
    with pytest.raises(CriteriaError):
        rhythm.fetch("contacts", field("number") > 1, strategy="search")
    with pytest.raises(InvalidOptionError, match="no operation"):
        await rhythm.request("GET", "rolodex", f"/contact/{box.tenant_id}")
    assert box.mints() == []
    assert list(box.journal) == []


async def test_a_user_without_a_contact_is_told_so_and_nothing_is_sent(make, box, clock) -> None:
    async with UserLogin(box.auth_url, box.client_id, client_secret=box.client_secret, clock=clock) as login:
        session = await login.password(box.new_user_email, box.user_password)
    rhythm = make(token=session)
    before = len(box.journal)
    with pytest.raises(NoContactError, match="first login"):
        await rhythm.contacts.current()
    assert len(box.journal) == before
    assert box.mints() == []


async def test_a_fixed_token_is_looked_at_before_the_first_call(make, box, broker) -> None:
    """Another tenant's token, or one for another API, is refused when the client is made."""
    token = await broker.token()
    with pytest.raises(WrongTenantError, match=r"'sandbox\.example\.org', not for 'other\.org'"):
        make("other.org", token=token)
    other = TokenBroker(
        box.auth_url, box.client_id, box.client_secret, audience="https://other", allow_audience=True,
        store=MemoryTokenStore(), clock=broker._clock,
    )  # fmt: skip
    foreign = await other.token()
    await other.close()
    with pytest.raises(WrongAudienceError):
        make(token=foreign)


async def test_denied_names_the_tenant_and_the_path_as_its_two_causes(make, box, broker) -> None:
    box.add_tenant("other.org")
    token = await broker.token()

    async def source() -> str:
        return token.reveal()

    rhythm = make("other.org", token=source)
    with pytest.raises(DeniedError) as caught:
        await rhythm.contacts.list().first()
    said = str(caught.value)
    assert "'other.org'" in said and "/contacts/other.org" in said and "inferred" in said
    assert caught.value.tenant == "other.org"
    with pytest.raises(DeniedError, match="is that of a documented operation"):
        await rhythm.contacts.get("x")
    unknown = make(token=source)
    with pytest.raises(DeniedError):
        await unknown.request("GET", "rolodex", f"/nothing/{box.tenant_id}", unchecked=True)


async def test_a_known_path_can_be_called_by_hand(rhythm, box) -> None:
    box.settings.empty_page_rate = 0
    found = await rhythm.request("GET", "rolodex", f"/contacts/{box.tenant_id}", options={"fields": "id"})
    assert set(found["Items"][0]) == {"id"}
    with pytest.raises(InvalidOptionError, match="names the tenant"):
        await rhythm.request("GET", "rolodex", "/contacts/other.org")
    with pytest.raises(ConfigError, match="method must be"):
        await rhythm.request("BREW", "rolodex", "/contacts/current")


async def test_a_401_asks_for_no_other_machine_token(rhythm, box, broker) -> None:
    await broker.token()
    box.faults.on("unauthorized")
    with pytest.raises(AuthenticationError, match="not asked for because of a 401 alone"):
        await rhythm.contacts.list().first()
    assert len(box.mints()) == 1


# --- 429 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["seconds", "date", "none"])
async def test_calls_that_come_too_fast_all_succeed_in_the_end(make, box, clock, form: str) -> None:
    """Retry-After in both forms, or a back-off that grows."""
    import asyncio

    box.settings.requests_per_second, box.settings.retry_after = 3, form
    rhythm = make(throttle=ThrottleRules(calls_per_second=None, max_429s=50))
    first = (await drive(clock, rhythm.contacts.list(fields=["id"]).first(), rhythm)).id
    work = asyncio.gather(*(rhythm.contacts.get(first) for _ in range(12)))
    assert len(await drive(clock, work, rhythm)) == 12
    refused = box.calls(status=429)
    assert refused
    assert len(refused) <= 40


async def test_a_429_that_does_not_end_is_an_error_after_some_tries(make, box, clock) -> None:
    box.faults.on("too_many_requests", path=f"/rolodex/contacts/{box.tenant_id}")
    rhythm = make()
    with pytest.raises(RateLimitedError, match="Use a query instead of many pages") as caught:
        await drive(clock, rhythm.contacts.list().first(), rhythm)
    assert len(box.calls(operation="listContacts")) == UNPACED.max_429s + 1
    assert caught.value.reset_at is not None


# --- writes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error"),
    [("server_error", ServerError), ("drop_after", TransportError), ("drop_before", TransportError)],
)
async def test_a_write_that_may_have_arrived_is_sent_once_and_the_error_says_to_look(
    rhythm, box, clock, fault: str, error: type[Exception]
) -> None:
    box.faults.on(fault, path=f"/rolodex/contacts/{box.tenant_id}")
    with pytest.raises(error, match="look for what it should have made or changed"):
        await drive(clock, rhythm.contacts.create(last_name="Ng"), rhythm)
    assert len(box.calls(operation="createContact")) == 1


async def test_a_write_that_times_out_is_sent_once(make, box, clock) -> None:
    box.faults.on("slow", path=f"/rolodex/contacts/{box.tenant_id}", seconds=5.0)
    rhythm = make(timeout=1.0)
    with pytest.raises(RequestTimeoutError, match="look for what it should have made or changed") as caught:
        await drive(clock, rhythm.contacts.create(last_name="Ng"), rhythm)
    assert caught.value.sent
    assert len(box.calls(operation="createContact")) <= 1


async def test_a_read_that_fails_goes_again(rhythm, box, clock) -> None:
    box.faults.next("server_error", path=f"/rolodex/contacts/{box.tenant_id}")
    assert await drive(clock, rhythm.contacts.list().first(), rhythm) is not None


# --- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [None, "server_error", "drop_before", "forbidden", "invalid_json", "redirect"])
async def test_no_log_and_no_error_holds_a_token_or_an_address(rhythm, box, clock, broker, caplog, fault) -> None:
    token = (await broker.token()).reveal()
    address = box.world.tables["contacts"].record(7)["email_address"]
    if fault:
        box.faults.on(fault)
    with caplog.at_level(logging.DEBUG):
        try:
            await drive(clock, rhythm.contacts.find_by_email(address), rhythm)
        except Exception as error:  # noqa: BLE001 - each of them
            shown = "".join(traceback.format_exception(error)) + repr(error) + str(vars(error))
            assert token not in shown
            assert address not in shown and address.replace("@", "%40") not in shown
    logged = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert "tonicdm" in {record.name for record in caplog.records}
    assert token not in logged and box.client_secret not in logged
    assert address not in logged and address.replace("@", "%40") not in logged


async def test_no_repr_holds_a_secret(make, box) -> None:
    rhythm = RhythmClient(box.tenant_id, client_id="c", client_secret="s3cret-word", auth_domain="example.us.auth0.com")
    assert "s3cret-word" not in f"{rhythm!r}{rhythm.contacts!r}{rhythm._caller!r}{rhythm.broker!r}"
    await rhythm.close()


async def test_a_closed_client_says_so(make) -> None:
    rhythm = make()
    await rhythm.close()
    await rhythm.close()
    with pytest.raises(ClientClosedError):
        await rhythm.contacts.list().first()


async def test_a_401_of_a_token_that_comes_from_a_source_is_told_apart(make, box, clock, broker) -> None:
    """It could not be looked at before the first call: a wrong audience and a missing contact are named after it."""
    other = TokenBroker(
        box.auth_url, box.client_id, box.client_secret, audience="https://other", allow_audience=True,
        store=MemoryTokenStore(), clock=clock,
    )  # fmt: skip

    def source_of(one: TokenBroker):
        async def source() -> str:
            return (await one.token()).reveal()

        return source

    with pytest.raises(WrongAudienceError):
        await make(token=source_of(other)).contacts.list().first()
    await other.close()
    rhythm = make(token=source_of(broker))
    with pytest.raises(NoContactError, match="answered 401"):
        await rhythm.contacts.current()
    with pytest.raises(NoContactError, match="Nothing was sent"):
        await rhythm.contacts.current()
    box.add_tenant("other.org")
    with pytest.raises(DeniedError, match=r"names the tenant 'sandbox\.example\.org'") as caught:
        await make("other.org", token=source_of(broker)).contacts.list().first()
    assert (caught.value.tenant, caught.value.claimed) == ("other.org", box.tenant_id)
