"""The operations of the reference as values, and the search for the one of a path."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

import attrs

AUTH = "auth0"
"""First path segment of the token service; its real host is the customer's Auth0 domain."""
FILES = "s3"
"""First path segment of signed URIs; their real host is not known."""
API_HOST = ".api.rhythmsoftware.com"
"""What the host of a service ends with (reference, x-services)."""


@attrs.frozen
class Operation:
    """One method on one path of one service."""

    id: str
    """operationId of the reference."""
    service: str
    """Service it belongs to, the first label of its host."""
    method: str
    """HTTP method."""
    path: str
    """Path with its parameters in braces."""

    @property
    def segments(self) -> tuple[str, ...]:
        """Parts of the path."""
        return tuple(self.path.split("/")[1:])

    def fits(self, segments: tuple[str, ...]) -> bool:
        """Return whether a path, in decoded parts, is this operation's."""
        own = self.segments
        return len(own) == len(segments) and all(
            sent and (part[0] == "{" or part == sent) for part, sent in zip(own, segments, strict=True)
        )

    def parameters(self, segments: tuple[str, ...]) -> dict[str, str]:
        """Return what a path says for each of the parameters."""
        return {part[1:-1]: sent for part, sent in zip(self.segments, segments, strict=True) if part.startswith("{")}


_ROLODEX = (
    ("getCurrentContact", "GET", "/contacts/current"),
    ("getCurrentContactForTenant", "GET", "/contacts/{tenantId}/current"),
    ("listContacts", "GET", "/contacts/{tenantId}"),
    ("createContact", "POST", "/contacts/{tenantId}"),
    ("getContact", "GET", "/contacts/{tenantId}/{id}"),
    ("patchContact", "PATCH", "/contacts/{tenantId}/{id}"),
    ("getContactByEmailAddress", "GET", "/contacts/{tenantId}/emailAddress/{emailAddress}"),
    ("linkCurrentUserToContact", "POST", "/contacts/{tenantId}/portal/{emailAddress}"),
    ("searchForContacts", "POST", "/contacts/{tenantId}/search"),
    ("createOrganization", "POST", "/organizations/{tenantId}"),
    ("getOrganization", "GET", "/organizations/{tenantId}/{id}"),
    ("patchOrganization", "PATCH", "/organizations/{tenantId}/{id}"),
    ("searchForOrganizations", "POST", "/organizations/{tenantId}/search"),
    ("listAddressTypes", "GET", "/addressTypes/{tenantId}"),
    ("listCommunicationTypes", "GET", "/communicationTypes/{tenantId}"),
    (
        "listEngagementScoresByCustomer", "GET",
        "/engagementScores/{tenantId}/customer/{customer_type}/{customer_id}",
    ),
    ("getQueryDefinition", "GET", "/queryDefinitions/{tenantId}/{id}"),
)  # fmt: skip
_EVENTS = (
    ("getUpcomingEvents", "GET", "/events/{tenantId}/upcoming"),
    ("searchForEvents", "POST", "/events/{tenantId}/search"),
    ("getEvent", "GET", "/events/{tenantId}/{id}"),
)
_SYSTEM = (
    ("getQueryDescription", "GET", "/queries/{tenantId}/public/description/{queryType}"),
    ("startQuery", "POST", "/queries/{tenantId}/start/{queryType}/{outputFormat}"),
    ("describeQuery", "GET", "/queries/{tenantId}/describe/{id}"),
    ("describeStateMachineExecution", "GET", "/stepFunctions/{tenantId}/describe/{executionArn}"),
    ("cancelStateMachineExecution", "DELETE", "/stepFunctions/{tenantId}/{stateMachineName}/{executionId}"),
)
_PLATFORM = (("listCustomQueryDefinitions", "GET", "/customQueryDefinitions/{tenantId}"),)
_MEMBERSHIP = (
    ("runChapterSavedQuery", "POST", "/chapters/{tenantId}/query/{chapterId}/{savedQueryId}/{outputFormat}"),
    ("getMembership", "GET", "/memberships/{tenantId}/{id}"),
)

