"""Definitions of certifications that a firm has configured."""

from __future__ import annotations

from typing import Any, Unpack, overload

from tonicdm.endpoints.base import Readable
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.options import IDsOption, SearchOptions, options_of
from tonicdm.http.operation import Operation
from tonicdm.models import CertificationDefinition, RecordStub
from tonicdm.paging import Paginator
from tonicdm.types import DataQuantityLike, RecordDataQuantity, StubDataQuantity

PATH = "/core/certification-definitions"


class CertificationDefinitionOptions(SearchOptions, IDsOption, total=False):
    """Options of a list of certification definitions (reference: getCertificationDefinitions)."""


class CertificationDefinitions(Readable[CertificationDefinition]):
    """Configured kinds of certifications (``/core/certification-definitions``)."""

    record_type = "certification_definitions"
    _listing = ListOperation(
        operation=Operation(
            method="GET", path=PATH, options=options_of(CertificationDefinitionOptions), has_data_quantity=True
        ),
        model=CertificationDefinition,
    )

    @overload
    def list(
        self, *, data_quantity: StubDataQuantity, **options: Unpack[CertificationDefinitionOptions]
    ) -> Paginator[RecordStub]: ...
    @overload
    def list(
        self, *, data_quantity: RecordDataQuantity = "basic", **options: Unpack[CertificationDefinitionOptions]
    ) -> Paginator[CertificationDefinition]: ...
    def list(
        self, *, data_quantity: DataQuantityLike = "basic", **options: Unpack[CertificationDefinitionOptions]
    ) -> Paginator[Any]:
        """List certification definitions (reference: getCertificationDefinitions).

        Args:
            data_quantity: ``id_only`` yields stubs, ``basic`` and ``complete`` yield records.
            options: See `CertificationDefinitionOptions`.
        """
        return self._list(data_quantity, options)
