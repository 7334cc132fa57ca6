"""The records of TonicDM, one file per noun."""

from tonicdm.codec import Codec, OpenEnum, Record
from tonicdm.models.enums import Status
from tonicdm.models.offices import Office
from tonicdm.models.references import RecordStub, Reference, is_stub, stub_hooks

CODEC = Codec(stub_hooks)
"""Reads and writes every record of this package."""

__all__ = ["CODEC", "Codec", "Office", "OpenEnum", "Record", "RecordStub", "Reference", "Status", "is_stub"]
