"""The resources of Rhythm as attributes of a client, each made when it is first used."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tonicdm.lazy import Lazy
from tonicdm.rhythm.caller import RhythmCaller
from tonicdm.rhythm.endpoints.applications import Applications, Chapters
from tonicdm.rhythm.endpoints.collect import BatchPosting, Credits, Invoices, Payments
from tonicdm.rhythm.endpoints.commerce import Cancellations, Orders
from tonicdm.rhythm.endpoints.contacts import Contacts
from tonicdm.rhythm.endpoints.events import Events
from tonicdm.rhythm.endpoints.fundraising import Gifts, Pledges, RecurringGifts
from tonicdm.rhythm.endpoints.lists import (
    AddressTypes,
    ApplicationProcesses,
    BillingNotices,
    BillingTemplates,
    CertificationFees,
    Certifications,
    CommunicationTypes,
    ContactDuplicates,
    CouponCodeGenerations,
    Coupons,
    CustomFields,
    CustomQueryDefinitions,
    GivingProcesses,
    InstallmentPlans,
    PageLayouts,
    Sections,
    ServiceConfigurations,
    ServiceMetadata,
    TaskTypes,
)
from tonicdm.rhythm.endpoints.memberships import Memberships
from tonicdm.rhythm.endpoints.organizations import Organizations
from tonicdm.rhythm.endpoints.platform import QueryDeliverySchedules, SavedSearches, Workflows
from tonicdm.rhythm.endpoints.query_definitions import QueryDefinitions
from tonicdm.rhythm.endpoints.registrations import RegistrantDirectories, RegistrationGroups, RegistrationProcesses
from tonicdm.rhythm.endpoints.scores import EngagementScores
from tonicdm.rhythm.endpoints.step_functions import StepFunctions

T = TypeVar("T")


def _resource(make: Callable[[RhythmCaller], T]) -> Lazy[T]:
    def made(client: Resources, _name: str) -> T:
        return make(client._caller)

    return Lazy(made)


class Resources:
    """One attribute for each resource that needs nothing but a client's caller."""

    _caller: RhythmCaller

    contacts: Lazy[Contacts] = _resource(Contacts)
    """Persons."""
    organizations: Lazy[Organizations] = _resource(Organizations)
    """Companies and bodies."""
    address_types: Lazy[AddressTypes] = _resource(AddressTypes)
    """Kinds of addresses."""
    communication_types: Lazy[CommunicationTypes] = _resource(CommunicationTypes)
    """Kinds of communication."""
    engagement_scores: Lazy[EngagementScores] = _resource(EngagementScores)
    """Scores of a contact or organization."""
    events: Lazy[Events] = _resource(Events)
    """Events."""
    memberships: Lazy[Memberships] = _resource(Memberships)
    """Memberships."""
    contact_duplicates: Lazy[ContactDuplicates] = _resource(ContactDuplicates)
    """Contacts that may be the same person."""
    registration_groups: Lazy[RegistrationGroups] = _resource(RegistrationGroups)
    """Groups who register for an event together."""
    registration_processes: Lazy[RegistrationProcesses] = _resource(RegistrationProcesses)
    """Ways to register for events."""
    registrant_directories: Lazy[RegistrantDirectories] = _resource(RegistrantDirectories)
    """Directories of those who registered."""
    applications: Lazy[Applications] = _resource(Applications)
    """Joins, renewals and the like."""
    application_processes: Lazy[ApplicationProcesses] = _resource(ApplicationProcesses)
    """Ways to apply for a membership."""
    billing_notices: Lazy[BillingNotices] = _resource(BillingNotices)
    """Notices of what is due."""
    sections: Lazy[Sections] = _resource(Sections)
    """Sections of the association."""
    chapters: Lazy[Chapters] = _resource(Chapters)
    """Chapters of the association."""
    gifts: Lazy[Gifts] = _resource(Gifts)
    """Gifts."""
    recurring_gifts: Lazy[RecurringGifts] = _resource(RecurringGifts)
    """Gifts that repeat."""
    pledges: Lazy[Pledges] = _resource(Pledges)
    """Promises to give."""
    giving_processes: Lazy[GivingProcesses] = _resource(GivingProcesses)
    """Ways to give."""
    certifications: Lazy[Certifications] = _resource(Certifications)
    """Certifications of contacts."""
    certification_fees: Lazy[CertificationFees] = _resource(CertificationFees)
    """What certifications cost."""
    orders: Lazy[Orders] = _resource(Orders)
    """Orders."""
    cancellations: Lazy[Cancellations] = _resource(Cancellations)
    """Cancellations of orders."""
    payments: Lazy[Payments] = _resource(Payments)
    """Payments."""
    invoices: Lazy[Invoices] = _resource(Invoices)
    """Invoices."""
    credits: Lazy[Credits] = _resource(Credits)
    """Amounts that customers can still use."""
    batch_posting: Lazy[BatchPosting] = _resource(BatchPosting)
    """The posting of finance batches."""
    coupons: Lazy[Coupons] = _resource(Coupons)
    """Coupons."""
    coupon_code_generations: Lazy[CouponCodeGenerations] = _resource(CouponCodeGenerations)
    """Processes that make coupon codes."""
    billing_templates: Lazy[BillingTemplates] = _resource(BillingTemplates)
    """What invoices look like."""
    installment_plans: Lazy[InstallmentPlans] = _resource(InstallmentPlans)
    """Plans by which something is paid in parts."""
    custom_fields: Lazy[CustomFields] = _resource(CustomFields)
    """Fields that the tenant has defined."""
    task_types: Lazy[TaskTypes] = _resource(TaskTypes)
    """Kinds of tasks."""
    page_layouts: Lazy[PageLayouts] = _resource(PageLayouts)
    """Layouts of pages."""
    service_metadata: Lazy[ServiceMetadata] = _resource(ServiceMetadata)
    """What the services say of themselves."""
    service_configurations: Lazy[ServiceConfigurations] = _resource(ServiceConfigurations)
    """How the services are set up."""
    workflows: Lazy[Workflows] = _resource(Workflows)
    """What runs when a record changes, or relative to a date."""
    query_delivery_schedules: Lazy[QueryDeliverySchedules] = _resource(QueryDeliverySchedules)
    """Saved queries whose results are sent by e-mail."""
    saved_searches: Lazy[SavedSearches] = _resource(SavedSearches)
    """Search parameters that were saved."""
    query_definitions: Lazy[QueryDefinitions] = _resource(QueryDefinitions)
    """Saved queries of the rolodex app."""
    custom_query_definitions: Lazy[CustomQueryDefinitions] = _resource(CustomQueryDefinitions)
    """Queries that the tenant has defined."""
    step_functions: Lazy[StepFunctions] = _resource(StepFunctions)
    """Orders, invoices and payments under way."""
