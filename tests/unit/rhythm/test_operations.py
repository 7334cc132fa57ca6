"""Paths and tenants, before anything is sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm import ConfigError, InvalidOptionError
from tonicdm.rhythm.errors import InvalidTenantError
from tonicdm.rhythm.operations import OPERATIONS, checked_tenant, find, known_path
from tonicdm.rhythm.settings import SERVICE_HOSTS, RhythmSettings

VALUES = {
    "id": "a-1", "emailAddress": "m@x.org", "customer_type": "contact", "customer_id": "c",
    "queryType": "rolodex:contacts", "outputFormat": "json",
    "executionArn": "arn:aws:states:us-east-1:1:execution:m:e", "stateMachineName": "m",
    "executionId": "e", "chapterId": "ch", "savedQueryId": "sq",
    "coupon_type": "code", "coupon_id": "c#1:2|3", "order_id": "o", "event_id": "ev", "contact_id": "c",
    "contactId": "c", "portalOrganizationId": "o",
}  # fmt: skip
TENANT = "example.org"


@for_each("name", OPERATIONS)
def test_every_filled_path_is_found_as_its_own_operation(name: str) -> None:
    """Words such as ``search`` are not taken for ids, nor ids for words."""
    operation = OPERATIONS[name]
    filled, _ = operation.fill(TENANT, VALUES)
    assert find(operation.service, operation.method, filled.path) is operation
    assert known_path(operation.service, operation.method, filled.path, TENANT) is operation


@for_each("tenant", ["", " ", "a/b", "/", "https://example.org", "..", ".", "a b", "a?b", "a%2fb", "a\\b", "tenänt"])
def test_a_tenant_that_would_change_the_path_is_refused(tenant: str) -> None:
    with pytest.raises(InvalidTenantError, match="Nothing was sent"):
        checked_tenant(tenant)
    with pytest.raises(ConfigError):
        RhythmSettings.resolve(tenant, token="t", environ={})


@pytest.mark.parametrize("tenant", ["example.org", "a", "A-b_c.1", "www.example.co.uk", "..a"])
def test_a_tenant_like_a_domain_is_taken(tenant: str) -> None:
    assert checked_tenant(tenant) == tenant


@for_each("wrong", ["", ".", "..", "a/b", "a b", "a\nb", "ü"])
def test_an_id_that_no_record_has_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidOptionError, match="Nothing was sent"):
        OPERATIONS["getContact"].fill(TENANT, {"id": wrong})


def test_an_id_that_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidOptionError, match="id must be a text, not a int"):
        OPERATIONS["getContact"].fill(TENANT, {"id": 5})  # type: ignore[dict-item]


def test_an_id_that_is_a_word_of_another_path_is_refused() -> None:
    """``/contacts/{tenantId}/current`` is another operation."""
    with pytest.raises(InvalidOptionError, match="current"):
        OPERATIONS["getContact"].fill(TENANT, {"id": "current"})
    with pytest.raises(InvalidOptionError, match="current"):
        OPERATIONS["listContacts"].fill("current", {})


@given(text=st.text(min_size=1, max_size=30))
def test_no_value_breaks_out_of_its_place_in_the_path(text: str) -> None:
    operation = OPERATIONS["getContactByEmailAddress"]
    try:
        filled, shown = operation.fill(TENANT, {"emailAddress": text})
    except InvalidOptionError:
        return
    assert filled.path.count("/") == operation.path.count("/")
    assert filled.path.isascii() and "?" not in filled.path and "#" not in filled.path
    assert shown == f"/contacts/{TENANT}/emailAddress/***"


def test_a_path_that_is_not_known_or_of_another_tenant_is_told_apart() -> None:
    with pytest.raises(InvalidOptionError, match="no operation of rolodex"):
        known_path("rolodex", "GET", "/contact/example.org", TENANT)
    with pytest.raises(InvalidOptionError, match=r"names the tenant 'other\.org'"):
        known_path("rolodex", "GET", "/contacts/other.org", TENANT)
    with pytest.raises(InvalidOptionError, match="no operation of events"):
        known_path("events", "GET", "/contacts/example.org", TENANT)


@for_each("wrong", ["contacts", "rolodex:", ":contacts", "rolodex/contacts", "a:b:c", ""])
def test_a_query_type_has_an_app_and_a_kind(wrong: str) -> None:
    with pytest.raises(InvalidOptionError):
        OPERATIONS["getQueryDescription"].fill(TENANT, {"queryType": wrong})


# --- settings -------------------------------------------------------------------------------------------------------


def test_settings_come_from_variables_where_no_argument_is_given() -> None:
    environ = {
        "RHYTHM_TENANT_ID": TENANT, "RHYTHM_CLIENT_ID": "c", "RHYTHM_CLIENT_SECRET": "s",
        "RHYTHM_AUTH_DOMAIN": "d.auth0.com",
    }  # fmt: skip
    found = RhythmSettings.resolve(environ=environ)
    assert (found.tenant, found.client_id, found.auth_domain) == (TENANT, "c", "d.auth0.com")
    assert found.base_url("rolodex") == "https://rolodex.api.rhythmsoftware.com"
    assert "'s'" not in repr(found)
    one = RhythmSettings.resolve(environ={**environ, "RHYTHM_TOKEN": "t"})
    assert one.token is not None and one.client_id is None


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(ConfigError, match="no token and no client_id"):
        RhythmSettings.resolve(TENANT, environ={})
    with pytest.raises(ConfigError, match="no token and no client_secret"):
        RhythmSettings.resolve(TENANT, client_id="c", environ={})
    with pytest.raises(ConfigError, match="not both"):
        RhythmSettings.resolve(TENANT, client_id="c", token="t", environ={})


@pytest.mark.parametrize(
    "template",
    ["https://rolodex.example.org", "{service}{service}", "ftp://{service}.x", "https://u:p@{service}.x", "{service}"],
)
def test_a_template_without_one_place_for_the_service_is_refused(template: str) -> None:
    with pytest.raises(ConfigError):
        RhythmSettings.resolve(TENANT, token="t", base_url_template=template, environ={})


def test_a_service_that_does_not_exist_is_refused() -> None:
    found = RhythmSettings.resolve(TENANT, token="t", environ={})
    assert found.base_url_template == SERVICE_HOSTS
    with pytest.raises(ConfigError, match="no service"):
        found.base_url("evil.example.org/")
