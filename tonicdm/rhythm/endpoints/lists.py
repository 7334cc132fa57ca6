"""Lists without criteria of what a tenant has set up (concepts page, "List")."""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

from tonicdm.codec import Record
from tonicdm.paging import Paginator
from tonicdm.rhythm.endpoints.base import FieldNames, Resource
from tonicdm.rhythm.models import (
    AddressType,
    ApplicationProcess,
    Certification,
    CommunicationType,
    ContactDuplicate,
    Coupon,
    CustomField,
    CustomQueryDefinition,
    InstallmentPlan,
    StoredRecord,
)

R = TypeVar("R", bound=Record)


class Listed(Resource, Generic[R]):
    """The base of resources that can be listed and nothing else."""

    operation: ClassVar[str]
    """The list's name in the reference."""
    model: type[R]
    """What it lists."""

    def list(self, *, fields: FieldNames = None) -> Paginator[R]:
        """List all of them, page by page.

        Args:
            fields: Only these fields.
        """
        return self._list(self.operation, self.model, fields=fields)


class AddressTypes(Listed[AddressType]):
    """Kinds of addresses (rolodex service; reference: listAddressTypes)."""

    operation = "listAddressTypes"
    model = AddressType


class CommunicationTypes(Listed[CommunicationType]):
    """Kinds of communication (rolodex service; reference: listCommunicationTypes)."""

    operation = "listCommunicationTypes"
    model = CommunicationType


class ContactDuplicates(Listed[ContactDuplicate]):
    """Contacts that may be the same person (rolodex service; reference: listContactDuplicates)."""

    operation = "listContactDuplicates"
    model = ContactDuplicate


class CustomQueryDefinitions(Listed[CustomQueryDefinition]):
    """Queries that the tenant has defined (platform service; reference: listCustomQueryDefinitions)."""

    operation = "listCustomQueryDefinitions"
    model = CustomQueryDefinition


class CustomFields(Listed[CustomField]):
    """Fields that the tenant has defined (platform service; reference: listCustomFields)."""

    operation = "listCustomFields"
    model = CustomField


class TaskTypes(Listed[StoredRecord]):
    """Kinds of tasks (platform service; reference: listTaskTypes)."""

    operation = "listTaskTypes"
    model = StoredRecord


class PageLayouts(Listed[StoredRecord]):
    """Layouts of pages (platform service; reference: listPageLayouts)."""

    operation = "listPageLayouts"
    model = StoredRecord


class ServiceMetadata(Listed[StoredRecord]):
    """What the services say of themselves (platform service; reference: listServiceMetadata)."""

    operation = "listServiceMetadata"
    model = StoredRecord


class ServiceConfigurations(Listed[StoredRecord]):
    """How the services are set up (platform service; reference: listServiceConfigurations)."""

    operation = "listServiceConfigurations"
    model = StoredRecord


class Coupons(Listed[Coupon]):
    """Coupons (commerce service; reference: listCoupons)."""

    operation = "listCoupons"
    model = Coupon


class CouponCodeGenerations(Listed[StoredRecord]):
    """Processes that make coupon codes (commerce service; reference: listCouponCodeGenProcesses)."""

    operation = "listCouponCodeGenProcesses"
    model = StoredRecord


class BillingTemplates(Listed[StoredRecord]):
    """What invoices look like (collect service; reference: listBillingTemplates)."""

    operation = "listBillingTemplates"
    model = StoredRecord


class InstallmentPlans(Listed[InstallmentPlan]):
    """Plans by which something is paid in parts (collect service; reference: listInstallmentPlans)."""

    operation = "listInstallmentPlans"
    model = InstallmentPlan


class ApplicationProcesses(Listed[ApplicationProcess]):
    """Ways to apply for a membership (membership service; reference: listApplicationProcesses)."""

    operation = "listApplicationProcesses"
    model = ApplicationProcess


class BillingNotices(Listed[StoredRecord]):
    """Notices of what is due (membership service; reference: listBillingNotices)."""

    operation = "listBillingNotices"
    model = StoredRecord


class Sections(Listed[StoredRecord]):
    """Sections of the association (membership service; reference: listSections)."""

    operation = "listSections"
    model = StoredRecord


class GivingProcesses(Listed[StoredRecord]):
    """Ways to give (fundraising service; reference: listGivingProcesses)."""

    operation = "listGivingProcesses"
    model = StoredRecord


class Certifications(Listed[Certification]):
    """Certifications of contacts (certifications service; reference: listCertifications)."""

    operation = "listCertifications"
    model = Certification


class CertificationFees(Listed[StoredRecord]):
    """What certifications cost (certifications service; reference: listCertificationFees)."""

    operation = "listCertificationFees"
    model = StoredRecord
