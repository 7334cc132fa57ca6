"""Disciplines: areas of professional expertise."""

from __future__ import annotations

from typing import Any, Unpack, overload

from tonicdm.endpoints.base import Listed
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.options import Reading
from tonicdm.http.operation import Operation
from tonicdm.models import Discipline, RecordStub
from tonicdm.paging import Paginator
from tonicdm.types import DataQuantityLike, RecordDataQuantity, StubDataQuantity

PATH = "/core/disciplines"


class Disciplines(Listed[Discipline]):
    """Areas of professional expertise (``/core/disciplines``)."""

    record_type = "disciplines"
    _listing = ListOperation(operation=Operation(method="GET", path=PATH), model=Discipline)

    @overload
    def list(self, *, data_quantity: StubDataQuantity, **options: Unpack[Reading]) -> Paginator[RecordStub]: ...
    @overload
    def list(
        self, *, data_quantity: RecordDataQuantity = "basic", **options: Unpack[Reading]
    ) -> Paginator[Discipline]: ...
    def list(self, *, data_quantity: DataQuantityLike = "basic", **options: Unpack[Reading]) -> Paginator[Any]:
        """List disciplines (reference: getDisciplines).

        Args:
            data_quantity: ``id_only`` yields stubs, ``basic`` and ``complete`` yield records.
            **options: See `Reading`.
            start_page: The first page to fetch; 1 unless given.
            prefetch: Pages to fetch ahead of the one being read; each is paid for, read or not.
            on_invalid: What becomes of an element that is no record: ``raise``, unless given, ends the list with an
                error that carries the others; ``skip`` leaves it out and in `Paginator.skipped`.
            max_pages: Pages after which a list counts as one that never ends; 10,000 unless given.
            options: Options that this package does not know for the list, by wire name: texts, numbers, booleans,
                times, or lists of them.
            on_ignored: What to do where an answer contradicts an option: ``raise`` an `OptionIgnoredError`, unless
                ``accept`` is given, which takes the records as they come.
        """
        return self._list(data_quantity, options)
