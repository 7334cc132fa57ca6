"""Divisions: the firm's own groupings of staff and projects."""

from __future__ import annotations

import attrs

from tonicdm.codec import Record, camel_case


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class Division(Record):
    """A grouping of the organization, such as a market sector or a studio (reference: Division).

    The reference shows none of its fields; what comes stands in `extra`. AdvancedMetrics licence.
    """
