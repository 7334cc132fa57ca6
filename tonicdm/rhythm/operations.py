"""The known operations as values, and the checks before one is sent.

A wrong path and a wrong tenant are both answered "denied" (concepts page, "Requests"). So both are checked here,
where the error can still say which it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, unquote

import attrs

from tonicdm.errors import InvalidOptionError
from tonicdm.http.operation import NOTHING_SENT, Operation, Parameter, array, boolean, text
from tonicdm.rhythm.errors import InvalidTenantError

TENANT: Final = "tenantId"
_TENANT: Final = re.compile(r"[A-Za-z0-9_.-]*[A-Za-z0-9_][A-Za-z0-9_.-]*")
_RECORD_ID: Final = re.compile(r"[\w|:#-]+", re.ASCII)
"""The reference prints ``[\\w|-]+``; records of commerce and collect have ``:`` and ``#`` in theirs too."""
_QUERY_TYPE: Final = re.compile(r"[^:/\s]+:[^:/\s]+")
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
_PERSONAL: Final = frozenset({"emailAddress"})
"""Parts of a path that no log and no error shows."""

FIELDS: Final = Parameter("fields", array(text))
FIELDS_TO_RETURN: Final = Parameter("fieldsToReturn", array(text))
START_KEY: Final = Parameter("exclusiveStartKey", text)
CONSISTENT: Final = Parameter("consistentRead", boolean)
CONTEXT: Final = Parameter("contextId", text)

_READ: Final = {"fields": FIELDS}
_READ_ONE: Final = {"fields": FIELDS, "consistent_read": CONSISTENT}
_LIST: Final = {"fields": FIELDS, "exclusive_start_key": START_KEY}
_SEARCH: Final = {"fields": FIELDS_TO_RETURN, "exclusive_start_key": START_KEY}


@attrs.frozen(kw_only=True)
class RhythmOperation:
    """One method on one path of one service."""

    id: str
    """Its name in the reference."""
    service: str
    """The first part of the host (reference: x-services)."""
    method: str
    path: str
    """With ``{names}`` for what a call fills in."""
    options: Mapping[str, Parameter] = attrs.field(factory=dict)
    contact_bound: bool = False
    """Whether the contact behind a user token is what it is about."""
    one_at_a_time: bool = False
    """Whether a 429 says that a task is already running (reference: AlreadyRunning)."""
    public: bool = False
    """Whether it takes no token, because what is sent proves the right to it (reference: ``security: []``)."""

    @property
    def label(self) -> str:
        """Method and path, for people."""
        return f"{self.method} {self.path}"

    def fill(self, tenant: str, values: Mapping[str, str]) -> tuple[Operation, str]:
        """Return the operation with its path filled in and percent-encoded, and the path as people may see it.

        Args:
            tenant: The tenant, which has been checked.
            values: What stands in the other places of the path, by name.

        Raises:
            InvalidOptionError: A value is empty or has a form that its place can't have.
        """
        filled = {name: tenant if name == TENANT else values[name] for name in _PLACEHOLDER.findall(self.path)}
        for name, value in filled.items():
            _check_part(self, name, value)
        path = _PLACEHOLDER.sub(lambda match: quote(filled[match[1]], safe=""), self.path)
        operation = find(self.service, self.method, path)
        if operation is None or operation.id != self.id:
            other = "no operation" if operation is None else operation.path
            raise InvalidOptionError(
                f"{self.label} can't be called so: the path would be that of {other}. {NOTHING_SENT}"
            )
        shown = _PLACEHOLDER.sub(lambda match: "***" if match[1] in _PERSONAL else filled[match[1]], self.path)
        return Operation(method=self.method, path=path, options=self.options), shown

    def shown(self, path: str) -> str:
        """Return a percent-encoded *path* of this operation without what is personal in it."""
        parts = zip(self.path.split("/"), path.split("/"), strict=True)
        return "/".join("***" if own.strip("{}") in _PERSONAL and own != given else given for own, given in parts)

    def matches(self, method: str, path: str) -> bool:
        """Tell whether *path*, percent-encoded, is one of this operation's."""
        own, given = self.path.split("/"), path.split("/")
        return method == self.method and len(own) == len(given) and all(map(_fits, own, given))


def _fits(own: str, given: str) -> bool:
    return bool(given) if own.startswith("{") else own == given


