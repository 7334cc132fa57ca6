"""The records of Rhythm, one file per subject; each keeps the fields that it does not know."""

from tonicdm.codec import Codec
from tonicdm.rhythm.models.applications import (
    ApplicationProcess,
    ApplicationType,
    ChapterMemberContact,
    MembershipApplication,
)
from tonicdm.rhythm.models.certifications import Certification, CertificationStatus
from tonicdm.rhythm.models.collect import (
    BatchPostingCheck,
    CashAccountType,
    Credit,
    CreditType,
    ElectronicPaymentInfo,
    InstallmentPlan,
    Invoice,
    InvoiceLineItem,
    InvoiceStatus,
    Payment,
    PaymentStatus,
    PaymentType,
    RelatedTransaction,
)
from tonicdm.rhythm.models.commerce import Cancellation, CancellationAction, Coupon, Order
from tonicdm.rhythm.models.contacts import Contact
from tonicdm.rhythm.models.duplicates import ContactDuplicate
from tonicdm.rhythm.models.events import CapacityOptions, Event
from tonicdm.rhythm.models.executions import ExecutionStarted, ExecutionStatus, StepFunctionExecution
from tonicdm.rhythm.models.fundraising import Gift, GiftFrequency, GiftSplit, Pledge, PremiumAssignment, RecurringGift
from tonicdm.rhythm.models.lists import AddressType, CommunicationType
from tonicdm.rhythm.models.memberships import Membership, OwnerType
from tonicdm.rhythm.models.organizations import Organization, RoleViolation, TypedAddress
from tonicdm.rhythm.models.parts import Address, CustomFieldValue, FieldError, StoredRecord, TypedPhoneNumber
from tonicdm.rhythm.models.platform import (
    AccessGroup,
    CustomField,
    DateTrigger,
    DeliveryFormat,
    QueryDeliverySchedule,
    RecordChangeTrigger,
    SavedSearch,
    Workflow,
)
from tonicdm.rhythm.models.queries import CustomQueryDefinition, QueryDefinition, QueryExecution, QueryTypeDescription
from tonicdm.rhythm.models.registrations import RegistrantDirectory, RegistrationGroup, RegistrationProcess
from tonicdm.rhythm.models.scores import EngagementScore, EngagementScoreComponent

CODEC = Codec()
"""Reads and writes Rhythm's records."""

__all__ = [
    "CODEC",
    "AccessGroup",
    "Address",
    "AddressType",
    "ApplicationProcess",
    "ApplicationType",
    "BatchPostingCheck",
    "Cancellation",
    "CancellationAction",
    "CapacityOptions",
    "CashAccountType",
    "Certification",
    "CertificationStatus",
    "ChapterMemberContact",
    "CommunicationType",
    "Contact",
    "ContactDuplicate",
    "Coupon",
    "Credit",
    "CreditType",
    "CustomField",
    "CustomFieldValue",
    "CustomQueryDefinition",
    "DateTrigger",
    "DeliveryFormat",
    "ElectronicPaymentInfo",
    "EngagementScore",
    "EngagementScoreComponent",
    "Event",
    "ExecutionStarted",
    "ExecutionStatus",
    "FieldError",
    "Gift",
    "GiftFrequency",
    "GiftSplit",
    "InstallmentPlan",
    "Invoice",
    "InvoiceLineItem",
    "InvoiceStatus",
    "Membership",
    "MembershipApplication",
    "Order",
    "Organization",
    "OwnerType",
    "Payment",
    "PaymentStatus",
    "PaymentType",
    "Pledge",
    "PremiumAssignment",
    "QueryDefinition",
    "QueryDeliverySchedule",
    "QueryExecution",
    "QueryTypeDescription",
    "RecordChangeTrigger",
    "RecurringGift",
    "RegistrantDirectory",
    "RegistrationGroup",
    "RegistrationProcess",
    "RelatedTransaction",
    "RoleViolation",
    "SavedSearch",
    "StepFunctionExecution",
    "StoredRecord",
    "TypedAddress",
    "TypedPhoneNumber",
    "Workflow",
]
