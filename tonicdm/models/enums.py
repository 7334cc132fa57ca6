"""Words of the API; all open, so that a new word of the server breaks nothing."""

from __future__ import annotations

from typing import Self

from tonicdm.codec import OpenEnum


class Status(OpenEnum):
    """Whether a record is in use; ``deleted`` is the soft delete.

    The reference's schemas use words, the concepts page ("Conventions") and the team page use numbers; both are read.
    """

    ACTIVE = "active"
    INACTIVE = "inactive"
    DELETED = "deleted"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        word = {0: "inactive", 1: "active", 4: "deleted", "0": "inactive", "1": "active", "4": "deleted"}
        if isinstance(value, (int, str)) and not isinstance(value, bool) and value in word:
            return cls(word[value])
        return super()._missing_(str(value) if type(value) is int else value)
