"""Filesets: sets of files attached to an object."""

from __future__ import annotations

from tonicdm.endpoints.base import Readable
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.options import options
from tonicdm.http.operation import Operation
from tonicdm.models import ExpiryUrl, Fileset
from tonicdm.types import RecordDataQuantity

PATH = "/fileset/filesets"


class Filesets(Readable[Fileset]):
    """Sets of files (``/fileset/filesets``); they can't be listed, only asked for by their IDs (getFilesets)."""

    record_type = "filesets"
    _listing = ListOperation(
        operation=Operation(method="GET", path=PATH, options=options("filter_ids"), required=frozenset({"filter_ids"})),
        model=Fileset,
    )
    _expiry_operation = Operation(method="GET", path="/fileset/expiry-url")

    async def expiry_url(self, *, data_quantity: RecordDataQuantity = "basic") -> ExpiryUrl:
        """Make a download link that expires (reference: getExpiryUrl).

        It is needed only by those who send their own notifications: its ID, given when a workflow item is created,
        ties the link to the item's fileset.

        Args:
            data_quantity: ``basic`` or ``complete``. The reference lists none here, the concepts page has it on each
                endpoint ("Rate Limiting"): 20 units are reserved, and the answer tells how many it cost.
        """
        checked = self._record_data_quantity(data_quantity)
        return await self._read_one(self._expiry_operation, ExpiryUrl, data_quantity=checked)
