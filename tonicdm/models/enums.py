"""Enumerations of the API; all are open, so that a new word of the server breaks nothing."""

from __future__ import annotations

from typing import Self

from tonicdm.codec import OpenEnum


class Status(OpenEnum):
    """Whether a record is in use; ``deleted`` is the soft delete.

    The reference's schemas use words, the concepts page ("Conventions") and the team page use numbers; both are read.
    """

    ACTIVE = "active"
    INACTIVE = "inactive"
    DELETED = "deleted"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        word = {0: "inactive", 1: "active", 4: "deleted", "0": "inactive", "1": "active", "4": "deleted"}
        if isinstance(value, (int, str)) and not isinstance(value, bool) and value in word:
            return cls(word[value])
        return super()._missing_(str(value) if type(value) is int else value)


class Platform(OpenEnum):
    """A third-party cloud platform."""

    EGNYTE = "egnyte"
    SHAREPOINT = "sharepoint"
    MSGRAPH = "msgraph"
    PROCORE = "procore"
    ACC = "acc"


class FileCategory(OpenEnum):
    """Functional group of a file; the reference shows the beginning of a longer list."""

    THREE_D = "3d"
    AUDIO_VIDEO = "audio-video"
    CAD = "cad"
    CALENDAR = "calendar"
    CONTACT = "contact"
    EMAIL = "email"
    GIS = "gis"
    IMAGE = "image"
    PDF = "pdf"
    PRESENTATIONS = "presentations"
    NONE = "none"


class ProjectMemberStatus(OpenEnum):
    """Standing of a person on one project."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    DELETED = "deleted"
    NONMEMBER = "nonmember"


class EmailAddressType(OpenEnum):
    """What kind of address it is; assigned automatically."""

    BUSINESS = "business"
    PERSONAL = "personal"
    SYSTEM = "system"
    MISSPELLED = "misspelled"


class DeliveryStatus(OpenEnum):
    """Whether mail to an address arrives; assigned automatically."""

    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    BOUNCED = "bounced"


class SystemAccess(OpenEnum):
    """How a project can be used while the system works on it, for example while it moves to another zone."""

    READ_WRITE = "readWrite"
    READ_ONLY = "readOnly"
    NO_ACCESS = "noAccess"


class ProjectPurpose(OpenEnum):
    """What a project is for."""

    BILLABLE = "billable"
    OPPORTUNITY = "opportunity"
    OVERHEAD = "overhead"
    TRAINING = "training"


class GroupScope(OpenEnum):
    """Where a group is meant to be used."""

    SHARED = "shared"
    PERSONAL = "personal"
    DISCIPLINE = "discipline"


class AddressPart(OpenEnum):
    """The recipient line of a group's member."""

    TO = "to"
    CC = "cc"


class ObjectType(OpenEnum):
    """Kind of object that labels are attached to."""

    PERSON = "person"


class ThumbnailSize(OpenEnum):
    """Size of a thumbnail."""

    SMALL = "small"


class Workflow(OpenEnum):
    """A workflow by name."""

    RFI = "rfi"
    SUBMITTAL = "submittal"
    PCO = "pco"


class Stage(OpenEnum):
    """Where a workflow item stands; the reference shows these as examples."""

    OPEN = "open"
    FORWARDED = "forwarded"
    VOID = "void"


class PartType(OpenEnum):
    """Direction of a step of a workflow item.

    For file transfers: ``forward`` was sent unsolicited or as a request, ``receive`` was received so, ``response``
    answers a request of others, ``return_of_forward`` answers ours.
    """

    RECEIVE = "receive"
    FORWARD = "forward"
    RESPONSE = "response"
    RETURN_OF_FORWARD = "return_of_forward"


class FileTransferPartStatus(OpenEnum):
    """Whether a part of a file transfer sends files or asks for them."""

    ACTIVE = "active"
    REQUEST = "request"


class IndustryRole(OpenEnum):
    """What a tenant does in its industry."""

    GENERAL_CONTRACTOR = "generalcontractor"
    PRIME_CONSULTANT = "primeconsultant"


class CustomerType(OpenEnum):
    """What kind of customer a tenant is."""

    NONE = "none"
    FORMER = "former"
    PILOT = "pilot"
    UNPAID = "unpaid"
    PAID = "paid"
