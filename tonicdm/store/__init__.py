"""The store: every record as plain JSON in one file, its change feed, and views to query it by."""

from tonicdm.store.owner import Owner
from tonicdm.store.quarantine import Quarantined
from tonicdm.store.reading import Change
from tonicdm.store.store import Store
from tonicdm.store.types import TYPES, RecordType, choose
from tonicdm.store.versions import ReadStamp

__all__ = ["TYPES", "Change", "Owner", "Quarantined", "ReadStamp", "RecordType", "Store", "choose"]