def _check_part(operation: RhythmOperation, name: str, value: str) -> None:
    if not isinstance(value, str):
        raise InvalidOptionError(
            f"{operation.label}: {name} must be a text, not a {type(value).__name__}. {NOTHING_SENT}"
        )
    if not value or value in {".", ".."} or not value.isprintable():
        raise InvalidOptionError(f"{operation.label}: {name} is empty or can't be part of a path. {NOTHING_SENT}")
    if name == "id" and not _RECORD_ID.fullmatch(value):
        raise InvalidOptionError(
            f"{operation.label}: an id has letters, digits, _, -, |, : and # only (reference: id). {NOTHING_SENT}"
        )
    if name == "queryType" and not _QUERY_TYPE.fullmatch(value):
        raise InvalidOptionError(
            f"{value!r} is no query type: it is an app and a kind, such as rolodex:contacts. {NOTHING_SENT}"
        )


def _rolodex(
    name: str, method: str, path: str, options: Mapping[str, Parameter] | None = None, **more: Any
) -> RhythmOperation:
    return RhythmOperation(id=name, service="rolodex", method=method, path=path, options=options or {}, **more)


def _other(
    service: str, name: str, method: str, path: str, options: Mapping[str, Parameter] | None = None, **more: Any
) -> RhythmOperation:
    return RhythmOperation(id=name, service=service, method=method, path=path, options=options or {}, **more)


_ALL: Final = (
    _rolodex("getCurrentContact", "GET", "/contacts/current", _READ, contact_bound=True),
    _rolodex("getCurrentContactForTenant", "GET", "/contacts/{tenantId}/current", _READ, contact_bound=True),
    _rolodex("listContacts", "GET", "/contacts/{tenantId}", _LIST),
    _rolodex("createContact", "POST", "/contacts/{tenantId}"),
    _rolodex("searchForContacts", "POST", "/contacts/{tenantId}/search", _SEARCH),
    _rolodex("getContact", "GET", "/contacts/{tenantId}/{id}", _READ_ONE),
    _rolodex("patchContact", "PATCH", "/contacts/{tenantId}/{id}"),
    _rolodex("getContactByEmailAddress", "GET", "/contacts/{tenantId}/emailAddress/{emailAddress}", _READ),
    _rolodex("linkCurrentUserToContact", "POST", "/contacts/{tenantId}/portal/{emailAddress}"),
    _rolodex("createOrganization", "POST", "/organizations/{tenantId}"),
    _rolodex("searchForOrganizations", "POST", "/organizations/{tenantId}/search", _SEARCH),
    _rolodex("getOrganization", "GET", "/organizations/{tenantId}/{id}", _READ_ONE),
    _rolodex("patchOrganization", "PATCH", "/organizations/{tenantId}/{id}"),
    _rolodex("listAddressTypes", "GET", "/addressTypes/{tenantId}", _LIST),
    _rolodex("listCommunicationTypes", "GET", "/communicationTypes/{tenantId}", _LIST),
    _rolodex(
        "listEngagementScoresByCustomer",
        "GET",
        "/engagementScores/{tenantId}/customer/{customer_type}/{customer_id}",
        _LIST,
    ),
    _rolodex("getQueryDefinition", "GET", "/queryDefinitions/{tenantId}/{id}", _READ),
    _other("events", "getUpcomingEvents", "GET", "/events/{tenantId}/upcoming", _LIST),
    _other("events", "searchForEvents", "POST", "/events/{tenantId}/search", _SEARCH),
    _other("events", "getEvent", "GET", "/events/{tenantId}/{id}", _READ_ONE),
    _other(
        "system",
        "getQueryDescription",
        "GET",
        "/queries/{tenantId}/public/description/{queryType}",
        {"context_id": CONTEXT},
    ),
    _other("system", "startQuery", "POST", "/queries/{tenantId}/start/{queryType}/{outputFormat}"),
    _other("system", "describeQuery", "GET", "/queries/{tenantId}/describe/{id}"),
    _other(
        "system",
        "describeStateMachineExecution",
        "GET",
        "/stepFunctions/{tenantId}/describe/{executionArn}",
        one_at_a_time=True,
    ),
    _other(
        "system",
        "cancelStateMachineExecution",
        "DELETE",
        "/stepFunctions/{tenantId}/{stateMachineName}/{executionId}",
        one_at_a_time=True,
    ),
    _other("platform", "listCustomQueryDefinitions", "GET", "/customQueryDefinitions/{tenantId}", _LIST),
    _other(
        "membership",
        "runChapterSavedQuery",
        "POST",
        "/chapters/{tenantId}/query/{chapterId}/{savedQueryId}/{outputFormat}",
    ),
    _other("membership", "getMembership", "GET", "/memberships/{tenantId}/{id}", _READ_ONE),
)

