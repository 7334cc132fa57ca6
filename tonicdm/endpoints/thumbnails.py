"""Thumbnails of files."""

from __future__ import annotations

from typing import Unpack

from tonicdm.endpoints.base import Listed
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.options import FILTER_IDS, Reading, options_of
from tonicdm.http.operation import Operation
from tonicdm.models import ThumbnailSet, ThumbnailSize
from tonicdm.paging import Paginator
from tonicdm.types import IDLike, ListOf, RecordDataQuantity

PATH = "/fileset/thumbnails"


class ThumbnailOptions(Reading, total=False):
    """Options of a list of thumbnails (reference: getThumbnails)."""

    file_ids: ListOf[IDLike]
    """Only thumbnails of these files; on the wire filterIDs, which takes IDs of files here."""
    filter_thumbnail_size: ThumbnailSize | str
    """Their size; only ``small`` is documented."""


class Thumbnails(Listed[ThumbnailSet]):
    """Thumbnails of files (``/fileset/thumbnails``)."""

    record_type = "thumbnails"
    _listing = ListOperation(
        operation=Operation(method="GET", path=PATH, options=options_of(ThumbnailOptions, file_ids=FILTER_IDS)),
        model=ThumbnailSet,
        own_ids=False,
    )
    _stubs = False

    def list(
        self, *, data_quantity: RecordDataQuantity = "basic", **options: Unpack[ThumbnailOptions]
    ) -> Paginator[ThumbnailSet]:
        """List thumbnails, one set a file (reference: getThumbnails).

        Args:
            data_quantity: ``basic`` or ``complete``.
            options: See `ThumbnailOptions`.
        """
        return self._list(data_quantity, options)
