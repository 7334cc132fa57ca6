"""What the AdvancedContacts licence makes of a firm's contacts (concepts page, "Definitions")."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tonicdm import TonicDM, UnitBudget
from tonicdm.sandbox import Sandbox, SandboxSettings

EVERY = {"filterStatuses": "active,inactive,deleted", "pageSize": "1000"}


class Firm:
    """All that a client reads of a firm's contacts, as plain JSON."""

    def __init__(self, own: str, **lists: list[dict[str, Any]]) -> None:
        self.own = own
        self.persons = lists["persons"]
        self.addresses = lists["emailaddresses"]
        self.brands = lists["brands"]
        self.organizations = [one for one in lists["organizations"] if one["id"] != own]

    @property
    def contact_brands(self) -> list[dict[str, Any]]:
        return [one for one in self.brands if one.get("organizationId") != self.own]

    @property
    def contacts(self) -> list[dict[str, Any]]:
        return [one for one in self.persons if one.get("organizationId") != self.own]


async def firm(data_quantity: str = "basic", token: str | None = None, **settings: Any) -> Firm:
    async with Sandbox(records=1_500, settings=SandboxSettings(limit=100_000, **settings)) as box:
        if token is not None:
            box.add_tenant(token, records=1_500, advanced_contacts=False)
        async with TonicDM(token=token or box.token, base_url=box.url, budget=UnitBudget.memory()) as tonic:
            own = (await tonic.organizations.me()).id
            lists: dict[str, list[dict[str, Any]]] = {}
            for name in ("persons", "emailaddresses", "brands", "organizations"):
                path = f"/core/{name}"
                lists[name] = await tonic.request("GET", path, options=EVERY, data_quantity=data_quantity)  # type: ignore[arg-type]
            return Firm(str(own), **lists)


@pytest.mark.parametrize("data_quantity", ["basic", "complete"])
async def test_without_the_licence_each_domain_is_an_organization_and_a_brand(data_quantity: str):
    """As many organizations as brands as domains; nothing tells which belong together."""
    found = await firm(data_quantity, advanced_contacts=False)
    assert all(len(brand["domains"]) == 1 for brand in found.contact_brands)
    domains = {brand["domains"][0] for brand in found.contact_brands}
    assert len(domains) == len(found.contact_brands) == len(found.organizations) > 20
    assert not [one for one in found.contact_brands if "organizationId" in one or "isPrime" in one]


@pytest.mark.parametrize("data_quantity", ["basic", "complete"])
async def test_without_the_licence_contacts_are_not_grouped_by_person(data_quantity: str):
    """Embedded addresses show no personId, and a contact has one address; staff keep both."""
    found = await firm(data_quantity, advanced_contacts=False)
    assert found.contacts
    for person in found.contacts:
        assert len(person["emailAddresses"]) <= 1
        assert not {"personId", "isPrime"} & {key for one in person["emailAddresses"] for key in one}
    staff = [one for one in found.persons if one.get("organizationId") == found.own]
    assert all(one["personId"] == person["id"] for person in staff for one in person["emailAddresses"])
    own_brands = {one["id"] for one in found.brands} - {one["id"] for one in found.contact_brands}
    for one in found.addresses:
        assert ("personId" in one) <= (one["brandId"] in own_brands)


async def test_with_the_licence_an_organization_has_several_brands_and_domains():
    """Brands of one organization, domains of one brand, and a person with addresses at several of them."""
    found = await firm()
    brands = Counter(one["organizationId"] for one in found.contact_brands)
    assert set(brands) == {one["id"] for one in found.organizations}, "each has one brand at least"
    assert max(brands.values()) >= 2
    assert max(len(one["domains"]) for one in found.contact_brands) >= 2
    domains = [domain for one in found.brands for domain in one["domains"]]
    assert len(domains) == len(set(domains)), "a domain has one brand"
    used = {one["emailAddress"].partition("@")[2] for one in found.addresses}
    second = {one["domains"][1] for one in found.contact_brands if len(one["domains"]) > 1}
    assert second & used, "somebody writes from a second domain"
    assert [person for person in found.contacts if len(person["emailAddresses"]) > 1]
    assert Counter(one["organizationId"] for one in found.brands)[found.own] == 2


async def test_each_tenant_has_the_contacts_of_its_licence():
    """One server, two customers."""
    found = await firm(token="plain")
    assert len(found.organizations) == len(found.contact_brands)
    assert all(len(brand["domains"]) == 1 for brand in found.contact_brands)


@pytest.mark.parametrize(
    ("records", "least", "most"), [(600, 2, 2), (1_000, 2, 2), (10_000, 15, 60), (50_000, 75, 300)]
)
async def test_the_staff_grows_with_the_firm(records: int, least: int, most: int):
    """Two in a small firm, as in the page's example."""
    async with (
        Sandbox(records=records) as box,
        TonicDM(token=box.token, base_url=box.url, budget=UnitBudget.memory()) as tonic,
    ):
        staff = await tonic.organizations.staff().all()
    assert least <= len(staff) <= most
    assert {"Employee One", "Employee Two"} <= {one.name for one in staff}


@pytest.mark.parametrize("licence", [True, False])
async def test_home_zone_and_settings_stand_where_the_page_says(licence: bool):
    """The home zone in /core/me; the Tenant Settings appended to the own organization."""
    async with (
        Sandbox(records=600, settings=SandboxSettings(zone="de", advanced_contacts=licence)) as box,
        TonicDM(token=box.token, base_url=box.url, budget=UnitBudget.memory()) as tonic,
    ):
        me = await tonic.request("GET", "/core/me")
        own = await tonic.request("GET", "/core/organizations/me")
        listed = await tonic.request("GET", "/core/organizations", options={"filterIDs": own["id"]})
        assert me["homeZone"] == own["homeZone"] == "de"
        assert own["division1Name"] and own["division2Name"]
        assert own.items() >= listed[0].items(), "the same structure, with the settings appended"


async def test_references_of_a_complete_record_hide_what_they_hide_alone():
    """A licence is no matter of the data_quantity: a brand inside a project shows what the brand shows."""
    settings = SandboxSettings(advanced_contacts=False, advanced_metrics=False, limit=100_000)
    async with (
        Sandbox(records=1_500, settings=settings) as box,
        TonicDM(token=box.token, base_url=box.url, budget=UnitBudget.memory()) as tonic,
    ):
        own, shown = (await tonic.organizations.me()).id, 0
        for path in ("/core/projects", "/core/persons", "/core/emailaddresses"):
            for row in await tonic.request("GET", path, options=EVERY, data_quantity="complete"):
                for field in ("brand", "office"):
                    inner = row.get(field) or {}
                    shown += "name" in inner or "nameShort" in inner
                    assert inner.get("organizationId") in {own, None}
                    assert "customerErpId" not in inner
        assert shown, "some references are whole"


async def test_a_stub_stays_a_stub_whatever_the_licence() -> None:
    """It has an ID and the time of the last change, and nothing to hide."""
    async with Sandbox(records=800, seed=3) as box:
        box.settings.advanced_contacts = False
        async with TonicDM(box.token, base_url=box.url, budget=UnitBudget.memory()) as tonic:
            stubs = await tonic.persons.list(data_quantity="id_only").all()
    assert stubs
