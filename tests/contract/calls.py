"""Every public method of every endpoint class, called with every argument it has."""

from __future__ import annotations

import contextlib
import datetime
import inspect
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any, get_args, get_type_hints

import aiohttp
import attrs
from aioresponses import CallbackResult
from yarl import URL

from tonicdm import Paginator, RecordNotFoundError, TonicDM, UnitBudget
from tonicdm.models import GroupMember, PersonEmailAddress, ProjectMember, ProjectMemberStatus, RfiPart, SubmittalPart

from .mocking import SentRequest, mocked
from .reference import BY_LINE, Described

ID = "f71f272f752c4307b36c5124688562c4"
OTHER = "0123456789ABCDEF0123456789abcdef"
BASE = "https://us-api.tonicdm.com"  # a server of the reference; no byte leaves the process
NOON = datetime.datetime(2026, 2, 3, 12, 0, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))
DAY = datetime.date(2026, 2, 3)

NOUNS = (
    "me", "persons", "email_addresses", "organizations", "brands", "offices", "projects", "team", "groups", "labels",
    "notes", "disciplines", "certification_definitions", "filesets", "files", "thumbnails", "uploads", "cloud_folders",
    "conversations", "rfis", "rfi_parts", "rfi_integrations", "submittals", "pcos", "pco_parts", "cos", "tasks",
    "file_transfers", "file_transfer_parts", "tenants", "third_party_tokens",
)  # fmt: skip
"""The endpoint attributes of a client."""

METHOD_OF = {
    "getMe": "me.get",
    "patchMe": "me.update",
    "getPersonsMe": "persons.me",
    "getPersons": "persons.list",
    "postPerson": "persons.create",
    "patchPerson": "persons.update",
    "getEmailAddresses": "email_addresses.list",
    "postEmailAddress": "email_addresses.create",
    "patchEmailAddress": "email_addresses.update",
    "getOrganizations": "organizations.list",
    "getOrganizationsMe": "organizations.me",
    "getStaff": "organizations.staff",
    "getBrands": "brands.list",
    "patchBrand": "brands.update",
    "getOffices": "offices.list",
    "postOffice": "offices.create",
    "patchOffice": "offices.update",
    "getProjects": "projects.list",
    "postProject": "projects.create",
    "patchProject": "projects.update",
    "getTeam": "team.list",
    "postTeam": "team.add",
    "postGroup": "groups.create",
    "patchGroup": "groups.update",
    "getLabels": "labels.list",
    "getNotes": "notes.list",
    "postNote": "notes.create",
    "patchNote": "notes.update",
    "getDisciplines": "disciplines.list",
    "getCertificationDefinitions": "certification_definitions.list",
    "getFilesets": "filesets.get_many",
    "getFiles": "files.list",
    "getThumbnails": "thumbnails.list",
    "getExpiryUrl": "filesets.expiry_url",
    "getMultiPartInitialize": "uploads.initialize",
    "getCloudChildren": "cloud_folders.list",
    "postCloudChild": "cloud_folders.create",
    "patchCloudChild": "cloud_folders.update",
    "deleteCloudChild": "cloud_folders.delete",
    "getConversations": "conversations.list",
    "getRfis": "rfis.list",
    "postRfi": "rfis.create",
    "patchRfi": "rfis.update",
    "deleteRfi": "rfis.delete",
    "postRfiIntegration": "rfi_integrations.create",
    "getRfiParts": "rfi_parts.list",
    "getSubmittals": "submittals.list",
    "postSubmittal": "submittals.create",
    "patchSubmittal": "submittals.update",
    "deleteSubmittal": "submittals.delete",
    "deletePco": "pcos.delete",
    "getPcoParts": "pco_parts.list",
    "getCos": "cos.list",
    "postCo": "cos.create",
    "patchCo": "cos.update",
    "deleteCo": "cos.delete",
    "getTasks": "tasks.list",
    "getFileTransfers": "file_transfers.list",
    "getFileTransferParts": "file_transfer_parts.list",
    "getGlobalTenants": "tenants.list",
    "getThirdPartyToken": "third_party_tokens.get",
}
"""The method that is made for each operation."""

FURTHER = ("get", "get_many", "refresh", "soft_delete")
"""Methods that call an operation in a special way, beside the one that is made for it."""

PART = RfiPart(title="Curtain wall", item_id=ID, action_datetime=NOON, response_required_date=DAY)

