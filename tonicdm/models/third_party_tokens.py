"""Tokens for third-party systems."""

from __future__ import annotations

import datetime

import attrs

from tonicdm.codec import camel_case
from tonicdm.models.enums import Platform
from tonicdm.models.records import Record
from tonicdm.types import Secret


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class ThirdPartyToken(Record):
    """A token that reaches a third-party system for a user (reference: ThirdPartyToken).

    As a `Secret` refuses to be pickled or copied, so does this record when it holds one.
    """

    platform: Platform | None = None
    """The third-party system."""
    email_address: str | None = None
    """The user who asks for it."""
    token: Secret | None = None
    """The OAuth2 access token; `Secret.reveal` gives its text."""
    expiry_datetime: datetime.datetime | None = None
    """When it ends."""