_MORE: Final = (
    _other("commerce", "listOrders", "GET", "/orders/{tenantId}", _LIST),
    _other("commerce", "processOrder", "POST", "/orders/{tenantId}"),
    _other("commerce", "listOrdersByCoupon", "GET", "/orders/{tenantId}/coupon/{coupon_type}/{coupon_id}", _LIST),
    _other("commerce", "processCancellation", "POST", "/cancellations/{tenantId}"),
    _other("commerce", "listCancellationsByOrderId", "GET", "/cancellations/{tenantId}/order/{order_id}", _LIST),
    _other("commerce", "warmUpCancellationStepFunctions", "POST", "/cancellations/warmUpStepFunctions"),
    _other("commerce", "listCoupons", "GET", "/coupons/{tenantId}", _LIST),
    _other("commerce", "listCouponCodeGenProcesses", "GET", "/couponCodeGenProcesses/{tenantId}", _LIST),
    _other("collect", "processPublicPayment", "POST", "/payments/{tenantId}/public", public=True),
    _other("collect", "processPayment", "POST", "/payments/{tenantId}"),
    _other(
        "collect",
        "getPaymentForPortal",
        "GET",
        "/payments/{tenantId}/portal/organization/{portalOrganizationId}/{id}",
        _READ_ONE,
    ),
    _other("collect", "processInvoice", "POST", "/invoices/{tenantId}"),
    _other("collect", "getInvoice", "GET", "/invoices/{tenantId}/{id}", _READ_ONE),
    _other("collect", "patchInvoice", "PATCH", "/invoices/{tenantId}/{id}"),
    _other("collect", "createCredit", "POST", "/credits/{tenantId}"),
    _other("collect", "previewBatchPosting", "POST", "/batchPosting/{tenantId}/batchPostingPreviewRequest"),
    _other("collect", "warmUpBatchPostingStepFunctions", "POST", "/batchPosting/warmUpStepFunctions"),
    _other("collect", "listBillingTemplates", "GET", "/billingTemplates/{tenantId}", _LIST),
    _other("collect", "listInstallmentPlans", "GET", "/installmentPlans/{tenantId}", _LIST),
    _other("events", "searchForRegistrationGroups", "POST", "/registrationGroups/{tenantId}/search", _SEARCH),
    _other("events", "listRegistrationProcesses", "GET", "/registrationProcesses/{tenantId}", _LIST),
    _other("events", "listProcessesByEventId", "GET", "/registrationProcesses/{tenantId}/event/{event_id}", _LIST),
    _other("events", "listDirectoriesByEventId", "GET", "/registrantDirectories/{tenantId}/event/{event_id}", _LIST),
    _other("membership", "getApplication", "GET", "/applications/{tenantId}/{id}", _READ_ONE),
    _other("membership", "listApplicationProcesses", "GET", "/applicationProcesses/{tenantId}", _LIST),
    _other("membership", "listBillingNotices", "GET", "/billingNotices/{tenantId}", _LIST),
    _other("membership", "listSections", "GET", "/sections/{tenantId}", _LIST),
    _other("membership", "getChapterMemberContact", "GET", "/chapters/{tenantId}/contact/{chapterId}/{contactId}"),
    _other("membership", "executeMembershipBatchOperations", "POST", "/memberships/{tenantId}/batch"),
    _other("fundraising", "listGifts", "GET", "/gifts/{tenantId}", _LIST),
    _other("fundraising", "patchGift", "PATCH", "/gifts/{tenantId}/{id}"),
    _other(
        "fundraising", "listRecurringGiftsByContactId", "GET", "/recurringGifts/{tenantId}/contact/{contact_id}", _LIST
    ),
    _other("fundraising", "searchForPledges", "POST", "/pledges/{tenantId}/search", _SEARCH),
    _other("fundraising", "listGivingProcesses", "GET", "/givingProcesses/{tenantId}", _LIST),
    _other("certifications", "listCertifications", "GET", "/certifications/{tenantId}", _LIST),
    _other("certifications", "listCertificationFees", "GET", "/fees/{tenantId}", _LIST),
    _other("platform", "listCustomFields", "GET", "/customFields/{tenantId}", _LIST),
    _other("platform", "listTaskTypes", "GET", "/taskTypes/{tenantId}", _LIST),
    _other("platform", "listPageLayouts", "GET", "/pageLayouts/{tenantId}", _LIST),
    _other("platform", "listServiceMetadata", "GET", "/serviceMetadata/{tenantId}", _LIST),
    _other("platform", "listServiceConfigurations", "GET", "/serviceConfigurations/{tenantId}", _LIST),
    _other("platform", "createWorkflow", "POST", "/workflows/{tenantId}"),
    _other("platform", "createQueryDeliverySchedule", "POST", "/queryDeliverySchedules/{tenantId}"),
    _other("platform", "createSavedSearch", "POST", "/savedSearches/{tenantId}"),
    _rolodex("getEngagementScore", "GET", "/engagementScores/{tenantId}/{id}", _READ_ONE),
    _rolodex("listContactDuplicates", "GET", "/contactDuplicates/{tenantId}", _LIST),
    _rolodex("executeContactBatchOperations", "POST", "/contacts/{tenantId}/batch"),
)
"""What the second part of the reference adds (rhythm-more.openapi.yaml)."""

