"""Proposed change orders (PCOs)."""

from __future__ import annotations

from tonicdm.endpoints.base import Deleting
from tonicdm.endpoints.options import options
from tonicdm.http.operation import Operation

PATH = "/workflow/pcos"


class Pcos(Deleting):
    """Proposed change orders (``/workflow/pcos``); the reference shows only their deletion (deletePco).

    It fails once the proposal was forwarded or returned.
    """

    record_type = "pcos"
    _delete_operation = Operation(method="DELETE", path=PATH, options=options("id"), required=frozenset({"id"}))
