"""Which lists a recording reads besides the questions: a page of two records of each. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tonicdm.conformance.reaching import placed
from tonicdm.conformance.state import MAX_UNITS_PER_CALL, Ask, State
from tonicdm.endpoints.base import Listed
from tonicdm.endpoints.registry import RECORD_TYPES, endpoint_class
from tonicdm.types import DataQuantity

SINGLES: Final = ("/core/me", "/core/persons/me", "/core/organizations/me", "/core/organizations/me/staff")
"""What is read besides the lists; the concepts page names all of them."""


def stops(state: State) -> Iterator[tuple[str, Ask]]:
    """Yield a name and a call for each path that can be read without an ID.

    Args:
        state: What is known: where options are read, and that a call has one price whatever comes back.
    """
    if state.answers.get("cost_mode") != "call":
        return
    paging: dict[str, bool] = dict.fromkeys(SINGLES, False)
    for record_type in RECORD_TYPES:
        kind = endpoint_class(record_type)
        if issubclass(kind, Listed) and not kind._listing.operation.required:
            paging[kind._listing.operation.path] = "page_size" in kind._listing.operation.options
    factor = DataQuantity.BASIC.units if state.answers.get("quantity_read") else MAX_UNITS_PER_CALL
    for path, pages in paging.items():
        headers, query = placed(state, {"pageSize": "2"} if pages else {})
        basic = DataQuantity.BASIC.value
        yield (
            f"tour {path}",
            Ask(
                path=path,
                headers={name: basic if value == "id_only" else value for name, value in headers.items()},
                query={name: basic if value == "id_only" else value for name, value in query.items()},
                factor=factor,
            ),
        )
