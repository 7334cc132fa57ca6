"""Tokens for third-party systems."""

from __future__ import annotations

from tonicdm.endpoints.base import Endpoint
from tonicdm.endpoints.options import options
from tonicdm.http.operation import Operation
from tonicdm.models import Platform, ThirdPartyToken
from tonicdm.types import RecordDataQuantity

PATH = "/tokens/token"


class ThirdPartyTokens(Endpoint):
    """Tokens by which TonicDM reaches third-party systems for a user (``/tokens/token``)."""

    record_type = "third_party_tokens"
    _get_operation = Operation(
        method="GET", path=PATH, options=options("platform", "source"), required=frozenset({"platform", "source"})
    )

    async def get(
        self, platform: Platform | str, source: str, *, data_quantity: RecordDataQuantity = "basic"
    ) -> ThirdPartyToken:
        """Return the token for a platform and user (reference: getThirdPartyToken).

        Args:
            platform: The third-party platform.
            source: The user's email address.
            data_quantity: As for `filesets.expiry_url`.
        """
        options = {"platform": platform, "source": source}
        checked = self._record_data_quantity(data_quantity)
        return await self._read_one(self._get_operation, ThirdPartyToken, options, data_quantity=checked)