VALUES: dict[str, Any] = {
    "address": "1 High Street\nLondon",
    "attached_to_id": OTHER,
    "brand": ID,
    "brand_id": ID,
    "cache": {ID: NOON, uuid.UUID(OTHER): None},
    "child": "host-17",
    "content": "<p>Fire rating</p>",
    "content_type": "application/pdf",
    "cost": "1,200.00",
    "customer_crm_id": "C-1",
    "customer_data_warehouse_id": "W-1",
    "customer_erp_id": "E-1",
    "daily_reminder": True,
    "data_quantity": "complete",
    "date_active": DAY,
    "date_inactive": DAY,
    "desk_phone": None,
    "deskphone_country_code": 44,
    "deskphone_extension": 17,
    "deskphone_number": 2079460000,
    "disciplines": [ID, uuid.UUID(OTHER)],
    "division1": ID,
    "division2": {"name": "Airports"},
    "domains": ["pacific-architects.com"],
    "email_address": "mel@pacific-architects.com",
    "email_addresses": [PersonEmailAddress(email_address="mel@pacific-architects.com"), {"isPrime": True}],
    "extra": {"zzUnknown": [1, None]},
    "file_category": "pdf",
    "file_ids": [ID, OTHER],
    "file_path_name_ext": "drawings/A-101.pdf",
    "file_transfer_ids": [ID],
    "fileset_id": ID,
    "filter_brand_ids": [ID],
    "filter_cc": ["rita@argo-structural.com", "stuart@pacific-architects.com"],
    "filter_customer_types": ["unpaid", "paid"],
    "filter_discipline_ids": [ID, OTHER],
    "filter_disciplines": [ID],
    "filter_fileset_ids": [ID],
    "filter_from": ["eddie@atlas-gc.com"],
    "filter_ids": [ID, uuid.UUID(OTHER)],
    "filter_industry_roles": ["generalcontractor", "primeconsultant"],
    "filter_object_type": "person",
    "filter_office_ids": [ID],
    "filter_organization_ids": [ID],
    "filter_stages": ["open", "void"],
    "filter_status": "active",
    "filter_statuses": ["active", "inactive", "deleted"],
    "filter_thumbnail_size": "small",
    "filter_to": ["patti@argo-structural.com"],
    "filter_workflows": ["rfi", "submittal"],
    "folder_id": "root/17",
    "id": ID,
    "is_locked": False,
    "is_prime": True,
    "is_printed": False,
    "item_discipline": ID,
    "max_age": None,
    "resolve": (),
    "manual_received_datetime": NOON,
    "manual_response_datetime": NOON,
    "manual_stage": True,
    "members": [GroupMember(email_address_id=ID), {"addressPart": "cc"}],
    "mobile_phone": "+44 20",
    "mobilephone_country_code": 44,
    "mobilephone_number": 7700900000,
    "name": "London",
    "name_initials": "PA",
    "name_long": "Pacific Architects Ltd",
    "name_short": "Pacific",
    "object_ids": [ID],
    "office": ID,
    "office_id": OTHER,
    "on_ignored": "raise",
    "options": {"zzChild": "host-17"},
    "organization_id": ID,
    "our_number": "12",
    "our_response_required": False,
    "our_response_required_date": DAY,
    "our_revision": "B",
    "our_specsection": "08 44 00",
    "our_title": "Curtain wall",
    "owner_id": ID,
    "page_size": 200,
    "part_ids": [ID],
    "parts": [PART],
    "pco_ids": [ID],
    "person_id": ID,
    "phone_country_code": 44,
    "phone_number": 2079460000,
    "platform": "egnyte",
    "prefetch": 0,
    "on_invalid": "raise",
    "max_pages": 100,
    "project_id": ID,
    "project_name_known_as": "Tower",
    "project_name_legal": "London Tower, Phase 1",
    "project_number": "2026-001",
    "purpose": "overhead",
    "reason_code": {"brandId": ID, "name": "Unclear"},
    "record": ID,
    "records": [ID, OTHER],
    "responsible_person_id": ID,
    "rfi_ids": [ID, OTHER],
    "scope": "shared",
    "search_query": {"name": "Zürich"},
    "selective_non_creation": True,
    "sort_by": "name",
    "sort_direction": "desc",
    "source": "mel@pacific-architects.com",
    "stage": "open",
    "start_page": 1,
    "status": "inactive",
    "system_access": "readWrite",
    "time": "3 days",
    "title": "Architect",
    "updated_after": NOON,
    "workflow": "rfi",
    "zone": "us",
}
"""A value for every argument of any method."""