OPERATIONS: Final[Mapping[str, RhythmOperation]] = {operation.id: operation for operation in (*_ALL, *_MORE)}
"""All operations of the API by name. The token endpoint is Auth0's, see `tonicdm.rhythm.tokens`."""

SERVICES: Final = frozenset(
    {
        "accreditation", "awards", "careers", "certifications", "collect", "commerce", "committees", "events",
        "fundraising", "membership", "platform", "rolodex", "sponsorship", "submissions", "system",
    }
)  # fmt: skip
"""Hosts that are known, or follow the rule of those (reference: x-services)."""


def find(service: str, method: str, path: str) -> RhythmOperation | None:
    """Return the operation that a percent-encoded *path* belongs to; words go before ``{names}``."""
    of_service = (operation for operation in OPERATIONS.values() if operation.service == service)
    matching = [operation for operation in of_service if operation.matches(method, path)]
    return min(matching, key=lambda operation: operation.path.count("{"), default=None)


def known_path(service: str, method: str, path: str, tenant: str) -> RhythmOperation:
    """Return the operation of a call that names its path itself.

    Raises:
        InvalidOptionError: No operation has it, or it is another tenant's.
    """
    operation = find(service, method, path)
    if operation is None:
        raise InvalidOptionError(
            f"{method} {path} is no operation of {service} that is known here, and the API answers an unknown path "
            f"as it answers a foreign tenant. unchecked=True sends it all the same. {NOTHING_SENT}"
        )
    for own, given in zip(operation.path.split("/"), path.split("/"), strict=True):
        if own == f"{{{TENANT}}}" and unquote(given) != tenant:
            raise InvalidOptionError(
                f"{operation.label}: the path names the tenant {unquote(given)!r}, this client is for {tenant!r}. "
                f"{NOTHING_SENT}"
            )
    return operation


def checked_tenant(value: str) -> str:
    """Return *value* if it can be a tenant's id: like the domain of an association, dots included.

    Raises:
        InvalidTenantError: It is empty, or would change the path of every call.
    """
    if not isinstance(value, str) or not value.strip():
        raise InvalidTenantError(
            "no tenant: give tenant_id= or set RHYTHM_TENANT_ID; Rhythm's support knows it. Nothing was sent."
        )
    if "/" in value or "\\" in value:
        raise InvalidTenantError(
            f"the tenant {value!r} holds a slash: it is an id such as example.org, no URL and no path. {NOTHING_SENT}"
        )
    if not _TENANT.fullmatch(value):
        raise InvalidTenantError(
            f"the tenant {value!r} can't be one: letters, digits, dots, - and _ only, and not dots alone. "
            f"{NOTHING_SENT}"
        )
    return value
