"""Responses to RFIs in third-party systems."""

from __future__ import annotations

from typing import Any, Unpack

from tonicdm.codec import parse_json
from tonicdm.endpoints.base import Endpoint, split_data_quantity
from tonicdm.endpoints.bodies import body_of
from tonicdm.endpoints.fields import ID, Extra, Text
from tonicdm.http.operation import Operation
from tonicdm.models import ReasonCode

PATH = "/workflow/rfi-integrations"


class RfiIntegrationFields(Extra, total=False):
    """Fields of a response; the page shows those of a reason code, apparently by mistake (reference: ReasonCode)."""

    id: ID
    """The reason code."""
    brand_id: ID
    """The brand it belongs to."""
    name: Text
    """Its name; 1 to 64 characters."""


class RfiIntegrations(Endpoint):
    """Responses to RFIs in third-party systems, such as Procore (``/workflow/rfi-integrations``)."""

    record_type = "rfi_integrations"
    _create_operation = Operation(method="POST", path=PATH)

    async def create(self, **fields: Unpack[RfiIntegrationFields]) -> Any:
        """Put a response to an RFI into a third-party system (reference: postRfiIntegration).

        It needs a working connection, and rights of the user in the other system.

        Args:
            fields: See `RfiIntegrationFields`; everything else goes into ``extra``.
            id: The reason code.
            brand_id: The brand it belongs to.
            name: Its name; 1 to 64 characters.
            extra: Fields that this package does not know, by wire name.
            data_quantity: How much of the record comes back: ``basic`` unless given; with ``id_only`` no more than its
                ID and its time of change.

        Returns:
            The answer's JSON, whose form is not documented; None if the server answered nothing.
        """
        data_quantity, given = split_data_quantity(fields)
        answer = await self._caller.call(
            self._create_operation, data_quantity=data_quantity, body=body_of(ReasonCode, given)
        )
        return parse_json(answer.body) if answer.body.strip() else None