SPECIAL: dict[str, dict[str, Any]] = {
    "brands.list": {"sort_by": "nameShort"},
    "notes.list": {"sort_by": "personName"},
    "projects.list": {"sort_by": "project_number"},
    "rfis.list": {"sort_by": "number"},
    "tenants.list": {"sort_by": "domain"},
    "team.list": {"sort_by": "office"},
    "submittals.create": {"parts": [SubmittalPart(submittal_stamp="approved")]},
    "submittals.update": {"parts": []},
    "cos.create": {"parts": []},
    "cos.update": {"parts": [{"cost": "1"}]},
}
"""Values that only one method takes."""

MEMBER = ProjectMember(
    email_address_id=ID, brand_id=OTHER, project_member_status=ProjectMemberStatus.ACTIVE, is_executive=False
)

POSITIONAL: dict[str, tuple[Any, ...]] = {
    "team.add": (ID, MEMBER, ProjectMember(email_address_id=OTHER, is_executive=True)),
}


@attrs.frozen
class Sent(SentRequest):
    """A request to TonicDM."""

    @property
    def operation(self) -> Described | None:
        """The operation of the reference that it calls."""
        return BY_LINE.get((self.method, self.url.path))

    @property
    def headers(self) -> dict[str, str]:
        """Its header lines by name."""
        return dict(self.lines)


def methods() -> list[str]:
    """Return all public methods of all endpoint classes, as ``noun.method``."""
    found = []
    for noun in NOUNS:
        for name, member in inspect.getmembers(endpoint_class(noun), inspect.isfunction):
            if not name.startswith("_") and name != "create_or_find":  # create, and list where its answer is lost
                found.append(f"{noun}.{member.__name__}")
    return sorted(found)


def endpoint_class(noun: str) -> type:
    """Return the class behind an attribute of a client."""
    return type(getattr(TonicDM(token="t", base_url=BASE, budget=UnitBudget.memory()), noun))


def arguments(name: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return arguments that use every parameter and every option of a method."""
    noun, _, method = name.partition(".")
    if name in POSITIONAL:
        return POSITIONAL[name], {}
    function = getattr(endpoint_class(noun), method)
    hints = get_type_hints(function, include_extras=True)
    names: list[str] = []
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            (options,) = get_args(hints[parameter.name])
            names += options.__annotations__
        else:
            names.append(parameter.name)
    special = SPECIAL.get(name, {})
    return (), {one: special.get(one, VALUES[one]) for one in names}


def client(session: aiohttp.ClientSession, **settings: Any) -> TonicDM:
    """Return a client whose requests aioresponses sees."""
    budget = UnitBudget.memory(max_calls_per_second=None)
    return TonicDM(token="secret-token", base_url=BASE, budget=budget, session=session, **settings)


def payload(operation: Described) -> Any:
    """Return an answer that an operation could give, which tells that its record is no stub."""
    if operation.answer[1] is None:
        return None
    record = {"id": ID, "zzUnknown": 1}
    return [record] if operation.is_list else record


async def call(name: str, **settings: Any) -> tuple[list[Sent], Any]:
    """Call a method with all its arguments; return what was sent, and what the method gave."""
    args, kwargs = arguments(name)
    return await call_with(name, args, kwargs, **settings)


async def call_with(
    name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], **settings: Any
) -> tuple[list[Sent], Any]:
    """Call a method with these arguments, by a client with these settings."""
    sent: list[Sent] = []

    def answer(method: str, url: URL, **request: Any) -> CallbackResult:
        one = Sent(method, url, tuple(request["headers"]), request["data"])
        sent.append(one)
        return reply(one)

    noun, _, method = name.partition(".")
    async with aiohttp.ClientSession() as session, client(session, **settings) as tonic:
        with mocked(answer):
            result = getattr(getattr(tonic, noun), method)(*args, **kwargs)
            if isinstance(result, Paginator):
                return sent, await result.first()
            with contextlib.suppress(RecordNotFoundError):
                return sent, await result
    return sent, None


def reply(sent: Sent) -> CallbackResult:
    """Answer as the reference says."""
    operation = sent.operation
    status, body = (200, None) if operation is None else (operation.answer[0], payload(operation))
    headers = {
        "X-Rate-Limit-Limit": "3600",
        "X-Rate-Limit-Remaining": "3500",
        "X-Rate-Limit-Reset": str(int(time.time()) + 3600),
    }
    return CallbackResult(status=status, headers=headers, body=b"" if body is None else json.dumps(body).encode())
