"""Conversations: correspondence by email."""

from __future__ import annotations

from typing import Any, Unpack, overload

from tonicdm.endpoints.base import Readable
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.options import IDsOption, Reading, options_of
from tonicdm.http.operation import Operation
from tonicdm.models import Conversation, RecordStub
from tonicdm.paging import Paginator
from tonicdm.types import DataQuantityLike, RecordDataQuantity, StubDataQuantity

PATH = "/correspondence/conversations"


class ConversationOptions(Reading, IDsOption, total=False):
    """Options of a list of conversations (reference: getConversations)."""


class Conversations(Readable[Conversation]):
    """Correspondence by email (``/correspondence/conversations``)."""

    record_type = "conversations"
    _listing = ListOperation(
        operation=Operation(method="GET", path=PATH, options=options_of(ConversationOptions)), model=Conversation
    )

    @overload
    def list(
        self, *, data_quantity: StubDataQuantity, **options: Unpack[ConversationOptions]
    ) -> Paginator[RecordStub]: ...
    @overload
    def list(
        self, *, data_quantity: RecordDataQuantity = "basic", **options: Unpack[ConversationOptions]
    ) -> Paginator[Conversation]: ...
    def list(
        self, *, data_quantity: DataQuantityLike = "basic", **options: Unpack[ConversationOptions]
    ) -> Paginator[Any]:
        """List conversations (reference: getConversations).

        Args:
            data_quantity: ``id_only`` yields stubs, ``basic`` and ``complete`` yield records.
            options: See `ConversationOptions`.
        """
        return self._list(data_quantity, options)