_MORE: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "commerce": (
        ("listOrders", "GET", "/orders/{tenantId}"),
        ("processOrder", "POST", "/orders/{tenantId}"),
        ("listOrdersByCoupon", "GET", "/orders/{tenantId}/coupon/{coupon_type}/{coupon_id}"),
        ("processCancellation", "POST", "/cancellations/{tenantId}"),
        ("listCancellationsByOrderId", "GET", "/cancellations/{tenantId}/order/{order_id}"),
        ("warmUpCancellationStepFunctions", "POST", "/cancellations/warmUpStepFunctions"),
        ("listCoupons", "GET", "/coupons/{tenantId}"),
        ("listCouponCodeGenProcesses", "GET", "/couponCodeGenProcesses/{tenantId}"),
    ),
    "collect": (
        ("processPublicPayment", "POST", "/payments/{tenantId}/public"),
        ("processPayment", "POST", "/payments/{tenantId}"),
        ("getPaymentForPortal", "GET", "/payments/{tenantId}/portal/organization/{portalOrganizationId}/{id}"),
        ("processInvoice", "POST", "/invoices/{tenantId}"),
        ("getInvoice", "GET", "/invoices/{tenantId}/{id}"),
        ("patchInvoice", "PATCH", "/invoices/{tenantId}/{id}"),
        ("createCredit", "POST", "/credits/{tenantId}"),
        ("previewBatchPosting", "POST", "/batchPosting/{tenantId}/batchPostingPreviewRequest"),
        ("warmUpBatchPostingStepFunctions", "POST", "/batchPosting/warmUpStepFunctions"),
        ("listBillingTemplates", "GET", "/billingTemplates/{tenantId}"),
        ("listInstallmentPlans", "GET", "/installmentPlans/{tenantId}"),
    ),
    "events": (
        ("searchForRegistrationGroups", "POST", "/registrationGroups/{tenantId}/search"),
        ("listRegistrationProcesses", "GET", "/registrationProcesses/{tenantId}"),
        ("listProcessesByEventId", "GET", "/registrationProcesses/{tenantId}/event/{event_id}"),
        ("listDirectoriesByEventId", "GET", "/registrantDirectories/{tenantId}/event/{event_id}"),
    ),
    "membership": (
        ("getApplication", "GET", "/applications/{tenantId}/{id}"),
        ("listApplicationProcesses", "GET", "/applicationProcesses/{tenantId}"),
        ("listBillingNotices", "GET", "/billingNotices/{tenantId}"),
        ("listSections", "GET", "/sections/{tenantId}"),
        ("getChapterMemberContact", "GET", "/chapters/{tenantId}/contact/{chapterId}/{contactId}"),
        ("executeMembershipBatchOperations", "POST", "/memberships/{tenantId}/batch"),
    ),
    "fundraising": (
        ("listGifts", "GET", "/gifts/{tenantId}"),
        ("patchGift", "PATCH", "/gifts/{tenantId}/{id}"),
        ("listRecurringGiftsByContactId", "GET", "/recurringGifts/{tenantId}/contact/{contact_id}"),
        ("searchForPledges", "POST", "/pledges/{tenantId}/search"),
        ("listGivingProcesses", "GET", "/givingProcesses/{tenantId}"),
    ),
    "certifications": (
        ("listCertifications", "GET", "/certifications/{tenantId}"),
        ("listCertificationFees", "GET", "/fees/{tenantId}"),
    ),
    "platform": (
        ("listCustomFields", "GET", "/customFields/{tenantId}"),
        ("listTaskTypes", "GET", "/taskTypes/{tenantId}"),
        ("listPageLayouts", "GET", "/pageLayouts/{tenantId}"),
        ("listServiceMetadata", "GET", "/serviceMetadata/{tenantId}"),
        ("listServiceConfigurations", "GET", "/serviceConfigurations/{tenantId}"),
        ("createWorkflow", "POST", "/workflows/{tenantId}"),
        ("createQueryDeliverySchedule", "POST", "/queryDeliverySchedules/{tenantId}"),
        ("createSavedSearch", "POST", "/savedSearches/{tenantId}"),
    ),
    "rolodex": (
        ("getEngagementScore", "GET", "/engagementScores/{tenantId}/{id}"),
        ("listContactDuplicates", "GET", "/contactDuplicates/{tenantId}"),
        ("executeContactBatchOperations", "POST", "/contacts/{tenantId}/batch"),
    ),
}
"""The second part of the reference (rhythm-more.openapi.yaml), by service."""

OPERATIONS: tuple[Operation, ...] = tuple(
    Operation(name, service, method, path)
    for service, listed in (
        (AUTH, (("issueM2MToken", "POST", "/oauth/token"),)),
        ("rolodex", _ROLODEX),
        ("events", _EVENTS),
        ("system", _SYSTEM),
        ("platform", _PLATFORM),
        ("membership", _MEMBERSHIP),
        *_MORE.items(),
    )
    for name, method, path in listed
)
"""All 76, one of them the token service's."""
BY_ID: Mapping[str, Operation] = {operation.id: operation for operation in OPERATIONS}
"""Operations by operationId."""
SERVICES: tuple[str, ...] = (
    "accreditation", "awards", "careers", "certifications", "collect", "commerce", "committees", "events",
    "fundraising", "membership", "platform", "rolodex", "sponsorship", "submissions", "system",
)  # fmt: skip
"""Services that have a host (reference, x-services)."""


@attrs.frozen
class Target:
    """Where a request goes."""

    service: str
    """Service, `AUTH` or `FILES`; empty when the path names none."""
    segments: tuple[str, ...]
    """The path below it, in decoded parts."""

    @property
    def path(self) -> str:
        """The path below the service."""
        return "/" + "/".join(self.segments)


def target(host: str | None, raw_path: str) -> Target:
    """Return the service and path that a request means.

    The real thing has one host for each service; here a Host header of that form says the service, otherwise the
    first segment of the path does.

    Args:
        host: Host header.
        raw_path: Path as it was sent, still percent-encoded: an encoded slash is part of a segment.
    """
    segments = tuple(unquote(part) for part in raw_path.split("/")[1:])
    name = (host or "").partition(":")[0].lower()
    if name.endswith(API_HOST):
        return Target(name.removesuffix(API_HOST), segments)
    if name.endswith(".auth0.com"):
        return Target(AUTH, segments)
    return Target(segments[0], segments[1:])


def find(where: Target, method: str, *further: Operation) -> Operation | None:
    """Return the operation behind a request, None when it matches no endpoint.

    Args:
        where: Service and path.
        method: HTTP method.
        further: Operations beyond those of the reference.
    """
    fitting = [
        operation
        for operation in (*OPERATIONS, *further)
        if operation.service == where.service and operation.method == method and operation.fits(where.segments)
    ]
    # /contacts/{tenantId}/current stands before /contacts/{tenantId}/{id}: the path with fewer parameters wins.
    return min(fitting, key=lambda operation: operation.path.count("{"), default=None)
